-- Four eyes where required
SELECT concat('adjustment ', id) AS subject,
       concat('of ', points, ', asked by ', requested_by, ', approved by ', coalesce(approved_by::text, 'nobody')) AS detail
FROM audit.adjustment
WHERE status = 'applied'
  AND ((needs_approval AND approved_by IS NULL) OR approved_by = requested_by)
