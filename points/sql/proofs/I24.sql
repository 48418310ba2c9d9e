-- Reversals of an entry never exceed it
SELECT concat('entry ', o.id) AS subject, concat(o.kind, ' of ', o.points, '; reversals add up to ', r.points) AS detail
FROM (SELECT reverses_id, sum(points) AS points FROM audit.ledger_entry WHERE reverses_id IS NOT NULL
      GROUP BY reverses_id) r
JOIN audit.ledger_entry o ON o.id = r.reverses_id
WHERE abs(r.points) > abs(o.points)
