-- Each entry is explained: points = new lot - lot uses - debt taken on
SELECT concat('entry ', coalesce(e.id, u.entry_id)) AS subject,
       concat(e.kind, ' of ', e.points, '; new lot ', coalesce(l.original, 0), ', lot uses ', coalesce(u.points, 0),
              ', debt ', e.debt_delta) AS detail
FROM audit.ledger_entry e
LEFT JOIN audit.lot l ON l.entry_id = e.id
FULL JOIN (SELECT entry_id, sum(points) AS points FROM audit.lot_use GROUP BY entry_id) u ON u.entry_id = e.id
WHERE e.id IS NULL
   OR e.points IS DISTINCT FROM coalesce(l.original, 0) - coalesce(u.points, 0) - e.debt_delta
