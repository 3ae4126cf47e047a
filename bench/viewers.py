"""500 live viewers on one API process while a run logs: from the commit to the event, memory, processor time.

    python -m bench.viewers            starts a stack of its own in a temporary folder
    python -m bench.viewers --given    against RUNFOLD_POSTGRES and RUNFOLD_S3_*, with an API process of its own

What a viewer needs: the word that there is something new while it is new, see LIMIT_P50_S and LIMIT_P99_S.

The state projector folds a batch every 20 ms, as it does when a run logs all the time; what is measured is from its
commit to the moment at which a viewer has read an event that covers it, over all viewers and batches. The viewers share
the machine's two cores with the API.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench import databases
from bench.figures import Figure, show
from runfold_consumers.api.access import create_access_token
from runfold_consumers.fold.records import RawRecord
from runfold_consumers.state.projector import StateProjector
from runfold_schemas import codec, topics
from runfold_schemas.events import MetricLogged, Series
from runfold_schemas.watermark import parse

VIEWERS = 500
SECONDS = 20.0
APART_S = 0.02
RUNS = 4
WORKSPACE = "viewers"
PARTITIONS = 8
TOPIC_ID = "telemetry-of-viewers"
LIMIT_P50_S = 0.5  # half of the second in which a training run logs its next point
LIMIT_P99_S = 1.0  # from there on a person notices that what is shown is not what is
LIMIT_MIB = 512.0  # 1 MiB a viewer
LIMIT_CPU = 0.9  # of a core, so that reads are answered meanwhile

_SERVING = "from runfold_consumers.api.serving import serve; from runfold_schemas.settings import Settings; import sys; serve(Settings.load(), port=int(sys.argv[1]))"  # noqa: E501


class Logged:
    """Runs that log all the time, folded as the projector does it; remembers when each offset was committed.

    Args:
        conninfo: of a migrated database.
        workspace: of the runs.
        runs: how many; their ids are r0, r1, ...
    """

    def __init__(self, conninfo: str, workspace: str = WORKSPACE, runs: int = RUNS) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
        self._projector = StateProjector(lambda workspace, kind: PARTITIONS)
        self._workspace, self._runs = workspace, runs
        self._next: dict[int, int] = {}
        self._ordinal = 0
        self.committed: list[tuple[float, int, int]] = []

    def batch(self) -> None:
        """One message of each run, in one transaction, and the word that wakes; values say the how manieth it is."""
        raws = []
        self._ordinal += 10
        for run in range(self._runs):
            event = MetricLogged(
                "run", f"r{run}", f"{run:032x}", self._ordinal - 9, time.time_ns() // 1000,
                series=(Series("loss", None, "double", "step"),), index=[0] * 10,
                step=list(range(self._ordinal - 9, self._ordinal + 1)), time=[time.time()] * 10,
                value=[self._ordinal / 10] * 10,
            )  # fmt: skip
            key = topics.key_of(event)
            part = topics.partition(key, PARTITIONS)
            offset = self._next.get(part, 0)
            self._next[part] = offset + 1
            raws.append(
                RawRecord(self._workspace, "telemetry", f"runfold.{self._workspace}.telemetry", part, offset,
                          time.time_ns() // 1000, key, codec.encode(event))
            )  # fmt: skip
        raws.sort(key=lambda raw: (raw.partition, raw.offset))
        with self._connection.transaction():
            self._projector.apply(self._connection, "telemetry", [self._projector.decode(raw) for raw in raws], [])
            for raw in raws:
                self._connection.execute(
                    "INSERT INTO state.positions (workspace, topic, partition, topic_id, next_offset)"
                    " VALUES (%s, %s, %s, %s, %s)"
                    " ON CONFLICT (workspace, topic, partition) DO UPDATE SET next_offset = excluded.next_offset",
                    (self._workspace, raw.topic, raw.partition, TOPIC_ID, raw.offset + 1),
                )
        last = raws[-1]
        self.committed.append((time.monotonic(), last.partition, last.offset + 1))
        self._connection.execute("SELECT pg_notify('runfold_state', %s)", [self._workspace])


async def view(port: int, access_token: str, ready: asyncio.Semaphore, read: list[tuple[float, str]]) -> None:
    """One viewer: when it had read which watermark."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    head = f"GET /v1/workspaces/{WORKSPACE}/changes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {access_token}"
    writer.write((head + "\r\n\r\n").encode())
    at = ""
    while line := await reader.readline():
        if line.startswith(b"id: "):
            at = line[4:].decode().strip()
        elif line.startswith(b"event: here"):
            ready.release()
        elif line.startswith(b"event: changes"):
            read.append((time.monotonic(), at))
        elif line.startswith(b"HTTP/1.1 ") and b" 200 " not in line:
            raise SystemExit(line.decode())


async def watched(port: int, access_token: str, logged: Logged, process: int) -> tuple[list[float], float, float, int]:
    """Latencies of every batch to every viewer, resident MiB, part of a core, events that all viewers read."""
    ready, reads = asyncio.Semaphore(0), [list[tuple[float, str]]() for _ in range(VIEWERS)]
    viewing = []
    for read in reads:
        viewing.append(asyncio.ensure_future(view(port, access_token, ready, read)))
        await ready.acquire()
    used, began = _processor_s(process), time.monotonic()
    while time.monotonic() < began + SECONDS:
        await asyncio.to_thread(logged.batch)
        await asyncio.sleep(APART_S)
    took, memory = (_processor_s(process) - used) / (time.monotonic() - began), _resident_mib(process)
    await asyncio.sleep(2.0)
    for task in viewing:
        task.cancel()
    await asyncio.gather(*viewing, return_exceptions=True)
    offsets: dict[str, dict[int, int]] = {}
    latencies = []
    for read in reads:
        events = iter(read)
        seen_at, text = next(events)
        for committed, partition, offset in logged.committed[1:]:
            while offsets.setdefault(text, dict(parse(text).offsets[TOPIC_ID])).get(partition, 0) < offset:
                seen_at, text = next(events)
            latencies.append(seen_at - committed)
    return sorted(latencies), memory, took, sum(map(len, reads))


def _processor_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@contextmanager
def serving(conninfo: str) -> Iterator[tuple[int, int]]:
    """An API process of its own over the database: port and process id."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    env = {**os.environ, "RUNFOLD_POSTGRES": conninfo}
    process = subprocess.Popen([sys.executable, "-c", _SERVING, str(port)], env=env, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            process.poll() is None or sys.exit("the API did not start")
            asyncio.run(asyncio.sleep(0.1))
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def measure(admin: str) -> list[Figure]:
    """The figures; `admin`: a role that may create databases. RUNFOLD_S3_* must be set, and is not used."""
    with databases.migrated(admin) as conninfo, serving(conninfo) as (port, process):
        access_token = create_access_token(conninfo, principal="bench", workspaces=[WORKSPACE], scopes=["read"])
        logged = Logged(conninfo)
        logged.batch()
        latencies, memory, used, events = asyncio.run(watched(port, access_token, logged, process))
    batches = len(logged.committed) / SECONDS
    told = f"{VIEWERS} viewers, {batches:.0f} commits a second"
    return [
        Figure(f"{told}: commit to event, p50", latencies[len(latencies) // 2], "s", LIMIT_P50_S),
        Figure(f"{told}: commit to event, p99", latencies[int(len(latencies) * 0.99)], "s", LIMIT_P99_S),
        Figure("events that all viewers read", events / SECONDS, "/s", 1_000, higher_is_better=True),
        Figure("memory of the API process", memory, "MiB", LIMIT_MIB),
        Figure("processor time of the API process", used, "cores", LIMIT_CPU),
    ]


def main(words: list[str]) -> int:
    """Measures and prints; returns how many figures do not keep their limits."""
    if "--given" in words:
        return show(measure(os.environ["RUNFOLD_POSTGRES"]))
    from tests.stack import local_stack

    with local_stack(Path(".pytest_cache/d/runfold-jars").absolute()) as stack:
        known = json.loads((stack.home / "stack.json").read_text())
        os.environ.update({f"RUNFOLD_{name.upper()}": str(value) for name, value in known.items() if value is not None})
        return show(measure(str(known["postgres"])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
