-- The whole surface of a run: what is said about runs beside tags and properties, experiments' words, models and assets
-- with their versions, text of logs, signs of life. What an attempt's status is, it says itself.

ALTER TABLE state.attempts ADD COLUMN status text;

UPDATE state.attempts SET status = last_word.status
FROM (
    SELECT DISTINCT ON (workspace, run_id, attempt) workspace, run_id, attempt, status
    FROM state.statuses
    ORDER BY workspace, run_id, attempt, "offset" DESC
) AS last_word
WHERE (attempts.workspace, attempts.run_id, attempts.attempt)
    = (last_word.workspace, last_word.run_id, last_word.attempt);

-- Those that have not ended: whom the watchdog looks after.
CREATE INDEX attempts_open ON state.attempts (workspace, run_id) WHERE terminal_status IS NULL;
-- Targets longer than any that is one are left out: an index entry has at most 2,704 bytes.
CREATE INDEX runs_of_target ON state.runs (workspace, target, created_at) WHERE octet_length(target) <= 1024;
-- A key's runs, whatever their values: an index that held these would be touched whenever a tag changes.
CREATE INDEX tags_by_key ON state.tags (workspace, key, run_id);
CREATE INDEX properties_by_key ON state.properties (workspace, key, run_id);

-- What a run's owner should know, and that stopped nothing; all that was said.
CREATE TABLE state.warnings (
    workspace    text COLLATE "C" NOT NULL,
    run_id       text COLLATE "C" NOT NULL,
    attempt      integer NOT NULL,
    "offset"     bigint NOT NULL,
    source       text NOT NULL,
    message      text NOT NULL,
    occurred_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace, run_id, attempt, "offset")
);

-- Jobs that were submitted; the latest of a run is the one with the greatest offset. `respond_within_s` counts from
-- `broker_time`; 0: never. `definition` is JSON.
CREATE TABLE state.submissions (
    workspace         text COLLATE "C" NOT NULL,
    run_id            text COLLATE "C" NOT NULL,
    "offset"          bigint NOT NULL,
    broker_time       timestamptz NOT NULL,
    writer_id         text COLLATE "C" NOT NULL,
    target            text NOT NULL,
    definition        text NOT NULL,
    snapshot_id       text COLLATE "C",
    job_folder        text,
    respond_within_s  double precision NOT NULL,
    PRIMARY KEY (workspace, run_id, "offset")
);

-- Who wanted a run to end.
CREATE TABLE state.cancels (
    workspace    text COLLATE "C" NOT NULL,
    run_id       text COLLATE "C" NOT NULL,
    "offset"     bigint NOT NULL,
    writer_id    text COLLATE "C" NOT NULL,
    reason       text,
    occurred_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace, run_id, "offset")
);

-- The source code of an attempt; the first stays. `inline`: the bytes travelled in the event.
CREATE TABLE state.snapshots (
    workspace      text COLLATE "C" NOT NULL,
    run_id         text COLLATE "C" NOT NULL,
    attempt        integer NOT NULL,
    snapshot_id    text COLLATE "C" NOT NULL,
    sha256         text COLLATE "C" NOT NULL,
    size           bigint NOT NULL,
    files          bigint NOT NULL,
    content_bytes  bigint NOT NULL,
    directory      text,
    inline         boolean NOT NULL,
    writer_id      text COLLATE "C" NOT NULL,
    ordinal        bigint NOT NULL,
    "offset"       bigint NOT NULL,
    occurred_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace, run_id, attempt)
);
CREATE INDEX snapshots_by_id ON state.snapshots (workspace, snapshot_id);

-- Inputs and outputs of a run; of each (direction, name, dataset) the first stays. `definition` is JSON.
CREATE TABLE state.dataset_links (
    workspace        text COLLATE "C" NOT NULL,
    run_id           text COLLATE "C" NOT NULL,
    direction        text COLLATE "C" NOT NULL,
    name             text COLLATE "C" NOT NULL,
    dataset_id       text COLLATE "C" NOT NULL,
    dataset_name     text,
    dataset_version  bigint,
    mechanism        text,
    path_on_compute  text,
    definition       text NOT NULL,
    writer_id        text COLLATE "C" NOT NULL,
    ordinal          bigint NOT NULL,
    "offset"         bigint NOT NULL,
    PRIMARY KEY (workspace, run_id, direction, name, dataset_id)
);

-- Who asked for which secret; never its value.
CREATE TABLE state.secret_reads (
    workspace    text COLLATE "C" NOT NULL,
    run_id       text COLLATE "C" NOT NULL,
    "offset"     bigint NOT NULL,
    name         text NOT NULL,
    provider     text NOT NULL,
    found        boolean NOT NULL,
    writer_id    text COLLATE "C" NOT NULL,
    occurred_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace, run_id, "offset")
);

-- The last word of each writer on an experiment (P8). Fields: archived, deleted ('true', 'false'), archived_at
-- (microseconds since 1970), description, tag/<key>.
CREATE TABLE state.experiment_words (
    workspace   text COLLATE "C" NOT NULL,
    experiment  text COLLATE "C" NOT NULL,
    field       text COLLATE "C" NOT NULL,
    writer_id   text COLLATE "C" NOT NULL,
    ordinal     bigint NOT NULL,
    "offset"    bigint NOT NULL,
    value       text,
    removed     boolean NOT NULL,
    PRIMARY KEY (workspace, experiment, field, writer_id)
);

-- What has versions: models, datasets, environments, datastores. It exists from its first registration, and its versions
-- are 1 to next_version - 1.
CREATE TABLE state.assets (
    workspace     text COLLATE "C" NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    partition     integer NOT NULL,
    next_version  bigint NOT NULL,
    first_offset  bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace, kind, name)
);

-- Versions. `definition` is JSON: an asset's as it was said, a model's all that was registered but words and properties.
CREATE TABLE state.versions (
    workspace    text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    name         text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    "offset"     bigint NOT NULL,
    broker_time  timestamptz NOT NULL,
    writer_id    text COLLATE "C" NOT NULL,
    ordinal      bigint NOT NULL,
    created_at   timestamptz NOT NULL,
    run_id       text COLLATE "C",
    experiment   text COLLATE "C",
    definition   text NOT NULL,
    PRIMARY KEY (workspace, kind, name, version)
);
CREATE INDEX versions_of_run ON state.versions (workspace, kind, run_id) WHERE run_id IS NOT NULL;
CREATE INDEX versions_by_time ON state.versions (workspace, kind, broker_time DESC, name, version DESC);

-- Which version a registration got: a new one, or the latest again where the definition was the same.
CREATE TABLE state.registrations (
    workspace  text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    writer_id  text COLLATE "C" NOT NULL,
    ordinal    bigint NOT NULL,
    version    bigint NOT NULL,
    PRIMARY KEY (workspace, kind, name, writer_id, ordinal)
);

-- The last word of each writer on a version, or (version 0) on the asset itself (P8). Fields: description, deleted,
-- is_default ('true', 'false'), tag/<key>, and what ModelChanged says. Which asset is the default of its kind crosses
-- partitions: of all that say so, the one with the latest broker time.
CREATE TABLE state.asset_words (
    workspace    text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    name         text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    field        text COLLATE "C" NOT NULL,
    writer_id    text COLLATE "C" NOT NULL,
    ordinal      bigint NOT NULL,
    "offset"     bigint NOT NULL,
    broker_time  timestamptz NOT NULL,
    value        text,
    removed      boolean NOT NULL,
    PRIMARY KEY (workspace, kind, name, version, field, writer_id)
);
CREATE INDEX asset_words_by_field ON state.asset_words (workspace, kind, field, name);

-- The first value of a version's property, for ever.
CREATE TABLE state.asset_properties (
    workspace  text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    key        text COLLATE "C" NOT NULL,
    value      text,
    "offset"   bigint NOT NULL,
    writer_id  text COLLATE "C" NOT NULL,
    ordinal    bigint NOT NULL,
    PRIMARY KEY (workspace, kind, name, version, key)
);
CREATE INDEX asset_properties_by_key ON state.asset_properties (workspace, kind, key);

-- Text of logs, as it came, trimmed where part of it was seen before. Ordinals are bytes, both included; rows of a lane
-- never overlap.
CREATE TABLE state.logs (
    workspace      text COLLATE "C" NOT NULL,
    partition      integer NOT NULL,
    run_id         text COLLATE "C" NOT NULL,
    writer_id      text COLLATE "C" NOT NULL,
    name           text COLLATE "C" NOT NULL,
    first_ordinal  bigint NOT NULL,
    last_ordinal   bigint NOT NULL,
    "offset"       bigint NOT NULL,
    attempt        integer NOT NULL,
    broker_time    timestamptz NOT NULL,
    occurred_at    timestamptz NOT NULL,
    data           bytea NOT NULL,
    PRIMARY KEY (workspace, partition, run_id, writer_id, name, first_ordinal)
);
ALTER TABLE state.logs ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX logs_of_run ON state.logs (workspace, run_id, name, writer_id, first_ordinal);

-- The last sign of life of a writer of a run, by broker time. `ends`: the greatest last ordinal of each stream that it
-- ever said to have journaled, {"points": 17, ...}.
CREATE TABLE state.heartbeats (
    workspace    text COLLATE "C" NOT NULL,
    partition    integer NOT NULL,
    run_id       text COLLATE "C" NOT NULL,
    writer_id    text COLLATE "C" NOT NULL,
    broker_time  timestamptz NOT NULL,
    occurred_at  timestamptz NOT NULL,
    ttl_s        double precision NOT NULL,
    ends         jsonb NOT NULL,
    PRIMARY KEY (workspace, partition, run_id, writer_id)
) WITH (fillfactor = 60);
CREATE INDEX heartbeats_of_run ON state.heartbeats (workspace, run_id);

-- The status of a run is its latest attempt's: the terminal one, else the last word, else NotStarted.
CREATE OR REPLACE VIEW state.run_status AS
SELECT
    runs.workspace,
    runs.run_id,
    runs.attempt,
    coalesce(attempts.terminal_status, attempts.status, 'NotStarted') AS status,
    attempts.terminal_status IS NOT NULL AS terminal,
    attempts.started_at,
    attempts.ended_at
FROM state.runs
LEFT JOIN state.attempts USING (workspace, run_id, attempt);

-- Per lane of a run, over all partitions: what was seen, declared lost, closed, and by heartbeats marked as journaled.
CREATE VIEW state.run_lanes AS
SELECT
    workspace,
    run_id,
    writer_id,
    stream,
    coalesce(range_agg(seen), '{}') AS seen,
    coalesce(range_agg(declared), '{}') AS declared,
    max(closed) AS closed,
    coalesce(max(marked), 0) AS marked
FROM (
    SELECT
        workspace,
        aggregate_id AS run_id,
        writer_id,
        stream,
        seen,
        NULL::int8multirange AS declared,
        NULL::bigint AS closed,
        NULL::bigint AS marked
    FROM state.lanes
    WHERE topic_kind IN ('facts', 'telemetry') AND aggregate_kind = 'run'
    UNION ALL
    SELECT workspace, aggregate_id, writer_id, stream, NULL, declared, closed, NULL
    FROM state.claims
    WHERE aggregate_kind = 'run'
    UNION ALL
    SELECT workspace, run_id, writer_id, ends.stream, NULL, NULL, NULL, ends.last_ordinal::bigint
    FROM state.heartbeats
    CROSS JOIN LATERAL jsonb_each_text(heartbeats.ends) AS ends (stream, last_ordinal)
) AS told
GROUP BY workspace, run_id, writer_id, stream;

-- What is visible of an experiment: per field the last word, unless that took it away.
CREATE VIEW state.experiment_last_words AS
SELECT workspace, experiment, field, value, writer_id, ordinal, "offset"
FROM (
    SELECT DISTINCT ON (workspace, experiment, field) *
    FROM state.experiment_words
    ORDER BY workspace, experiment, field, "offset" DESC
) AS last_word
WHERE NOT removed;

-- What is visible of a version, or (version 0) of the asset itself.
CREATE VIEW state.asset_last_words AS
SELECT workspace, kind, name, version, field, value, writer_id, ordinal, "offset", broker_time
FROM (
    SELECT DISTINCT ON (workspace, kind, name, version, field) *
    FROM state.asset_words
    ORDER BY workspace, kind, name, version, field, "offset" DESC
) AS last_word
WHERE NOT removed;
