"""A written journal to the broker, acknowledged: points/s and facts/s; and reading, cutting and encoding alone.

RUNFOLD_KAFKA=host:port python -m bench.shipping

What is visible end to end (`bench.visible`) cannot be more than what is acknowledged here.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka.admin import KafkaAdminClient

from bench.figures import Figure, show
from runfold.journal.reader import JournalReader
from runfold.journal.writer import Journal
from runfold.shipper.batching import Cutter
from runfold.shipper.drain import READ_BYTES, Drain
from runfold.shipper.sending import Cluster
from runfold_schemas import topics_admin
from runfold_schemas.events import TagSet
from runfold_schemas.settings import Settings

POINTS = 4_000_000
FACTS = 60_000
WORKSPACE = "bench"


def measure() -> list[Figure]:
    """All figures."""
    kafka = Settings.load().need("kafka")
    figures = []
    with tempfile.TemporaryDirectory() as folder, topics(kafka) as prefix:
        for series in (1, 20):
            journal = points(Path(folder), series)
            title = "one series" if series == 1 else f"{series} interleaved"
            alone, acknowledged = POINTS / cut(journal) / 1e6, POINTS / shipped(journal, kafka, prefix) / 1e6
            figures += [
                Figure(f"read, cut and encoded, {title}", alone, "M points/s", 3.0, True),
                Figure(f"acknowledged, {title}", acknowledged, "M points/s", 2.5, True),
            ]
        rate = FACTS / shipped(facts(Path(folder)), kafka, prefix)
        figures.append(Figure("acknowledged, small facts", rate, "facts/s", 25_000, True))
    return figures


@contextmanager
def topics(kafka: str) -> Iterator[str]:
    """A prefix with the topics of WORKSPACE; deleted afterwards."""
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    topics_admin.create(kafka, prefix, WORKSPACE)
    yield prefix
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_topics([topic for topic in admin.list_topics() if topic.startswith(f"{prefix}.")])
    admin.close()


def points(root: Path, series: int) -> Path:
    """A closed journal of points."""
    journal = Journal.create(root, workspace=WORKSPACE)
    log = journal.points("run").log
    names = [f"metric/{number}" for number in range(series)]
    for step in range(POINTS // series):
        for name in names:
            log(name, step * 0.001, step)
    journal.close()
    return journal.folder


def facts(root: Path) -> Path:
    """A closed journal of tags, of 100 runs."""
    journal = Journal.create(root, workspace=WORKSPACE)
    for number in range(FACTS):
        state(journal, f"run-{number % 100}")
    journal.close()
    return journal.folder


def state(journal: Journal, run: str) -> None:
    """Journals one tag."""
    now_us = time.time_ns() // 1000
    journal.fact("run", run, lambda n: TagSet("run", run, journal.writer_id, n, now_us, "key", "value"))


def cut(folder: Path) -> float:
    """Seconds to read, cut and encode it."""
    reader, cutter = JournalReader(folder), Cutter()
    began = time.perf_counter()
    while batches := reader.read(READ_BYTES, final=True):
        cutter.cut(batches, 0)
    return time.perf_counter() - began


def shipped(folder: Path, kafka: str, prefix: str) -> float:
    """Seconds from the first read until all is acknowledged; connecting is not counted."""
    cluster = Cluster(kafka, prefix)
    cluster.connection().route(WORKSPACE, prefix)
    landed = threading.Event()
    drain = Drain(folder, cluster, landed=landed.set)
    began = time.perf_counter()
    while not drain.finished:
        if pause := drain.step():
            landed.wait(pause)
            landed.clear()
    taken = time.perf_counter() - began
    drain.close()
    cluster.close()
    return taken


if __name__ == "__main__":
    sys.exit(show(measure()) > 0)
