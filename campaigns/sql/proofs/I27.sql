-- Refunds never exceed the payment
SELECT concat('purchase ', p.id) AS subject, concat('paid ', p.paid, '; refunds add up to ', r.amount) AS detail
FROM (SELECT purchase_id, sum(amount) AS amount FROM audit.purchase_refund GROUP BY purchase_id) r
JOIN audit.purchase p ON p.id = r.purchase_id
WHERE r.amount > p.paid
