-- The net points of an order equal what the order says was earned
-- Entries whose source is the order, and what reversed these, over all programs.
WITH given AS (
    SELECT id, source_id, points FROM audit.ledger_entry
    WHERE source_type = 'purchase' AND kind IN ('earn', 'bonus')
), net AS (
    SELECT g.source_id, sum(g.points + coalesce(r.points, 0)) AS points
    FROM given g
    LEFT JOIN (SELECT reverses_id, sum(points) AS points FROM audit.ledger_entry WHERE kind = 'reverse_earn'
               GROUP BY reverses_id) r ON r.reverses_id = g.id
    GROUP BY g.source_id
)
SELECT concat('purchase ', coalesce(p.id::text, n.source_id)) AS subject,
       CASE WHEN p.id IS NULL THEN concat('does not exist; its entries add up to ', n.points)
            ELSE concat('says ', p.earned, '; its entries add up to ', coalesce(n.points, 0)) END AS detail
FROM audit.purchase p
FULL JOIN net n ON n.source_id = p.id::text
WHERE p.id IS NULL OR p.earned <> coalesce(n.points, 0)
