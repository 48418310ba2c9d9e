-- An open hold is covered by named lots that still have the points
WITH open_lots AS (
    SELECT n.lot_id, sum(n.points) AS points
    FROM audit.hold h JOIN audit.hold_lot n ON n.hold_id = h.id
    WHERE h.status = 'open'
    GROUP BY n.lot_id
)
SELECT concat('hold ', h.id) AS subject,
       concat('of ', h.points, ' points names lots for ', coalesce(sum(n.points), 0)) AS detail
FROM audit.hold h LEFT JOIN audit.hold_lot n ON n.hold_id = h.id
WHERE h.status = 'open'
GROUP BY h.id, h.points
HAVING coalesce(sum(n.points), 0) <> h.points
UNION ALL
SELECT concat('hold ', h.id), concat('lot ', l.id, ' has ', l.remaining, ' left; open holds name ', o.points)
FROM open_lots o
JOIN audit.lot l ON l.id = o.lot_id
JOIN audit.hold_lot n ON n.lot_id = o.lot_id
JOIN audit.hold h ON h.id = n.hold_id AND h.status = 'open'
WHERE o.points > l.remaining
UNION ALL
SELECT concat('lot ', l.id), concat('held ', l.held, '; open holds name ', coalesce(o.points, 0))
FROM audit.lot l LEFT JOIN open_lots o ON o.lot_id = l.id
WHERE l.held <> coalesce(o.points, 0)
