-- Expired lots are emptied within 36 hours
-- What a hold has named stays until the hold is settled; what it gave back then has 36 hours of its own.
SELECT concat('lot ', l.id) AS subject,
       concat('account ', l.account_id, ': ', l.remaining - l.held, ' points left, expired at ', l.expires_at) AS detail
FROM audit.lot l
WHERE l.remaining > l.held AND l.expires_at < %(now)s::timestamptz - interval '36 hours'
  AND NOT EXISTS (SELECT FROM audit.hold_lot n JOIN audit.hold h ON h.id = n.hold_id
                  WHERE n.lot_id = l.id AND h.settled_at >= %(now)s::timestamptz - interval '36 hours')
