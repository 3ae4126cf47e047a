-- Experiments by name, of which runs say that they belong to them or which have numbered one; with how many runs they hold.
SELECT
    experiment AS name,
    coalesce(min(experiments.created_at), min(runs.created_at)) AS created_at,
    count(runs.run_id) AS run_count
FROM (
    SELECT experiment, run_id, created_at
    FROM state.runs
    WHERE workspace = %(workspace)s AND experiment IS NOT NULL
      AND (%(experiment)s::text IS NULL OR experiment = %(experiment)s)
) AS runs
FULL JOIN (
    SELECT experiment, created_at
    FROM state.experiments
    WHERE workspace = %(workspace)s AND (%(experiment)s::text IS NULL OR experiment = %(experiment)s)
) AS experiments USING (experiment)
GROUP BY experiment
ORDER BY experiment
