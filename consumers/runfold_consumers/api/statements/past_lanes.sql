-- Lanes of a run's telemetry as they stand, and of logs what came at these offsets or after them.
SELECT lanes.*, NULL::int8multirange AS later
FROM state.lanes
WHERE lanes.workspace = %(workspace)s
  AND lanes.topic_kind = 'telemetry'
  AND lanes.aggregate_kind = 'run'
  AND lanes.aggregate_id = %(run_id)s
  AND lanes.stream = 'points'
UNION ALL
SELECT
    lanes.*,
    (
        SELECT range_agg(int8range(logs.first_ordinal, logs.last_ordinal, '[]'))
        FROM state.logs
        WHERE logs.workspace = %(workspace)s
          AND logs.run_id = %(run_id)s
          AND logs.name = substr(lanes.stream, 5)
          AND logs.writer_id = lanes.writer_id
          AND logs.partition = lanes.partition
          AND logs."offset" >= coalesce(
              (
                  SELECT part.next_offset
                  FROM unnest(%(partitions)s::integer[], %(offsets)s::bigint[]) AS part (partition, next_offset)
                  WHERE part.partition = lanes.partition
              ),
              0
          )
    )
FROM state.lanes
WHERE lanes.workspace = %(workspace)s
  AND lanes.topic_kind = 'telemetry'
  AND lanes.aggregate_kind = 'run'
  AND lanes.aggregate_id = %(run_id)s
  AND lanes.stream <> 'points'
