-- The facts of a run at these offsets.
SELECT facts."offset", facts.message
FROM state.runs
JOIN state.facts
    ON facts.workspace = %(workspace)s AND facts.partition = runs.partition AND facts."offset" = ANY(%(offsets)s::bigint[])
WHERE runs.workspace = %(workspace)s
  AND runs.run_id = %(run_id)s
  AND facts.aggregate_kind = 'run'
  AND facts.aggregate_id = runs.run_id
  AND facts.message IS NOT NULL
