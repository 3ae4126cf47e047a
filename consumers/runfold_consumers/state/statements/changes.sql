-- What the fold decided, written: final rows, one array per column in the order of the table's row in the fold.
-- Rows that a rule lets exist only once are plain inserts, so that a defect of the fold would be an error, not a merge.

-- name: add_facts
COPY state.facts (workspace, partition, "offset", broker_time, event, aggregate_kind, aggregate_id, writer_id, ordinal,
                  message, verdict, rule) FROM STDIN (FORMAT binary);

-- name: add_refusals
INSERT INTO state.refusals (workspace, partition, "offset", key, rule, aggregate_kind, aggregate_id, writer_id, ordinal,
                            kept, refused)
SELECT * FROM unnest(%s::text[], %s::integer[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::text[], %s::bigint[], %s::text[], %s::text[]);

-- name: put_lanes
-- First parameter: the topic kind.
INSERT INTO state.lanes (topic_kind, workspace, partition, aggregate_kind, aggregate_id, writer_id, stream, seen)
SELECT %s, workspace, partition, aggregate_kind, aggregate_id, writer_id, stream, seen::int8multirange
FROM unnest(%s::text[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS lane (workspace, partition, aggregate_kind, aggregate_id, writer_id, stream, seen)
ON CONFLICT (workspace, topic_kind, partition, aggregate_kind, aggregate_id, writer_id, stream)
DO UPDATE SET seen = excluded.seen;

-- name: put_claims
INSERT INTO state.claims (workspace, partition, aggregate_kind, aggregate_id, writer_id, stream, closed, declared, reason)
SELECT workspace, partition, aggregate_kind, aggregate_id, writer_id, stream, closed, declared::int8multirange, reason
FROM unnest(%s::text[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[],
            %s::text[])
    AS claim (workspace, partition, aggregate_kind, aggregate_id, writer_id, stream, closed, declared, reason)
ON CONFLICT (workspace, partition, aggregate_kind, aggregate_id, writer_id, stream)
DO UPDATE SET closed = excluded.closed, declared = excluded.declared, reason = excluded.reason;

-- name: put_writers
INSERT INTO state.writers (workspace, aggregate_kind, aggregate_id, writer_id, partition, actor, host, pid, rank,
                           world_size, attempt, versions, opened_at, "offset", outsider)
SELECT workspace, aggregate_kind, aggregate_id, writer_id, partition, actor, host, pid, rank, world_size, attempt,
       versions::jsonb, opened_at, "offset", outsider
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::bigint[],
            %s::integer[], %s::integer[], %s::integer[], %s::text[], %s::timestamptz[], %s::bigint[], %s::boolean[])
    AS writer (workspace, aggregate_kind, aggregate_id, writer_id, partition, actor, host, pid, rank, world_size, attempt,
               versions, opened_at, "offset", outsider)
ON CONFLICT (workspace, aggregate_kind, aggregate_id, writer_id)
DO UPDATE SET (partition, actor, host, pid, rank, world_size, attempt, versions, opened_at, "offset", outsider)
    = (excluded.partition, excluded.actor, excluded.host, excluded.pid, excluded.rank, excluded.world_size,
       excluded.attempt, excluded.versions, excluded.opened_at, excluded."offset", excluded.outsider);

-- name: put_runs
INSERT INTO state.runs (workspace, run_id, partition, first_offset, started_offset, started_writer_id, experiment,
                        parent_run_id, run_type, target, display_name, snapshot_directory, outputs, attempt, created_at,
                        submitted_by)
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::text[], %s::text[],
                     %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::integer[],
                     %s::timestamptz[], %s::text[])
ON CONFLICT (workspace, run_id)
DO UPDATE SET (started_offset, started_writer_id, experiment, parent_run_id, run_type, target, display_name,
               snapshot_directory, outputs, attempt, created_at, submitted_by)
    = (excluded.started_offset, excluded.started_writer_id, excluded.experiment, excluded.parent_run_id,
       excluded.run_type, excluded.target, excluded.display_name, excluded.snapshot_directory, excluded.outputs,
       excluded.attempt, excluded.created_at, excluded.submitted_by);

-- name: put_attempts
INSERT INTO state.attempts (workspace, run_id, attempt, first_offset, started_at, ended_at, terminal_status,
                            terminal_offset, terminal_writer_id, terminal_ordinal, status)
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[], %s::timestamptz[], %s::timestamptz[],
                     %s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::text[])
ON CONFLICT (workspace, run_id, attempt)
DO UPDATE SET (started_at, ended_at, terminal_status, terminal_offset, terminal_writer_id, terminal_ordinal, status)
    = (excluded.started_at, excluded.ended_at, excluded.terminal_status, excluded.terminal_offset,
       excluded.terminal_writer_id, excluded.terminal_ordinal, excluded.status);

-- name: put_statuses
INSERT INTO state.statuses (workspace, run_id, attempt, writer_id, ordinal, "offset", status, reason, occurred_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %s::bigint[], %s::bigint[], %s::text[],
                     %s::text[], %s::timestamptz[])
ON CONFLICT (workspace, run_id, attempt, writer_id)
DO UPDATE SET (ordinal, "offset", status, reason, occurred_at)
    = (excluded.ordinal, excluded."offset", excluded.status, excluded.reason, excluded.occurred_at);

-- name: put_tags
INSERT INTO state.tags (workspace, run_id, key, writer_id, ordinal, "offset", value, removed)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[],
                     %s::boolean[])
ON CONFLICT (workspace, run_id, key, writer_id)
DO UPDATE SET (ordinal, "offset", value, removed)
    = (excluded.ordinal, excluded."offset", excluded.value, excluded.removed);

-- name: put_descriptions
INSERT INTO state.descriptions (workspace, run_id, field, writer_id, ordinal, "offset", value)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[])
ON CONFLICT (workspace, run_id, field, writer_id)
DO UPDATE SET (ordinal, "offset", value) = (excluded.ordinal, excluded."offset", excluded.value);

-- name: add_properties
INSERT INTO state.properties (workspace, run_id, key, value, "offset", writer_id, ordinal)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bigint[]);

-- name: add_artifacts
INSERT INTO state.artifacts (workspace, run_id, attempt, path, name, sha256, size, media_type, part_digests, inline,
                             metric_name, metric_type, writer_id, ordinal, "offset", occurred_at)
SELECT workspace, run_id, attempt, path, name, sha256, size, media_type,
       ARRAY(SELECT jsonb_array_elements_text(part_digests::jsonb)), inline, metric_name, metric_type, writer_id, ordinal,
       "offset", occurred_at
FROM unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[],
            %s::text[], %s::boolean[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])
    AS artifact (workspace, run_id, attempt, path, name, sha256, size, media_type, part_digests, inline, metric_name,
                 metric_type, writer_id, ordinal, "offset", occurred_at);

-- name: add_errors
INSERT INTO state.errors (workspace, run_id, attempt, "offset", code, message, details_uri)
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[], %s::text[], %s::text[], %s::text[]);

-- name: put_experiments
INSERT INTO state.experiments (workspace, experiment, partition, next_number, first_offset, created_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (workspace, experiment) DO UPDATE SET next_number = excluded.next_number;

-- name: add_enrollments
INSERT INTO state.enrollments (workspace, experiment, run_id, number, "offset")
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[]);
