-- Every correction has its one applied request, and the other way round
SELECT concat('entry ', e.id) AS subject,
       CASE WHEN q.id IS NULL THEN 'no request'
            ELSE concat(e.points, ' points on account ', e.account_id, '; request ', q.id, ' (', q.status, ') of ',
                        q.points, ' on account ', q.account_id) END AS detail
FROM audit.ledger_entry e LEFT JOIN audit.adjustment q ON q.id = e.adjustment_id
WHERE (e.kind = 'adjust' OR e.adjustment_id IS NOT NULL)
  AND NOT coalesce(e.kind = 'adjust' AND q.status = 'applied' AND q.account_id = e.account_id
                   AND q.points = e.points, false)
UNION ALL
SELECT concat('adjustment ', q.id), concat('of ', q.points, ' is ', q.status, '; it has ', count(e.id), ' entries')
FROM audit.adjustment q LEFT JOIN audit.ledger_entry e ON e.adjustment_id = q.id
GROUP BY q.id, q.points, q.status
HAVING count(e.id) <> CASE WHEN q.status = 'applied' THEN 1 ELSE 0 END
