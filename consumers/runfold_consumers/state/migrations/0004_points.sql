-- Summaries of series, and points merged into chunks by series. What was folded before has no summaries yet: its rows
-- say so by `summarised`, and the state projector makes up for them, in small steps, beside its loop.

ALTER TABLE state.points ADD COLUMN summarised boolean NOT NULL DEFAULT false;
-- A run's points are asked for without their partition.
ALTER TABLE state.points
    DROP CONSTRAINT points_pkey,
    ADD PRIMARY KEY (workspace, run_id, partition, writer_id, first_ordinal);
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
    PRIMARY KEY (workspace, run_id, series_id, partition, writer_id)
) WITH (fillfactor = 70);
-- Of a writer: its run may have a thousand others, each with all the series. What changes is not in it.
CREATE INDEX series_by_writer ON state.series (workspace, run_id, writer_id);

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
