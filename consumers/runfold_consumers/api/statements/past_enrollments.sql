-- The numbers that runs had got before these offsets of the experiments' partitions.
SELECT enrollments.*
FROM unnest(%(run_ids)s::text[]) AS asked (run_id)
JOIN state.runs ON runs.workspace = %(workspace)s AND runs.run_id = asked.run_id
JOIN state.experiments ON experiments.workspace = %(workspace)s AND experiments.experiment = runs.experiment
JOIN unnest(%(partitions)s::integer[], %(offsets)s::bigint[]) AS part (partition, next_offset)
    ON part.partition = experiments.partition
JOIN state.enrollments
    ON enrollments.workspace = %(workspace)s
    AND enrollments.experiment = runs.experiment
    AND enrollments.run_id = asked.run_id
    AND enrollments."offset" < part.next_offset
