-- Experiments' words, and what has versions: see changes.sql.

-- name: put_experiment_words
INSERT INTO state.experiment_words (workspace, experiment, field, writer_id, ordinal, "offset", value, removed)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[],
                     %s::boolean[])
ON CONFLICT (workspace, experiment, field, writer_id)
DO UPDATE SET (ordinal, "offset", value, removed)
    = (excluded.ordinal, excluded."offset", excluded.value, excluded.removed);

-- name: put_assets
INSERT INTO state.assets (workspace, kind, name, partition, next_version, first_offset, created_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (workspace, kind, name)
DO UPDATE SET next_version = excluded.next_version;

-- name: add_versions
INSERT INTO state.versions (workspace, kind, name, version, "offset", broker_time, writer_id, ordinal, created_at,
                            run_id, experiment, definition)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[],
                     %s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[]);

-- name: add_registrations
INSERT INTO state.registrations (workspace, kind, name, writer_id, ordinal, version)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[]);

-- name: put_asset_words
INSERT INTO state.asset_words (workspace, kind, name, version, field, writer_id, ordinal, "offset", broker_time, value,
                               removed)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::bigint[],
                     %s::bigint[], %s::timestamptz[], %s::text[], %s::boolean[])
ON CONFLICT (workspace, kind, name, version, field, writer_id)
DO UPDATE SET (ordinal, "offset", broker_time, value, removed)
    = (excluded.ordinal, excluded."offset", excluded.broker_time, excluded.value, excluded.removed);

-- name: add_asset_properties
INSERT INTO state.asset_properties (workspace, kind, name, version, key, value, "offset", writer_id, ordinal)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::text[],
                     %s::bigint[]);
