"""Search over 100,000 runs, asked of the API over HTTP, beside its limit; and beside MLflow's `search_runs`.

    python -m bench.search [--peer[=PYTHON]] [--big]

Needs RUNFOLD_POSTGRES, RUNFOLD_S3_ADDRESS, RUNFOLD_S3_KEY and RUNFOLD_S3_SECRET, as the tests do.
Makes a database of its own, fills it set by set (tests/consumers/api/search/filling.py) and drops it.
--peer  installs MLflow into a virtual environment of its own in a temporary folder, lets it make its tables in the same
        database, copies the same runs, tags, properties (as params) and metrics there, and asks it the same by its
        client straight on the database, without any server between: a page of 50 runs as ours is, not counted.
        With PYTHON, an interpreter that has mlflow and psycopg2, nothing is installed.
--big   50 experiments x 1,500 runs x 150 properties x 50 tags x 20 metrics instead: 11 million properties. Needs 12 GB.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench import databases
from bench.figures import Figure, show
from bench.peer import asked, mlflow
from runfold_consumers.api.access import create_access_token
from runfold_consumers.artifacts.objects import Objects
from tests.consumers.api.conftest import Api, serving
from tests.consumers.api.search.filling import WORKSPACE, fill

LIMIT_P50_MS = 20.0
TIMES = 60
PATIENCE_S = 1_800.0


class Size(NamedTuple):
    """How many of each."""

    experiments: int
    runs: int
    tags: int
    properties: int
    metrics: int


USUAL = Size(experiments=50, runs=2_000, tags=10, properties=10, metrics=10)
BIG = Size(experiments=50, runs=1_500, tags=50, properties=150, metrics=20)

# What is asked: (name, our query, MLflow's filter, MLflow's order).
Question = tuple[str, dict[str, Any], str, list[str]]
QUESTIONS: list[Question] = [
    ("newest runs", {}, "", []),
    ("by tag, a fifth match", {"q": "tag.team = vision"}, "tags.team = 'vision'", []),
    ("by tag, one in 1,000", {"q": "tag.rare = yes"}, "tags.rare = 'yes'", []),
    ("by property, one in 50", {"q": "property.p1 = 'value 7'"}, "params.p1 = 'value 7'", []),
    ("by metric, half match", {"q": "metric.m0 < 0.5"}, "metrics.m0 < 0.5", []),
    ("by metric, one in 1,000", {"q": "metric.m0 > 0.999"}, "metrics.m0 > 0.999", []),
    ("sorted by metric", {"sort": "-metric.m0"}, "", ["metrics.m0 DESC"]),
    (
        "by tag, sorted by metric",
        {"q": "tag.team = vision", "sort": "metric.m0.last"},
        "tags.team = 'vision'",
        ["metrics.m0 ASC"],
    ),
]
COLUMNS = "tag.team,property.p1,metric.m0,metric.m1"


def percentiles(ask: Callable[[], object], times: int) -> tuple[float, float]:
    """p50 and p99 in ms, after three times for warmth."""
    for _ in range(3):
        ask()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1e3)
    taken.sort()
    return statistics.median(taken), taken[min(len(taken) - 1, int(len(taken) * 0.99))]


def ours(conninfo: str, total: int) -> list[Figure]:
    """The questions, asked of the API: a page of 50 with four columns; then counting alone."""
    objects = Objects(
        os.environ["RUNFOLD_S3_ADDRESS"], os.environ["RUNFOLD_S3_KEY"], os.environ["RUNFOLD_S3_SECRET"], "bench-search"
    )
    secret = create_access_token(conninfo, principal="bench", workspaces=[WORKSPACE], scopes=["read"])
    figures = []
    with serving(conninfo, objects) as address:
        api = Api(address, secret)

        def asking(below: str, query: dict[str, Any]) -> Callable[[], object]:
            def ask() -> object:
                answer = api.get(below, **query)
                assert answer.status == 200, answer.data
                return answer.json

            return ask

        for name, query, _, _ in QUESTIONS:
            p50, p99 = percentiles(asking("/search/runs", {**query, "columns": COLUMNS, "count": False}), TIMES)
            print(f"  {name:28} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms", flush=True)
            figures.append(Figure(f"search {total:,} runs, {name}", p50, "ms p50", LIMIT_P50_MS))
        counted = asking("/search/runs", {"q": "tag.team = vision", "limit": 1})
        p50, p99 = percentiles(counted, TIMES)
        print(f"  {'counted, by tag':28} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms", flush=True)
        figures.append(Figure(f"search {total:,} runs, counted, by tag", p50, "ms p50", LIMIT_P50_MS))
        for name, below, query in (
            ("old listing, a tag", "/runs", {"tags": '{"team": "vision"}', "limit": 50}),
            ("refs there are", "/search/columns", {}),
            ("groups by tag, a metric", "/search/groups", {"by": "tag.team", "values": "metric.m0"}),
            ("experiments", "/experiments", {}),
        ):
            p50, p99 = percentiles(asking(below, query), 5)
            print(f"  {name:28} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms   (no limit set)", flush=True)
    return figures


_PEER = r"""
import json, sys, time
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient
address, questions, times = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
import mlflow
print(mlflow.__version__, flush=True)
client = MlflowClient(tracking_uri=address)
ids = [e.experiment_id for e in client.search_experiments(max_results=1000)]
for name, text, order in questions:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        found = client.search_runs(ids, text, ViewType.ACTIVE_ONLY, 50, order or None)
        taken.append((time.perf_counter() - began) * 1e3)
    taken.sort()
    print(json.dumps([name, len(found), taken[len(taken) // 2], taken[-1]]), flush=True)
"""
_COPY = """
INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time)
SELECT 1000 + e, experiment, '', 'active', 0, 0 FROM (SELECT DISTINCT e, experiment FROM filled) AS one;
INSERT INTO runs (run_uuid, name, user_id, source_type, source_name, entry_point_name, source_version, status,
                  start_time, end_time, lifecycle_stage, artifact_uri, experiment_id)
SELECT md5(run_id), run_id, 'bench', 'LOCAL', '', '', '',
       CASE WHEN chance >= 60 THEN 'FINISHED' WHEN chance >= 10 THEN 'FAILED' ELSE 'RUNNING' END,
       (extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM created_at) * 1000)::bigint + 60000,
       'active', '', 1000 + e
FROM filled;
INSERT INTO tags (key, value, run_uuid) SELECT key, value, md5(run_id) FROM state.tags;
INSERT INTO params (key, value, run_uuid) SELECT key, value, md5(run_id) FROM state.properties;
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)
SELECT name, last_value, (last_time * 1000)::bigint, last_step, false, md5(run_id) FROM state.series;
"""
_FILLED = """
CREATE TEMP TABLE filled AS
SELECT run_id, experiment, substr(experiment, 5)::integer AS e, runs.created_at,
       CASE attempts.terminal_status WHEN 'Completed' THEN 100 WHEN 'Failed' THEN 20 ELSE 0 END AS chance
FROM state.runs JOIN state.attempts USING (workspace, run_id, attempt)
"""


def peer(conninfo: str, python: str | None) -> None:
    """MLflow on the same database; prints, or says why it could not be installed.

    Args:
        conninfo: of the filled database.
        python: as `peer.mlflow` takes it.
    """
    with mlflow(python) as found, tempfile.TemporaryDirectory(prefix="runfold-peer-") as folder:
        if found is None:
            return
        told = conninfo_to_dict(conninfo)
        address = (
            f"postgresql+psycopg2://{told['user']}:{told['password']}@{told['host']}:{told['port']}/{told['dbname']}"
        )

        def ask(questions: list[list[Any]], times: int) -> list[str]:
            words = [str(found), "-c", _PEER, address, json.dumps(questions), str(times)]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            if done.returncode:
                print(f"  MLflow's client failed:\n{done.stderr[-2_000:]}")
            return [] if done.returncode else done.stdout.splitlines()

        version = ask([], 0)  # the client makes its tables
        if not version:
            return
        with psycopg.connect(conninfo) as connection:
            connection.execute(_FILLED)
            connection.execute("SET search_path = public, pg_temp")
            for part in _COPY.split(";\n"):
                if part.strip():
                    connection.execute(part.encode())
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
        print(f"  MLflow {version[0]}, its client on the same Postgres:", flush=True)
        for question in QUESTIONS:
            for line in ask([[question[0], *question[2:]]], 7)[1:]:
                name, found, p50, most = json.loads(line)
                print(f"  {name:28} p50 {p50:7.1f} ms   max {most:7.1f} ms   ({found} runs)", flush=True)


@contextmanager
def filled(size: Size) -> Iterator[str]:
    """Conninfo of a database of that size, for the time of the block."""
    with databases.migrated() as conninfo:
        began = time.perf_counter()
        fill(conninfo, **size._asdict())
        took_s = time.perf_counter() - began
        with psycopg.connect(conninfo) as connection:
            row = connection.execute("SELECT pg_database_size(current_database()) / 1e9").fetchone()
        print(f"{size}: filled in {took_s:.0f} s, {row[0] if row else 0:.1f} GB", flush=True)
        yield conninfo


def measure(size: Size = USUAL, with_peer: bool = False, python: str | None = None) -> list[Figure]:
    """The figures; with a peer also its, printed."""
    with filled(size) as conninfo:
        figures = ours(conninfo, size.experiments * size.runs)
        if with_peer:
            peer(conninfo, python)
    return figures


if __name__ == "__main__":
    sys.exit(show(measure(BIG if "--big" in sys.argv else USUAL, *asked(sys.argv))) > 0)
