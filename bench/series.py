"""Series as a notebook and a page ask for them, over HTTP from an API process of its own, before and after merging.

    RUNFOLD_POSTGRES=... python -m bench.series [--peer[=PYTHON]]     an address of a role that may create databases

--peer (bench/peer.py): beside MLflow's REST API over as many points in the same Postgres.

Makes a database of its own and drops it; no broker. Times are medians from the request to the last byte, read into a
table as it comes where it is Arrow. MLflow's points are put into its table directly, since logging a million takes it
minutes.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench import databases, peer
from bench.figures import Figure, show
from bench.merging import WORKSPACE, WRITER, folded, merged, round_robin
from runfold_consumers.api.access import create_access_token
from runfold_schemas.events import RunStarted
from tests.consumers.api.conftest import Ledger

MILLION = 1_000_000
RUNS, METRICS, EACH = 200, 200, 5_000
READS = 15
ARROW = "application/vnd.apache.arrow.stream"
SERVE = """
import sys
from runfold_consumers.api.app import application
from runfold_consumers.api.serving import server
from runfold_consumers.artifacts.objects import Objects
objects = Objects("http://127.0.0.1:1", "key", "secret", "bench")
server(application(sys.argv[1], objects), "127.0.0.1", int(sys.argv[2])).run()
"""


def filled(conninfo: str) -> None:
    """One run of a million points, one of 200 metrics, 200 runs of one metric."""
    ledger = Ledger(conninfo, WORKSPACE)
    runs = ["long", "wide", *(f"run {number}" for number in range(RUNS))]
    ledger.say(
        *(RunStarted("run", run, WRITER, 1, 1_770_000_000_000_000, experiment="bench") for run in runs), notify=False
    )
    folded(conninfo, list(round_robin("long", MILLION, 1, 10_000)), MILLION, 20)
    folded(conninfo, list(round_robin("wide", METRICS * EACH, METRICS, 10_000)), METRICS * EACH, 20)
    for number in range(RUNS):
        folded(conninfo, list(round_robin(f"run {number}", EACH, 1, EACH)), EACH, 20)


class Asked:
    """A client that keeps its connection."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = headers

    def get(self, path: str) -> bytes:
        """The body of the answer; ends the process where it is none."""
        return self._answer(path, "application/json").read()

    def table(self, path: str) -> Any:
        """The answer as a table of Arrow, read as it comes: to hold its bytes first costs three times as much."""
        import pyarrow as pa

        answer = self._answer(path, ARROW)
        with pa.ipc.open_stream(answer) as stream:
            table = stream.read_all()
        answer.read()  # the last chunk, which says that nothing was cut off
        return table

    def _answer(self, path: str, accept: str) -> http.client.HTTPResponse:
        self._connection.request("GET", path, headers={**self._headers, "Accept": accept})
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"{path[:200]}: {answer.status} {answer.read()[:500]!r}")
        return answer


def median_ms(ask: Callable[[], None], reads: int = READS) -> float:
    """Of some askings, after one that warms up."""
    ask()
    times = []
    for _ in range(reads):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1_000)
    return statistics.median(times)


@contextmanager
def serving(words: Sequence[str], port: int, ready: str, **environment: str) -> Iterator[None]:
    """A process that serves on the port, until the block ends."""
    process = subprocess.Popen(words, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}", timeout=2):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{words[0]} does not serve") from None
                process_gone(process, 0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


def process_gone(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it ended within the time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def figures(asked: Asked, state: str) -> list[Figure]:
    """What a notebook and a page ask for."""

    def series(**query: Any) -> str:
        return f"/v1/workspaces/{WORKSPACE}/series?{urlencode(query, doseq=True)}"

    def table() -> None:
        assert asked.table(series(run_id="long", metric="metric 0")).num_rows == MILLION

    def points(expected: int, query: str) -> Callable[[], None]:
        def ask() -> None:
            told = json.loads(asked.get(query))["series"]
            assert len(told) == expected, len(told)

        return ask

    names = [f"metric {number}" for number in range(METRICS)]
    runs = [f"run {number}" for number in range(RUNS)]
    one = series(run_id="long", metric="metric 0", buckets=1_000)
    return [
        Figure(f"1 M points as Arrow, {state}", median_ms(table), "ms", 100),
        Figure(f"1 M points to 2,000, {state}", median_ms(points(1, one)), "ms", 50),
        Figure(
            f"{METRICS} metrics x {EACH:,} to 300, {state}",
            median_ms(points(METRICS, series(run_id="wide", metric=names, buckets=150)), 7), "ms", 1_000,
        ),
        Figure(
            f"{RUNS} runs x {EACH:,} to 300, {state}",
            median_ms(points(RUNS, series(run_id=runs, metric="metric 0", buckets=150)), 7), "ms", 1_000,
        ),
    ]  # fmt: skip


def measure() -> list[Figure]:
    """All figures of ours."""
    told = []
    with databases.migrated() as conninfo:
        filled(conninfo)
        access_token = create_access_token(conninfo, principal="bench", workspaces=["*"], scopes=["read"])
        port = free_port()
        with serving([sys.executable, "-c", SERVE, conninfo, str(port)], port, "/livez"):
            headers = {"Authorization": f"Bearer {access_token}"}
            told += figures(Asked(port, headers), "unmerged")
            merged(conninfo)
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            told += figures(Asked(port, headers), "merged")
    return told


def beside(python: str) -> list[tuple[str, float]]:
    """The same of MLflow: a million points by pages of get-history, and what its page asks for."""
    with tempfile.TemporaryDirectory(prefix="bench-mlflow-") as folder, fresh_database_of_mlflow() as address:
        port = free_port()
        words = [
            python, "-m", "mlflow", "server", "--backend-store-uri", address.replace("://", "+psycopg2://", 1),
            "--artifacts-destination", folder,
            "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        ]  # fmt: skip
        with serving(words, port, "/health"):
            return list(_asked_of_mlflow(port, address))


def _asked_of_mlflow(port: int, address: str) -> Iterator[tuple[str, float]]:
    def post(path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/2.0/mlflow/{path}", json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    experiment = post("experiments/create", {"name": "bench"})["experiment_id"]
    run = post("runs/create", {"experiment_id": experiment, "start_time": 1_770_000_000_000})["run"]["info"]["run_id"]
    copying = "COPY metrics (key, value, timestamp, run_uuid, step, is_nan) FROM STDIN"
    with psycopg.connect(address) as connection, connection.cursor() as cursor, cursor.copy(copying) as copy:
        for step in range(MILLION):
            copy.write_row(("metric 0", step * 0.5, 1_770_000_000_000 + step, run, step, False))
    asked = Asked(port, {})

    def history() -> None:
        count, page = 0, ""
        while True:
            query = {"run_id": run, "metric_key": "metric 0", "max_results": 25_000}
            told = json.loads(
                asked.get(
                    "/api/2.0/mlflow/metrics/get-history?" + urlencode(query | ({"page_token": page} if page else {}))
                )
            )
            count += len(told["metrics"])
            page = told.get("next_page_token", "")
            if not page:
                break
        assert count == MILLION, count

    def interval() -> None:
        query = urlencode({"run_ids": run, "metric_key": "metric 0", "max_results": 2_000})
        assert json.loads(asked.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?" + query))["metrics"]

    yield "MLflow: 1 M points by get-history, pages of 25,000", median_ms(history, 1)
    yield "MLflow: 1 M points to 2,000 (get-history-bulk-interval, every n-th)", median_ms(interval, 3)


@contextmanager
def fresh_database_of_mlflow() -> Iterator[str]:
    """An empty database's URL, dropped at the end."""
    with databases.empty() as conninfo:
        parts = conninfo_to_dict(conninfo)
        who = f"{parts['user']}:{parts.get('password', '')}"
        yield f"postgresql://{who}@{parts['host']}:{parts['port']}/{parts['dbname']}"


if __name__ == "__main__":
    missed = show(measure())
    with_peer, named = peer.asked(sys.argv)
    if with_peer:
        with peer.mlflow(named) as python:
            try:
                for name, milliseconds in beside(python) if python else ():
                    print(f"{name}: {milliseconds:,.0f} ms")
            except SystemExit as why:  # our own figures count all the same
                print(f"MLflow is not measured: {why}")
    sys.exit(missed > 0)
