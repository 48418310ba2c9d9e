-- Nobody corrects or approves points of an own card
-- A card is also somebody's own when he, or it, has become the other by a merge.
WITH RECURSIVE walk AS (
    SELECT id AS start, id, merged_into, 0 AS step FROM audit.member
    WHERE id IN (SELECT member_id FROM audit.staff)
       OR id IN (SELECT a.member_id FROM audit.adjustment q JOIN audit.account a ON a.id = q.account_id)
    UNION ALL
    SELECT w.start, m.id, m.merged_into, w.step + 1
    FROM walk w JOIN audit.member m ON m.id = w.merged_into WHERE w.step < 20
), person AS (
    SELECT DISTINCT ON (start) start, id FROM walk ORDER BY start, step DESC
)
SELECT concat('adjustment ', q.id) AS subject,
       concat('of ', q.points, ' on account ', a.id, ' by staff ', s.id, ', the owner of the card') AS detail
FROM audit.adjustment q
JOIN audit.account a ON a.id = q.account_id
JOIN audit.staff s ON s.id IN (q.requested_by, q.approved_by)
JOIN person mine ON mine.start = s.member_id
JOIN person theirs ON theirs.start = a.member_id AND theirs.id = mine.id
WHERE q.status IN ('approved', 'applied')
