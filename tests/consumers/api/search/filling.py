"""Many runs at once, straight into Postgres, as their events would have been folded: set by set, no event is made.

Run `n` of an experiment has the id `run-<experiment>-<n>`. What is told of them:

    status               94 of 100 Completed, 5 Failed, 1 Running
    tag.team             vision, speech, text, tables, graphs: a fifth each
    tag.rare             on one of 1,000
    tag.t2, t3, ...      one of 20 values each
    property.commit      another one for each run
    property.p1, p2, ... one of 50 values each
    metric.m0, m1, ...   last, min and max at random from [0, 1) + n
"""

from __future__ import annotations

from typing import Any

import psycopg

from runfold_consumers.fold.series import series_id

WORKSPACE = "team-a"
_RUNS = """
CREATE TEMP TABLE filled AS
SELECT e AS e, n AS n, 'exp-' || to_char(e, 'FM000') AS experiment,
       'run-' || e || '-' || to_char(n, 'FM00000') AS run_id,
       md5(e || '/' || n) AS writer_id, (e * 7919 + n * 104729) % 1000 AS chance,
       timestamptz '2026-01-01 00:00Z' + (n * {experiments} + e) * interval '7 seconds' AS created_at
FROM generate_series(0, {experiments} - 1) AS e, generate_series(1, {runs}) AS n;

INSERT INTO state.experiments (workspace, experiment, partition, next_number, first_offset, created_at)
SELECT %(workspace)s, experiment, 0, {runs} + 1, 0, min(created_at) FROM filled GROUP BY experiment;

INSERT INTO state.enrollments (workspace, experiment, run_id, number, "offset")
SELECT %(workspace)s, experiment, run_id, n, n FROM filled;

INSERT INTO state.runs (workspace, run_id, partition, first_offset, started_offset, started_writer_id, experiment,
                        display_name, run_type, attempt, created_at, submitted_by)
SELECT %(workspace)s, run_id, 0, n, n, writer_id, experiment, 'digits ' || n, 'script', 0, created_at, 'ann'
FROM filled;

INSERT INTO state.writers (workspace, aggregate_kind, aggregate_id, writer_id, partition, rank, attempt, "offset",
                           outsider)
SELECT %(workspace)s, 'run', run_id, writer_id, 0, 0, 0, n, false FROM filled;

INSERT INTO state.attempts (workspace, run_id, attempt, first_offset, started_at, ended_at, terminal_status, status)
SELECT %(workspace)s, run_id, 0, n, created_at,
       CASE WHEN chance >= 10 THEN created_at + (60 + chance) * interval '1 s' END,
       CASE WHEN chance >= 60 THEN 'Completed' WHEN chance >= 10 THEN 'Failed' END,
       CASE WHEN chance < 10 THEN 'Running' END
FROM filled;

INSERT INTO state.heartbeats (workspace, partition, run_id, writer_id, broker_time, occurred_at, ttl_s, ends)
SELECT %(workspace)s, 0, run_id, writer_id, created_at, created_at, 120, '{{}}' FROM filled WHERE chance < 10;

INSERT INTO state.tags (workspace, run_id, key, writer_id, ordinal, "offset", value, removed)
SELECT %(workspace)s, run_id, 'team', writer_id, 1, n,
       (ARRAY['vision', 'speech', 'text', 'tables', 'graphs'])[n %% 5 + 1], false
FROM filled
UNION ALL
SELECT %(workspace)s, run_id, 'rare', writer_id, 2, n, 'yes', false FROM filled WHERE chance = 7
UNION ALL
SELECT %(workspace)s, run_id, 't' || t, writer_id, t + 2, n, 'value ' || (n * t + e) %% 20, false
FROM filled, generate_series(2, {tags}) AS t;

INSERT INTO state.properties (workspace, run_id, key, value, "offset", writer_id, ordinal)
SELECT %(workspace)s, run_id, 'commit', md5(run_id), n, writer_id, 1 FROM filled
UNION ALL
SELECT %(workspace)s, run_id, 'p' || p, 'value ' || (n * p + e) %% 50, n, writer_id, p
FROM filled, generate_series(1, {properties} - 1) AS p;
"""
_SERIES = """
INSERT INTO state.series (workspace, run_id, series_id, partition, writer_id, name, kinds, axes, points, nonfinite,
                          min, max, last_ordinal, last_kind, last_step, last_time, last_value, broker_time,
                          settled, settled_last, settled_min, settled_max)
SELECT %(workspace)s, run_id, %(series)s::uuid, 0, writer_id, %(name)s, 'double', 'step', 100, 0, low, high, 100,
       'double', 100, extract(epoch FROM created_at), value, created_at, chance >= 10,
       CASE WHEN chance >= 10 THEN value END, CASE WHEN chance >= 10 THEN low END, CASE WHEN chance >= 10 THEN high END
FROM (
    SELECT *, random() + %(number)s AS value, random() / 2 + %(number)s AS low, random() + 0.5 + %(number)s AS high
    FROM filled
) AS drawn
"""


def fill(conninfo: str, *, experiments: int, runs: int, tags: int, properties: int, metrics: int) -> None:
    """Makes them in the workspace team-a, and lets the planner know.

    Args:
        conninfo: of a migrated database.
        experiments: how many.
        runs: in each.
        tags: of each run, tag.rare aside.
        properties: of each run.
        metrics: of each run.
    """
    with psycopg.connect(conninfo) as connection:
        text = _RUNS.format(experiments=experiments, runs=runs, tags=tags, properties=properties)
        for part in text.split(";\n"):
            parameters: dict[str, Any] = {"workspace": WORKSPACE}
            if part.strip():
                connection.execute(part.encode(), parameters if "%(" in part else None)
        for number in range(metrics):
            name = f"m{number}"
            parameters = {"workspace": WORKSPACE, "series": series_id(name, None), "name": name, "number": number}
            connection.execute(_SERIES.encode(), parameters)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
