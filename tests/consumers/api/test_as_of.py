"""As of a moment: what is told of a run is what was told when the projector stood there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from runfold_consumers.api import past
from runfold_schemas import events
from runfold_schemas.watermark import Lane, Watermark, parse
from tests.consumers.api.conftest import Api, Ledger
from tests.consumers.api.saying import A, B, C, Saying
from tests.consumers.state.conftest import busy_world

MOMENTARY = ("heartbeat_at", "watermark")


@pytest.fixture
def ledger(own_ledger: Ledger) -> Ledger:
    return own_ledger


@pytest.fixture
def api(own_api: Api) -> Api:
    return own_api


def told(api: Api, run_id: str, **query: Any) -> Any:
    """All answers about a run that may be asked for the past."""
    found = {}
    for path in ("", "/events", "/artifacts", "/completeness"):
        answer = api.get(f"/runs/{run_id}{path}", limit=1000, **query)
        found[path] = (answer.status, {k: v for k, v in answer.json.items() if k not in MOMENTARY})
    return found


def busy(seed: int) -> Iterator[events.Event]:
    """Facts and telemetry as writers say them, shippers lose, repeat and reorder them; without signs of life, which are
    not kept."""
    world = busy_world(seed, steps=12)
    for _, _, event in world.log.events():
        if not isinstance(event, events.HeartbeatSent):
            yield event


def test_every_moment_is_told_as_it_was_then(ledger: Ledger, api: Api) -> None:
    moments: list[tuple[str, dict[str, Any]]] = []
    said = list(busy(seed=2))
    for first in range(0, len(said), 16):
        ledger.say(*said[first : first + 16])
        watermark = api.get("").json["watermark"]
        moments.append((watermark, {run_id: told(api, run_id) for run_id in ("r1", "ruled")}))
    assert len(moments) > 5
    for watermark, then in moments:
        for run_id, answers in then.items():
            now = told(api, run_id, as_of=watermark)
            if answers[""][0] == 404:
                assert now[""][0] == 404
            else:
                assert now == answers
            assert api.get(f"/runs/{run_id}", as_of=watermark).json.get("watermark", watermark) == watermark


def test_a_broker_time_stands_for_all_that_the_broker_had_taken(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    for number in range(20):
        ledger.say(said.tag("n", str(number)))
    timeline = api.get("/runs/r1/events").json["timeline"]
    for number, happening in enumerate(timeline):
        run = api.get("/runs/r1", as_of=happening["broker_time"]).json
        assert run["tags"] == {"n": str(number)}
        before = datetime.fromisoformat(happening["broker_time"].replace("Z", "+00:00")) - timedelta(microseconds=1)
        early = api.get("/runs/r1", as_of=before.isoformat())
        assert early.status == 404 if number == 0 else early.json["tags"] == {"n": str(number - 1)}
    assert api.get("/runs/r1", as_of="2100-01-01T00:00:00Z").json["tags"] == {"n": "19"}


def test_points_are_cut_at_the_same_place(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.opened(), said.started(), said.logged("loss", 1.0, 2.0))
    then = api.get("").json["watermark"]
    metrics = api.get("/runs/r1/metrics").data
    ledger.say(said.logged("loss", 3.0), said.log("out", b"abc"))
    assert len(api.get("/runs/r1/metrics").data) > len(metrics)
    past = api.get("/runs/r1/metrics", as_of=then)
    assert (past.headers["Runfold-Watermark"], len(past.data)) == (then, len(metrics))
    (writer,) = api.get("/runs/r1/completeness", as_of=then).json["writers"]
    assert {lane["stream"]: lane["stored"] for lane in writer["lanes"]} == {"facts": 2, "points": 2}


def test_beside_metrics_stand_the_charts_writers_and_children_that_there_were(ledger: Ledger, api: Api) -> None:
    said, later = Saying("r1"), Saying("r1", B)
    ledger.say(said.opened(), said.started(), said.artifact("i", metric_name="i", metric_type="image"))
    then = api.get("").json["watermark"]
    ledger.say(later.opened(), said.artifact("j", metric_name="j", metric_type="image"))
    ledger.say(Saying("r2").started(parent_run_id="r1"))

    def beside(**moment: str) -> Any:
        data = api.get("/runs/r1/metrics", recursive=True, **moment).data
        return json.loads(re.search(rb'\{"r1":.*?\]\}\}', data)[0])  # type: ignore[index]

    assert beside()["r1"]["writers"][1]["writer_id"] == B
    assert [chart["path"] for chart in beside()["r1"]["charts"]] == ["i", "j"]
    assert beside(as_of=then).keys() == {"r1"} != beside().keys()
    assert [writer["writer_id"] for writer in beside(as_of=then)["r1"]["writers"]] == [A]
    assert [chart["path"] for chart in beside(as_of=then)["r1"]["charts"]] == ["i"]


def test_a_moment_before_the_run_tells_when_it_began(ledger: Ledger, api: Api) -> None:
    ledger.say(Saying("r0").started())
    then = api.get("").json["watermark"]
    ledger.say(Saying("r1").started())
    for path in ("", "/events", "/artifacts", "/completeness", "/metrics"):
        early = api.get(f"/runs/r1{path}", as_of=then)
        assert (early.status, early.code) == (404, "not_found")
        first = api.get("/runs/r1/events").json["timeline"][0]["broker_time"]
        assert early.json["error"]["first_at"] == first
        assert first in early.json["error"]["message"]
    assert api.get("/runs/r9", as_of=then).status == 404


def test_more_facts_than_are_folded_again_are_refused_and_the_timeline_tells_them(
    ledger: Ledger, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "FACTS_MAX", 2)
    said = Saying("r1")
    ledger.say(said.started(), said.tag("a", "1"))
    then = api.get("").json["watermark"]
    ledger.say(said.tag("a", "2"))
    now = api.get("").json["watermark"]
    assert api.get("/runs/r1", as_of=then).json["tags"] == {"a": "1"}
    refused = api.get("/runs/r1", as_of=now)
    assert (refused.status, refused.code, refused.json["error"]["facts_max"]) == (413, "too_large", 2)
    assert len(api.get("/runs/r1/events", as_of=now).json["timeline"]) == 3


def test_a_moment_that_is_not_folded_yet_is_waited_for(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    ((topic_id, ((partition, offset),)),) = [
        (topic, of.items()) for topic, of in parse(api.get("").json["watermark"]).offsets.items()
    ]
    ahead = str(Watermark({topic_id: {partition: offset + 1}}))
    late = api.get("/runs/r1", as_of=ahead, wait_s=0.2)
    assert (late.status, late.code) == (503, "not_yet")
    ledger.say(said.tag("a", "b"))
    assert api.get("/runs/r1", as_of=ahead, wait_s=5).json["tags"] == {"a": "b"}


def test_what_is_no_moment_is_refused_and_the_ends_of_time_are_moments(ledger: Ledger, api: Api) -> None:
    ledger.say(Saying("r1").started())
    ordinals = str(Watermark(ordinals={Lane("facts", "run", "r1", A): 1}))
    none = ("yesterday", "2026-01-01", "2026-01-01T00:00:00", "w1.x", "", str(Watermark()), ordinals)
    for as_of in (*none, "9999-12-31T23:59:59-23:59"):
        refused = api.get("/runs/r1", as_of=as_of)
        assert (refused.status, refused.code) == (400, "invalid"), as_of
        assert "as_of" in refused.json["error"]["message"]
    for as_of in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00+01:00"):
        assert api.get("/runs/r1", as_of=as_of).status in (200, 404), as_of


def test_a_timeline_is_chosen_from_and_turned_round(ledger: Ledger, api: Api) -> None:
    first, second = Saying("r1"), Saying("r1", B)
    ledger.say(first.opened(), first.started(), first.properties(p="1"), first.properties(q="1"))
    ledger.say(second.properties(p="2"), second.properties(p="3"), second.tag("a", "b"))
    all_ = api.get("/runs/r1/events").json["timeline"]

    def offsets(**query: Any) -> list[int]:
        pages, cursor = [], None
        while True:
            page = api.get("/runs/r1/events", limit=2, **query, **({"cursor": cursor} if cursor else {})).json
            pages += [happening["offset"] for happening in page["timeline"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return pages

    assert offsets(newest_first=True) == [happening["offset"] for happening in reversed(all_)]
    assert offsets(event="PropertyAdded") == [2, 3, 4, 5]
    assert offsets(verdict="refused") == offsets(key="p") == [4, 5]
    assert offsets(verdict="refused", newest_first=True) == [5, 4]
    assert offsets(writer_id=B) == [4, 5, 6]
    assert offsets(writer_id=C) == []
    assert [d["offset"] for d in api.get("/runs/r1/decisions", key="p").json["decisions"]] == [4, 5]
    assert all_[0]["actor"] == "ann"
    refused = api.get("/runs/r1/events", event="Nonsense")
    assert (refused.status, refused.code) == (400, "invalid")


def test_experiments_and_models_have_a_timeline(ledger: Ledger, api: Api) -> None:
    experiment, model = Saying("digits", kind="experiment"), Saying("m/1", kind="model")
    ledger.say(experiment.fact(events.ExperimentChanged, archived=True), model.fact(events.ModelRegistered, path="x"))
    then = api.get("").json["watermark"]
    ledger.say(experiment.fact(events.ExperimentChanged, archived=False))
    told_of = api.get("/aggregates/experiment/digits/events").json["timeline"]
    assert [happening["body"]["archived"] for happening in told_of] == [True, False]
    assert len(api.get("/aggregates/experiment/digits/events", as_of=then).json["timeline"]) == 1
    assert api.get("/aggregates/model/m%2F1/events").json["timeline"][0]["event"] == "ModelRegistered"


def test_corrections_stand_beside_the_property_and_change_nothing(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.opened(), said.started(), said.properties(seed="1"))
    then = api.get("").json["watermark"]
    correct = {"key": "seed", "value": "2", "reason": "typed wrongly"}
    ledger.say(
        said.fact(events.PropertyCorrected, **correct), said.fact(events.PropertyCorrected, key="x", reason="no")
    )
    run = api.get("/runs/r1").json
    assert run["properties"] == {"seed": "1"}
    (correction,) = run["corrections"]
    assert {name: correction[name] for name in correct} == correct
    assert correction["actor"] == "ann"
    assert api.get("/runs/r1", as_of=then).json["corrections"] == []
    (refused,) = api.get("/runs/r1/decisions").json["decisions"]
    assert (refused["rule"], refused["refusals"][0]["key"]) == ("unknown_property", "x")
