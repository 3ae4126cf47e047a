-- The whole of Runfold's schema as it stands after every migration (tests compare the two).
--
-- state     a pure fold of the log, with its positions: drop its content, fold again, same checksum
-- observed  what is seen of the world outside the log: lag, objects, dead letters, the cursor of published decisions
-- control   access tokens, audit of administration, applied migrations: backed up, never dropped
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
-- A key's runs, whatever their values: an index that held these would be touched whenever a tag changes.
CREATE INDEX tags_by_key ON state.tags (workspace, key, run_id);

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
CREATE INDEX properties_by_key ON state.properties (workspace, key, run_id);

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
    PRIMARY KEY (workspace, partition, run_id, writer_id, first_ordinal)
);
ALTER TABLE state.points ALTER COLUMN message SET STORAGE EXTERNAL;

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

-- What could not be folded: poison (malformed) or parked (of a schema that nobody knows yet).
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

-- Access tokens, hashed (SHA-256 of the secret). workspaces {'*'}: all.
CREATE TABLE control.access_tokens (
    access_token_id  text PRIMARY KEY,
    hash             bytea NOT NULL UNIQUE,
    principal        text NOT NULL,
    workspaces       text[] NOT NULL,
    scopes           text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'admin']),
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz,
    revoked_at       timestamptz
);

-- What administrators did.
CREATE TABLE control.audit (
    audit_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    principal  text NOT NULL,
    action     text NOT NULL,
    subject    text,
    detail     jsonb
);
