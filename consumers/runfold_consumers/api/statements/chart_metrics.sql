-- How many images and chart documents each metric of a run has.
SELECT metric_name AS metric, min(metric_type) AS type, count(*) AS charts
FROM state.artifacts
WHERE workspace = %(workspace)s
  AND run_id = %(run_id)s
  AND metric_name IS NOT NULL
  AND (%(metric)s::text IS NULL OR metric_name = %(metric)s)
  AND (%(type)s::text IS NULL OR metric_type = %(type)s)
  AND (%(attempt)s::integer IS NULL OR attempt = %(attempt)s)
GROUP BY metric_name
ORDER BY metric_name COLLATE "C"
