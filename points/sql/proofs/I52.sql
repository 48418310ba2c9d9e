-- All entries together equal all balances less all debts
SELECT concat('program ', a.program) AS subject,
       concat('balances ', a.balance, ' less debts ', a.debt, '; entries ', coalesce(e.points, 0)) AS detail
FROM (SELECT program, sum(balance) AS balance, sum(debt) AS debt FROM audit.account GROUP BY program) a
LEFT JOIN (
    SELECT x.program, sum(t.points) AS points
    FROM (SELECT account_id, sum(points) AS points FROM audit.ledger_entry GROUP BY account_id) t
    JOIN audit.account x ON x.id = t.account_id
    GROUP BY x.program
) e ON e.program = a.program
WHERE a.balance - a.debt <> coalesce(e.points, 0)
UNION ALL
SELECT 'ledger', concat('balances less debts ', a.points, '; entries ', e.points)
FROM (SELECT coalesce(sum(balance - debt), 0) AS points FROM audit.account) a,
     (SELECT coalesce(sum(points), 0) AS points FROM audit.ledger_entry) e
WHERE a.points <> e.points
