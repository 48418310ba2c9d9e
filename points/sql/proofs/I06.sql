-- One business event has one effect
SELECT concat('source ', source_type, ' ', source_id) AS subject,
       concat(count(*), ' entries of kind ', kind, ' on account ', account_id, ': ',
              string_agg(id::text, ', ' ORDER BY id)) AS detail
FROM audit.ledger_entry
GROUP BY source_type, source_id, kind, account_id
HAVING count(*) > 1
