-- No clerk gives more than the daily limit without approval
-- The day is the local one in Taipei, in which the points were booked. A redemption undone by hand is given too.
WITH given AS (
    SELECT q.requested_by AS clerk, e.points, e.created_at
    FROM audit.adjustment q JOIN audit.ledger_entry e ON e.adjustment_id = q.id
    WHERE q.requested_by IS NOT NULL AND q.approved_by IS NULL AND e.points > 0
    UNION ALL
    SELECT e.actor_id::bigint, e.points, e.created_at
    FROM audit.ledger_entry e
    WHERE e.kind = 'refund_spend' AND e.source_type = 'undo' AND e.actor_type = 'staff'
)
SELECT concat('staff ', clerk) AS subject,
       concat(sum(points), ' points given on ', (created_at AT TIME ZONE 'Asia/Taipei')::date, ', limit ',
              %(daily_limit)s::bigint) AS detail
FROM given
GROUP BY clerk, (created_at AT TIME ZONE 'Asia/Taipei')::date
HAVING sum(points) > %(daily_limit)s::bigint
