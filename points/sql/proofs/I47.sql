-- A finished file of points accounts for every line
-- After thirty days the rows go with the file; what they made stays in the ledger, and I49 looks at that.
SELECT concat('import ', b.id) AS subject,
       concat(b.total, ' lines, ', b.ok, ' of them booked; found are ', coalesce(r.lines, 0), ' and ',
              coalesce(r.ok, 0)) AS detail
FROM audit.import_batch b
LEFT JOIN (SELECT batch_id, count(*) AS lines, count(*) FILTER (WHERE status = 'ok') AS ok
           FROM audit.import_row GROUP BY batch_id) r ON r.batch_id = b.id
WHERE b.status IN ('done', 'undone') AND b.removed_at IS NULL
  AND (b.total <> coalesce(r.lines, 0) OR b.ok <> coalesce(r.ok, 0) OR b.total <> b.ok + b.failed)
