-- History is the one that the checkpoint saw
-- `checkpoint` is loaded from a file that is kept outside this database. The digest covers every column up to the
-- number that the checkpoint names, also those that the chain does not.
WITH seen AS (
    SELECT account_id, max(seq) AS seq, sum(digest) AS digest
    FROM (
        SELECT e.account_id, e.seq, {digest} AS digest
        FROM audit.ledger_entry e JOIN checkpoint c ON c.account_id = e.account_id AND e.seq <= c.seq
    ) d
    GROUP BY account_id
)
SELECT concat('account ', c.account_id) AS subject,
       CASE WHEN e.id IS NULL THEN concat('entry number ', c.seq, ' is gone')
            WHEN encode(e.row_hash, 'hex') <> c.row_hash THEN concat('entry ', e.id, ' (number ', c.seq, ') has another hash')
            ELSE concat('one of the entries 1 to ', c.seq, ' was changed, removed or added') END AS detail
FROM checkpoint c
LEFT JOIN audit.ledger_entry e ON e.account_id = c.account_id AND e.seq = c.seq
LEFT JOIN seen s ON s.account_id = c.account_id
WHERE e.id IS NULL OR encode(e.row_hash, 'hex') <> c.row_hash OR s.digest IS DISTINCT FROM c.digest
