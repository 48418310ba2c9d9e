-- No spend out of a lot past its expiry
-- A hold that was taken in time may be captured later, so a captured spend is judged by the time of its hold. A
-- deadline that moved later since is read as it was then.
WITH used AS (
    SELECT e.id AS entry_id, u.lot_id, u.points, coalesce(h.created_at, e.created_at) AS at
    FROM audit.ledger_entry e
    JOIN audit.lot_use u ON u.entry_id = e.id AND u.points > 0
    LEFT JOIN audit.hold h ON h.id = e.hold_id
    WHERE e.kind = 'spend'
), moved AS (
    SELECT DISTINCT ON (s.entry_id, s.lot_id) s.entry_id, s.lot_id, x.expires_from
    FROM used s JOIN audit.lot_extension x ON x.lot_id = s.lot_id AND x.at > s.at
    ORDER BY s.entry_id, s.lot_id, x.at, x.id
)
SELECT concat('entry ', s.entry_id) AS subject,
       concat('took ', s.points, ' out of lot ', s.lot_id, ' at ', s.at, '; it expired at ',
              coalesce(m.expires_from, l.expires_at)) AS detail
FROM used s
JOIN audit.lot l ON l.id = s.lot_id
LEFT JOIN moved m ON m.entry_id = s.entry_id AND m.lot_id = s.lot_id
WHERE coalesce(m.expires_from, l.expires_at) <= s.at
