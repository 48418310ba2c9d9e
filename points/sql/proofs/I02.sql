-- The running total is continuous and no number is missing
-- Compared with the entry before it; the account knows the last number, so a cut-off tail shows as well.
SELECT concat('entry ', e.id) AS subject,
       concat('account ', e.account_id, ': number ', e.seq, ' after ', e.seq_before, ', balance after ',
              e.balance_after, ' = ', e.total_before, ' + ', e.points, ' expected') AS detail
FROM (
    SELECT id, account_id, seq, points, balance_after,
           coalesce(lag(seq) OVER w, 0) AS seq_before, coalesce(lag(balance_after) OVER w, 0) AS total_before
    FROM audit.ledger_entry
    WINDOW w AS (PARTITION BY account_id ORDER BY seq)
) e
WHERE e.seq <> e.seq_before + 1 OR e.balance_after <> e.total_before + e.points
UNION ALL
SELECT concat('account ', a.id), concat('knows ', a.seq, ' entries; the last number is ', coalesce(e.seq, 0))
FROM audit.account a
LEFT JOIN (SELECT account_id, max(seq) AS seq FROM audit.ledger_entry GROUP BY account_id) e ON e.account_id = a.id
WHERE a.seq <> coalesce(e.seq, 0)
