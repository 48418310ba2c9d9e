-- No hold stays open 10 minutes past its expiry
SELECT concat('hold ', id) AS subject,
       concat('of ', points, ' points on account ', account_id, ' lapsed at ', expires_at, ' and is open') AS detail
FROM audit.hold
WHERE status = 'open' AND expires_at < %(now)s::timestamptz - interval '10 minutes'
