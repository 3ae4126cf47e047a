"""From `log()` to a row that readers see, on a whole local stack: rates, latency, bytes a point.

    python -m bench.visible            starts a stack of its own in a temporary folder

Rates count what is visible (the API answers for it) from the first call on, everything on the same machine: logging
processes, broker, projector and database share its cores.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from bench.figures import Figure, show
from tests.stack import Stack, local_stack

POINTS = 2_000_000
FACTS = 60_000
LATENCIES = 400

LOGGING = """
import sys, time
from runfold import Experiment, Workspace
experiment = Experiment(Workspace.from_config(), "bench")
run = experiment.start_logging(snapshot_directory=None, outputs=False)
run.flush()
series, points = int(sys.argv[1]), int(sys.argv[2])
names = [f"metric {i}" for i in range(series)]
print("ready", flush=True); sys.stdin.readline()
began = time.monotonic()
log = run.log
for step in range(points // series):
    value = step * 0.5
    for name in names:
        log(name, value, step=step)
logged = time.monotonic()
run.flush()
print(began, logged, time.monotonic(), run.id, flush=True)
"""

WRITTEN = """
import sys, os
from runfold import Experiment, Workspace
run = Experiment(Workspace.from_config(), "bench").start_logging(snapshot_directory=None, outputs=False)
what, count = sys.argv[1], int(sys.argv[2])
if what == "points":
    for step in range(count): run.log("loss", step * 0.5, step=step)
else:
    for i in range(count): run.tag(f"key {i % 50}", str(i))
os._exit(0)
"""


def logging_rate(stack: Stack, processes: int, series: int) -> float:
    """Visible points a second, from the first call to the last answer of `flush`."""
    running = [stack.background(LOGGING, str(series), str(POINTS)) for _ in range(processes)]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [process.communicate() for process in running]
    if any(process.returncode for process in running):
        raise SystemExit("\n".join(words for _, words in ends))
    times = [[float(t) for t in out.split()[:3]] for out, _ in ends]
    return processes * POINTS / (max(t[2] for t in times) - min(t[0] for t in times))


def written_rate(stack: Stack, what: str, count: int) -> float:
    """Visible points or facts a second when the journal is written already: only `runfold ship` and the projector work.

    The journal is written with Kafka's address pointing nowhere, so that its own thread ships nothing.
    """
    stack.script(
        WRITTEN, what, str(count), RUNFOLD_KAFKA="127.0.0.1:1", RUNFOLD_JOURNAL=str(stack.home / f"bench-{what}")
    )
    counted = (
        "SELECT coalesce(sum(points), 0) FROM state.series" if what == "points" else "SELECT count(*) FROM state.facts"
    )
    with psycopg.connect(stack.settings()["postgres"], autocommit=True) as connection:

        def visible() -> int:
            row = connection.execute(counted.encode()).fetchone()
            assert row is not None
            return int(row[0])

        start, shipping = visible(), None
        shipping = subprocess.Popen(
            [sys.executable, "-m", "runfold_deploy.command", "ship", "--once"],
            env=stack.bare | {"RUNFOLD_JOURNAL": str(stack.home / f"bench-{what}")},
            stdout=subprocess.DEVNULL,
        )
        while visible() == start:
            if shipping.poll():
                raise SystemExit("ship --once failed")
        first_seen, began = visible() - start, time.monotonic()
        while visible() - start < count:
            pass
        took = time.monotonic() - began
        shipping.wait()
    return (count - first_seen) / took


LATENCY = """
import sys, time
from runfold import Experiment, Workspace
run = Experiment(Workspace.from_config(), "bench").start_logging(snapshot_directory=None, outputs=False)
run.flush(); print(run.id, flush=True)
for line in sys.stdin:
    run.log("latency", float(line)); print(time.time(), flush=True)
"""


def latencies_ms(stack: Stack) -> list[float]:
    """From the call of `log` to the moment in which another connection reads the row, told by NOTIFY."""
    process = stack.background(LATENCY)
    assert process.stdout is not None
    assert process.stdin is not None
    run_id = process.stdout.readline().strip()
    found: list[float] = []
    with psycopg.connect(stack.settings()["postgres"], autocommit=True) as connection:
        connection.execute("LISTEN runfold_state")
        for number in range(1, LATENCIES + 1):
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            logged = float(process.stdout.readline())
            while True:
                row = connection.execute(
                    "SELECT coalesce(max(last_ordinal), 0) FROM state.series WHERE run_id = %s", (run_id,)
                ).fetchone()
                assert row is not None
                if row[0] >= number:
                    break
                for _ in connection.notifies(timeout=0.5, stop_after=1):
                    pass
            found.append((time.time() - logged) * 1000)
    process.communicate()
    return found


def bytes_a_point(stack: Stack) -> float:
    """Tables, TOAST and indexes of the points, divided by the points."""
    with psycopg.connect(stack.settings()["postgres"]) as connection:
        row = connection.execute(
            "SELECT (pg_total_relation_size('state.points') + pg_total_relation_size('state.chunks'))::float8"
            " / sum(points) FROM state.series"
        ).fetchone()
        assert row is not None
        return float(row[0])


def measure(stack: Stack) -> list[Figure]:
    """All figures, in the order in which they disturb each other least."""
    latency = sorted(latencies_ms(stack))
    return [
        Figure("log to visible, p50", statistics.median(latency), "ms", 15),
        Figure("log to visible, p99", latency[int(len(latency) * 0.99)], "ms", 40),
        Figure("visible, one process, one series", logging_rate(stack, 1, 1) / 1e6, "M points/s", 0.8, True),
        Figure("visible, one process, 20 interleaved", logging_rate(stack, 1, 20) / 1e6, "M points/s", 0.8, True),
        Figure("visible, two processes", logging_rate(stack, 2, 1) / 1e6, "M points/s", 1.4, True),
        Figure("visible, written journal", written_rate(stack, "points", POINTS * 2) / 1e6, "M points/s", 2.5, True),
        Figure("small facts visible", written_rate(stack, "facts", FACTS), "facts/s", 25_000, True),
        Figure("Postgres, unmerged", bytes_a_point(stack), "bytes a point", 30),
    ]


if __name__ == "__main__":
    with local_stack(Path(".pytest_cache/d/runfold-jars").absolute()) as running:
        sys.exit(show(measure(running)) > 0)
