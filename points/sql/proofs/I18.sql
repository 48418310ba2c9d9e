-- First to expire first: no earlier lot with free points was passed over
-- A spend offends when, right after it, a lot that would expire earlier than one it used still has points that no
-- hold of that time had named; what it had left is replayed from its uses, and deadlines are read as they were
-- then. Excused: lapsed lots, lots that could not be used yet, lots of another issuer where points do not
-- circulate, and captured holds, whose lots were chosen when the hold was taken.
-- `line` keeps this linear: it walks each account once and drops every lot that ended before any spend had used a
-- later one, which in healthy books is nearly all of them. `block` does the same in steps of 256 numbers, for
-- accounts with tens of thousands of entries.
WITH used AS NOT MATERIALIZED (
    SELECT u.lot_id, u.points, e.id AS entry_id, e.account_id, e.seq, e.kind, e.hold_id, e.created_at
    FROM audit.lot_use u JOIN audit.ledger_entry e ON e.id = u.entry_id
), moved AS (
    SELECT DISTINCT ON (s.entry_id, s.lot_id) s.entry_id, s.lot_id, x.expires_from
    FROM used s JOIN audit.lot_extension x ON x.lot_id = s.lot_id AND x.at > s.created_at
    WHERE s.kind = 'spend'
    ORDER BY s.entry_id, s.lot_id, x.at, x.id
), spend AS MATERIALIZED (
    SELECT DISTINCT ON (s.entry_id) s.entry_id, s.account_id, s.seq, s.created_at, s.lot_id, l.brand_id,
           p.circulates, coalesce(m.expires_from, l.expires_at, 'infinity') AS expires_at
    FROM used s
    JOIN audit.account a ON a.id = s.account_id
    JOIN audit.program p ON p.code = a.program AND p.order_of_use = 'expiring_first'
    JOIN audit.lot l ON l.id = s.lot_id
    LEFT JOIN moved m ON m.entry_id = s.entry_id AND m.lot_id = s.lot_id
    WHERE s.kind = 'spend' AND s.hold_id IS NULL AND s.points > 0
    ORDER BY s.entry_id, expires_at DESC
), other AS (
    SELECT l.id AS lot_id, l.account_id, e.seq, l.original, l.available_from, l.expires_at, l.brand_id,
           least(l.expires_at, x.expires_from) AS first_expires,
           CASE WHEN l.original > coalesce(u.points, 0) THEN 9223372036854775807 ELSE u.seq END AS last_seq
    FROM audit.lot l
    JOIN audit.ledger_entry e ON e.id = l.entry_id
    LEFT JOIN (SELECT lot_id, sum(points) AS points, max(seq) AS seq FROM used GROUP BY lot_id) u ON u.lot_id = l.id
    LEFT JOIN (SELECT lot_id, min(expires_from) AS expires_from FROM audit.lot_extension GROUP BY lot_id) x
           ON x.lot_id = l.id
    WHERE l.expires_at IS NOT NULL
), line AS (
    SELECT o.*, max(o.used_expires) OVER (PARTITION BY o.account_id ORDER BY o.at_seq, o.lot_id NULLS LAST
                                          ROWS UNBOUNDED PRECEDING) AS latest_used
    FROM (SELECT other.*, other.last_seq AS at_seq, NULL::timestamptz AS used_expires FROM other
          UNION ALL
          SELECT NULL, account_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, seq, expires_at FROM spend) o
), suspect AS MATERIALIZED (
    SELECT * FROM line WHERE lot_id IS NOT NULL AND latest_used > first_expires
), block AS MATERIALIZED (
    SELECT account_id, seq / 256 AS number, max(expires_at) AS latest_used FROM spend GROUP BY account_id, seq / 256
), near AS MATERIALIZED (
    SELECT o.*, b.number
    FROM suspect o
    JOIN block b ON b.account_id = o.account_id AND b.latest_used > o.first_expires
                AND b.number BETWEEN o.seq / 256 AND o.last_seq / 256
), passed AS (
    SELECT s.entry_id, s.seq, s.created_at, s.lot_id, s.expires_at, o.lot_id AS other_id, o.original,
           o.expires_at AS other_expires
    FROM near o
    JOIN spend s ON s.account_id = o.account_id AND s.seq / 256 = o.number AND s.lot_id <> o.lot_id
    WHERE o.seq < s.seq AND o.last_seq > s.seq AND o.first_expires < s.expires_at
      AND o.expires_at > s.created_at AND o.available_from <= s.created_at
      AND (s.circulates OR o.brand_id IS NOT DISTINCT FROM s.brand_id)
)
SELECT concat('entry ', p.entry_id) AS subject,
       concat('used lot ', p.lot_id, ' (expires ', p.expires_at, ') while lot ', p.other_id, ' (expires ',
              coalesce(x.expires_from, p.other_expires), ') had ', p.original - u.points - h.points,
              ' free') AS detail
FROM passed p
LEFT JOIN LATERAL (SELECT expires_from FROM audit.lot_extension WHERE lot_id = p.other_id AND at > p.created_at
                   ORDER BY at, id LIMIT 1) x ON true
CROSS JOIN LATERAL (
    SELECT coalesce(sum(n.points), 0) AS points
    FROM audit.lot_use n JOIN audit.ledger_entry e ON e.id = n.entry_id
    WHERE n.lot_id = p.other_id AND e.seq <= p.seq
) u
CROSS JOIN LATERAL (
    SELECT coalesce(sum(n.points), 0) AS points
    FROM audit.hold_lot n JOIN audit.hold h ON h.id = n.hold_id
    WHERE n.lot_id = p.other_id AND h.created_at <= p.created_at + interval '1 minute'
      -- Two who meet read their clocks before the lock, so the one who came second may have the earlier time.
      AND (h.settled_at IS NULL OR h.settled_at >= p.created_at - interval '1 minute')
) h
WHERE coalesce(x.expires_from, p.other_expires) < p.expires_at
  AND coalesce(x.expires_from, p.other_expires) > p.created_at
  AND p.original - u.points > h.points
