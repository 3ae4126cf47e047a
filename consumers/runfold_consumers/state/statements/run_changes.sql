-- What is said about runs beside statuses, tags and properties: see changes.sql.

-- name: add_warnings
INSERT INTO state.warnings (workspace, run_id, attempt, "offset", source, message, occurred_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[]);

-- name: add_submissions
INSERT INTO state.submissions (workspace, run_id, "offset", broker_time, writer_id, target, definition, snapshot_id,
                               job_folder, respond_within_s)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
                     %s::text[], %s::text[], %s::float8[]);

-- name: add_cancels
INSERT INTO state.cancels (workspace, run_id, "offset", writer_id, reason, occurred_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[]);

-- name: add_corrections
INSERT INTO state.corrections (workspace, run_id, "offset", key, value, reason, writer_id, ordinal, occurred_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::bigint[], %s::timestamptz[]);

-- name: add_snapshots
INSERT INTO state.snapshots (workspace, run_id, attempt, snapshot_id, sha256, size, files, content_bytes, directory,
                             inline, writer_id, ordinal, "offset", occurred_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
                     %s::bigint[], %s::text[], %s::boolean[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[]);

-- name: add_dataset_links
INSERT INTO state.dataset_links (workspace, run_id, direction, name, dataset_id, dataset_name, dataset_version,
                                 mechanism, path_on_compute, definition, writer_id, ordinal, "offset")
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[],
                     %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[]);

-- name: add_secret_reads
INSERT INTO state.secret_reads (workspace, run_id, "offset", name, provider, found, writer_id, occurred_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::boolean[], %s::text[],
                     %s::timestamptz[]);
