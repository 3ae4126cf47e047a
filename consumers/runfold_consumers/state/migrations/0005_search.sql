-- Search: indexes that hold values. What changes often is indexed where it has come to rest alone, since an index over
-- what changes makes each change touch all indexes of its table (measured: 11 us a series and poll without, 24 us with,
-- 13 us so).

-- A series is settled when nothing came for a while (state/settling.py); the next point unsettles it. `settled_last` is
-- no NaN: what is none is neither found nor sorted by value.
ALTER TABLE state.series
    ADD COLUMN settled boolean NOT NULL DEFAULT false,
    ADD COLUMN settled_last double precision,
    ADD COLUMN settled_min double precision,
    ADD COLUMN settled_max double precision;
CREATE INDEX series_unsettled ON state.series (workspace, series_id) WHERE NOT settled;
CREATE INDEX series_by_last ON state.series (workspace, series_id, settled_last) WHERE settled;
CREATE INDEX series_by_min ON state.series (workspace, series_id, settled_min) WHERE settled;
CREATE INDEX series_by_max ON state.series (workspace, series_id, settled_max) WHERE settled;
CREATE INDEX series_by_name ON state.series (workspace, name, column_name);

-- A key's values, as far as an index entry has room for them. Values of many runs are few, so entries fold into lists. In
-- place of an index by key alone; where nine facts of ten change a tag (bench/facts_fold.py) it costs Postgres 6 us a fact,
-- 30 instead of 24.
DROP INDEX state.tags_by_key;
DROP INDEX state.properties_by_key;
CREATE INDEX tags_by_value ON state.tags (workspace, key, (left(value, 64) COLLATE "C"));
CREATE INDEX properties_by_value ON state.properties (workspace, key, (left(value, 64) COLLATE "C"));
-- How often a key has a value: neither tells it alone.
CREATE STATISTICS state.tags_of_keys (mcv) ON key, (left(value, 64) COLLATE "C") FROM state.tags;
CREATE STATISTICS state.properties_of_keys (mcv) ON key, (left(value, 64) COLLATE "C") FROM state.properties;

CREATE INDEX attempts_ended ON state.attempts (workspace, terminal_status) WHERE terminal_status IS NOT NULL;
CREATE INDEX runs_on_top ON state.runs (workspace, created_at) WHERE parent_run_id IS NULL;
CREATE INDEX writers_outside ON state.writers (workspace, aggregate_kind, aggregate_id, writer_id) WHERE outsider;
