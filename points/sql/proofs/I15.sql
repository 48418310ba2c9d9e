-- Debt equals its movements and is paid from free points first
-- Lapsed lots that wait for the nightly job are no means to pay with.
WITH moved AS (
    SELECT id, account_id, seq, sum(debt_delta) OVER (PARTITION BY account_id ORDER BY seq) AS debt
    FROM audit.ledger_entry
    WHERE debt_delta <> 0
)
SELECT concat('account ', a.id) AS subject,
       concat('debt ', a.debt, '; its movements add up to ', coalesce(m.debt, 0)) AS detail
FROM audit.account a
LEFT JOIN (SELECT account_id, sum(debt_delta) AS debt FROM audit.ledger_entry WHERE debt_delta <> 0
           GROUP BY account_id) m ON m.account_id = a.id
WHERE a.debt <> coalesce(m.debt, 0)
UNION ALL
SELECT concat('entry ', id), concat('leaves a debt of ', debt, ' on account ', account_id) FROM moved WHERE debt < 0
UNION ALL
SELECT concat('account ', a.id), concat('owes ', a.debt, ' while ', sum(l.remaining - l.held), ' points are free')
FROM audit.account a JOIN audit.lot l ON l.account_id = a.id
WHERE a.debt > 0 AND l.remaining > l.held AND (l.expires_at IS NULL OR l.expires_at > %(now)s::timestamptz)
GROUP BY a.id, a.debt
