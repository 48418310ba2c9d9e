-- The daily settlement between brands is the sum of the lot uses that it was made of
WITH upto AS (SELECT coalesce(max(last_entry), 0) AS last_entry FROM audit.ledger_fold),
difference AS (
    SELECT day, program, issuer_id, store_id, sum(points) AS points
    FROM (
        SELECT day, program, issuer_id, store_id, points FROM audit.settlement_total
        UNION ALL
        SELECT (e.created_at AT TIME ZONE 'Asia/Taipei')::date, a.program, l.brand_id, e.store_id, -u.points
        FROM audit.lot_use u
        JOIN audit.ledger_entry e ON e.id = u.entry_id
        JOIN audit.account a ON a.id = e.account_id
        JOIN audit.lot l ON l.id = u.lot_id
        WHERE e.id <= (SELECT last_entry FROM upto) AND e.kind IN ('spend', 'refund_spend')
    ) sides
    GROUP BY 1, 2, 3, 4
)
SELECT concat('settlement ', day, ' ', program) AS subject,
       concat('off by ', points, ' points; issuer ', issuer_id, ', store ', store_id) AS detail
FROM difference
WHERE points <> 0
