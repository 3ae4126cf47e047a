-- What facts between two offsets of each partition are about, by kind of event; with the run's parent and experiment.
SELECT told.*, runs.parent_run_id, runs.experiment
FROM (
    SELECT
        facts.aggregate_kind,
        facts.aggregate_id,
        array_agg(DISTINCT facts.event) AS events,
        bool_or(facts.verdict <> 'accepted') AS decided
    FROM unnest(%(partitions)s::integer[], %(froms)s::bigint[], %(tos)s::bigint[])
        AS part (partition, first_offset, next_offset)
    JOIN state.facts
        ON facts.workspace = %(workspace)s
        AND facts.partition = part.partition
        AND facts."offset" >= part.first_offset
        AND facts."offset" < part.next_offset
    WHERE facts.aggregate_kind IS NOT NULL
    GROUP BY facts.aggregate_kind, facts.aggregate_id
) AS told
LEFT JOIN state.runs
    ON told.aggregate_kind = 'run' AND runs.workspace = %(workspace)s AND runs.run_id = told.aggregate_id
