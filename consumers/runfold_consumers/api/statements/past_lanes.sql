-- Lanes of the telemetry of these runs as they stand, those of points where asked for, and of logs what came at these
-- offsets or after them.
SELECT
    lanes.*,
    (
        SELECT range_agg(int8range(logs.first_ordinal, logs.last_ordinal, '[]'))
        FROM state.logs
        WHERE lanes.stream <> 'points'
          AND logs.workspace = %(workspace)s
          AND logs.run_id = lanes.aggregate_id
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
    ) AS later
FROM state.lanes
WHERE lanes.workspace = %(workspace)s
  AND lanes.topic_kind = 'telemetry'
  AND lanes.aggregate_kind = 'run'
  AND lanes.aggregate_id = ANY(%(run_ids)s::text[])
  AND (%(points)s OR lanes.stream <> 'points')
