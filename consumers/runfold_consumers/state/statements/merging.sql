-- Merging: rows of points, as they came, become chunks by series.

-- name: hold_off_rebuild
-- A rebuild locks this table before it empties any: it waits for the transaction, or is over.
LOCK TABLE state.positions IN ROW SHARE MODE;

-- name: be_patient
SET LOCAL idle_in_transaction_session_timeout = '30s';

-- name: take_your_time
SET LOCAL statement_timeout = 0;

-- name: unmerged_lanes
SELECT workspace, run_id, partition, writer_id, count(*), sum(last_ordinal - first_ordinal + 1)::bigint,
       sum(octet_length(message))::bigint, (extract(epoch FROM max(broker_time)) * 1000000)::bigint
FROM state.points
WHERE summarised
GROUP BY workspace, run_id, partition, writer_id
ORDER BY count(*) DESC LIMIT %s::bigint;

-- name: lane_series
SELECT count(*) FROM state.series
WHERE workspace = %s AND run_id = %s AND partition = %s AND writer_id = %s;

-- name: take_lane
-- For this transaction, or not at all.
SELECT pg_try_advisory_xact_lock(hashtextextended(
    jsonb_build_array('merging', %s::text, %s::text, %s::integer, %s::text)::text, 0
));

-- name: lock_unmerged
SELECT first_ordinal, last_ordinal - first_ordinal + 1, octet_length(message) FROM state.points
WHERE workspace = %s AND run_id = %s AND partition = %s AND writer_id = %s AND summarised
ORDER BY first_ordinal LIMIT %s
FOR UPDATE SKIP LOCKED;

-- name: unmerged_messages
SELECT "offset", (extract(epoch FROM broker_time) * 1000000)::bigint, message FROM state.points
WHERE workspace = %s AND run_id = %s AND partition = %s AND writer_id = %s AND first_ordinal = ANY(%s::bigint[])
ORDER BY first_ordinal;

-- name: lane_merges
SELECT merged_first, sum(points)::bigint, count(*),
       sum(octet_length(times) + octet_length(numbers) + coalesce(octet_length(texts), 0))::bigint
FROM state.chunks
WHERE workspace = %s AND run_id = %s AND partition = %s AND writer_id = %s
GROUP BY merged_first;

-- name: merged_chunks
SELECT name, column_name, kind, axis, points, ordinals, steps, times, numbers, texts, sources FROM state.chunks
WHERE workspace = %s AND run_id = %s AND partition = %s AND writer_id = %s AND merged_first = ANY(%s::bigint[])
FOR UPDATE;

-- name: drop_chunks
DELETE FROM state.chunks
WHERE workspace = %s AND run_id = %s AND partition = %s AND writer_id = %s AND merged_first = ANY(%s::bigint[]);

-- name: drop_unmerged
DELETE FROM state.points
WHERE workspace = %s AND run_id = %s AND partition = %s AND writer_id = %s AND first_ordinal = ANY(%s::bigint[]);

-- name: add_chunks
COPY state.chunks (workspace, run_id, partition, writer_id, series_id, first_ordinal, last_ordinal, merged_first,
                   first_offset, last_offset, points, name, column_name, kind, axis, ordinals, steps, times, numbers, texts,
                   sources)
FROM STDIN (FORMAT binary);

-- name: lock_unsummarised
SELECT workspace, run_id, partition, writer_id, first_ordinal, (extract(epoch FROM broker_time) * 1000000)::bigint, message
FROM state.points
WHERE NOT summarised
ORDER BY workspace, partition, "offset" LIMIT %s
FOR UPDATE SKIP LOCKED;

-- name: set_summarised
UPDATE state.points SET summarised = true
FROM unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %s::bigint[])
    AS done (workspace, run_id, partition, writer_id, first_ordinal)
WHERE (points.workspace, points.run_id, points.partition, points.writer_id, points.first_ordinal)
    = (done.workspace, done.run_id, done.partition, done.writer_id, done.first_ordinal);
