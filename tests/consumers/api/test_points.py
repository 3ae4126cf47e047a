"""Points read the same merged and not: as columns and as events, cut at any position, without those of outsiders."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any

import fastavro
import numpy as np
import psycopg
import pytest

from runfold_consumers.api.database import Database
from runfold_consumers.api.points import Positions, SeriesColumns, messages, series_columns
from runfold_consumers.engine.connecting import connect
from runfold_consumers.state.merging import merge, unmerged
from runfold_schemas.codec import decode
from runfold_schemas.events import MetricLogged, Series
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger
from tests.consumers.api.saying import A, B, Saying


def merge_all(conninfo: str) -> None:
    with connect(conninfo, "test") as connection:
        for lane in unmerged(connection):
            while merge(connection, lane):
                pass
        left = connection.execute("SELECT count(*) FROM state.points").fetchone()
    assert left == (0,)


def columns(conninfo: str, run_ids: Sequence[str], wanted: Any = None, **cuts: Any) -> list[SeriesColumns]:
    async def read() -> list[SeriesColumns]:
        database = Database(conninfo)
        await database.open()
        try:
            async with database.snapshot(WORKSPACE) as snapshot:
                return [series async for series in series_columns(snapshot, run_ids, wanted, **cuts)]
        finally:
            await database.close()

    return asyncio.run(read())


def plain(found: Sequence[SeriesColumns]) -> list[tuple[Any, ...]]:
    return [
        tuple(column.tolist() if isinstance(column, np.ndarray) else column for column in series) for series in found
    ]


def mixed(said: Saying, first_step: int) -> MetricLogged:
    """An event in which three series take turns."""
    event = said.logged(
        "loss", *(0.5 * i for i in range(9)), axis="step", steps=list(range(first_step, first_step + 9))
    )
    return event._replace(
        series=(*event.series, Series("word", None, "string"), Series("loss", None, "long", "step")),
        texts=("a", "b", "c"),
        index=[0, 1, 2] * 3,
        value=[0.25, 0.0, 7.0, -0.0, 1.0, 8.0, 1e300, 2.0, 9.0],
    )


@pytest.fixture
def said(ledger: Ledger) -> Ledger:
    """Two runs; of the second, a writer is an outsider."""
    one, other, outsider = Saying("r1"), Saying("r2"), Saying("r2", B)
    ledger.say(one.started(), other.started(), outsider.started("elsewhere"))
    for event in range(6):
        ledger.say(mixed(one, event), other.logged("loss", float(event)), outsider.logged("loss", 99.0))
    return ledger


def test_columns_are_the_same_merged_and_not(said: Ledger) -> None:
    before = columns(said.conninfo, ["r1", "r2", "r3"])
    merge_all(said.conninfo)
    after = columns(said.conninfo, ["r1", "r2", "r3"])
    assert plain(after) == plain(before)
    assert [(s.run_id, s.writer_id, s.name, s.kind, len(s.ordinal)) for s in after] == [
        ("r1", A, "loss", "double", 18),
        ("r1", A, "loss", "long", 18),
        ("r1", A, "word", "string", 18),
        ("r2", A, "loss", "double", 6),
    ]
    loss, whole, word, _ = after
    assert loss.ordinal[:4].tolist() == [1, 4, 7, 10]
    assert str(loss.value[1]) == "-0.0"
    assert whole.value[:3].tolist() == [7.0, 8.0, 9.0]
    assert word.texts == ["a", "b", "c"] * 6


@pytest.mark.parametrize("merged", [False, True])
def test_only_what_is_wanted_is_read(said: Ledger, merged: bool) -> None:
    if merged:
        merge_all(said.conninfo)
    assert {s.name for s in columns(said.conninfo, ["r1"], [("word", None), ("none", None)])} == {"word"}
    assert columns(said.conninfo, ["r1"], [("word", "")]) == []
    assert columns(said.conninfo, ["r1"], writer_ids=[B]) == []
    assert columns(said.conninfo, []) == []


def test_a_position_cuts_exactly_inside_of_a_chunk(said: Ledger) -> None:
    with psycopg.connect(said.conninfo) as connection:
        offsets = connection.execute(
            "SELECT DISTINCT partition, \"offset\" FROM state.points WHERE run_id = 'r1' ORDER BY 2"
        ).fetchall()
    cuts: list[dict[str, Positions]] = []
    for partition, offset in offsets:
        here: Positions = {("telemetry", partition): offset, ("facts", partition): 0}
        cuts += [{"until": here}, {"since": here}, {"since": here, "until": {("telemetry", partition): offset + 1}}]
    cuts += [{"until": {}}, {"since": {}}]
    before = [plain(columns(said.conninfo, ["r1"], **cut)) for cut in cuts]
    merge_all(said.conninfo)
    assert [plain(columns(said.conninfo, ["r1"], **cut)) for cut in cuts] == before
    assert [sum(len(series[6]) for series in found) for found in before] == [
        n for i in range(6) for n in (9 * i, 54 - 9 * i, 9)
    ] + [0, 54]


def test_events_come_in_ordinal_order_and_are_cut_likewise(said: Ledger, api: Api) -> None:
    def told() -> list[tuple[Any, ...]]:
        answer = api.get("/runs/r1/metrics")
        found: list[tuple[Any, ...]] = []
        for event in fastavro.reader(io.BytesIO(answer.data)):
            assert isinstance(event, dict)
            for i, which in enumerate(event["index"]):
                series, value = event["series"][which], event["value"][i]
                shown = event["texts"][int(value)] if series["kind"] == "string" else repr(value)
                place = (event["first_ordinal"] + i, event["step"][i], event["time"][i])
                found.append((*place, series["name"], series["kind"], series["axis"], shown))
        return found

    before = told()
    merge_all(said.conninfo)
    assert told() == before
    assert [point[0] for point in before] == list(range(1, 55))


def test_an_event_is_cut_out_of_merged_points(said: Ledger) -> None:
    with psycopg.connect(said.conninfo) as connection:
        row = connection.execute(
            "SELECT partition, min(\"offset\") FROM state.points WHERE run_id = 'r1' GROUP BY partition"
        ).fetchone()
    assert row is not None
    merge_all(said.conninfo)

    async def read() -> list[bytes]:
        database = Database(said.conninfo)
        await database.open()
        try:
            async with database.snapshot(WORKSPACE) as snapshot:
                until = {("telemetry", row[0]): row[1] + 1}
                return [message async for message in messages(snapshot, ["r1"], until=until)]
        finally:
            await database.close()

    (message,) = asyncio.run(read())
    event = decode(message)
    assert isinstance(event, MetricLogged)
    assert (event.first_ordinal, len(event.index)) == (1, 9)


def test_a_snapshot_keeps_its_points_over_a_merge_and_a_vacuum(said: Ledger) -> None:
    async def read() -> tuple[list[Any], list[Any]]:
        database = Database(said.conninfo)
        await database.open()
        try:
            async with database.snapshot(WORKSPACE) as snapshot:
                before = plain([series async for series in series_columns(snapshot, ["r1", "r2"])])
                await asyncio.to_thread(merge_all, said.conninfo)
                await asyncio.to_thread(vacuum, said.conninfo)
                return before, plain([series async for series in series_columns(snapshot, ["r1", "r2"])])
        finally:
            await database.close()

    def vacuum(conninfo: str) -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("VACUUM state.points, state.chunks")

    before, after = asyncio.run(read())
    assert len(before) == 4
    assert after == before


def test_who_turns_out_to_be_an_outsider_after_merging_is_not_shown(ledger: Ledger) -> None:
    """Telemetry and facts have logs of their own: points may come, and be merged, before what tells whose they are."""
    run, stranger = Saying("r"), Saying("r", B)
    ledger.say(run.started(), run.logged("loss", 1.0), stranger.logged("loss", 2.0))
    merge_all(ledger.conninfo)
    assert [series.writer_id for series in columns(ledger.conninfo, ["r"])] == [A, B]
    ledger.say(stranger.started("elsewhere"))
    assert [series.writer_id for series in columns(ledger.conninfo, ["r"])] == [A]
