-- Held equals the open holds
SELECT concat('account ', a.id) AS subject,
       concat('held ', a.held, '; open holds add up to ', coalesce(h.points, 0)) AS detail
FROM audit.account a
LEFT JOIN (SELECT account_id, sum(points) AS points FROM audit.hold WHERE status = 'open' GROUP BY account_id) h
       ON h.account_id = a.id
WHERE a.held <> coalesce(h.points, 0)
