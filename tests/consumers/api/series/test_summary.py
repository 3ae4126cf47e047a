"""GET /runs/{id}/metrics/summary: a line a metric, found by prefix or regex, paged, now and as of then."""

from __future__ import annotations

import math
import time

from runfold_schemas.events import MetricLogged, Series
from tests.consumers.api.conftest import Ledger
from tests.consumers.api.saying import NOW_US, A, B, Saying
from tests.consumers.api.series.conftest import ApiWithin

SUMMARY = "/runs/r1/metrics/summary"


def many(first: int, names: list[str]) -> MetricLogged:
    """One point of each metric."""
    n = len(names)
    return MetricLogged(
        aggregate_id="r1", writer_id=A, first_ordinal=first, occurred_at=NOW_US,
        series=tuple(Series(name, None, "double", "step") for name in names), index=list(range(n)), step=[3] * n,
        time=[1.77e9] * n, value=[float(i) for i in range(n)],
    )  # fmt: skip


def test_a_metric_is_told_in_a_line(ledger: Ledger, api: ApiWithin) -> None:
    one, two = Saying("r1", A), Saying("r1", B)
    ledger.say(one.opened(attempt=0), one.started(), two.opened(attempt=1))
    ledger.say(one.logged("loss", 3.0, math.nan, 1.0, axis="step", steps=[1, 2, 3]), two.logged("loss", 2.0))
    told = api.get(SUMMARY).json
    assert told["metrics"] == [
        {
            "name": "loss", "column": None, "kind": "double", "axis": "ordinal,step", "points": 4, "last": 2.0,
            "min": 1.0, "max": 3.0, "last_step": 1, "last_time": "2026-02-02T02:40:01.000000Z", "nonfinite": 1,
            "writers": 2,
        }
    ]  # fmt: skip
    assert (told["n"], told["of"], told["next_cursor"]) == (1, 1, None)


def test_every_kind_of_last_value_can_be_told(ledger: Ledger, api: ApiWithin) -> None:
    event = MetricLogged(
        aggregate_id="r1", writer_id=A, first_ordinal=1, occurred_at=NOW_US,
        series=tuple(
            Series(kind, column, kind, "ordinal")
            for kind, column in [
                ("string", None), ("bigint", None), ("bool", None), ("null", None), ("long", None), ("double", "c")
            ]
        ),
        texts=("word", str(2**70)), index=list(range(6)), step=list(range(1, 7)), time=[1.77e9] * 6,
        value=[0.0, 1.0, 1.0, 0.0, 7.0, -math.inf],
    )  # fmt: skip
    ledger.say(Saying("r1").started(), event)
    lasts = {metric["name"]: metric["last"] for metric in api.get(SUMMARY).json["metrics"]}
    assert lasts == {
        "string": "word", "bigint": str(2**70), "bool": True, "null": None, "long": 7, "double": "-Infinity"
    }  # fmt: skip


def test_fifteen_hundred_metrics_are_found_and_paged_quickly(ledger: Ledger, api: ApiWithin) -> None:
    names = [f"{'train' if i % 2 else 'eval'}/layer{i:04d}" for i in range(1500)]
    ledger.say(Saying("r1").opened(), Saying("r1").started(), many(1, names))
    begun = time.monotonic()
    page = api.get(SUMMARY, limit=1000).json
    assert time.monotonic() - begun < 2
    assert (page["n"], page["of"]) == (1000, 1500)
    rest = api.get(SUMMARY, limit=1000, cursor=page["next_cursor"]).json
    assert (rest["n"], rest["of"], rest["next_cursor"]) == (500, 1500, None)
    assert [m["name"] for m in page["metrics"] + rest["metrics"]] == sorted(names)
    assert api.get(SUMMARY, prefix="train/").json["of"] == 750
    assert api.get(SUMMARY, prefix="eval/", regex="layer000[0-4]$").json["of"] == 3
    assert api.get(SUMMARY, regex="nothing").json == {
        "metrics": [], "n": 0, "of": 0, "next_cursor": None, "watermark": page["watermark"]
    }  # fmt: skip


def test_a_regex_that_is_none_or_takes_long_is_refused(ledger: Ledger, api: ApiWithin) -> None:
    name = "a" * 900
    ledger.say(Saying("r1").opened(), Saying("r1").started(), many(1, [f"{name}{i}" for i in range(100)]))
    told = api.get(SUMMARY, regex="(unclosed")
    assert (told.status, told.code) == (400, "invalid")
    assert "parentheses" in told.json["error"]["message"]
    begun = time.monotonic()
    told = api.get(SUMMARY, regex=r"^(a*)*(a*)*(a*)*\1\2\3x$")
    assert time.monotonic() - begun < 8
    assert told.status == 200 or "took longer" in told.json["error"]["message"]
    assert api.get(SUMMARY, regex="a" * 257).status == 400
    assert api.get(SUMMARY).json["of"] == 100


def test_as_of_then_is_what_was_told_then(ledger: Ledger, api: ApiWithin) -> None:
    one, two = Saying("r1", A), Saying("r1", B)
    ledger.say(one.opened(rank=0), one.started(), two.opened(rank=1), one.logged("b", 1.0, 2.0, math.inf))
    ledger.say(two.logged("a", 5.0), two.logged("b", 0.5))
    then = api.get(SUMMARY).json
    ledger.say(one.logged("b", -9.0), one.logged("c", 1.0))
    again = api.get(SUMMARY, as_of=then["watermark"]).json
    assert again["metrics"] == then["metrics"]
    assert (again["n"], again["of"]) == (2, 2)
    first = api.get(SUMMARY, as_of=then["watermark"], limit=1).json
    second = api.get(SUMMARY, as_of=then["watermark"], limit=1, cursor=first["next_cursor"]).json
    assert first["metrics"] + second["metrics"] == then["metrics"]
    assert second["next_cursor"] is None
    assert api.get(SUMMARY).json["of"] == 3


def test_a_run_that_is_not_there_has_no_summary(ledger: Ledger, api: ApiWithin) -> None:
    assert api.get("/runs/nobody/metrics/summary").status == 404
    ledger.say(Saying("r1").started())
    assert api.get(SUMMARY).json["metrics"] == []
