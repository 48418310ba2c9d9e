-- A captured hold has exactly one spend of that amount, others have none
SELECT concat('hold ', coalesce(h.id, s.hold_id)) AS subject,
       concat(coalesce(h.status, 'does not exist'), ', captured ', h.captured, '; ', coalesce(s.entries, 0),
              ' spends of ', coalesce(s.points, 0)) AS detail
FROM audit.hold h
FULL JOIN (
    SELECT hold_id, count(*) AS entries, -sum(points) AS points, min(account_id) AS account_id,
           bool_and(kind = 'spend') AS spends
    FROM audit.ledger_entry
    WHERE hold_id IS NOT NULL
    GROUP BY hold_id
) s ON s.hold_id = h.id
WHERE h.id IS NULL
   OR (h.status <> 'captured' AND s.entries IS NOT NULL)
   OR (h.status = 'captured' AND (s.entries IS DISTINCT FROM 1 OR s.points IS DISTINCT FROM h.captured
                                  OR s.account_id <> h.account_id OR NOT s.spends))
UNION ALL
SELECT concat('hold ', e.hold_id), concat('its spend took ', u.points, ' out of lot ', u.lot_id, '; it named ',
                                          coalesce(n.points, 0))
FROM audit.ledger_entry e
JOIN audit.lot_use u ON u.entry_id = e.id
LEFT JOIN audit.hold_lot n ON n.hold_id = e.hold_id AND n.lot_id = u.lot_id
WHERE e.hold_id IS NOT NULL AND u.points > coalesce(n.points, 0)
