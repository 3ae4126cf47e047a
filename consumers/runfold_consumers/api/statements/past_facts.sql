-- Facts and claims about a run before an offset, as they came, at most %(limit)s; plain repeats say nothing new.
SELECT facts."offset", facts.broker_time, facts.message
FROM state.facts
WHERE facts.aggregate_id = %(run_id)s
  AND facts.workspace = %(workspace)s
  AND facts.aggregate_kind = 'run'
  AND facts.partition = %(partition)s
  AND facts."offset" < %(next_offset)s
  AND facts.message IS NOT NULL
ORDER BY facts."offset"
LIMIT %(limit)s
