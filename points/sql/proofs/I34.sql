-- A stored success answer names an entry that exists
WITH named AS (
    SELECT k.client, k.key, v.entry #>> '{}' AS entry
    FROM audit.idempotency_key k, jsonb_path_query(k.body, 'strict $.**.entry_id') AS v (entry)
    WHERE k.status BETWEEN 200 AND 299 AND jsonb_typeof(v.entry) <> 'null'
)
SELECT concat('key ', n.client, ' ', n.key) AS subject, concat('names entry ', n.entry, ', which is not there') AS detail
FROM named n
LEFT JOIN audit.ledger_entry e
       ON e.id = CASE WHEN n.entry ~ '^[0-9]{1,18}$' THEN n.entry::bigint END
WHERE e.id IS NULL
