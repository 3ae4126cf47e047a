-- The whole of Runfold's schema as it stands after every migration (tests compare the two).
--
-- state     a pure fold of the log, with its positions: drop its content, fold again, same checksum
-- observed  what is seen of the world outside the log: lag, objects, dead letters, the cursor of published decisions
-- control   access tokens, roles, sessions, audit, applied migrations: backed up, never dropped
-- analysis  views for analysts, each of its own workspace alone
--
-- Every key starts with the workspace. Every table that a telemetry projector writes has its partition in the primary
-- key, so no row is shared between projectors. Text in keys is opaque, hence collated "C".

CREATE SCHEMA IF NOT EXISTS state;
CREATE SCHEMA IF NOT EXISTS observed;
CREATE SCHEMA IF NOT EXISTS control;

---------------------------------------------------------------------------------------------------------------- state

-- What has been folded: the next offset per topic and partition, and the last record folded, to be read back.
CREATE TABLE state.positions (
    workspace         text COLLATE "C" NOT NULL,
    topic             text COLLATE "C" NOT NULL,
    partition         integer NOT NULL,
    topic_id          text NOT NULL,
    next_offset       bigint NOT NULL,
    last_broker_time  timestamptz,
    last_digest       bytea,
    PRIMARY KEY (workspace, topic, partition)
);

-- Every fact and claim, with its decision: the timeline and the audit trail. The bytes of a plain repeat are not kept
-- again; what was skipped (dead letters) has neither event nor aggregate.
CREATE TABLE state.facts (
    workspace       text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    "offset"        bigint NOT NULL,
    broker_time     timestamptz NOT NULL,
    event           text,
    aggregate_kind  text COLLATE "C",
    aggregate_id    text COLLATE "C",
    writer_id       text COLLATE "C",
    ordinal         bigint,
    message         bytea,
    verdict         text NOT NULL,
    rule            text,
    PRIMARY KEY (workspace, partition, "offset")
);
-- What tells rows apart comes first: half the price of an insert is comparing keys.
CREATE INDEX facts_of_aggregate ON state.facts (aggregate_id, workspace, aggregate_kind, "offset");
CREATE INDEX facts_of_writer ON state.facts (writer_id, ordinal);
CREATE INDEX facts_not_accepted ON state.facts (workspace, partition, "offset") WHERE verdict <> 'accepted';

-- Why facts were refused, key by key; and what differs in a repeated fact (rule equivocation).
CREATE TABLE state.refusals (
    workspace       text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    "offset"        bigint NOT NULL,
    key             text COLLATE "C" NOT NULL,
    rule            text NOT NULL,
    aggregate_kind  text COLLATE "C" NOT NULL,
    aggregate_id    text COLLATE "C" NOT NULL,
    writer_id       text COLLATE "C" NOT NULL,
    ordinal         bigint NOT NULL,
    kept            text,
    refused         text,
    PRIMARY KEY (workspace, partition, "offset", key)
);
CREATE INDEX refusals_of_aggregate ON state.refusals (workspace, aggregate_kind, aggregate_id, "offset");

-- The set of ordinals seen per lane (P7); normally one range.
CREATE TABLE state.lanes (
    workspace       text COLLATE "C" NOT NULL,
    topic_kind      text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    stream          text COLLATE "C" NOT NULL,
    aggregate_kind  text COLLATE "C" NOT NULL,
    aggregate_id    text COLLATE "C" NOT NULL,
    writer_id       text COLLATE "C" NOT NULL,
    seen            int8multirange NOT NULL,
    PRIMARY KEY (workspace, topic_kind, partition, aggregate_kind, aggregate_id, writer_id, stream)
) WITH (fillfactor = 70);

-- Claims about lanes (P11): where they end, what of them is lost. `reason`: all reasons given, sorted, by commas.
CREATE TABLE state.claims (
    workspace       text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    stream          text COLLATE "C" NOT NULL,
    aggregate_kind  text COLLATE "C" NOT NULL,
    aggregate_id    text COLLATE "C" NOT NULL,
    writer_id       text COLLATE "C" NOT NULL,
    closed          bigint,
    declared        int8multirange NOT NULL,
    reason          text,
    PRIMARY KEY (workspace, partition, aggregate_kind, aggregate_id, writer_id, stream)
);

-- Who a writer claims to be about an aggregate. An outsider's facts are refused; its points are kept but not shown.
-- A row without "offset" is an outsider that never said who it is.
CREATE TABLE state.writers (
    workspace       text COLLATE "C" NOT NULL,
    aggregate_kind  text COLLATE "C" NOT NULL,
    aggregate_id    text COLLATE "C" NOT NULL,
    writer_id       text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    actor           text,
    host            text,
    pid             bigint,
    rank            integer,
    world_size      integer,
    attempt         integer,
    versions        jsonb,
    opened_at       timestamptz,
    "offset"        bigint,
    outsider        boolean NOT NULL,
    PRIMARY KEY (workspace, aggregate_kind, aggregate_id, writer_id)
);
CREATE INDEX writers_outside ON state.writers (workspace, aggregate_kind, aggregate_id, writer_id) WHERE outsider;

-- A run exists from its first fact; RunStarted fills it. `attempt` is the latest.
CREATE TABLE state.runs (
    workspace           text COLLATE "C" NOT NULL,
    run_id              text COLLATE "C" NOT NULL,
    partition           integer NOT NULL,
    first_offset        bigint NOT NULL,
    started_offset      bigint,
    started_writer_id   text COLLATE "C",
    experiment          text COLLATE "C",
    parent_run_id       text COLLATE "C",
    run_type            text,
    target              text,
    display_name        text,
    snapshot_directory  text,
    outputs             text,
    attempt             integer NOT NULL,
    created_at          timestamptz NOT NULL,
    submitted_by        text,
    PRIMARY KEY (workspace, run_id)
);
CREATE INDEX runs_of_experiment ON state.runs (workspace, experiment, created_at);
CREATE INDEX runs_of_parent ON state.runs (workspace, parent_run_id) WHERE parent_run_id IS NOT NULL;
CREATE INDEX runs_by_time ON state.runs (workspace, created_at);
CREATE INDEX runs_on_top ON state.runs (workspace, created_at) WHERE parent_run_id IS NULL;
-- Targets longer than any that is one are left out: an index entry has at most 2,704 bytes.
CREATE INDEX runs_of_target ON state.runs (workspace, target, created_at) WHERE octet_length(target) <= 1024;

-- A start of the job. A terminal status is final within it; `status` is the last word as long as there is none.
CREATE TABLE state.attempts (
    workspace           text COLLATE "C" NOT NULL,
    run_id              text COLLATE "C" NOT NULL,
    attempt             integer NOT NULL,
    first_offset        bigint NOT NULL,
    started_at          timestamptz,
    ended_at            timestamptz,
    terminal_status     text,
    terminal_offset     bigint,
    terminal_writer_id  text COLLATE "C",
    terminal_ordinal    bigint,
    status              text,
    PRIMARY KEY (workspace, run_id, attempt)
);
-- Those that have not ended: whom the watchdog looks after.
CREATE INDEX attempts_open ON state.attempts (workspace, run_id) WHERE terminal_status IS NULL;
CREATE INDEX attempts_ended ON state.attempts (workspace, terminal_status) WHERE terminal_status IS NOT NULL;

-- The last word of each writer on an attempt's status, as long as it is not terminal (P8).
CREATE TABLE state.statuses (
    workspace    text COLLATE "C" NOT NULL,
    run_id       text COLLATE "C" NOT NULL,
    attempt      integer NOT NULL,
    writer_id    text COLLATE "C" NOT NULL,
    ordinal      bigint NOT NULL,
    "offset"     bigint NOT NULL,
    status       text NOT NULL,
    reason       text,
    occurred_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace, run_id, attempt, writer_id)
) WITH (fillfactor = 80);

-- The last word of each writer on a tag (P8); `state.run_tags` shows what is visible. Room is left on its pages, as on those
-- of lanes: a tag that changes then touches no index.
CREATE TABLE state.tags (
    workspace  text COLLATE "C" NOT NULL,
    run_id     text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    writer_id  text COLLATE "C" NOT NULL,
    ordinal    bigint NOT NULL,
    "offset"   bigint NOT NULL,
    value      text,
    removed    boolean NOT NULL,
    PRIMARY KEY (workspace, run_id, key, writer_id)
) WITH (fillfactor = 60);
-- A key's values, as far as an index entry has room for them. Values of many runs are few, so entries fold into lists.
CREATE INDEX tags_by_value ON state.tags (workspace, key, (left(value, 64) COLLATE "C"));
-- How often a key has a value: neither tells it alone.
CREATE STATISTICS state.tags_of_keys (mcv) ON key, (left(value, 64) COLLATE "C") FROM state.tags;

-- The last word of each writer on display_name and description (P8).
CREATE TABLE state.descriptions (
    workspace  text COLLATE "C" NOT NULL,
    run_id     text COLLATE "C" NOT NULL,
    field      text COLLATE "C" NOT NULL,
    writer_id  text COLLATE "C" NOT NULL,
    ordinal    bigint NOT NULL,
    "offset"   bigint NOT NULL,
    value      text NOT NULL,
    PRIMARY KEY (workspace, run_id, field, writer_id)
);

-- The first value of a property, for ever.
CREATE TABLE state.properties (
    workspace  text COLLATE "C" NOT NULL,
    run_id     text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    value      text,
    "offset"   bigint NOT NULL,
    writer_id  text COLLATE "C" NOT NULL,
    ordinal    bigint NOT NULL,
    PRIMARY KEY (workspace, run_id, key)
);
CREATE INDEX properties_by_value ON state.properties (workspace, key, (left(value, 64) COLLATE "C"));
CREATE STATISTICS state.properties_of_keys (mcv) ON key, (left(value, 64) COLLATE "C") FROM state.properties;

-- A property that was wrong, with what it should have been and why; all that was said. The property stays as it is.
CREATE TABLE state.corrections (
    workspace    text COLLATE "C" NOT NULL,
    run_id       text COLLATE "C" NOT NULL,
    "offset"     bigint NOT NULL,
    key          text COLLATE "C" NOT NULL,
    value        text,
    reason       text NOT NULL,
    writer_id    text COLLATE "C" NOT NULL,
    ordinal      bigint NOT NULL,
    occurred_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace, run_id, "offset")
);

-- Files, images and charts. `name` is what was said, `path` where it stands: an image or chart that is logged again
-- under its name gets `<name>@<ordinal>`. `inline`: the bytes travelled in the event.
CREATE TABLE state.artifacts (
    workspace     text COLLATE "C" NOT NULL,
    run_id        text COLLATE "C" NOT NULL,
    attempt       integer NOT NULL,
    path          text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    sha256        text COLLATE "C" NOT NULL,
    size          bigint NOT NULL,
    media_type    text,
    part_digests  text[] NOT NULL,
    inline        boolean NOT NULL,
    metric_name   text,
    metric_type   text,
    writer_id     text COLLATE "C" NOT NULL,
    ordinal       bigint NOT NULL,
    "offset"      bigint NOT NULL,
    occurred_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace, run_id, attempt, path)
);

-- Why an attempt failed; all that was said.
CREATE TABLE state.errors (
    workspace    text COLLATE "C" NOT NULL,
    run_id       text COLLATE "C" NOT NULL,
    attempt      integer NOT NULL,
    "offset"     bigint NOT NULL,
    code         text NOT NULL,
    message      text,
    details_uri  text,
    PRIMARY KEY (workspace, run_id, attempt, "offset")
);

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

-- Experiments, from the first fact about each, and the numbers that runs got which enrolled.
CREATE TABLE state.experiments (
    workspace     text COLLATE "C" NOT NULL,
    experiment    text COLLATE "C" NOT NULL,
    partition     integer NOT NULL,
    next_number   bigint NOT NULL,
    first_offset  bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace, experiment)
);
CREATE TABLE state.enrollments (
    workspace   text COLLATE "C" NOT NULL,
    experiment  text COLLATE "C" NOT NULL,
    run_id      text COLLATE "C" NOT NULL,
    number      bigint NOT NULL,
    "offset"    bigint NOT NULL,
    PRIMARY KEY (workspace, experiment, run_id)
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

-- Points, L0: one framed MetricLogged as it came, trimmed where part of it was seen before. Rows of a lane never overlap.
-- Later they are merged into chunks.
CREATE TABLE state.points (
    workspace      text COLLATE "C" NOT NULL,
    partition      integer NOT NULL,
    run_id         text COLLATE "C" NOT NULL,
    writer_id      text COLLATE "C" NOT NULL,
    first_ordinal  bigint NOT NULL,
    last_ordinal   bigint NOT NULL,
    "offset"       bigint NOT NULL,
    broker_time    timestamptz NOT NULL,
    message        bytea NOT NULL,
    summarised     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace, run_id, partition, writer_id, first_ordinal)
);
ALTER TABLE state.points ALTER COLUMN message SET STORAGE EXTERNAL;
-- Rows of before there were summaries.
CREATE INDEX points_unsummarised ON state.points (workspace, partition, "offset") WHERE NOT summarised;

-- A series of a writer in a run: how many points it has, between which values, and the one of the greatest ordinal.
-- `series_id`: of name and column, short enough for an index. `kinds` and `axes`: all there were, sorted, by commas.
-- `points`: all of them; `nonfinite`: NaN and infinities, which are neither `min` nor `max`. Texts and big integers have
-- a `last_text`, cut, and no numbers; nulls have neither. `broker_time`: of the event that last brought a point.
CREATE TABLE state.series (
    workspace     text COLLATE "C" NOT NULL,
    run_id        text COLLATE "C" NOT NULL,
    series_id     uuid NOT NULL,
    partition     integer NOT NULL,
    writer_id     text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    column_name   text COLLATE "C",
    kinds         text COLLATE "C" NOT NULL,
    axes          text COLLATE "C" NOT NULL,
    points        bigint NOT NULL,
    nonfinite     bigint NOT NULL,
    min           double precision,
    max           double precision,
    last_ordinal  bigint NOT NULL,
    last_kind     text NOT NULL,
    last_step     bigint NOT NULL,
    last_time     double precision NOT NULL,
    last_value    double precision,
    last_text     text,
    broker_time   timestamptz NOT NULL,
    settled       boolean NOT NULL DEFAULT false,
    settled_last  double precision,
    settled_min   double precision,
    settled_max   double precision,
    PRIMARY KEY (workspace, run_id, series_id, partition, writer_id)
) WITH (fillfactor = 70);
-- Search. A series is settled when nothing came for a while (state/settling.py); the next point unsettles it: an index over
-- what changes with every point would make each touch all indexes. `settled_last` is no NaN.
-- Of a writer: its run may have a thousand others, each with all the series. What changes is not in it.
CREATE INDEX series_by_writer ON state.series (workspace, run_id, writer_id);
CREATE INDEX series_unsettled ON state.series (workspace, series_id) WHERE NOT settled;
CREATE INDEX series_by_last ON state.series (workspace, series_id, settled_last) WHERE settled;
CREATE INDEX series_by_min ON state.series (workspace, series_id, settled_min) WHERE settled;
CREATE INDEX series_by_max ON state.series (workspace, series_id, settled_max) WHERE settled;
CREATE INDEX series_by_name ON state.series (workspace, name, column_name);

-- Points, merged: up to 8,192 of one series of a writer in ordinal order, column by column, as `state/chunks.py` encodes
-- them. `sources`: which of them came by which offset, and when. A point stands here or in state.points, never in both.
-- All chunks of one merge bear its first ordinal, `merged_first`.
CREATE TABLE state.chunks (
    workspace      text COLLATE "C" NOT NULL,
    run_id         text COLLATE "C" NOT NULL,
    partition      integer NOT NULL,
    writer_id      text COLLATE "C" NOT NULL,
    series_id      uuid NOT NULL,
    first_ordinal  bigint NOT NULL,
    last_ordinal   bigint NOT NULL,
    merged_first   bigint NOT NULL,
    first_offset   bigint NOT NULL,
    last_offset    bigint NOT NULL,
    points         integer NOT NULL,
    name           text COLLATE "C" NOT NULL,
    column_name    text COLLATE "C",
    kind           text NOT NULL,
    axis           text NOT NULL,
    ordinals       bytea NOT NULL,
    steps          bytea NOT NULL,
    times          bytea NOT NULL,
    numbers        bytea NOT NULL,
    texts          bytea,
    sources        bytea NOT NULL,
    PRIMARY KEY (workspace, run_id, partition, writer_id, series_id, first_ordinal)
);
ALTER TABLE state.chunks
    ALTER COLUMN ordinals SET STORAGE EXTERNAL,
    ALTER COLUMN steps SET STORAGE EXTERNAL,
    ALTER COLUMN times SET STORAGE EXTERNAL,
    ALTER COLUMN numbers SET STORAGE EXTERNAL,
    ALTER COLUMN sources SET STORAGE EXTERNAL;

-- Rows of points come to be merged away, and small chunks to be merged with others: their room is to be used again soon, not
-- when a fifth of the table is dead. No row is changed in place, so pages are filled. A vacuum because rows came would
-- find nothing: most go before anybody needs to know which pages are all visible.
ALTER TABLE state.points SET (
    autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_threshold = -1, toast.autovacuum_vacuum_insert_threshold = -1
);
ALTER TABLE state.chunks SET (autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_scale_factor = 0.02);

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

-- By second of broker time: the first offset of telemetry of which something was kept. So a moment becomes an offset.
CREATE TABLE state.telemetry_seconds (
    workspace     text COLLATE "C" NOT NULL,
    partition     integer NOT NULL,
    second        timestamptz NOT NULL,
    first_offset  bigint NOT NULL,
    PRIMARY KEY (workspace, partition, second)
);

-- Visible tags: of each writer's last word the one with the greatest offset, unless that removed the tag.
CREATE VIEW state.run_tags AS
SELECT workspace, run_id, key, value, writer_id, ordinal, "offset"
FROM (
    SELECT DISTINCT ON (workspace, run_id, key) *
    FROM state.tags
    ORDER BY workspace, run_id, key, "offset" DESC
) AS last_word
WHERE NOT removed;

-- Visible label and description; RunStarted's display name where nobody described the run since.
CREATE VIEW state.run_descriptions AS
SELECT DISTINCT ON (workspace, run_id, field) workspace, run_id, field, value, writer_id, ordinal, "offset"
FROM state.descriptions
ORDER BY workspace, run_id, field, "offset" DESC;

-- The status of a run is its latest attempt's: the terminal one, else the last word, else NotStarted.
CREATE VIEW state.run_status AS
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

-- What is known of each metric of a run, over all writers but outsiders. The one place that says which value is the last:
-- that of the latest attempt, then of the latest time, then of the greatest rank and writer (api/search/deciding.py asks for
-- the same row without reading the others). Filters on workspace, run, series, name and column reach the table.
CREATE VIEW state.run_metrics AS
SELECT
    workspace,
    run_id,
    series_id,
    name,
    column_name,
    sum(points)::bigint AS points,
    sum(nonfinite)::bigint AS nonfinite,
    min(min) AS min,
    max(max) AS max,
    count(DISTINCT writer_id)::bigint AS writers,
    string_agg(DISTINCT kinds, ',') AS kinds,
    string_agg(DISTINCT axes, ',') AS axes,
    max(last_time) AS latest_time,
    min(last_kind) FILTER (WHERE place = 1) AS last_kind,
    min(last_step) FILTER (WHERE place = 1) AS last_step,
    min(last_time) FILTER (WHERE place = 1) AS last_time,
    min(last_value) FILTER (WHERE place = 1) AS last_value,
    min(last_text) FILTER (WHERE place = 1) AS last_text
FROM (
    SELECT
        series.*,
        row_number() OVER (
            PARTITION BY series.workspace, series.run_id, series.series_id, series.name, series.column_name
            ORDER BY coalesce(writers.attempt, 0) DESC, series.last_time DESC, coalesce(writers.rank, -1) DESC,
                     series.writer_id DESC, series.partition DESC
        ) AS place
    FROM state.series
    LEFT JOIN state.writers
        ON writers.workspace = series.workspace
        AND writers.aggregate_kind = 'run'
        AND writers.aggregate_id = series.run_id
        AND writers.writer_id = series.writer_id
    WHERE NOT coalesce(writers.outsider, false)
) AS told
GROUP BY workspace, run_id, series_id, name, column_name;

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

------------------------------------------------------------------------------------------------------------- observed

-- Positions of the artifact projector; same shape as state.positions.
CREATE TABLE observed.positions (
    workspace         text COLLATE "C" NOT NULL,
    topic             text COLLATE "C" NOT NULL,
    partition         integer NOT NULL,
    topic_id          text NOT NULL,
    next_offset       bigint NOT NULL,
    last_broker_time  timestamptz,
    last_digest       bytea,
    PRIMARY KEY (workspace, topic, partition)
);

-- Up to where decisions about the topic of that id were published.
CREATE TABLE observed.published (
    workspace    text COLLATE "C" NOT NULL,
    topic        text COLLATE "C" NOT NULL,
    partition    integer NOT NULL,
    next_offset  bigint NOT NULL,
    topic_id     text NOT NULL,
    PRIMARY KEY (workspace, topic, partition)
);

-- What could not be folded: poison (malformed) or parked (of a schema that nobody knows yet); and who sent it again.
CREATE TABLE observed.dead_letters (
    workspace    text COLLATE "C" NOT NULL,
    topic        text COLLATE "C" NOT NULL,
    partition    integer NOT NULL,
    "offset"     bigint NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('poison', 'parked')),
    reason       text NOT NULL,
    key          bytea,
    value        bytea,
    broker_time  timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    retried_at   timestamptz,
    retried_by   text,
    PRIMARY KEY (workspace, topic, partition, "offset")
);

-- What the artifact projector found in object storage; `size` is what the event said.
CREATE TABLE observed.objects (
    workspace     text COLLATE "C" NOT NULL,
    run_id        text COLLATE "C" NOT NULL,
    sha256        text COLLATE "C" NOT NULL,
    size          bigint NOT NULL,
    availability  text NOT NULL CHECK (availability IN ('available', 'missing', 'mismatched')),
    detail        text,
    checked_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace, run_id, sha256)
);
CREATE INDEX objects_missing ON observed.objects (checked_at) WHERE availability = 'missing';

-- Which runs got telemetry lately, a row for each batch and partition: live viewers are told from it. `kinds` and
-- `last_offsets` go with `run_ids`: points, logs or heartbeat, and the last offset at which it came. Old rows are dropped.
CREATE TABLE observed.telemetry_changes (
    workspace     text COLLATE "C" NOT NULL,
    partition     integer NOT NULL,
    first_offset  bigint NOT NULL,
    next_offset   bigint NOT NULL,
    run_ids       text[] NOT NULL,
    kinds         text[] NOT NULL,
    last_offsets  bigint[] NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace, partition, first_offset)
);

-- How far each projector is behind the log's end, as it last saw it.
CREATE TABLE observed.lag (
    projector         text COLLATE "C" NOT NULL,
    workspace         text COLLATE "C" NOT NULL,
    topic             text COLLATE "C" NOT NULL,
    partition         integer NOT NULL,
    next_offset       bigint NOT NULL,
    end_offset        bigint NOT NULL,
    last_broker_time  timestamptz,
    observed_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace, projector, topic, partition)
);

-------------------------------------------------------------------------------------------------------------- control

-- Access tokens, hashed (SHA-256 of the secret). workspaces {'*'}: all. Who made and ended each, and, to the ten minutes,
-- when it last let somebody in.
CREATE TABLE control.access_tokens (
    access_token_id  text PRIMARY KEY,
    hash             bytea NOT NULL UNIQUE,
    principal        text NOT NULL,
    workspaces       text[] NOT NULL,
    scopes           text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'admin']),
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz,
    revoked_at       timestamptz,
    created_by       text,
    revoked_by       text,
    last_used_at     timestamptz
);
CREATE INDEX access_tokens_in_force ON control.access_tokens (created_at, access_token_id) WHERE revoked_at IS NULL;

-- What those who sign on by the provider may do: a subject, a verified address, `group:<name>` or `*` (whoever signs on),
-- in a workspace or `*` (all).
CREATE TABLE control.roles (
    workspace   text COLLATE "C" NOT NULL,
    principal   text COLLATE "C" NOT NULL,
    scopes      text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'admin'] AND scopes <> '{}'),
    changed_at  timestamptz NOT NULL DEFAULT now(),
    changed_by  text NOT NULL,
    PRIMARY KEY (workspace, principal)
);
CREATE INDEX roles_of_principal ON control.roles (principal);

-- Who is signed in at the page. The cookie's secret is kept as SHA-256. Either an access token stands behind it, and the
-- session is worth what that is, or what the provider said at sign-on: subject, verified address, groups.
CREATE TABLE control.sessions (
    session_id       text PRIMARY KEY,
    hash             bytea NOT NULL UNIQUE,
    principal        text NOT NULL,
    access_token_id  text REFERENCES control.access_tokens,
    subject          text,
    email            text,
    groups           text[] NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_seen_at     timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    ended_at         timestamptz
);
CREATE INDEX sessions_by_end ON control.sessions (expires_at);

-- Sign-ons that were begun: what must come back from the provider, for ten minutes and once.
CREATE TABLE control.sign_ons (
    state_hash     bytea PRIMARY KEY,
    browser_hash   bytea NOT NULL,
    nonce          text NOT NULL,
    code_verifier  text NOT NULL,
    return_to      text NOT NULL,
    begun_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_ons_by_time ON control.sign_ons (begun_at);

-- The login role of a workspace's analysts; the API alone knows its password.
CREATE TABLE control.sql_roles (
    workspace  text COLLATE "C" PRIMARY KEY,
    role_name  text COLLATE "C" NOT NULL UNIQUE,
    password   text NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now()
);

-- What administrators did, and where it is switched on what was read; from where, and by what right: `access-token <id>`,
-- `session <id>` or `command`.
CREATE TABLE control.audit (
    audit_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    principal  text NOT NULL,
    action     text NOT NULL,
    subject    text,
    detail     jsonb,
    workspace  text COLLATE "C",
    address    text,
    via        text
);
CREATE INDEX audit_of_workspace ON control.audit (workspace, audit_id);

------------------------------------------------------------------------------------------------------------- analysis

CREATE SCHEMA IF NOT EXISTS analysis;
COMMENT ON SCHEMA analysis IS
    'Version 1: views for analysts, by POST /sql. Columns are added at the end, never renamed, retyped or removed.';

-- The workspace of whoever logged in. By session_user: no SET ROLE, no setting, no definer's right changes that.
CREATE FUNCTION analysis.own_workspace() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE COST 100 SET search_path = pg_catalog, pg_temp
    AS 'BEGIN RETURN (SELECT workspace FROM control.sql_roles WHERE role_name = session_user); END';
REVOKE ALL ON FUNCTION analysis.own_workspace() FROM PUBLIC;
COMMENT ON FUNCTION analysis.own_workspace() IS 'The workspace that this session sees.';

-- True, or an error: no row of an answer is so large that whoever reads it runs out of memory.
CREATE FUNCTION analysis.fits(asked record, bytes_max bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 SET search_path = pg_catalog, pg_temp
    AS 'DECLARE size bigint := pg_column_size(asked);
    BEGIN
        IF size <= bytes_max THEN  -- as text, as it is sent: an array of nulls or 1e100000 is small only as it is stored
            size := octet_length(asked::text);
        END IF;
        IF size > bytes_max THEN
            RAISE EXCEPTION USING ERRCODE = ''program_limit_exceeded'',
                MESSAGE = format(''a row of the answer has %s bytes, %s are allowed'', size, bytes_max),
                HINT = ''Take fewer columns, or cut long texts by left(text, 1000).'';
        END IF;
        RETURN true;
    END';
REVOKE ALL ON FUNCTION analysis.fits(record, bigint) FROM PUBLIC;

CREATE VIEW analysis.runs WITH (security_barrier) AS
SELECT
    runs.run_id,
    runs.experiment,
    enrollments.number,
    coalesce(label.value, runs.display_name) AS name,
    runs.parent_run_id,
    runs.run_type AS type,
    runs.target,
    run_status.status,
    run_status.terminal,
    runs.attempt,
    runs.created_at,
    run_status.started_at,
    run_status.ended_at,
    extract(epoch FROM run_status.ended_at - run_status.started_at)::double precision AS duration_s,
    runs.submitted_by
FROM state.runs
JOIN state.run_status USING (workspace, run_id)
LEFT JOIN state.enrollments USING (workspace, experiment, run_id)
LEFT JOIN state.run_descriptions AS label
    ON label.workspace = runs.workspace AND label.run_id = runs.run_id AND label.field = 'display_name'
WHERE runs.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.runs IS 'Runs; status and times are those of the latest attempt.';
COMMENT ON COLUMN analysis.runs.number IS 'Its number in the experiment; null until folded, holes are possible.';
COMMENT ON COLUMN analysis.runs.name IS 'Display name.';
COMMENT ON COLUMN analysis.runs.terminal IS 'The status is final within the attempt.';
COMMENT ON COLUMN analysis.runs.attempt IS 'The latest start of the job.';
COMMENT ON COLUMN analysis.runs.duration_s IS 'Seconds from start to end of the latest attempt; null while it runs.';

CREATE VIEW analysis.statuses WITH (security_barrier) AS
SELECT
    attempts.run_id,
    attempts.attempt,
    coalesce(attempts.terminal_status, attempts.status, 'NotStarted') AS status,
    attempts.terminal_status IS NOT NULL AS terminal,
    attempts.started_at,
    attempts.ended_at
FROM state.attempts
WHERE attempts.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.statuses IS 'The status of each attempt of a run.';

CREATE VIEW analysis.tags WITH (security_barrier) AS
SELECT run_id, key, value, "offset", writer_id
FROM state.run_tags
WHERE workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.tags IS 'Visible tags of runs: the last word on each key.';
COMMENT ON COLUMN analysis.tags."offset" IS 'Of the fact that said it, in its facts partition.';

CREATE VIEW analysis.properties WITH (security_barrier) AS
SELECT run_id, key, value, "offset", writer_id
FROM state.properties
WHERE workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.properties IS 'Properties of runs: the first value of each key, for ever.';

CREATE VIEW analysis.metrics WITH (security_barrier) AS
SELECT
    run_id,
    name,
    column_name,
    points,
    nonfinite,
    min,
    max,
    last_value AS last,
    last_text,
    last_step,
    to_timestamp(latest_time) AS last_at,
    writers
FROM state.run_metrics
WHERE workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.metrics IS 'A summary of each metric of a run, over all its writers and attempts.';
COMMENT ON COLUMN analysis.metrics.column_name IS 'Of a table or row; null for a plain metric.';
COMMENT ON COLUMN analysis.metrics.nonfinite IS 'Points that are NaN or infinite: in no minimum, no maximum.';
COMMENT ON COLUMN analysis.metrics.last IS 'Value of the last point, of the latest attempt; null where it is a text or null.';
COMMENT ON COLUMN analysis.metrics.last_text IS 'Value of the last point where it is a text, cut.';

CREATE VIEW analysis.artifacts WITH (security_barrier) AS
SELECT
    artifacts.run_id,
    artifacts.attempt,
    artifacts.path,
    artifacts.name,
    artifacts.sha256,
    artifacts.size,
    artifacts.media_type,
    artifacts.metric_name,
    artifacts.metric_type,
    coalesce(objects.availability, 'pending') AS availability,
    artifacts.occurred_at
FROM state.artifacts
LEFT JOIN observed.objects USING (workspace, run_id, sha256)
WHERE artifacts.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.artifacts IS 'Files, images and charts of runs; `size` in bytes.';
COMMENT ON COLUMN analysis.artifacts.availability IS 'pending (not looked at yet), available, missing or mismatched.';

CREATE VIEW analysis.experiments WITH (security_barrier) AS
SELECT
    experiments.experiment AS name,
    experiments.created_at,
    coalesce(archived.value = 'true', false) AS archived,
    about.value AS description
FROM state.experiments
LEFT JOIN state.experiment_last_words AS archived
    ON archived.workspace = experiments.workspace AND archived.experiment = experiments.experiment
    AND archived.field = 'archived'
LEFT JOIN state.experiment_last_words AS about
    ON about.workspace = experiments.workspace AND about.experiment = experiments.experiment
    AND about.field = 'description'
WHERE experiments.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.experiments IS 'Experiments of which a fact of their own tells.';

CREATE VIEW analysis.events WITH (security_barrier) AS
SELECT
    facts.partition,
    facts."offset",
    facts.broker_time,
    facts.event,
    facts.aggregate_kind,
    facts.aggregate_id,
    CASE WHEN facts.aggregate_kind = 'run' THEN facts.aggregate_id END AS run_id,
    facts.writer_id,
    facts.ordinal,
    facts.verdict,
    facts.rule
FROM state.facts
WHERE facts.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.events IS 'Every fact and claim in the order of its facts partition, with its decision.';
COMMENT ON COLUMN analysis.events.verdict IS 'accepted, refused, repeated, conflicting or skipped.';

CREATE VIEW analysis.decisions WITH (security_barrier) AS
SELECT
    facts.partition,
    facts."offset",
    facts.broker_time,
    facts.event,
    facts.aggregate_kind,
    facts.aggregate_id,
    CASE WHEN facts.aggregate_kind = 'run' THEN facts.aggregate_id END AS run_id,
    facts.writer_id,
    facts.ordinal,
    facts.verdict,
    coalesce(refusals.rule, facts.rule) AS rule,
    refusals.key,
    refusals.kept,
    refusals.refused
FROM state.facts
LEFT JOIN state.refusals USING (workspace, partition, "offset")
WHERE facts.workspace = analysis.own_workspace() AND facts.verdict <> 'accepted';
COMMENT ON VIEW analysis.decisions IS 'Facts that were not plainly accepted: a row for each key that was refused.';
COMMENT ON COLUMN analysis.decisions.kept IS 'The value that stands.';

-- What was stated by requests that bear an idempotency key, so that the same request again states nothing. `prepared`:
-- what it chose before it spoke, such as a run id; `stated`: writer and ordinals.
CREATE TABLE control.stated (
    workspace  text COLLATE "C" NOT NULL,
    principal  text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    digest     text NOT NULL,
    prepared   text,
    stated     jsonb,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace, principal, key)
);
