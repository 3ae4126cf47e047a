-- What the read side needs to go back, and to tell what came: corrections of properties, the second in which telemetry
-- came, what of it came lately; and who sent a dead letter again.

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

-- By second of broker time: the first offset of telemetry of which something was kept. So a moment becomes an offset.
CREATE TABLE state.telemetry_seconds (
    workspace     text COLLATE "C" NOT NULL,
    partition     integer NOT NULL,
    second        timestamptz NOT NULL,
    first_offset  bigint NOT NULL,
    PRIMARY KEY (workspace, partition, second)
);
INSERT INTO state.telemetry_seconds (workspace, partition, second, first_offset)
SELECT workspace, partition, date_trunc('second', broker_time), min("offset")
FROM (
    SELECT workspace, partition, broker_time, "offset" FROM state.points
    UNION ALL
    SELECT workspace, partition, broker_time, "offset" FROM state.logs
) AS kept
GROUP BY 1, 2, 3;

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

ALTER TABLE observed.dead_letters
    ADD COLUMN retried_at timestamptz,
    ADD COLUMN retried_by text;

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
