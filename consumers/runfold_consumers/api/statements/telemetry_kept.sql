-- From which offset of each partition on it is known which runs got telemetry; none: of nothing.
SELECT
    part.partition,
    (
        SELECT min(first_offset)
        FROM observed.telemetry_changes
        WHERE workspace = %(workspace)s AND telemetry_changes.partition = part.partition
    ) AS first_offset
FROM unnest(%(partitions)s::integer[]) AS part (partition)
