-- What is left of a lot is what its uses left
SELECT concat('lot ', coalesce(l.id, u.lot_id)) AS subject,
       concat('original ', l.original, ', uses ', coalesce(u.points, 0), ', remaining ', l.remaining) AS detail
FROM audit.lot l
FULL JOIN (SELECT lot_id, sum(points) AS points FROM audit.lot_use GROUP BY lot_id) u ON u.lot_id = l.id
WHERE l.remaining IS DISTINCT FROM l.original - coalesce(u.points, 0) OR l.id IS NULL
