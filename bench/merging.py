"""Points merged: what summaries cost the projector, how fast chunks are made, what a point takes there, how fast they
read.

    RUNFOLD_POSTGRES=... python -m bench.merging      an address of a role that may create databases

Makes a database of its own and drops it; no broker. Sizes are with indexes and TOAST. Limits: 25 bytes a point (issue
6), the rates and times of the sketches (facts.md section 3).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg

from bench import databases
from bench.facts_fold import cpu_seconds
from bench.figures import Figure, show
from runfold_consumers.api.database import Database
from runfold_consumers.api.points import series_columns
from runfold_consumers.engine.connecting import connect
from runfold_consumers.fold import telemetry
from runfold_consumers.fold.records import RawRecord, Record
from runfold_consumers.state import store
from runfold_consumers.state.merging import merge, unmerged
from runfold_consumers.state.projector import StateProjector
from runfold_schemas import topics
from runfold_schemas.codec import encode
from runfold_schemas.events import MetricLogged, Series

WORKSPACE, WRITER = "bench", "0" * 32
PARTITIONS = 4
READS = 9
_OFFSETS = iter(range(1 << 40))


def logged(run_id: str, index: Any, series: int, first: int, step: Any, seed: int) -> RawRecord:
    """Points in an event; values are random, times have a jitter of microseconds as clocks have."""
    chance = np.random.default_rng(seed)
    count = len(index)
    at = 1.77e9 + (first + np.arange(count)) * 0.001 + chance.random(count) * 1e-4
    event = MetricLogged(
        aggregate_id=run_id, writer_id=WRITER, first_ordinal=first, occurred_at=int(at[0] * 1e6),
        series=tuple(Series(f"metric {i}", axis="step") for i in range(series)), index=index, step=step, time=at,
        value=chance.normal(size=count),
    )  # fmt: skip
    key = topics.key_of(event)
    partition = topics.partition(key, PARTITIONS)
    offset = next(_OFFSETS)
    return RawRecord(
        WORKSPACE, "telemetry", "b.bench.telemetry", partition, offset, 1_770_000_000_000_000 + 3_000 * offset, key,
        encode(event),
    )  # fmt: skip


def round_robin(run_id: str, points: int, series: int, each: int) -> Iterator[RawRecord]:
    """All series at every step, `each` points in an event."""
    for first in range(0, points, each):
        place = np.arange(first, min(first + each, points))
        yield logged(run_id, place % series, series, first + 1, place // series, first)


def irregular(run_id: str, points: int, series: int, each: int) -> Iterator[RawRecord]:
    """Any series at any time, with steps that the user counts in samples seen, and some that go back."""
    chance = np.random.default_rng(7)
    steps = np.cumsum(chance.integers(1, 512, points))
    steps[chance.integers(0, points, points // 100)] -= 10_000
    for first in range(0, points, each):
        end = min(first + each, points)
        index = chance.integers(0, series, end - first)
        yield logged(run_id, index, series, first + 1, steps[first:end], first)


def one_each(runs: int, ordinal: int) -> list[RawRecord]:
    """An event of one point of each of many runs."""
    return [logged(f"run {run}", [0], 1, ordinal, [ordinal], ordinal * runs + run) for run in range(runs)]


def folded(conninfo: str, raws: Sequence[RawRecord], points: int, batch: int, *, summaries: bool = True) -> float:
    """Folds polls; thousand points a second of processor time, decoding and commits counted."""
    projector = StateProjector(lambda workspace, kind: PARTITIONS)
    with connect(conninfo, "bench") as connection:
        began = spent(connection)
        for start in range(0, len(raws), batch):
            with connection.transaction():
                store.use_indexes(connection)
                records: list[Record] = [projector.decode(raw) for raw in raws[start : start + batch]]
                lanes, _ = telemetry.touched(records)
                seen = store.read_lanes(connection, "telemetry", lanes)
                changes = telemetry.fold_telemetry(records, seen, {})
                store.write_telemetry(connection, changes if summaries else replace(changes, series={}))
        return points / (spent(connection) - began) / 1_000


def spent(connection: psycopg.Connection[tuple[Any, ...]]) -> float:
    """Processor seconds of this process and its backend: on a machine that others use, the wall clock tells little."""
    return time.process_time() + cpu_seconds(connection.info.backend_pid)


def merged(conninfo: str) -> float:
    """Merges all that stands there; million points a second of processor time."""
    count = 0
    with connect(conninfo, "bench") as connection:
        began = spent(connection)
        for lane, found in unmerged(connection).items():
            count += found.points
            while merge(connection, lane):
                pass
        return count / (spent(connection) - began) / 1e6


def bytes_unmerged(conninfo: str, points: int) -> float:
    """Rows as they came, with TOAST and indexes, by their points."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT pg_total_relation_size('state.points')::float8").fetchone()
    assert row is not None
    return float(row[0]) / points


def vacuum(conninfo: str) -> None:
    """Frees what merged rows took, as autovacuum would."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("VACUUM state.points, state.chunks")


def bytes_a_point(conninfo: str) -> float:
    """Chunks with TOAST and indexes, and what is left of the rows after a vacuum, by their points."""
    vacuum(conninfo)
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT (pg_total_relation_size('state.chunks') + pg_total_relation_size('state.points'))::float8"
            " / (SELECT sum(points) FROM state.chunks)"
        ).fetchone()
    assert row is not None
    return float(row[0])


async def read_ms(conninfo: str, run_id: str, names: Sequence[str] | None, expected: int) -> float:
    """Best of some: reading a run's points as columns, by the wall clock."""
    database = Database(conninfo)
    await database.open()
    wanted = None if names is None else [(name, None) for name in names]
    times = []
    try:
        for _ in range(READS):
            async with database.snapshot(WORKSPACE) as snapshot:
                began = time.perf_counter()
                count = 0
                async for series in series_columns(snapshot, [run_id], wanted):
                    count += len(series.ordinal)
                times.append((time.perf_counter() - began) * 1_000)
                assert count == expected, (count, expected)
    finally:
        await database.close()
    return min(times)


def projector_figures() -> list[Figure]:
    """Thousand points a second with summaries, beside the sketch's, and without."""
    found = []
    for name, raws, batch, limit in (
        ("20 series", list(round_robin("r", 2_000_000, 20, 2_000)), 200, 900),
        ("2,000 series", list(round_robin("r", 1_000_000, 2_000, 20_000)), 20, 900),
        ("1,000 runs, events of one point", [raw for i in range(1, 11) for raw in one_each(1_000, i)], 1_000, 30),
    ):
        points = len(raws) if limit == 30 else 2_000_000 if batch == 200 else 1_000_000
        with databases.migrated() as conninfo:
            before = folded(conninfo, raws, points, batch, summaries=False)
        with databases.migrated() as conninfo:
            after = folded(conninfo, raws, points, batch)
        found.append(Figure(f"fold, {name}", after, "k points/s", limit, True))
        found.append(Figure(f"  summaries' share of it, {name}", 100 * (1 - after / before), "%", 80))
    return found


def merging_figures() -> list[Figure]:
    """Rates, sizes and times of four ways to log."""
    found = []
    with databases.migrated() as conninfo:
        for first in range(1, 10_001, 500):  # merged as it comes: what merged rows leave is used again
            folded(conninfo, [raw for i in range(first, first + 500) for raw in one_each(10, i)], 5_000, 1_000)
            merged(conninfo)
            vacuum(conninfo)
        with psycopg.connect(conninfo) as connection:
            sizes = connection.execute(
                "SELECT pg_total_relation_size('state.chunks')::float8, pg_total_relation_size('state.points')::float8"
            ).fetchone()
        assert sizes is not None
        found.append(Figure("merged, 10 series x 10,000, events of one point", sizes[0] / 100_000, "bytes a point", 25))
        found.append(Figure("  room of what is not merged yet, used again", sizes[1] / 1e6, "MB", 2))
    for name, raws in (
        ("100 series x 10,000", round_robin("r", 1_000_000, 100, 2_000)),
        ("20 irregular series, user steps", irregular("r", 1_000_000, 20, 2_000)),
        ("20 irregular series, events of 20", irregular("r", 200_000, 20, 20)),
    ):
        small = "events of 20" in name
        points = 200_000 if small else 1_000_000
        with databases.migrated() as conninfo:
            came = folded(conninfo, list(raws), points, 1_000) / 1_000
            unmerged_bytes = bytes_unmerged(conninfo, points)
            before = asyncio.run(read_ms(conninfo, "r", None, 200_000)) if small else None
            # Small events cost by the event, whoever reads them: the merger must keep pace with the projector.
            found.append(Figure(f"merging, {name}", merged(conninfo), "M points/s", came if small else 4.2, True))
            found.append(Figure(f"merged, {name}", bytes_a_point(conninfo), "bytes a point", 25))
            found.append(Figure("  before, as it came", unmerged_bytes, "bytes a point", 250))
            if name.startswith("100"):
                found.append(Figure("reading 1 M points", asyncio.run(read_ms(conninfo, "r", None, 10**6)), "ms", 40))
                one = asyncio.run(read_ms(conninfo, "r", ["metric 7"], 10_000))
                found.append(Figure("reading one series of these", one, "ms", 10))
            if before is not None:
                after = asyncio.run(read_ms(conninfo, "r", None, 200_000))
                found.append(Figure("reading 200,000 points of small events, merged", after, "ms", before))
    return found


if __name__ == "__main__":
    raise SystemExit(1 if show([*projector_figures(), *merging_figures()]) else 0)
