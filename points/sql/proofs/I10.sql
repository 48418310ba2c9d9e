-- Erased members neither earn nor spend after erasure
-- Points may still lapse, and a return may still take back what an order gave.
SELECT concat('entry ', e.id) AS subject,
       concat(e.kind, ' of ', e.points, ' at ', e.created_at, '; member ', m.id, ' was erased at ',
              m.erased_at) AS detail
FROM audit.member m JOIN audit.ledger_entry e ON e.member_id = m.id
WHERE m.erased_at IS NOT NULL AND e.created_at > m.erased_at
  AND (e.kind IN ('earn', 'bonus', 'spend', 'transfer', 'import') OR (e.kind = 'adjust' AND e.points > 0))
