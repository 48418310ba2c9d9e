-- A fully refunded order keeps no points
-- Only programs that take the whole back: the other debt policies leave what was spent, on purpose.
SELECT concat('purchase ', p.id) AS subject,
       concat('paid ', p.paid, ', refunded ', f.amount, '; it keeps ', sum(g.points + coalesce(r.points, 0)),
              ' points in program ', a.program) AS detail
FROM (SELECT purchase_id, sum(amount) AS amount FROM audit.purchase_refund GROUP BY purchase_id) f
JOIN audit.purchase p ON p.id = f.purchase_id AND p.paid > 0 AND f.amount >= p.paid
JOIN audit.ledger_entry g
     ON g.source_type = 'purchase' AND g.source_id = p.id::text AND g.kind IN ('earn', 'bonus')
JOIN audit.account a ON a.id = g.account_id
JOIN audit.program c ON c.code = a.program AND c.debt_policy = 'debt'
LEFT JOIN (SELECT reverses_id, sum(points) AS points FROM audit.ledger_entry WHERE kind = 'reverse_earn'
           GROUP BY reverses_id) r ON r.reverses_id = g.id
GROUP BY p.id, p.paid, f.amount, a.program
HAVING sum(g.points + coalesce(r.points, 0)) <> 0
