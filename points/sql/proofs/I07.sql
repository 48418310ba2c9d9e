-- The hash chain of every account is unbroken
-- The first entry follows 32 zero bytes; the account keeps the hash of its last entry.
WITH chain AS (
    SELECT id, account_id, seq, row_hash, prev_hash,
           coalesce(lag(row_hash) OVER w, decode(repeat('00', 32), 'hex')) AS hash_before,
           sha256(convert_to(concat(encode(prev_hash, 'hex'), account_id, kind, points, source_type, source_id),
                             'UTF8')) AS recomputed
    FROM audit.ledger_entry
    WINDOW w AS (PARTITION BY account_id ORDER BY seq)
)
SELECT concat('entry ', id) AS subject,
       concat('account ', account_id, ' number ', seq, ': ',
              CASE WHEN prev_hash <> hash_before THEN 'does not follow the entry before it'
                   ELSE 'its content does not give its hash' END) AS detail
FROM chain
WHERE prev_hash <> hash_before OR row_hash <> recomputed
UNION ALL
SELECT concat('account ', a.id), concat('keeps another hash than its last entry ', e.id)
FROM audit.account a JOIN audit.ledger_entry e ON e.account_id = a.id AND e.seq = a.seq
WHERE a.last_hash <> e.row_hash
