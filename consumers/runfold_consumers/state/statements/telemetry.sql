-- Telemetry: points and text of logs are rows to add, a sign of life replaces the one before it.

-- name: add_points
COPY state.points (workspace, partition, run_id, writer_id, first_ordinal, last_ordinal, "offset", broker_time, message,
                   summarised)
FROM STDIN (FORMAT binary);

-- name: add_logs
COPY state.logs (workspace, partition, run_id, writer_id, name, first_ordinal, last_ordinal, "offset", attempt, broker_time,
                 occurred_at, data)
FROM STDIN (FORMAT binary);

-- name: add_telemetry_seconds
INSERT INTO state.telemetry_seconds (workspace, partition, second, first_offset)
SELECT * FROM unnest(%s::text[], %s::integer[], %s::timestamptz[], %s::bigint[])
ON CONFLICT (workspace, partition, second) DO NOTHING;

-- name: put_telemetry_changes
-- One row: the lists of runs differ in length.
INSERT INTO observed.telemetry_changes (workspace, partition, first_offset, next_offset, run_ids, kinds, last_offsets)
VALUES (%s, %s, %s, %s, %s::text[], %s::text[], %s::bigint[])
ON CONFLICT (workspace, partition, first_offset)
DO UPDATE SET (next_offset, run_ids, kinds, last_offsets, recorded_at)
    = (excluded.next_offset, excluded.run_ids, excluded.kinds, excluded.last_offsets, excluded.recorded_at);

-- name: drop_telemetry_changes
-- Of partitions whose position rows are locked; parameters: workspace, partitions, age in seconds.
DELETE FROM observed.telemetry_changes
WHERE workspace = %s AND partition = ANY(%s::integer[]) AND recorded_at < now() - make_interval(secs => %s::float8);

-- name: put_heartbeats
INSERT INTO state.heartbeats (workspace, partition, run_id, writer_id, broker_time, occurred_at, ttl_s, ends)
SELECT workspace, partition, run_id, writer_id, broker_time, occurred_at, ttl_s, ends::jsonb
FROM unnest(%s::text[], %s::integer[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::float8[],
            %s::text[])
    AS heartbeat (workspace, partition, run_id, writer_id, broker_time, occurred_at, ttl_s, ends)
ON CONFLICT (workspace, partition, run_id, writer_id)
DO UPDATE SET (broker_time, occurred_at, ttl_s, ends)
    = (excluded.broker_time, excluded.occurred_at, excluded.ttl_s, excluded.ends);

-- name: known_heartbeats
SELECT workspace, partition, run_id, writer_id, (extract(epoch FROM broker_time) * 1000000)::bigint,
       (extract(epoch FROM occurred_at) * 1000000)::bigint, ttl_s, ends::text
FROM unnest(%s::text[], %s::integer[], %s::text[], %s::text[]) AS key (workspace, partition, run_id, writer_id)
JOIN state.heartbeats USING (workspace, partition, run_id, writer_id);

-- name: put_series
-- The same as `fold/series.py` does within a batch. Rows come sorted by their key: whoever else writes them waits, and
-- nobody deadlocks.
INSERT INTO state.series (workspace, run_id, series_id, partition, writer_id, name, column_name, kinds, axes, points,
                          nonfinite, min, max, last_ordinal, last_kind, last_step, last_time, last_value, last_text,
                          broker_time)
SELECT *
FROM unnest(%s::text[], %s::text[], %s::uuid[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
            %s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::bigint[], %s::text[], %s::bigint[], %s::float8[],
            %s::float8[], %s::text[], %s::timestamptz[])
ON CONFLICT (workspace, run_id, series_id, partition, writer_id) DO UPDATE SET
    kinds = CASE WHEN series.kinds = excluded.kinds THEN series.kinds ELSE (
        SELECT string_agg(DISTINCT kind, ',' ORDER BY kind)
        FROM unnest(string_to_array(series.kinds || ',' || excluded.kinds, ',')) AS kind
    ) END,
    axes = CASE WHEN series.axes = excluded.axes THEN series.axes ELSE (
        SELECT string_agg(DISTINCT axis, ',' ORDER BY axis)
        FROM unnest(string_to_array(series.axes || ',' || excluded.axes, ',')) AS axis
    ) END,
    points = series.points + excluded.points,
    nonfinite = series.nonfinite + excluded.nonfinite,
    min = least(series.min, excluded.min),
    max = greatest(series.max, excluded.max),
    last_ordinal = greatest(series.last_ordinal, excluded.last_ordinal),
    last_kind = CASE WHEN excluded.last_ordinal > series.last_ordinal THEN excluded.last_kind ELSE series.last_kind END,
    last_step = CASE WHEN excluded.last_ordinal > series.last_ordinal THEN excluded.last_step ELSE series.last_step END,
    last_time = CASE WHEN excluded.last_ordinal > series.last_ordinal THEN excluded.last_time ELSE series.last_time END,
    last_value
        = CASE WHEN excluded.last_ordinal > series.last_ordinal THEN excluded.last_value ELSE series.last_value END,
    last_text = CASE WHEN excluded.last_ordinal > series.last_ordinal THEN excluded.last_text ELSE series.last_text END,
    broker_time = greatest(series.broker_time, excluded.broker_time),
    settled = false;
