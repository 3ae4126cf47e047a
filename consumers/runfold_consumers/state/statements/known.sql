-- What the tables say about the keys that a batch touches. Keys come as one array per column, in the order of the
-- primary key. Times leave as microseconds since 1970-01-01 UTC.

-- name: use_indexes
-- The keys of a batch are few beside the tables, whatever old statistics say: look each up, never scan.
SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_material', 'off', true), set_config('enable_memoize', 'off', true),
       set_config('jit', 'off', true);

-- name: known_lanes
-- The ordinals seen; last parameter is the topic kind. LATERAL, since beside that constant the planner would rather scan
-- all lanes of the kind for each key.
SELECT key.*, lane.seen
FROM unnest(%s::text[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS key (workspace, partition, aggregate_kind, aggregate_id, writer_id, stream)
CROSS JOIN LATERAL (
    SELECT lanes.seen::text
    FROM state.lanes
    WHERE (lanes.workspace, lanes.topic_kind, lanes.partition, lanes.aggregate_kind, lanes.aggregate_id, lanes.writer_id,
           lanes.stream)
        = (key.workspace, %s, key.partition, key.aggregate_kind, key.aggregate_id, key.writer_id, key.stream)
    OFFSET 0
) AS lane;

-- name: known_originals
-- The messages that took these ordinals of facts; repeats and conflicts came later and took none.
SELECT workspace, partition, aggregate_kind, aggregate_id, writer_id, ordinal, message
FROM unnest(%s::text[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::bigint[])
    AS key (workspace, partition, aggregate_kind, aggregate_id, writer_id, ordinal)
JOIN state.facts USING (workspace, partition, aggregate_kind, aggregate_id, writer_id, ordinal)
WHERE facts.verdict IN ('accepted', 'refused');

-- name: known_claims
SELECT workspace, partition, aggregate_kind, aggregate_id, writer_id, stream, closed, declared::text, reason
FROM unnest(%s::text[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS key (workspace, partition, aggregate_kind, aggregate_id, writer_id, stream)
JOIN state.claims USING (workspace, partition, aggregate_kind, aggregate_id, writer_id, stream);

-- name: known_writers
SELECT workspace, aggregate_kind, aggregate_id, writer_id, partition, actor, host, pid, rank, world_size, attempt,
       versions::text, (extract(epoch FROM opened_at) * 1000000)::bigint, "offset", outsider
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS key (workspace, aggregate_kind, aggregate_id, writer_id)
JOIN state.writers USING (workspace, aggregate_kind, aggregate_id, writer_id);

-- name: known_runs
SELECT workspace, run_id, partition, first_offset, started_offset, started_writer_id, experiment, parent_run_id, run_type,
       target, display_name, snapshot_directory, outputs, attempt, (extract(epoch FROM created_at) * 1000000)::bigint,
       submitted_by
FROM unnest(%s::text[], %s::text[]) AS key (workspace, run_id)
JOIN state.runs USING (workspace, run_id);

-- name: known_attempts
SELECT workspace, run_id, attempt, first_offset, (extract(epoch FROM started_at) * 1000000)::bigint,
       (extract(epoch FROM ended_at) * 1000000)::bigint, terminal_status, terminal_offset, terminal_writer_id,
       terminal_ordinal, attempts.status
FROM unnest(%s::text[], %s::text[], %s::integer[]) AS key (workspace, run_id, attempt)
JOIN state.attempts USING (workspace, run_id, attempt);

-- name: known_latest_attempts
SELECT workspace, run_id, attempt, attempts.first_offset, (extract(epoch FROM started_at) * 1000000)::bigint,
       (extract(epoch FROM ended_at) * 1000000)::bigint, terminal_status, terminal_offset, terminal_writer_id,
       terminal_ordinal, attempts.status
FROM unnest(%s::text[], %s::text[]) AS key (workspace, run_id)
JOIN state.runs USING (workspace, run_id)
JOIN state.attempts USING (workspace, run_id, attempt);

-- name: known_properties
SELECT workspace, run_id, key, properties.value
FROM unnest(%s::text[], %s::text[], %s::text[]) AS touched (workspace, run_id, key)
JOIN state.properties USING (workspace, run_id, key);

-- name: known_artifacts
SELECT workspace, run_id, attempt, path, artifacts.sha256
FROM unnest(%s::text[], %s::text[], %s::integer[], %s::text[]) AS key (workspace, run_id, attempt, path)
JOIN state.artifacts USING (workspace, run_id, attempt, path);

-- name: known_snapshots
SELECT workspace, run_id, attempt, snapshots.snapshot_id
FROM unnest(%s::text[], %s::text[], %s::integer[]) AS key (workspace, run_id, attempt)
JOIN state.snapshots USING (workspace, run_id, attempt);

-- name: known_dataset_links
SELECT workspace, run_id, direction, name, dataset_id
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS key (workspace, run_id, direction, name, dataset_id)
JOIN state.dataset_links USING (workspace, run_id, direction, name, dataset_id);

-- name: known_experiments
SELECT workspace, experiment, partition, next_number, first_offset, (extract(epoch FROM created_at) * 1000000)::bigint
FROM unnest(%s::text[], %s::text[]) AS key (workspace, experiment)
JOIN state.experiments USING (workspace, experiment);

-- name: known_enrollments
SELECT workspace, experiment, run_id
FROM unnest(%s::text[], %s::text[], %s::text[]) AS key (workspace, experiment, run_id)
JOIN state.enrollments USING (workspace, experiment, run_id);

-- name: known_statuses
-- Which word of the writer stands there; asked only when an older one comes late (P8), as all words below.
SELECT workspace, run_id, attempt, writer_id, statuses.ordinal
FROM unnest(%s::text[], %s::text[], %s::integer[], %s::text[]) AS key (workspace, run_id, attempt, writer_id)
JOIN state.statuses USING (workspace, run_id, attempt, writer_id);

-- name: known_latest_statuses
SELECT workspace, run_id, attempt, writer_id, statuses.ordinal
FROM unnest(%s::text[], %s::text[], %s::text[]) AS key (workspace, run_id, writer_id)
JOIN state.runs USING (workspace, run_id)
JOIN state.statuses USING (workspace, run_id, attempt, writer_id);

-- name: known_tags
SELECT workspace, run_id, key, writer_id, tags.ordinal
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS touched (workspace, run_id, key, writer_id)
JOIN state.tags USING (workspace, run_id, key, writer_id);

-- name: known_descriptions
SELECT workspace, run_id, field, writer_id, descriptions.ordinal
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS key (workspace, run_id, field, writer_id)
JOIN state.descriptions USING (workspace, run_id, field, writer_id);

-- name: known_experiment_words
SELECT workspace, experiment, field, writer_id, experiment_words.ordinal
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS key (workspace, experiment, field, writer_id)
JOIN state.experiment_words USING (workspace, experiment, field, writer_id);

-- name: known_assets
SELECT workspace, kind, name, partition, next_version, first_offset, (extract(epoch FROM created_at) * 1000000)::bigint
FROM unnest(%s::text[], %s::text[], %s::text[]) AS key (workspace, kind, name)
JOIN state.assets USING (workspace, kind, name);

-- name: known_definitions
-- Of the latest version of each.
SELECT workspace, kind, name, versions.definition
FROM unnest(%s::text[], %s::text[], %s::text[]) AS key (workspace, kind, name)
JOIN state.assets USING (workspace, kind, name)
JOIN state.versions USING (workspace, kind, name)
WHERE versions.version = assets.next_version - 1;

-- name: known_asset_properties
SELECT workspace, kind, name, version, key, asset_properties.value
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[])
    AS touched (workspace, kind, name, version, key)
JOIN state.asset_properties USING (workspace, kind, name, version, key);

-- name: known_asset_words
-- Of every version: which one a registration that comes late gets is known to the fold alone.
SELECT workspace, kind, name, asset_words.version, field, writer_id, asset_words.ordinal
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) AS key (workspace, kind, name, field, writer_id)
JOIN state.asset_words USING (workspace, kind, name, field, writer_id);
