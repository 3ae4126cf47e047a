"""Merging moves points into chunks, and changes nothing that anybody reads, while it runs and when it is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterable
from typing import Any

import psycopg
import pytest

from runfold_consumers.engine.connecting import connect
from runfold_consumers.fold.rows import PointsRow
from runfold_consumers.fold.series import LAST_TEXT_CHARACTERS_MAX
from runfold_consumers.state import chunks as chunking
from runfold_consumers.state import merging
from runfold_consumers.state.checksum import checksum
from runfold_consumers.state.chunks import Lane
from runfold_consumers.state.merger import Merger
from runfold_consumers.state.merging import Unmerged, is_due, merge, pays, summarise_old, unmerged
from runfold_consumers.state.rebuild import rebuild
from runfold_consumers.state.statements import statement
from runfold_schemas.codec import TEXT_KINDS, decode, encode
from runfold_schemas.events import MetricLogged, Series
from runfold_schemas.process_metrics import MERGED, Registry
from tests.model.world import World
from tests.waiting import until

from .conftest import cut, fold
from .raw import raw_points

LANES = "SELECT DISTINCT workspace, run_id, partition, writer_id FROM state.points ORDER BY 1, 2, 3, 4"
LOGICAL = """
SELECT (SELECT coalesce(sum(last_ordinal - first_ordinal + 1), 0) FROM state.points)
       + (SELECT coalesce(sum(points), 0) FROM state.chunks)
"""
WRITER = "c" * 32
CHILD = """
import sys
from runfold_consumers.engine.connecting import connect
from runfold_consumers.state.merging import merge, unmerged
with connect(sys.argv[1], "child") as connection:
    for lane in unmerged(connection):
        merge(connection, lane)
"""


def merge_all(conninfo: str) -> int:
    """Merges whatever there is; gives the number of rows that were merged."""
    count = 0
    with connect(conninfo, "test") as connection:
        for lane in unmerged(connection):
            while step := merge(connection, lane):
                count += step.rows
    return count


def one(conninfo: str, query: str) -> Any:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def event(first: int, values: Iterable[float], name: str = "loss", run_id: str = "live") -> MetricLogged:
    said = list(values)
    steps = list(range(first, first + len(said)))
    return MetricLogged(
        "run", run_id, WRITER, first, 0, None, None, (Series(name, None, "double", "step"),), (), [0] * len(said),
        steps, [1.7e9 + step for step in steps], said,
    )  # fmt: skip


def test_merging_changes_no_checksum_and_leaves_no_row(database: str, busy: World) -> None:
    batches = cut(busy.log.all(), seed=1)
    half = len(batches) // 2
    fold(database, batches[:half])
    before = checksum(database)
    assert merge_all(database) > 0
    assert checksum(database) == before
    fold(database, batches[half:])
    middle = checksum(database)
    assert merge_all(database) > 0
    assert checksum(database) == middle
    assert one(database, "SELECT count(*) FROM state.points") == 0
    assert one(database, "SELECT count(*) FROM state.chunks") > 0
    assert rebuild(database) > 0
    assert one(database, "SELECT count(*) FROM state.chunks") == 0
    fold(database, cut(busy.log.all(), seed=2))
    assert checksum(database) == middle


def test_small_chunks_are_merged_with_what_comes_to_them(database: str) -> None:
    lane = Lane("model", "live", 0, WRITER)
    for number in range(64):
        fold(database, [[raw_points(event(1 + 3 * number, [0.5, 1.5, 2.5]), offset=number)]])
        with connect(database, "test") as connection:
            assert merge(connection, lane._replace(partition=raw_points(event(1, [0.0]), 0).partition)) == (1, 3)
    assert one(database, "SELECT count(DISTINCT merged_first) FROM state.chunks") <= 7
    assert one(database, LOGICAL) == 64 * 3
    assert one(database, "SELECT sum(last_ordinal - first_ordinal + 1) FROM state.chunks") == 64 * 3


def test_a_late_ordinal_goes_where_it_belongs(database: str) -> None:
    late = event(4, [4.0, 5.0])
    fold(database, [[raw_points(event(1, [1.0, 2.0, 3.0]), 0), raw_points(event(6, [6.0]), 1)]])
    merge_all(database)
    fold(database, [[raw_points(late, 2)]])
    before = checksum(database)
    merge_all(database)
    assert checksum(database) == before
    fold(database, [[raw_points(event(1, [float(i) for i in range(1, 7)]), 3)]])  # a repeat of everything
    assert checksum(database) == before
    assert one(database, "SELECT points FROM state.series") == 6


@pytest.mark.parametrize("mergers", [1, 3])
def test_every_snapshot_sees_every_point_once_while_merged_and_written(database: str, mergers: int) -> None:
    """Mergers, a projector and a reader at the same time."""
    rows, stop, failures = 60, threading.Event(), list[BaseException]()

    def write() -> None:
        try:
            for number in range(rows):
                fold(database, [[raw_points(event(1 + 2 * number, [1.0, float("nan")]), number)]])
        except BaseException as error:  # noqa: BLE001 - the test tells it
            failures.append(error)

    def work() -> None:
        try:
            while not stop.is_set():
                merge_all(database)
        except BaseException as error:  # noqa: BLE001 - the test tells it
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(mergers)]
    writer = threading.Thread(target=write)
    for thread in (*threads, writer):
        thread.start()
    looks = 0
    with psycopg.connect(database) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        while writer.is_alive():
            with connection.transaction():
                (seen,) = connection.execute("SELECT coalesce(sum(points), 0) FROM state.series").fetchone() or (0,)
                (there,) = connection.execute(LOGICAL.encode()).fetchone() or (0,)
            assert there == seen
            looks += 1
    writer.join(60)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert looks > 10
    merge_all(database)
    merged = checksum(database)
    rebuild(database)
    fold(database, [[raw_points(event(1 + 2 * i, [1.0, float("nan")]), i) for i in range(rows)]])
    assert checksum(database) == merged


@pytest.mark.parametrize(
    ("kill", "table"),
    [
        ("the process", "state.chunks"),  # nothing is added yet
        ("the process", "state.points"),  # chunks are, rows are still to go
        ("its connection", "state.points"),
    ],
)
def test_a_merger_that_is_killed_in_the_middle_has_done_nothing(
    database: str, busy: World, kill: str, table: str
) -> None:
    """A process of its own, by SIGKILL, while it waits to write that table."""
    fold(database, cut(busy.log.all(), seed=1))
    before, points = checksum(database), one(database, "SELECT count(*) FROM state.points")
    backends = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'runfold child'"
    with psycopg.connect(database) as blocker, psycopg.connect(database, autocommit=True) as watcher:
        blocker.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())
        child = subprocess.Popen([sys.executable, "-c", CHILD, database], stderr=subprocess.DEVNULL)
        try:
            waiting = f"SELECT pid {backends} AND wait_event = 'relation'".encode()
            until(lambda: watcher.execute(waiting).fetchone(), 30, "the merger before its write")
            if kill == "its connection":
                watcher.execute(f"SELECT pg_terminate_backend(pid) {backends}".encode())
                assert child.wait(20) == 1
        finally:
            child.kill()
            child.wait(20)
        blocker.rollback()
        until(lambda: not watcher.execute(f"SELECT pid {backends}".encode()).fetchall(), 20, "the end of its backend")
    assert one(database, "SELECT count(*) FROM state.chunks") == 0
    assert one(database, "SELECT count(*) FROM state.points") == points
    assert merge_all(database) == points
    assert checksum(database) == before


def test_a_rebuild_while_points_are_merged_leaves_nothing_of_before(database: str) -> None:
    batches = [[raw_points(event(1 + 2 * number, [1.0, 2.0]), number)] for number in range(20)]
    fold(database, batches)
    expected, stop, failures = checksum(database), threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            while not stop.is_set():
                merge_all(database)
        except BaseException as error:  # noqa: BLE001 - the test tells it
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            rebuild(database)
            assert one(database, LOGICAL) == 0
            fold(database, batches)
            assert one(database, LOGICAL) == 40
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert failures == []
    assert checksum(database) == expected


def test_long_texts_are_merged_in_bounded_memory(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane of long texts has few points and many bytes."""
    monkeypatch.setattr(merging, "BYTES_AT_ONCE", 300_000)
    monkeypatch.setattr(chunking, "TEXT_CHARACTERS_MAX", 150_000)
    series = (Series("word", None, "string", "step"),)
    events = [
        event(1 + i, [0.0])._replace(series=series, texts=(f"{i:02}" + "é" * 50_000,)) for i in range(20)
    ]  # 100 KB each
    fold(database, [[raw_points(said, offset) for offset, said in enumerate(events)]])
    before = checksum(database)
    with connect(database, "test") as connection:
        (lane,) = unmerged(connection)
        steps = list(iter(lambda: merge(connection, lane), None))
    assert [step.rows for step in steps] == [2] * 10
    assert one(database, "SELECT max(octet_length(texts)) FROM state.chunks") < 301_000
    assert checksum(database) == before


def test_one_damaged_row_holds_up_no_other(database: str) -> None:
    merger = Merger(database, Registry("projector-state"))
    fold(database, [[raw_points(event(1 + i, [1.0], run_id="damaged"), i) for i in range(merging.ROWS_DUE)]])
    fold(database, [[raw_points(event(1 + i, [1.0]), i) for i in range(merging.ROWS_DUE)]])
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE state.points SET summarised = false, message = 'no' WHERE run_id = 'damaged'")
    merger.start()
    try:
        others = "SELECT count(*) FROM state.points WHERE run_id <> 'damaged'"
        until(lambda: one(database, others) == 0, 20, "the other lane")
        merger.check()
    finally:
        merger.stop()
    assert one(database, "SELECT count(*) FROM state.points WHERE summarised") == merging.ROWS_DUE


def test_a_lane_that_somebody_else_merges_is_left_alone(database: str) -> None:
    fold(database, [[raw_points(event(1, [1.0]), 0)]])
    with psycopg.connect(database) as other, connect(database, "test") as connection:
        (lane,) = unmerged(connection)
        assert other.execute(statement("take_lane"), lane).fetchone() == (True,)
        assert merge(connection, lane) is None
        other.rollback()
        assert merge(connection, lane) == (1, 1)


def test_summaries_say_what_the_points_say(database: str, busy: World) -> None:
    """However the log was cut, held against a plain loop over all points."""
    fold(database, cut(busy.log.all(), seed=3))
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT run_id, writer_id, message FROM state.points").fetchall()
        told = connection.execute(
            "SELECT run_id, writer_id, name, column_name, kinds, axes, points, nonfinite, min, max, last_ordinal, "
            "last_kind, last_step, last_time, last_value::text, last_text FROM state.series"
        ).fetchall()
    said: dict[Any, list[Any]] = {}
    for run_id, writer_id, message in rows:
        logged: Any = decode(message)
        for place, which in enumerate(logged.index):
            series, value = logged.series[int(which)], float(logged.value[place])
            text = logged.texts[int(value)][:LAST_TEXT_CHARACTERS_MAX] if series.kind in TEXT_KINDS else None
            point = (logged.first_ordinal + place, series.kind, series.axis, int(logged.step[place]),
                     float(logged.time[place]), value, text)  # fmt: skip
            said.setdefault((run_id, writer_id, series.name, series.column), []).append(point)
    expected = []
    for key, points in said.items():
        numbers = [p[5] for p in points if p[1] not in TEXT_KINDS and p[1] != "null"]
        finite = [n for n in numbers if abs(n) < float("inf")]
        last = max(points)
        shown = None if last[6] is not None else "NaN" if last[5] != last[5] else f"{last[5]:g}"
        expected.append((
            *key, ",".join(sorted({p[1] for p in points})), ",".join(sorted({p[2] for p in points})), len(points),
            len(numbers) - len(finite), min(finite, default=None), max(finite, default=None), last[0], last[1], last[3],
            last[4], shown, last[6],
        ))  # fmt: skip
    assert sorted(told, key=repr) == sorted(expected, key=repr)


def test_summaries_of_an_older_release_are_made_up_for(database: str, busy: World) -> None:
    batches = cut(busy.log.all(), seed=1)
    fold(database, batches[: len(batches) // 2])
    with psycopg.connect(database) as connection:  # as an older projector would have left it
        connection.execute("DELETE FROM state.series")
        connection.execute("UPDATE state.points SET summarised = false")
    fold(database, batches[len(batches) // 2 :])
    with connect(database, "test") as connection:
        rows = 0
        while step := summarise_old(connection):
            rows += step
        assert rows > 0
    made_up = checksum(database)
    rebuild(database)
    fold(database, batches)
    assert checksum(database) == made_up


def test_a_series_that_no_index_takes_keeps_its_points_and_has_no_summary(database: str) -> None:
    """Names were not looked at once."""
    fold(database, [[raw_points(event(1, [1.0]), 0)]])
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM state.series")
        message = encode(event(1, [1.0], name="x" * 5_000 + "\0"))
        connection.execute("UPDATE state.points SET summarised = false, message = %s", [message])
    with connect(database, "test") as connection:
        assert summarise_old(connection) == 1
        assert summarise_old(connection) == 0
    assert one(database, "SELECT count(*) FROM state.series") == 0


def test_the_companion_merges_what_it_heard_of_and_what_it_finds(database: str) -> None:
    metrics = Registry("projector-state")
    merger = Merger(database, metrics)
    found = [raw_points(event(1 + i, [0.25 * i]), i) for i in range(merging.ROWS_DUE)]
    fold(database, [found])
    others = [raw_points(event(1 + i, [0.25 * i], run_id="other"), i) for i in range(merging.ROWS_DUE)]
    merger.start()
    try:
        until(lambda: one(database, "SELECT count(*) FROM state.points") == 0, 20, "what it found")
        fold(database, [others])
        before = checksum(database)
        with psycopg.connect(database) as connection:
            rows = connection.execute(
                'SELECT workspace, partition, run_id, writer_id, first_ordinal, last_ordinal, "offset", 0, message '
                "FROM state.points"
            )
            merger.hear([PointsRow._make(row) for row in rows])
        until(lambda: one(database, "SELECT count(*) FROM state.points") == 0, 20, "what it heard of")
        merger.check()
    finally:
        merger.stop()
    assert checksum(database) == before
    assert f"{MERGED.name} {2.0 * merging.ROWS_DUE}".encode() in metrics.text()[0]


@pytest.mark.parametrize(
    ("found", "series", "due", "saves"),
    [
        (Unmerged(merging.ROWS_DUE, merging.ROWS_DUE, 100_000, 10**12), 1, True, True),  # many small rows
        (Unmerged(10, merging.POINTS_DUE, 6_000_000, 10**12), 20, True, True),  # many points
        (Unmerged(2, 200, 5_000, 10**12), 1, False, True),  # young
        (Unmerged(2, 200, 5_000, 0), 1, True, True),  # quiet
        (Unmerged(1, 100, 2_300, 0), 20, True, False),  # five points a series: chunks would take more
    ],
)
def test_a_lane_is_merged_when_it_is_slow_to_read_or_quiet_and_saves_room(
    found: Unmerged, series: int, due: bool, saves: bool
) -> None:
    assert is_due(found, 10**12) is due
    assert pays(found, series) is saves
