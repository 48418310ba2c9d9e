-- Every entry left exactly one message in the outbox
SELECT concat('entry ', coalesce(e.id, o.entry_id)) AS subject,
       CASE WHEN e.id IS NULL THEN 'a message names this entry, which is not there'
            ELSE concat(coalesce(o.messages, 0), ' messages') END AS detail
FROM audit.ledger_entry e
FULL JOIN (SELECT entry_id, count(*) AS messages FROM audit.outbox WHERE entry_id IS NOT NULL GROUP BY entry_id) o
       ON o.entry_id = e.id
WHERE e.id IS NULL OR o.messages IS DISTINCT FROM 1
