"""GET and POST /series over a ledger: forms, folds, ranges, buckets, increments, moments, and what is refused."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import pyarrow as pa
import pytest
import urllib3

from runfold_schemas.events import MetricLogged, Series
from tests.consumers.api.conftest import Ledger, Told
from tests.consumers.api.saying import NOW_US, A, B, C, Saying
from tests.consumers.api.series.conftest import ApiWithin

STREAM = "application/vnd.apache.arrow.stream"


def ask(api: ApiWithin, accept: str | None = None, **fields: Any) -> Told:
    """POST, which takes what GET takes."""
    headers = {"Authorization": f"Bearer {api.access_token}", "Content-Type": "application/json"}
    if accept:
        headers["Accept"] = accept
    url = f"{api.address}/v1/workspaces/{api.workspace}/series"
    answer = urllib3.request("POST", url, body=json.dumps(fields).encode(), headers=headers, retries=False)
    return Told(answer.status, answer.headers, answer.data)


def series(api: ApiWithin, **fields: Any) -> list[dict[str, Any]]:
    told = ask(api, **fields)
    assert told.status == 200, told.data
    return list(told.json["series"])


def table(told: Told) -> pa.Table:
    assert told.status == 200, told.data
    return pa.ipc.open_stream(io.BytesIO(told.data)).read_all()


@pytest.fixture
def eight(ledger: Ledger) -> Ledger:
    """A run of four ranks; rank 3 is behind and slow."""
    for rank, writer in enumerate((A, B, C, "d" * 32)):
        said = Saying("r8", writer)
        steps = 3 if rank == 3 else 5
        ledger.say(said.opened(rank=rank, world_size=4, attempt=0), said.started())
        ledger.say(said.logged("loss", *(float(rank + i) for i in range(steps)), axis="step", steps=list(range(steps))))
    return ledger


def test_points_come_as_json_with_step_and_time(ledger: Ledger, api: ApiWithin) -> None:
    said = Saying("r1")
    ledger.say(said.opened(), said.started(), said.logged("loss", 0.5, 0.25, axis="step", steps=[10, 20]))
    told = api.get("/series", run_id="r1", metric="loss")
    assert told.status == 200, told.data
    assert told.json["cursor"]
    assert told.json["watermark"] == told.headers["Runfold-Watermark"]
    (one,) = told.json["series"]
    assert one == {
        "run_id": "r1", "metric": "loss", "column": None, "rank": None, "attempt": 0, "kind": "double", "axis": "step",
        "change": "whole", "n": 2, "of": 2, "x": [10, 20], "value": [0.5, 0.25], "step": [10, 20],
        "time": [1.77e9 + 1, 1.77e9 + 2], "band": None, "slowest_rank": None, "marks": [], "marks_of": 0,
    }  # fmt: skip


def test_many_runs_and_metrics_come_in_one_request_in_the_order_asked(ledger: Ledger, api: ApiWithin) -> None:
    for run_id, writer in (("b", A), ("a", B)):
        said = Saying(run_id, writer)
        ledger.say(said.started(), said.logged("m", 1.0), said.logged("n", 2.0), said.logged("other", 3.0))
    found = series(api, run_id=["b", "a", "b"], metric=["n", "m"])
    assert [(one["run_id"], one["metric"]) for one in found] == [("b", "n"), ("b", "m"), ("a", "n"), ("a", "m")]
    query = "run_id=b&run_id=a&metric=n&metric=m"
    assert api.ask("GET", f"/v1/workspaces/{api.workspace}/series?{query}").json["series"] == found


def test_a_rank_and_an_attempt_can_be_asked_for(ledger: Ledger, api: ApiWithin) -> None:
    first, again, other = Saying("r1", A), Saying("r1", B), Saying("r1", C)
    ledger.say(first.opened(rank=0, attempt=0), first.started())
    ledger.say(again.opened(rank=0, attempt=1), other.opened(rank=1, attempt=0))
    ledger.say(
        first.logged("m", 1.0, 2.0, 3.0, axis="step", steps=[1, 2, 3]),
        again.logged("m", 20.0, 30.0, axis="step", steps=[2, 3]),
        other.logged("m", 7.0, axis="step", steps=[1]),
    )
    shown = series(api, run_id=["r1"], metric=["m"], buckets=100)
    assert [(one["rank"], one["attempt"], one["x"], one["value"]) for one in shown] == [
        (0, None, [1, 2, 3], [1.0, 20.0, 30.0]),
        (1, 0, [1], [7.0]),
    ]
    assert [one["value"] for one in series(api, run_id=["r1"], metric=["m"], rank=1)] == [[7.0]]
    assert [one["value"] for one in series(api, run_id=["r1"], metric=["m"], rank=0, attempt=0)] == [[1.0, 2.0, 3.0]]
    every = series(api, run_id=["r1"], metric=["m"], attempt="all")
    assert [(one["rank"], one["attempt"], one["n"]) for one in every] == [(0, 0, 3), (0, 1, 2), (1, 0, 1)]


def test_ranks_fold_to_mean_band_and_slowest(eight: Ledger, api: ApiWithin) -> None:
    (one,) = series(api, run_id=["r8"], metric=["loss"], fold="ranks")
    assert one["x"] == [0, 1, 2, 3, 4]
    assert one["value"] == [1.5, 2.5, 3.5, 4.0, 5.0]
    assert one["band"] == {"x": [0, 1, 2, 3, 4], "min": [0.0, 1.0, 2.0, 3.0, 4.0], "max": [3.0, 4.0, 5.0, 5.0, 6.0]}
    assert one["slowest_rank"][3:] == [3, 3]
    assert (one["rank"], one["attempt"]) == (None, 0)


def test_buckets_keep_extremes_and_say_n_of_m(ledger: Ledger, api: ApiWithin) -> None:
    said = Saying("r1")
    values = [0.0] * 20_000
    values[12_345], values[777] = 9.0, -9.0
    ledger.say(said.started(), said.logged("m", *values, axis="step", steps=list(range(20_000))))
    (one,) = series(api, run_id=["r1"], metric=["m"], buckets=10)
    assert one["of"] == 20_000
    assert one["n"] == len(one["x"]) <= 22
    assert {(12_345, 9.0), (777, -9.0)} <= set(zip(one["x"], one["value"], strict=True))
    assert (min(one["band"]["min"]), max(one["band"]["max"]), len(one["band"]["x"])) == (-9.0, 9.0, 10)
    assert (one["step"], one["time"]) == (None, None)
    closer = series(api, run_id=["r1"], metric=["m"], buckets=10, **{"from": 12_340, "to": 12_350})
    assert closer[0]["x"] == list(range(12_340, 12_351))
    assert closer[0]["of"] == closer[0]["n"] == 11


def test_what_is_not_finite_is_marked_and_counted(ledger: Ledger, api: ApiWithin) -> None:
    said = Saying("r1")
    values = [1.0, math.nan, math.inf, -math.inf, 2.0] + [math.nan] * 3_000
    ledger.say(said.started(), said.logged("m", *values, axis="step", steps=list(range(len(values)))))
    (one,) = series(api, run_id=["r1"], metric=["m"], to=4)
    assert one["value"] == [1.0, None, None, None, 2.0]
    expected = [{"x": 1, "value": "NaN"}, {"x": 2, "value": "Infinity"}, {"x": 3, "value": "-Infinity"}]
    assert one["marks"] == expected
    (one,) = series(api, run_id=["r1"], metric=["m"], buckets=3)
    assert one["marks_of"] == 3_003
    assert len(one["marks"]) <= 1_000
    assert {"Infinity", "-Infinity", "NaN"} == {mark["value"] for mark in one["marks"]}
    assert one["of"] == len(values)


def test_texts_and_every_other_kind_come_as_they_were_logged(ledger: Ledger, api: ApiWithin) -> None:
    event = MetricLogged(
        aggregate_id="r1", writer_id=A, first_ordinal=1, occurred_at=NOW_US,
        series=(
            Series("t", None, "string", "ordinal"), Series("t", None, "bool", "ordinal"),
            Series("t", None, "null", "ordinal"), Series("t", None, "bigint", "ordinal"),
            Series("table", "a", "long", "row"), Series("table", "b", "string", "row"),
        ),
        texts=("ä", str(2**70), "cell"), index=[0, 1, 2, 3, 4, 5], step=[1, 2, 3, 4, 5, 5],
        time=[1.77e9 + i for i in range(6)], value=[0.0, 1.0, 0.0, 1.0, 3.0, 2.0],
    )  # fmt: skip
    ledger.say(Saying("r1").started(), event)
    (one,) = series(api, run_id=["r1"], metric=["t"])
    assert one["value"] == ["ä", True, None, 2**70]
    assert one["kind"] == "mixed"
    cells = series(api, run_id=["r1"], metric=["table"])
    assert [(cell["column"], cell["value"], cell["axis"]) for cell in cells] == [
        ("a", [3], "row"),
        ("b", ["cell"], "row"),
    ]
    assert [cell["column"] for cell in series(api, run_id=["r1"], metric=[["table", "b"]])] == ["b"]
    assert api.get("/series", run_id="r1", metric='["table","b"]').json["series"] == [cells[1]]
    rows = table(ask(api, STREAM, run_id=["r1"], metric=["t"])).to_pydict()
    assert rows["text"] == ["ä", None, None, str(2**70)]
    assert rows["value"] == [None, 1.0, None, None]


def test_arrow_carries_every_point_exactly(ledger: Ledger, api: ApiWithin) -> None:
    said = Saying("r1")
    values = [0.1, math.nan, -0.0, math.inf]
    ledger.say(said.opened(rank=2, attempt=1), said.started(), said.logged("m", *values))
    told = ask(api, STREAM, run_id=["r1"], metric=["m"])
    assert told.headers["Content-Type"] == STREAM
    read = table(told)
    rows = read.to_pydict()
    assert repr(rows["value"]) == repr(values)
    assert (rows["writer"], rows["rank"], rows["attempt"]) == ([A] * 4, [2] * 4, [1] * 4)
    assert (rows["ordinal"], rows["step"], rows["run_id"], rows["metric"]) == (
        [1, 2, 3, 4], [1, 2, 3, 4], ["r1"] * 4, ["m"] * 4,
    )  # fmt: skip
    metadata = {name.decode(): value.decode() for name, value in read.schema.metadata.items()}
    assert metadata["runfold.watermark"] == told.headers["Runfold-Watermark"]
    assert json.loads(metadata["runfold.series"])[0]["of"] == 4
    reader = pa.ipc.open_stream(io.BytesIO(told.data))
    batches = list(reader.iter_batches_with_custom_metadata())
    assert batches[-1].custom_metadata == {b"runfold.n": b"4", b"runfold.of": b"4"}


def test_arrow_of_a_fold_names_band_and_slowest(eight: Ledger, api: ApiWithin) -> None:
    rows = table(ask(api, STREAM, run_id=["r8"], metric=["loss"], fold="ranks")).to_pydict()
    assert rows["value"] == [1.5, 2.5, 3.5, 4.0, 5.0]
    assert rows["max"] == [3.0, 4.0, 5.0, 5.0, 6.0]
    assert rows["slowest_rank"][3:] == [3, 3]
    assert rows["ranks"] == [4, 4, 4, 3, 3]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*;q=0.4", "application/json"),
        (f"{STREAM};q=0.9, application/json;q=0.8", STREAM),
        (f"application/json;q=0.2, {STREAM};q=0.1", "application/json"),
        (f"application/json;q=0, {STREAM}", STREAM),
        ("*/*;q=0.1, application/json;q=0", STREAM),
        (f"application/json;q=nan, {STREAM};q=0.9", "application/json"),  # malformed: as without
        (f"{STREAM};q=nan, application/json;q=0.9", STREAM),
        (f"{STREAM};q=-1, application/json;q=0.9", STREAM),
    ],
)
def test_the_form_is_what_the_caller_prefers(ledger: Ledger, api: ApiWithin, accept: str | None, form: str) -> None:
    ledger.say(Saying("r1").started())
    assert ask(api, accept, run_id=["r1"], metric=["m"]).headers["Content-Type"] == form


def test_no_form_that_is_accepted_is_told(ledger: Ledger, api: ApiWithin) -> None:
    ledger.say(Saying("r1").started())
    told = ask(api, "text/csv, application/json;q=0", run_id=["r1"], metric=["m"])
    assert (told.status, told.code) == (406, "not_acceptable")
    assert STREAM in told.json["error"]["message"]


def test_the_axes_of_x(ledger: Ledger, api: ApiWithin) -> None:
    said = Saying("r1")
    ledger.say(said.opened(), said.started(at=0), said.logged("other", 0.0))
    ledger.say(said.logged("m", 1.0, 2.0, axis="step", steps=[100, 50]))
    xs = {x: series(api, run_id=["r1"], metric=["m"], x=x)[0]["x"] for x in ("step", "time", "relative", "ordinal")}
    assert xs["step"] == [100, 50]  # in reading order
    assert xs["ordinal"] == [2, 3]
    assert xs["time"] == [1.77e9 + 2, 1.77e9 + 3]
    assert xs["relative"] == [2, 3]
    assert series(api, run_id=["r1"], metric=["m"], buckets=5)[0]["x"] == [50, 100]  # by x
    late = series(api, run_id=["r1"], metric=["m"], x="time", **{"from": "2026-02-02T02:40:03Z"})
    assert late[0]["value"] == [2.0]


def test_increments_bring_what_came_since_and_nothing_else(ledger: Ledger, api: ApiWithin) -> None:
    one, two = Saying("r1", A), Saying("r1", B)
    ledger.say(one.opened(rank=0), one.started(), two.opened(rank=1))
    late = two.logged("m", 5.0, axis="step", steps=[0])
    ledger.say(one.logged("m", 1.0, 2.0, axis="step", steps=[0, 1]))
    told = ask(api, run_id=["r1"], metric=["m", "n"]).json
    cursor = told["cursor"]
    assert ask(api, run_id=["r1"], metric=["m", "n"], after=cursor).json["series"] == []
    ledger.say(two.logged("m", 6.0, axis="step", steps=[1]))  # ordinal 2 of its lane, before 1 arrives
    more = ask(api, run_id=["r1"], metric=["m", "n"], after=cursor).json
    assert [(s["rank"], s["x"], s["value"], s["change"]) for s in more["series"]] == [(1, [1], [6.0], "whole")]
    ledger.say(late, one.logged("n", 1.5))
    last = ask(api, run_id=["r1"], metric=["m", "n"], after=more["cursor"]).json
    assert [(s["metric"], s["rank"], s["x"], s["change"]) for s in last["series"]] == [
        ("m", 1, [0], "points"),
        ("n", 0, [3], "whole"),
    ]
    folded = ask(api, run_id=["r1"], metric=["m"], fold="ranks", after=more["cursor"]).json["series"]
    assert [(s["x"], s["value"], s["change"]) for s in folded] == [([0], [3.0], "points")]


def test_what_is_only_added_is_read_alone(ledger: Ledger, api: ApiWithin, monkeypatch: pytest.MonkeyPatch) -> None:
    from runfold_consumers.api.series import gathering

    one, two = Saying("r1", A), Saying("r1", B)
    ledger.say(one.opened(rank=0), one.started(), two.opened(rank=1))
    ledger.say(one.logged("m", *range(900)), one.logged("n", 1.0), two.logged("m", 7.0))
    cursor = ask(api, run_id=["r1"], metric=["m", "n"]).json["cursor"]
    ledger.say(one.logged("n", 2.0), one.logged("m", 900.0), two.logged("m", 8.0))
    read: list[int] = []
    reading = gathering.series_columns

    async def counting(*asked: Any, **more: Any) -> Any:
        async for columns in reading(*asked, **more):
            read.append(len(columns.ordinal))
            yield columns

    monkeypatch.setattr(gathering, "series_columns", counting)
    for fields in ({}, {"attempt": "all"}, {"attempt": 0}):
        more = ask(api, run_id=["r1"], metric=["m", "n"], after=cursor, **fields).json["series"]
        assert [(s["metric"], s["rank"], s["value"], s["change"]) for s in more] == [
            ("m", 0, [900.0], "points"),
            ("m", 1, [8.0], "points"),
            ("n", 0, [2.0], "points"),
        ]
    assert read == [1] * 9
    assert ask(api, run_id=["r1"], metric=["m"], after=cursor, to=1).json["series"] == []


def test_a_restart_makes_an_increment_whole(ledger: Ledger, api: ApiWithin) -> None:
    one, again = Saying("r1", A), Saying("r1", B)
    ledger.say(one.opened(attempt=0), one.started(), one.logged("m", 1.0, 2.0, axis="step", steps=[0, 1]))
    cursor = ask(api, run_id=["r1"], metric=["m"]).json["cursor"]
    ledger.say(again.opened(attempt=1), again.logged("m", 9.0, axis="step", steps=[1]))
    (increment,) = ask(api, run_id=["r1"], metric=["m"], after=cursor).json["series"]
    assert (increment["change"], sorted(zip(increment["x"], increment["value"], strict=True))) == (
        "whole",
        [(0, 1.0), (1, 9.0)],
    )


def test_as_of_a_watermark_shows_what_was_folded_then(ledger: Ledger, api: ApiWithin) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.logged("m", 1.0))
    then = ask(api, run_id=["r1"], metric=["m"]).json
    ledger.say(said.logged("m", 2.0))
    again = ask(api, run_id=["r1"], metric=["m"], as_of=then["watermark"]).json
    assert again["series"] == then["series"]
    assert ask(api, run_id=["r1"], metric=["m"], after=again["cursor"]).json["series"][0]["value"] == [2.0]


def test_points_of_outsiders_are_not_shown(ledger: Ledger, api: ApiWithin) -> None:
    said, other = Saying("r1"), Saying("r1", B)
    ledger.say(said.opened(), said.started("digits"), other.opened(), other.started("elsewhere"))
    ledger.say(said.logged("m", 1.0), other.logged("m", 2.0))
    assert [one["value"] for one in series(api, run_id=["r1"], metric=["m"])] == [[1.0]]


def test_too_much_for_json_is_refused_with_what_to_do(ledger: Ledger, api: ApiWithin) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    for _ in range(18):
        ledger.say(said.logged("m", *([1.0] * 30_000)), notify=False)
    for fields in ({}, {"attempt": "all"}, {"rank": None, "from": 0}):
        told = ask(api, run_id=["r1"], metric=["m"], **fields)
        assert (told.status, told.code) == (400, "too_many_points")
        assert "buckets" in told.json["error"]["message"]
        assert STREAM in told.json["error"]["message"]
    assert series(api, run_id=["r1"], metric=["m"], buckets=100)[0]["of"] == 540_000
    assert table(ask(api, STREAM, run_id=["r1"], metric=["m"])).num_rows == 540_000


def test_an_answer_of_millions_streams_portion_by_portion(
    ledger: Ledger, api: ApiWithin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runfold_consumers.api.routes import series as route
    from runfold_consumers.api.series import gathering

    for rank, writer in enumerate((A, B, C)):
        said = Saying("r1", writer)
        ledger.say(said.opened(rank=rank), said.started(), said.logged("m", *([float(rank)] * 500)))
        ledger.say(said.logged("n", *([10.0 + rank] * 400)))
    whole = table(ask(api, STREAM, run_id=["r1"], metric=["n", "m"]))
    monkeypatch.setattr(route, "GATHERED_POINTS_MAX", 1_000)
    monkeypatch.setattr(gathering, "PORTION_POINTS_MAX", 450)
    portioned = table(ask(api, STREAM, run_id=["r1"], metric=["n", "m"]))
    assert portioned.to_pydict() == whole.to_pydict()
    assert portioned.num_rows == 2_700


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"run_id": []}, "run_id"),
        ({"run_id": ["r1"] * 201}, "run_id"),
        ({"metric": ["m"] * 501}, "metric"),
        ({"metric": []}, "metric"),
        ({"buckets": 10_001}, "buckets"),
        ({"buckets": -1}, "buckets"),
        ({"x": "epoch"}, "x"),
        ({"fold": "all"}, "fold"),
        ({"attempt": "latest"}, "attempt"),
        ({"rank": -1}, "rank"),
        ({"from": 2, "to": 1}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-02T02:40:03"}, "time zone"),
        ({"after": "nonsense"}, "as_of"),
        ({"as_of": "nonsense"}, "as_of"),
        ({"run_id": ["\ud800"]}, ""),
        ({"metric": ["a\0b"]}, "NUL"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(ledger: Ledger, api: ApiWithin, fields: Any, told: str) -> None:
    ledger.say(Saying("r1").started())
    answer = ask(api, **{"run_id": ["r1"], "metric": ["m"], **fields})
    assert (answer.status, answer.code) == (400, "invalid"), answer.data
    assert told in answer.json["error"]["message"]


def test_a_run_that_is_not_there_is_named(ledger: Ledger, api: ApiWithin) -> None:
    ledger.say(Saying("r1").started())
    answer = ask(api, run_id=["r1", "r2"], metric=["m"])
    assert (answer.status, answer.json["error"]["id"]) == (404, "r2")
    assert ask(api, run_id=["r1"], metric=["m"]).json["series"] == []
