-- Telemetry: points and text of logs are rows to add, a sign of life replaces the one before it.

-- name: add_points
COPY state.points (workspace, partition, run_id, writer_id, first_ordinal, last_ordinal, "offset", broker_time, message)
FROM STDIN (FORMAT binary);

-- name: add_logs
COPY state.logs (workspace, partition, run_id, writer_id, name, first_ordinal, last_ordinal, "offset", attempt, broker_time,
                 occurred_at, data)
FROM STDIN (FORMAT binary);

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
