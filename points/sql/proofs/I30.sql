-- Every correction has its one applied request, and the other way round
-- A request that undoes a redemption comes to an entry of that kind, which names the request as its source.
SELECT concat('entry ', e.id) AS subject,
       CASE WHEN q.id IS NULL THEN 'no request'
            ELSE concat(e.points, ' points on account ', e.account_id, '; request ', q.id, ' (', q.status, ') of ',
                        q.points, ' on account ', q.account_id) END AS detail
FROM audit.ledger_entry e LEFT JOIN audit.adjustment q ON q.id = e.adjustment_id
WHERE (e.kind = 'adjust' OR e.adjustment_id IS NOT NULL)
  AND NOT coalesce(e.kind = 'adjust' AND q.status = 'applied' AND q.account_id = e.account_id
                   AND q.points = e.points AND q.undoes_id IS NULL, false)
UNION ALL
SELECT concat('entry ', e.id),
       CASE WHEN q.id IS NULL THEN 'no request'
            ELSE concat(e.points, ' points back from entry ', e.reverses_id, '; request ', q.id, ' (', q.status,
                        ') of ', q.points, ' from entry ', q.undoes_id) END
FROM audit.ledger_entry e LEFT JOIN audit.adjustment q ON q.id::text = e.source_id
WHERE e.source_type = 'undo_request'
  AND NOT coalesce(e.kind = 'refund_spend' AND q.status = 'applied' AND q.account_id = e.account_id
                   AND q.points = e.points AND q.undoes_id = e.reverses_id, false)
UNION ALL
SELECT concat('adjustment ', q.id), concat('of ', q.points, ' is ', q.status, '; it has ', count(e.id), ' entries')
FROM audit.adjustment q
LEFT JOIN audit.ledger_entry e ON e.adjustment_id = q.id
WHERE q.undoes_id IS NULL
GROUP BY q.id, q.points, q.status
HAVING count(e.id) <> CASE WHEN q.status = 'applied' THEN 1 ELSE 0 END
UNION ALL
SELECT concat('adjustment ', q.id), concat('of ', q.points, ' is ', q.status, '; it has ', count(e.id), ' entries')
FROM audit.adjustment q
LEFT JOIN audit.ledger_entry e
       ON e.source_type = 'undo_request' AND e.source_id = q.id::text AND e.account_id = q.account_id
WHERE q.undoes_id IS NOT NULL
GROUP BY q.id, q.points, q.status
HAVING count(e.id) <> CASE WHEN q.status = 'applied' THEN 1 ELSE 0 END
