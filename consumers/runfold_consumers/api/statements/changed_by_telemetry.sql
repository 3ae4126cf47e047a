-- Runs that got telemetry between two offsets of each partition.
SELECT came.run_id, array_agg(DISTINCT came.kind) AS kinds
FROM unnest(%(partitions)s::integer[], %(froms)s::bigint[], %(tos)s::bigint[])
    AS part (partition, first_offset, next_offset)
JOIN observed.telemetry_changes AS batch
    ON batch.workspace = %(workspace)s
    AND batch.partition = part.partition
    AND batch.first_offset < part.next_offset
    AND batch.next_offset > part.first_offset
    AND batch.first_offset >= coalesce(
        (
            SELECT max(before.first_offset)
            FROM observed.telemetry_changes AS before
            WHERE before.workspace = %(workspace)s
              AND before.partition = part.partition
              AND before.first_offset <= part.first_offset
        ),
        0
    )
CROSS JOIN LATERAL unnest(batch.run_ids, batch.kinds, batch.last_offsets) AS came (run_id, kind, last_offset)
WHERE came.last_offset >= part.first_offset
GROUP BY came.run_id
