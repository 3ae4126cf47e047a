-- The numbers that a run had got before these offsets of the experiments' partitions.
SELECT enrollments.*
FROM unnest(%(partitions)s::integer[], %(offsets)s::bigint[]) AS part (partition, next_offset)
JOIN state.experiments ON experiments.workspace = %(workspace)s AND experiments.partition = part.partition
JOIN state.enrollments
    ON enrollments.workspace = %(workspace)s
    AND enrollments.experiment = experiments.experiment
    AND enrollments.run_id = %(run_id)s
    AND enrollments."offset" < part.next_offset
