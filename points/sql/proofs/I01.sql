-- The cached balance equals the ledger
-- Debt counts as negative points, so that balance less debt is the sum of all entries. What waits outside the
-- ledger is summed the same way.
SELECT concat('account ', a.id) AS subject,
       concat('balance ', a.balance, ' less debt ', a.debt, ' is ', a.balance - a.debt, '; entries add up to ',
              coalesce(e.points, 0)) AS detail
FROM audit.account a
LEFT JOIN (SELECT account_id, sum(points) AS points FROM audit.ledger_entry GROUP BY account_id) e
       ON e.account_id = a.id
WHERE a.balance - a.debt <> coalesce(e.points, 0)
UNION ALL
SELECT concat('account ', a.id), concat('waiting ', a.pending, '; open credits add up to ', coalesce(p.points, 0))
FROM audit.account a
LEFT JOIN (SELECT account_id, sum(points) AS points FROM audit.pending_credit WHERE status = 'open'
           GROUP BY account_id) p ON p.account_id = a.id
WHERE a.pending <> coalesce(p.points, 0)
