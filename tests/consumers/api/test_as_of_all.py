"""As of a moment, everything of a run: its logs, children, decisions, files. Whatever writers say, and however shippers
cut, repeat, lose and reorder it: what is told of a moment is what was told when the projector stood there.
"""

from __future__ import annotations

import math
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runfold_consumers.api import past
from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.routes.history import body_of
from runfold_schemas import codec, events
from runfold_schemas.events import Event, LossDeclared, OrdinalRange
from tests.consumers.api.conftest import Api, Ledger, Told
from tests.consumers.api.saying import NOW_US, A, B, C, Saying

RUNS, WRITERS, NAMES = ("p", "c1", "c2", "c11"), (A, B, C), ("out", 'b"\\')
PARENTS = {"p": None, "c1": "p", "c2": "p", "c11": "c1"}
REFS = (
    'metric.loss,metric.loss.min,metric.loss.count,metric.acc.max,tag.k,property."p",complete,type,parent,started,'
    "duration_s"
)


@pytest.fixture
def ledger(own_ledger: Ledger) -> Ledger:
    return own_ledger


@pytest.fixture
def api(own_api: Api) -> Api:
    return own_api


class Writer:
    """Says something of every kind about any run; each run is another aggregate, so it has lanes of each."""

    def __init__(self, writer_id: str) -> None:
        self.writer_id = writer_id
        self.about = {run_id: Saying(run_id, writer_id) for run_id in RUNS}

    def say(self, what: str, run_id: str, number: int) -> Event:
        said = self.about[run_id]
        match what:
            case "start":  # in another experiment: an outsider, unless it is the first
                return said.started(
                    f"e{number % 7 // 6}", parent_run_id=PARENTS[run_id], at=number, run_type=f"t{number}"
                )
            case "open":
                return said.opened(rank=number % 3 or None, attempt=number % 2)
            case "status":
                statuses = ("Running", "Queued", "Completed", "Failed")
                return said.status(statuses[number % 4], attempt=number % 2, at=number)
            case "tag":
                return said.tag("k", str(number))
            case "property":
                return said.properties(p=str(number % 3))
            case "file":
                return said.artifact("f", f"{number % 2:064x}", attempt=number % 2)
            case "log":
                return said.log(NAMES[number % 2], bytes(range(65, 65 + number % 9 + 1)), attempt=number % 2)
            case "points":
                return said.logged(("loss", "acc")[number % 2], float(number), [1.5, float("nan")][number % 2])
            case "lost":
                stream = ("points", f"log/{NAMES[number % 2]}")[number % 5 // 4]
                lost = [OrdinalRange(number % 4 + 1, number % 4 + 2)]
                return LossDeclared("run", run_id, self.writer_id, NOW_US, stream, lost, "disk_full")
            case _:
                return said.closed()


KINDS = ("start", "open", "status", "tag", "property", "file", "log", "log", "log", "points", "points", "lost", "close")


@st.composite
def histories(draw: st.DrawFn) -> list[list[Event]]:
    """What is folded from one moment to the next: events out of order, some twice, some never."""
    writers = [Writer(writer_id) for writer_id in WRITERS]
    words = st.tuples(st.sampled_from(KINDS), st.sampled_from(RUNS), st.integers(0, 20), st.integers(0, 2))
    told = [
        writers[writer].say(what, run_id, number)
        for what, run_id, number, writer in draw(st.lists(words, min_size=20, max_size=60))
    ]
    begun = [writers[0].say("start", run_id, 0) for run_id in draw(st.permutations(RUNS))]
    mixed = draw(st.permutations(begun[:2] + told))
    for place in draw(st.lists(st.integers(0, len(mixed) - 1), max_size=6)):
        mixed.insert(place, mixed[place // 2])
    cuts = sorted(draw(st.sets(st.integers(1, len(mixed) - 1), min_size=3, max_size=4)))
    return [mixed[first:end] for first, end in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]


def said_of(answer: Told) -> Any:
    """What an answer says but for its watermark, for signatures, and for signs of life."""
    if answer.headers["Content-Type"] == "application/octet-stream":
        names = [f"Runfold-{name}" for name in ("Next", "End", "Lost", "Attempt", "Writer")]
        return answer.status, answer.data, [answer.headers[name] for name in names]
    if answer.status == 404:
        return 404
    return answer.status, {name: said for name, said in answer.json.items() if name not in ("watermark", "url")}


def asked(api: Api, as_of: str | None) -> dict[Any, Any]:
    """Everything that is told of these runs."""
    moment = {} if as_of is None else {"as_of": as_of}
    found: dict[Any, Any] = {}

    def ask(below: str, **query: Any) -> None:
        answer = api.get(below, **query, **moment)
        assert answer.status in (200, 404), answer.data
        if as_of is not None and answer.status == 200:
            named = answer.headers.get("Runfold-Watermark") or answer.json["watermark"]
            assert named == as_of
        found[below, tuple(query.items())] = said_of(answer)

    for run_id in ("p", "c1"):
        run = f"/runs/{run_id}"
        for path in ("", "/logs", "/decisions", "/completeness", "/events", "/artifacts"):
            ask(run + path, limit=1000)
        ask(f"{run}/decisions", writer_id=A, ordinal=3)
        ask(f"{run}/artifacts/content", path="f")
        for name in NAMES:
            ask(f"{run}/logs/content", name=name)
            ask(f"{run}/logs/content", name=name, writer_id=B, first=3, limit=4)
    for parent, sort in (("p", "created"), ("p", "-created"), ("c1", "created")):
        found[parent, sort] = pages(api, parent, sort, moment)
    return found


def pages(api: Api, parent: str, sort: str, moment: dict[str, str]) -> list[Any]:
    """Children, page by page, one on each."""
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        answer = api.get("/search/runs", q=f"parent = {parent}", sort=sort, columns=REFS, limit=1, **cursor, **moment)
        assert answer.status == 200, answer.data
        page = answer.json
        assert moment.get("as_of", page["watermark"]) == page["watermark"]
        for run in page["runs"]:
            del run["heartbeat_at"]
            if run["status"] not in ("Completed", "Failed"):
                del run["values"]["duration_s"]  # it grows
        found.append((page["runs"], page["of"], page["of_is_exact"]))
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@given(histories())
@settings(max_examples=4, suppress_health_check=[*HealthCheck])
def test_everything_is_told_as_it_was_at_every_moment(
    shared_database: str, shared_address: str, batches: list[list[Event]]
) -> None:
    ledger = Ledger(shared_database, f"w-{uuid.uuid4().hex[:12]}")
    secret = create_access_token(shared_database, principal="ann", workspaces=[ledger.workspace], scopes=["read"])
    api = Api(shared_address, secret, ledger.workspace)
    moments: list[tuple[str, dict[Any, Any]]] = []
    for batch in batches:
        ledger.say(*batch, notify=False)
        moments.append((api.get("").json["watermark"], asked(api, None)))
    for watermark, then in moments[:-1]:
        now = asked(api, watermark)
        for question in then:
            run = "/".join(question[0].split("/")[:3])
            was_none = then.get((run, (("limit", 1000),))) == 404  # of now that tells of no decisions
            assert now[question] == (404 if was_none else then[question]), question


def test_a_log_is_cut_behind_the_last_byte_that_had_come(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    first, second, third, fourth = (said.log("out", data) for data in (b"one ", b"two ", b"three ", b"four"))
    ledger.say(said.opened(rank=0), said.started(), first, third)
    then = api.get("").json["watermark"]
    ledger.say(second, fourth, said.closed())
    now = api.get("/runs/r1/logs/content", name="out")
    assert (now.data, now.headers["Runfold-End"]) == (b"one two three four", "19")
    early = api.get("/runs/r1/logs/content", name="out", as_of=then)
    assert early.data == b"one "  # what came after a hole waits for it, as it did then
    assert [early.headers[f"Runfold-{name}"] for name in ("Next", "End", "Watermark")] == ["5", "15", then]
    (log,) = api.get("/runs/r1/logs", as_of=then).json["logs"]
    assert (log["bytes"], log["complete"]) == (10, False)
    assert api.get("/runs/r1/logs/content", name="out", as_of=then, first=9).data == b"three "
    assert api.get("/runs/r1/logs").json["logs"][0]["bytes"] == 18


def test_children_are_those_that_had_started_each_as_it_stood(ledger: Ledger, api: Api) -> None:
    parent, one, two = Saying("p"), Saying("c1"), Saying("c2", B)
    ledger.say(parent.started(), one.started(parent_run_id="p", at=1, display_name="first"), one.logged("loss", 3.0))
    ledger.say(two.tag("k", "early"))  # it exists, and has no parent yet
    then = api.get("").json["watermark"]
    ledger.say(two.started(parent_run_id="p", at=2), one.logged("loss", 1.0), one.described(display_name="renamed"))
    ledger.say(one.ended("Failed"), Saying("c11").started(parent_run_id="c1"))

    def children(**moment: str) -> list[Any]:
        found = api.get("/search/runs", q="parent = p", sort="created", columns="metric.loss", **moment).json
        assert (found["of"], found["of_is_exact"]) == (len(found["runs"]), True)
        shown = ("run_id", "name", "status", "children")
        return [(*(run[field] for field in shown), run["values"]["metric.loss"]) for run in found["runs"]]

    assert children(as_of=then) == [("c1", "first", "NotStarted", 0, 3.0)]
    assert children() == [("c1", "renamed", "Failed", 1, 1.0), ("c2", None, "NotStarted", 0, None)]
    assert children(as_of="2020-01-01T00:00:00Z") == []


def test_what_a_writer_logged_counts_until_it_is_an_outsider(ledger: Ledger, api: Api) -> None:
    said, stranger = Saying("c1"), Saying("c1", B)
    ledger.say(said.started(parent_run_id="p"), said.logged("loss", 1.0), stranger.logged("loss", 9.0))
    moments = [api.get("").json["watermark"]]
    ledger.say(stranger.started("elsewhere"))
    moments.append(api.get("").json["watermark"])
    ledger.say(stranger.logged("loss", 7.0))

    def loss(**moment: str) -> list[Any]:
        columns = "metric.loss,metric.loss.max,metric.loss.count"
        (run,) = api.get("/search/runs", q="parent = p", columns=columns, **moment).json["runs"]
        return list(run["values"].values())

    assert [loss(as_of=moment) for moment in moments] == [[9.0, 9.0, 2], [1.0, 1.0, 1]]
    assert loss() == [1.0, 1.0, 1]


def test_a_duration_is_told_up_to_the_broker_time_that_was_named(ledger: Ledger, api: Api) -> None:
    ledger.say(Saying("p").started(), Saying("c1").started(parent_run_id="p"))
    ask = {"q": "parent = p", "columns": "duration_s"}
    (run,) = api.get("/search/runs", **ask, as_of="2026-02-02T03:00:00Z").json["runs"]
    assert run["values"]["duration_s"] == 1200.0  # it says that it started at 02:40
    (run,) = api.get("/search/runs", **ask, as_of=api.get("").json["watermark"]).json["runs"]
    assert run["values"]["duration_s"] is None  # offsets tell no time


def test_a_page_of_children_ends_before_more_facts_than_are_folded_again(
    ledger: Ledger, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        said = Saying(f"c{number}")
        ledger.say(said.started(parent_run_id="p", at=number), *(said.tag("k", str(n)) for n in range(3)))
    then = api.get("").json["watermark"]
    monkeypatch.setattr(past, "FACTS_MAX", 9)
    ask = {"q": "parent = p", "sort": "-created", "as_of": then, "limit": 2, "skip": 1}
    assert [run["run_id"] for run in api.get("/search/runs", **ask).json["runs"]] == ["c3", "c2"]
    found: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/search/runs", q="parent = p", sort="created", as_of=then, **cursor).json
        assert page["of"] == 5
        found.append([run["run_id"] for run in page["runs"]])
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == [["c0", "c1"], ["c2", "c3"], ["c4"]]
    monkeypatch.setattr(past, "FACTS_MAX", 3)
    refused = api.get("/search/runs", q="parent = p", sort="created", as_of=then)
    assert (refused.status, refused.code, refused.json["error"]["run_id"]) == (413, "too_large", "c0")


def test_a_run_whose_facts_are_too_large_is_refused(ledger: Ledger, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.artifact("f", body=bytes(3 << 20)))
    then = api.get("").json["watermark"]
    assert api.get("/runs/r1/logs", as_of=then).status == 200
    monkeypatch.setattr(past, "BYTES_MAX", 2 << 20)
    refused = api.get("/runs/r1/logs", as_of=then)
    assert (refused.status, refused.code) == (413, "too_large")
    assert "2 MiB" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"q": ""}, "parent ="),
        ({"q": "parent != p"}, "parent ="),
        ({"q": "parent = p and status = Failed"}, "parent ="),
        ({"q": "parent in (p, q)"}, "parent ="),
        ({"q": "parent = p", "sort": "status"}, "sort = created"),
        ({"q": "parent = p", "sort": "created,status"}, "sort = created"),
        ({"q": "parent = p", "columns": "archived"}, "archived"),
        ({"q": "parent = p", "as_of": "yesterday"}, "as_of is 'yesterday'"),
        ({"q": "parent = p", "as_of": "2026-01-01T00:00:00Z", "cursor": "x"}, "no cursor"),
    ],
)
def test_what_is_kept_of_no_moment_is_refused(api: Api, query: dict[str, str], told: str) -> None:
    refused = api.get("/search/runs", **{"as_of": "2026-01-01T00:00:00Z", **query})
    assert (refused.status, refused.code) == (400, "invalid")
    assert told in refused.json["error"]["message"]


def test_a_cursor_is_of_its_moment(ledger: Ledger, api: Api) -> None:
    ledger.say(*(Saying(f"c{n}").started(parent_run_id="p", at=n) for n in range(2)))
    ask: dict[str, Any] = {"q": "parent = p", "limit": 1}
    cursor = api.get("/search/runs", **ask, as_of="2100-01-01T00:00:00Z").json["next_cursor"]
    for other in ({}, {"as_of": "2099-01-01T00:00:00Z"}):
        refused = api.get("/search/runs", **ask, **other, cursor=cursor)
        assert (refused.status, "another filter" in refused.json["error"]["message"]) == (400, True)


def test_before_a_run_there_is_nothing_of_it(ledger: Ledger, api: Api) -> None:
    ledger.say(Saying("r0").started())
    then = api.get("").json["watermark"]
    said = Saying("r1")
    ledger.say(said.started(), said.log("out", b"x"), said.artifact("f"), said.logged("m", 1.0))
    paths: dict[str, dict[str, str]] = {
        "/logs": {}, "/logs/content": {"name": "out"}, "/decisions": {}, "/completeness": {}, "/metrics/summary": {},
        "/artifacts/content": {"path": "f"}, "/artifacts/preview": {"path": "f"},
    }  # fmt: skip
    first = api.get("/runs/r1/events").json["timeline"][0]["broker_time"]
    for path, query in paths.items():
        early = api.get(f"/runs/r1{path}", **query, as_of=then)
        assert (early.status, early.code, early.json["error"]["first_at"]) == (404, "not_found", first), path


def test_a_file_is_not_there_before_it_was_logged(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.artifact("old"))
    then = api.get("").json["watermark"]
    ledger.say(said.artifact("new"))
    for path in ("content", "preview"):
        missing = api.get(f"/runs/r1/artifacts/{path}", path="new", as_of=then)
        assert (missing.status, missing.json["error"]["message"]) == (404, "there is no artifact 'new' in run r1")
    assert api.get("/runs/r1/artifacts/content", path="old", as_of=then).json["watermark"] == then


def test_metrics_name_the_moment_that_they_are_of(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.logged("m", 1.0))
    then = api.get("").json["watermark"]
    ledger.say(said.logged("m", 2.0))
    assert api.get("/runs/r1/metrics/summary", as_of=then).json["watermark"] == then
    assert api.get("/series", run_id="r1", metric="m", as_of=then).json["watermark"] == then


@pytest.mark.parametrize(("number", "told"), [(math.inf, "Infinity"), (-math.inf, "-Infinity"), (math.nan, "NaN")])
def test_numbers_that_json_has_no_word_for_read_the_same_everywhere(number: float, told: str) -> None:
    event = Saying("r1").fact(events.RunSubmitted, definition="{}", respond_within_s=number)
    body = body_of(codec.encode(event))
    assert body is not None
    assert body["respond_within_s"] == told
