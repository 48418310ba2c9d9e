-- The daily totals are the sums of the entries that they were made of
WITH upto AS (SELECT coalesce(max(last_entry), 0) AS last_entry FROM audit.ledger_fold),
expected AS (
    SELECT (e.created_at AT TIME ZONE 'Asia/Taipei')::date AS day, a.program, e.store_id, l.brand_id AS issuer_id,
           e.kind, sum(e.points) AS points, sum(e.debt_delta) AS debt, count(*) AS entries
    FROM audit.ledger_entry e
    JOIN audit.account a ON a.id = e.account_id
    LEFT JOIN audit.lot l ON l.entry_id = CASE e.kind WHEN 'reverse_earn' THEN e.reverses_id ELSE e.id END
    WHERE e.id <= (SELECT last_entry FROM upto)
    GROUP BY 1, 2, 3, 4, 5
),
stored AS (
    SELECT day, program, store_id, issuer_id, kind, sum(points) AS points, sum(debt) AS debt,
           sum(entries) AS entries
    FROM audit.day_total
    GROUP BY 1, 2, 3, 4, 5
),
-- One row of each side per key: where the two sides cancel out, they say the same.
difference AS (
    SELECT day, program, store_id, issuer_id, kind, sum(points) AS points, sum(debt) AS debt,
           sum(entries) AS entries
    FROM (
        SELECT day, program, store_id, issuer_id, kind, points, debt, entries FROM stored
        UNION ALL
        SELECT day, program, store_id, issuer_id, kind, -points, -debt, -entries FROM expected
    ) sides
    GROUP BY 1, 2, 3, 4, 5
)
SELECT concat('total ', day, ' ', program, ' ', kind) AS subject,
       concat('off by ', points, ' points, ', debt, ' debt, ', entries, ' entries; store ', store_id, ', issuer ',
              issuer_id) AS detail
FROM difference
WHERE points <> 0 OR debt <> 0 OR entries <> 0
