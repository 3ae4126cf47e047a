-- Where the facts of a run lie, and when the broker took the first.
SELECT runs.partition, runs.first_offset, facts.broker_time
FROM state.runs
LEFT JOIN state.facts
    ON facts.workspace = runs.workspace AND facts.partition = runs.partition AND facts."offset" = runs.first_offset
WHERE runs.workspace = %(workspace)s AND runs.run_id = %(run_id)s
