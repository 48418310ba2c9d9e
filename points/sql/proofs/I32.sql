-- Nobody corrects or approves points of an own card
SELECT concat('adjustment ', q.id) AS subject,
       concat('of ', q.points, ' on account ', a.id, ' by staff ', s.id, ', the owner of the card') AS detail
FROM audit.adjustment q
JOIN audit.account a ON a.id = q.account_id
JOIN audit.staff s ON s.member_id = a.member_id AND s.id IN (q.requested_by, q.approved_by)
WHERE q.status IN ('approved', 'applied')
