"""GET /export: whole projects from one snapshot, exact, in bounded memory, and noticed when cut."""

from __future__ import annotations

import gc
import http.client
import io
import json
import math
import tracemalloc
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runfold_consumers.api import database
from runfold_schemas.events import MetricLogged, Series
from runfold_schemas.watermark import parse
from tests.consumers.api.conftest import Ledger, Told
from tests.consumers.api.saying import NOW_US, A, B, C, Saying
from tests.consumers.api.series.conftest import ApiWithin, Shared
from tests.waiting import until


def read(told: Told, form: str) -> list[dict[str, Any]]:
    assert told.status == 200, told.data
    if form == "ndjson":
        return [json.loads(line) for line in told.data.splitlines()]
    if form == "parquet":
        return list(pq.read_table(io.BytesIO(told.data)).to_pylist())
    return list(pa.ipc.open_stream(io.BytesIO(told.data)).read_all().to_pylist())


@pytest.fixture
def project(ledger: Ledger) -> Ledger:
    """Two runs of one experiment, one of another, and a child."""
    mixed = MetricLogged(
        aggregate_id="a1", writer_id=A, first_ordinal=1, occurred_at=NOW_US,
        series=(
            Series("loss", None, "double", "step"), Series("note", None, "string", "ordinal"),
            Series("table", "ä", "bigint", "row"), Series("flag", None, "bool", "ordinal"),
            Series("none", None, "null", "ordinal"), Series("n", None, "long", "ordinal"),
        ),
        texts=("x\ny", str(2**70)), index=[0, 0, 1, 2, 3, 4, 5], step=[7, 8, 3, 4, 5, 6, 7],
        time=[1.77e9 + i for i in range(7)], value=[0.1, math.nan, 0.0, 1.0, 1.0, 0.0, 3.0],
    )  # fmt: skip
    one, two, other = Saying("a1", A), Saying("a2", B), Saying("b1", C)
    one.points = 7
    ledger.say(one.opened(rank=3, attempt=1), one.started("digits"), mixed, one.tag("team", "vision"))
    ledger.say(one.properties(k="v"), one.log("std.txt", b"hello \xff\n"), one.properties(k="w"))
    ledger.say(two.started("digits", parent_run_id="a1"), two.logged("loss", 1.0, 2.0), other.started("else"))
    ledger.say(other.logged("loss", 5.0))
    return ledger


@pytest.mark.parametrize("form", ["arrow", "parquet", "ndjson"])
def test_points_come_exactly_in_every_form(project: Ledger, api: ApiWithin, form: str) -> None:
    told = api.get("/export", what="points", format=form)
    rows = read(told, form)
    assert [(row["run_id"], row["metric"], row["ordinal"]) for row in rows] == [
        ("a1", "loss", 1), ("a1", "loss", 2), ("a1", "note", 3), ("a1", "table", 4), ("a1", "flag", 5),
        ("a1", "none", 6), ("a1", "n", 7), ("a2", "loss", 1), ("a2", "loss", 2), ("b1", "loss", 1),
    ]  # fmt: skip
    assert [(row["writer"], row["rank"], row["attempt"]) for row in rows[5:8]] == [(A, 3, 1), (A, 3, 1), (B, None, 0)]
    assert (rows[0]["step"], rows[0]["time"], rows[0]["axis"], rows[0]["kind"]) == (7, 1.77e9, "step", "double")
    assert rows[3]["column"] == "ä"
    values = [row["value"] for row in rows[:7]]
    if form == "ndjson":
        assert values == [0.1, "NaN", "x\ny", 2**70, True, None, 3]
    else:
        assert repr(values) == repr([0.1, math.nan, None, None, 1.0, None, 3.0])
        assert [row["text"] for row in rows[:7]] == [None, None, "x\ny", str(2**70), None, None, None]
    name = f'attachment; filename="{api.workspace}-points.{"arrows" if form == "arrow" else form}"'
    assert told.headers["Content-Disposition"] == name
    assert parse(told.headers["Runfold-Watermark"]).offsets


@pytest.mark.parametrize("form", ["arrow", "parquet", "ndjson"])
def test_runs_events_and_logs_come_too(project: Ledger, api: ApiWithin, form: str) -> None:
    runs = read(api.get("/export", what="runs", format=form), form)
    assert [(run["run_id"], run["experiment"], run["parent_run_id"]) for run in runs] == [
        ("a1", "digits", None), ("a2", "digits", "a1"), ("b1", "else", None),
    ]  # fmt: skip
    assert dict(runs[0]["tags"]) == {"team": "vision"}
    assert dict(runs[0]["properties"]) == {"k": "v"}
    assert [(m["name"], m["points"], m["last"]) for m in runs[1]["metrics"]] == [("loss", 2, 2.0)]
    events = read(api.get("/export", what="events", format=form), form)
    assert [event["event"] for event in events if event["run_id"] == "a1"] == [
        "WriterOpened", "RunStarted", "TagSet", "PropertyAdded", "PropertyAdded",
    ]  # fmt: skip
    assert [event["verdict"] for event in events if event["event"] == "PropertyAdded"] == ["accepted", "refused"]
    body = events[2]["body"]
    assert (body if form == "ndjson" else json.loads(body))["value"] == "vision"
    (log,) = read(api.get("/export", what="logs", format=form), form)
    assert (log["log"], log["first_ordinal"], log["last_ordinal"], log["rank"]) == ("std.txt", 1, 8, 3)
    assert log["data"] == ("hello �\n" if form == "ndjson" else b"hello \xff\n")


def test_runs_are_chosen_by_filter_and_experiment(project: Ledger, api: ApiWithin) -> None:
    def of(**query: Any) -> list[str]:
        rows = read(api.get("/export", what="runs", format="ndjson", **query), "ndjson")
        return [row["run_id"] for row in rows]

    assert of(experiment="digits") == ["a1", "a2"]
    assert of(q="tag.team = vision") == ["a1"]
    assert of(include_children=False) == ["a1", "b1"]
    assert of(q="experiment = else or run_id = a2", experiment="digits") == ["a2"]
    assert of(experiment="nowhere") == []
    told = api.get("/export", what="runs", q="status = ")
    assert (told.status, told.code) == (400, "filter")


@pytest.mark.parametrize("form", ["arrow", "parquet", "ndjson"])
@pytest.mark.parametrize("what", ["points", "runs", "events", "logs"])
def test_nothing_is_a_whole_file_too(ledger: Ledger, api: ApiWithin, what: str, form: str) -> None:
    assert read(api.get("/export", what=what, format=form), form) == []


def test_what_is_no_export_is_refused(ledger: Ledger, api: ApiWithin) -> None:
    for query in ({"what": "secrets"}, {"what": "points", "format": "csv"}, {}):
        told = api.get("/export", **query)
        assert (told.status, told.code) == (400, "invalid")


def stream(api: ApiWithin, **query: Any) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """An export whose bytes are taken by hand."""
    where = urlsplit(api.address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    path = f"/v1/workspaces/{api.workspace}/export?{urlencode(query)}"
    connection.request("GET", path, headers={"Authorization": f"Bearer {api.access_token}"})
    return connection, connection.getresponse()


def large(ledger: Ledger, rows: int) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    for _ in range(rows):
        ledger.say(said.logged("m", *([0.5] * 30_000)), notify=False)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_export(ledger: Ledger, api: ApiWithin) -> None:
    """Five times the points, the same peak: the API runs in this process, so tracemalloc sees all that it holds."""
    peaks = []
    for rows in (10, 40):
        large(ledger, rows)
        for form in ("arrow", "parquet"):
            gc.collect()
            tracemalloc.start()
            _, answer = stream(api, what="points", format=form)
            size = 0
            while piece := answer.read(1 << 16):
                size += len(piece)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    small, large_ = max(peaks[:2]), max(peaks[2:])
    assert large_ < small * 1.3 + (4 << 20), peaks


def test_a_client_that_takes_nothing_holds_the_reader_back_and_is_cut_off(
    ledger: Ledger, api: ApiWithin, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(ledger, 12)
    monkeypatch.setattr(database, "LASTING_SECONDS_MAX", 1)
    connection, answer = stream(api, what="points", format="arrow")
    answer.read(1000)

    def held() -> int:
        import psycopg

        with psycopg.connect(shared.conninfo) as asking:
            row = asking.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'runfold-api-lasting' AND datname = current_database()"
            ).fetchone()
            return int(row[0]) if row else 0

    assert held() == 1  # the snapshot waits with the client
    until(lambda: held() == 0, 15, "the snapshot to be let go")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()  # what had been sent, and then the cut
    connection.close()


def test_a_broken_stream_is_noticed_by_the_client(ledger: Ledger, api: ApiWithin, shared: Shared) -> None:
    large(ledger, 12)
    for form in ("arrow", "parquet", "ndjson"):
        connection, answer = stream(api, what="points", format=form)
        first = answer.read(1000)
        ledger.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'runfold-api-lasting' AND datname = current_database()"
        )
        with pytest.raises((http.client.IncompleteRead, ConnectionError)) as cut:
            answer.read()
        connection.close()
        got = first + getattr(cut.value, "partial", b"")
        if form == "parquet":
            with pytest.raises(pa.ArrowInvalid):
                pq.read_table(io.BytesIO(got))


def test_only_a_few_exports_run_at_a_time_and_other_reads_go_on(
    project: Ledger, api: ApiWithin, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(project, 12)
    open_ones = [stream(api, what="points", format="arrow") for _ in range(database.LASTING_READS_MAX)]
    told = api.get("/export", what="runs")
    assert (told.status, told.code) == (503, "busy")
    assert told.headers["Retry-After"]
    assert api.get("/runs/a1").status == 200
    for connection, answer in open_ones:
        answer.close()
        connection.close()
    until(lambda: api.get("/export", what="runs").status == 200, 15, "the exports whose clients left to end")


def test_an_export_is_one_snapshot(project: Ledger, api: ApiWithin) -> None:
    large(project, 12)
    connection, answer = stream(api, what="points", format="arrow")
    first = answer.read(1000)
    later = Saying("z1", "9" * 32)
    project.say(later.started("digits"), later.logged("loss", 99.0))
    rows = pa.ipc.open_stream(io.BytesIO(first + answer.read())).read_all()
    connection.close()
    assert "z1" not in rows.column("run_id").unique().to_pylist()
    assert rows.num_rows == 10 + 360_000
    ids = rows.column("run_id").unique().to_pylist()
    assert ids == ["a1", "a2", "b1", "r1"]
    again = pa.ipc.open_stream(io.BytesIO(api.get("/export", what="points", format="arrow").data)).read_all()
    assert again.num_rows == rows.num_rows + 1
