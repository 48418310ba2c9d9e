-- No clerk gives more than the daily limit without approval
-- The day is the local one in Taipei, in which the points were booked.
SELECT concat('staff ', q.requested_by) AS subject,
       concat(sum(e.points), ' points given on ', (e.created_at AT TIME ZONE 'Asia/Taipei')::date, ', limit ',
              %(daily_limit)s::bigint) AS detail
FROM audit.adjustment q JOIN audit.ledger_entry e ON e.adjustment_id = q.id
WHERE q.requested_by IS NOT NULL AND q.approved_by IS NULL AND e.points > 0
GROUP BY q.requested_by, (e.created_at AT TIME ZONE 'Asia/Taipei')::date
HAVING sum(e.points) > %(daily_limit)s::bigint
