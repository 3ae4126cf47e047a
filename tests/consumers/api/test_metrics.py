"""Metrics as an Avro container file: standard Avro for anybody, bodies as they came, outsiders left out."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro

from runfold_schemas import catalog, codec, framing
from runfold_schemas.watermark import parse
from tests.consumers.api.conftest import Api, Ledger, Told
from tests.consumers.api.saying import A, B, C, Saying


def opened(told: Told) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Events and `runfold.runs` of the file, read by fastavro."""
    assert told.status == 200, told.data
    reader = fastavro.reader(io.BytesIO(told.data))
    assert reader.writer_schema is not None
    return [record for record in reader if isinstance(record, dict)], json.loads(reader.metadata["runfold.runs"])


def test_any_avro_reader_opens_it(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    first, second = said.logged("m", 1.0, float("nan")), said.logged("n", float("inf"))
    ledger.say(said.opened(rank=1, attempt=2), said.started(), second, first)
    told = api.get("/runs/r1/metrics")
    events, runs = opened(told)
    assert [event["first_ordinal"] for event in events] == [1, 3]
    assert events[0]["series"][0]["name"] == "m"
    (writer,) = runs["r1"]["writers"]
    assert (writer["writer_id"], writer["rank"], writer["attempt"]) == (A, 1, 2)
    assert runs["r1"]["charts"] == []
    assert told.headers["Content-Type"] == "application/avro"
    assert parse(told.headers["Runfold-Watermark"]).offsets


def test_bodies_pass_through_byte_for_byte(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    event = said.logged("m", *(float(i) for i in range(3000)))
    ledger.say(said.started(), event)
    _, body = framing.split(codec.encode(event))
    assert bytes(body) in api.get("/runs/r1/metrics").data


def test_an_older_schema_is_encoded_anew(ledger: Ledger, api: Api) -> None:
    """A row whose writer schema has other field order comes out by the released one."""
    said = Saying("r1")
    event = said.logged("m", 0.25)
    ledger.say(said.started(), event)
    schema = catalog.schema("MetricLogged")
    older = {**schema, "fields": sorted(schema["fields"], key=lambda field: field["name"])}
    fingerprint = catalog.fingerprint_of(catalog.canonical_form(older))
    body = io.BytesIO()
    record = {**event._asdict(), "series": [s._asdict() for s in event.series], "texts": []}
    fastavro.schemaless_writer(body, older, record)
    ledger.execute("UPDATE state.points SET message = %s", framing.frame(fingerprint, body.getvalue()))
    codec.decode(framing.frame(fingerprint, body.getvalue()), lambda _: older)  # known to this process from now on
    events, _ = opened(api.get("/runs/r1/metrics"))
    assert events[0]["value"] == [0.25]
    assert events[0]["series"][0]["name"] == "m"


def test_points_of_outsiders_are_kept_but_not_shown(ledger: Ledger, api: Api) -> None:
    said, other = Saying("r1"), Saying("r1", B)
    ledger.say(said.opened(), said.started("digits"), other.opened(), other.started("elsewhere"))
    ledger.say(said.logged("m", 1.0), other.logged("m", 2.0))
    events, _ = opened(api.get("/runs/r1/metrics"))
    assert [event["writer_id"] for event in events] == [A]


def test_the_runs_below_come_too_when_asked_for(ledger: Ledger, api: Api) -> None:
    top, child, grandchild = Saying("top"), Saying("child", B), Saying("grandchild", C)
    ledger.say(
        top.started(), child.started(parent_run_id="top", run_type="a"), grandchild.started(parent_run_id="child")
    )
    ledger.say(top.logged("m", 1.0), grandchild.logged("m", 2.0))
    events, runs = opened(api.get("/runs/top/metrics"))
    assert [event["aggregate_id"] for event in events] == ["top"]
    assert list(runs) == ["top"]
    events, runs = opened(api.get("/runs/top/metrics", recursive=True))
    assert sorted(event["aggregate_id"] for event in events) == ["grandchild", "top"]
    assert list(runs) == ["top", "child", "grandchild"]
    _, runs = opened(api.get("/runs/top/metrics", recursive=True, run_type="a"))
    assert list(runs) == ["top", "child"]


def test_charts_stand_beside_the_points(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(
        said.started(),
        said.artifact("cm", metric_name="cm", metric_type="confusion_matrix"),
        said.artifact("plain.txt"),
    )
    events, runs = opened(api.get("/runs/r1/metrics"))
    assert events == []
    (chart,) = runs["r1"]["charts"]
    assert (chart["metric_name"], chart["metric_type"], chart["path"], chart["attempt"]) == (
        "cm",
        "confusion_matrix",
        "cm",
        0,
    )
    assert chart["occurred_at"].endswith("Z")


def test_a_million_points_are_streamed_from_one_moment(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    values = [float(i) for i in range(20_000)]
    ledger.say(said.started())
    for _ in range(50):
        ledger.say(said.logged("m", *values), notify=False)
    events, _ = opened(api.get("/runs/r1/metrics"))
    assert sum(len(event["value"]) for event in events) == 1_000_000
    assert [event["first_ordinal"] for event in events] == [1 + 20_000 * i for i in range(50)]
