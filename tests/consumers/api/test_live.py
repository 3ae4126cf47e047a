"""Live changes are told by difference: nothing is missed and nothing invented, whoever leaves, sleeps or comes back."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Timer

import psycopg
import pytest

from runfold_consumers.api import differences, live
from runfold_consumers.api import serving as server_module
from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.differences import Changed
from runfold_consumers.api.live import PENDING_MAX, Viewer, step
from runfold_consumers.api.routes import live as route
from runfold_consumers.artifacts.objects import Objects
from runfold_consumers.state.rebuild import rebuild
from runfold_schemas import events
from runfold_schemas.watermark import Watermark, parse
from tests.consumers.api.conftest import Api, Ledger, serving
from tests.consumers.api.saying import B, Saying
from tests.consumers.api.watching import Watching
from tests.waiting import until


@pytest.fixture
def ledger(own_ledger: Ledger) -> Ledger:
    return own_ledger


@pytest.fixture
def api(own_api: Api) -> Api:
    return own_api


@pytest.fixture
def watch(api: Api) -> Iterator[Callable[..., Watching]]:
    watching: list[Watching] = []

    def begin(last_event_id: str | None = None, *, by: Api = api, **query: object) -> Watching:
        watching.append(Watching(by, last_event_id, **query))
        return watching[-1]

    yield begin
    for each in watching:
        each.close()


def holding(wanted: dict[str, set[str]]) -> Callable[[dict[str, set[str]]], bool]:
    """Whether all of it was told, at least."""
    return lambda told: all(run in told and told[run] >= kinds for run, kinds in wanted.items())


def test_each_kind_of_change_is_told_with_its_run(ledger: Ledger, watch: Callable[..., Watching]) -> None:
    seen = watch()
    assert (seen.status, seen.headers["Content-Type"].partition(";")[0]) == (200, "text/event-stream")
    assert seen.next().event == "here"
    said, other = Saying("r1"), Saying("r1", B)
    cases: list[tuple[list[events.Event], set[str]]] = [
        ([said.opened(), said.started()], {"facts", "status"}),
        ([said.tag("a", "1")], {"facts", "tags"}),
        ([said.properties(p="1")], {"facts", "properties"}),
        ([other.properties(p="2")], {"facts", "properties", "decisions"}),
        ([said.fact(events.PropertyCorrected, key="p", value="3", reason="typo")], {"facts", "properties"}),
        ([said.artifact("x")], {"facts", "artifacts"}),
        ([said.logged("loss", 0.5)], {"points"}),
        ([said.log("user_logs/std_log.txt", b"hello")], {"logs"}),
        ([said.alive()], {"heartbeat"}),
        ([said.ended()], {"facts", "status"}),
    ]
    for say, kinds in cases:
        ledger.say(*say)
        assert seen.until(holding({"r1": kinds})) == {"r1": kinds}


def test_a_child_tells_its_parent_and_an_experiment_its_runs(ledger: Ledger, watch: Callable[..., Watching]) -> None:
    seen = watch()
    seen.next()
    child, model = Saying("c1"), Saying("m1", kind="model")
    ledger.say(
        child.started("digits", parent_run_id="r1"),
        Saying("digits", kind="experiment").fact(events.ExperimentChanged, archived=True),
        model.fact(events.ModelRegistered, path="m"),
    )
    told = seen.next().data
    assert set(told["runs"]) == {"c1", "r1"}
    assert told["runs"]["r1"] == ["children"]
    assert (told["experiments"], told["others"]) == (["digits"], {"model": ["m1"]})


def test_a_viewer_who_comes_back_is_told_what_it_missed_and_nothing_else(
    ledger: Ledger, api: Api, watch: Callable[..., Watching]
) -> None:
    first, second = Saying("r1"), Saying("r2")
    ledger.say(first.started(), first.logged("loss", 1.0))
    seen = watch()
    left_at = seen.next().id
    assert left_at == api.get("").json["watermark"]
    seen.close()
    ledger.say(second.started(), second.logged("loss", 1.0))
    for back in (watch(left_at), watch(after=left_at), watch(left_at, after="w1.x")):
        here = back.next()
        assert (here.event, here.id) == ("here", left_at)
        assert back.until(lambda runs: "points" in runs.get("r2", ())) == {"r2": {"facts", "status", "points"}}
    ledger.say(second.tag("a", "b"))
    assert back.next().data["runs"] == {"r2": ["facts", "tags"]}


def test_every_place_to_come_back_to_gives_exactly_what_came_after_it(
    ledger: Ledger, api: Api, watch: Callable[..., Watching]
) -> None:
    """Facts and telemetry of a few runs in one batch and in many: each cut by each."""
    runs = [Saying(f"r{number}") for number in range(4)]
    places: list[tuple[str, dict[str, set[str]]]] = []
    for turn in range(3):
        places.append((api.get("").json["watermark"], {}))
        batch: dict[str, set[str]] = {}
        said: list[events.Event] = []
        for number, run in enumerate(runs):
            if (number + turn) % 2:
                said += [run.tag("a", str(turn)), run.logged("loss", 1.0, 2.0)]
                batch[run.run_id] = {"facts", "tags", "points"}
        ledger.say(*said)
        for _, missed in places:
            for run_id, kinds in batch.items():
                missed.setdefault(run_id, set()).update(kinds)
    for watermark, missed in places[1:]:
        back = watch(watermark)
        assert back.next().event == "here"
        assert back.until(holding(missed)) == missed


def test_positions_within_a_batch_are_good_places_too(ledger: Ledger, api: Api, watch: Callable[..., Watching]) -> None:
    """A watermark between two records of one batch names the runs of the later ones alone."""
    ledger.say(Saying("r1").logged("loss", 1.0))
    topic_id, partition = _only_place(api)
    _came(ledger, partition, 1, ["r1", "r2", "r3"], ["points", "points", "logs"])
    for offset, missed in ((1, {"r1", "r2", "r3"}), (2, {"r2", "r3"}), (3, {"r3"})):
        back = watch(str(Watermark({topic_id: {partition: offset}})))
        back.next()
        assert set(back.until(holding({run: set() for run in missed}))) == missed


def _only_place(api: Api) -> tuple[str, int]:
    ((topic_id, of_topic),) = parse(api.get("").json["watermark"]).offsets.items()
    (partition,) = of_topic
    return topic_id, partition


def _came(ledger: Ledger, partition: int, first_offset: int, run_ids: list[str], kinds: list[str]) -> None:
    """A batch of telemetry, a record of each run, of which nothing but its coming is written."""
    next_offset = first_offset + len(run_ids)
    offsets = list(range(first_offset, next_offset))
    with psycopg.connect(ledger.conninfo) as connection:
        connection.execute(
            "INSERT INTO observed.telemetry_changes VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [ledger.workspace, partition, first_offset, next_offset, run_ids, kinds, offsets],
        )
        connection.execute(
            "UPDATE state.positions SET next_offset = %s WHERE workspace = %s", [next_offset, ledger.workspace]
        )
        connection.execute("SELECT pg_notify('runfold_state', %s)", [ledger.workspace])


def test_only_the_runs_asked_for_are_told(ledger: Ledger, watch: Callable[..., Watching]) -> None:
    seen, both = watch(run_id="r1"), watch(run_id=["r1", "r2"])
    seen.next()
    both.next()
    one, two, three = (Saying(run_id) for run_id in ("r1", "r2", "r3"))
    ledger.say(three.started())
    ledger.say(two.started())
    ledger.say(one.started())
    assert seen.until(lambda runs: bool(runs)) == {"r1": {"facts", "status"}}
    assert set(both.until(lambda runs: len(runs) == 2)) == {"r1", "r2"}
    assert seen.silent()


def test_a_restart_of_the_api_loses_nothing(
    ledger: Ledger, api: Api, objects: Objects, watch: Callable[..., Watching]
) -> None:
    with serving(ledger.conninfo, objects) as address:
        seen = watch(by=Api(address, api.access_token, api.workspace))
        left_at = seen.next().id
        begun = time.monotonic()
    assert seen.ended.wait(10)
    assert time.monotonic() - begun < 4, "an open stream holds up the shutdown"
    said = Saying("r1")
    ledger.say(said.started(), said.logged("loss", 1.0))
    with serving(ledger.conninfo, objects) as address:
        back = watch(left_at, by=Api(address, api.access_token, api.workspace))
        assert back.next().event == "here"
        assert back.until(lambda runs: len(runs.get("r1", ())) == 3) == {"r1": {"facts", "status", "points"}}


def test_what_cannot_be_told_by_difference_is_a_reset(ledger: Ledger, api: Api, watch: Callable[..., Watching]) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.logged("loss", 1.0))
    old = api.get("").json["watermark"]
    ledger.say(said.logged("loss", 2.0))
    ledger.execute("DELETE FROM observed.telemetry_changes WHERE workspace = %s", ledger.workspace)
    elsewhere = str(Watermark({"another topic": {0: 3}}))
    for place in (old, elsewhere):
        back = watch(place)
        told = back.next()
        assert (told.event, told.id) == ("reset", api.get("").json["watermark"])
    ledger.say(said.tag("a", "b"))
    assert back.next().data["runs"] == {"r1": ["facts", "tags"]}


def test_a_watermark_that_is_not_folded_yet_is_waited_for(
    ledger: Ledger, api: Api, watch: Callable[..., Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    topic_id, partition = _only_place(api)
    ahead = str(Watermark({topic_id: {partition: 2}}))
    Timer(0.3, lambda: ledger.say(said.tag("a", "1"))).start()
    back = watch(ahead)
    assert (back.next().id) == ahead
    ledger.say(said.artifact("x"))
    assert back.next().data["runs"] == {"r1": ["artifacts", "facts"]}
    monkeypatch.setattr(live, "RESUME_SECONDS_MAX", 0.2)
    assert watch(str(Watermark({topic_id: {partition: 99}}))).next().event == "reset"


def test_a_rebuild_resets_those_who_watch_and_they_are_told_on(ledger: Ledger, watch: Callable[..., Watching]) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    seen = watch()
    seen.next()
    rebuild(ledger.conninfo, ledger.workspace)
    assert seen.next().event == "reset"
    ledger.say(said.tag("a", "b"))
    assert seen.next().data["runs"]["r1"] == ["facts", "tags"]


def test_a_long_way_is_told_in_steps(
    ledger: Ledger, watch: Callable[..., Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "FACTS_AT_ONCE", 4)
    seen = watch()
    seen.next()
    runs = [Saying(f"r{number}") for number in range(30)]
    ledger.say(*(fact for run in runs for fact in (run.started(), run.tag("a", "b"))))
    told = [seen.next()]
    while told[-1].data["more"]:
        told.append(seen.next())
    assert {run for each in told for run in each.data["runs"]} == {run.run_id for run in runs}
    back = watch(told[0].id)
    assert back.next().id == told[0].id


def test_signs_of_life_come_and_move_the_place_to_come_back_to(
    ledger: Ledger, api: Api, watch: Callable[..., Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.5)
    seen = watch(run_id="r1")
    here = seen.next().id
    until(lambda: seen.comments > 0, 10, "a comment")
    assert seen.last_id == here
    ledger.say(Saying("r2").started())
    until(lambda: seen.last_id == api.get("").json["watermark"], 10, "the place to move")
    assert seen.silent()


def test_a_stream_ends_with_its_time(watch: Callable[..., Watching], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "STREAM_SECONDS_MAX", 0.5)
    seen = watch()
    seen.next()
    assert seen.ended.wait(5)


def test_a_stream_ends_with_its_access_token(ledger: Ledger, api: Api, watch: Callable[..., Watching]) -> None:
    over_at = datetime.now(timezone.utc) + timedelta(seconds=2)
    known = {"principal": "ann", "workspaces": [ledger.workspace], "scopes": ["read"]}
    short = Api(api.address, create_access_token(ledger.conninfo, expires_at=over_at, **known), ledger.workspace)
    seen = watch(by=short)
    assert seen.next().event == "here"
    assert seen.ended.wait(10)
    assert datetime.now(timezone.utc) >= over_at
    assert watch(by=short).status == 401


def test_who_takes_nothing_is_cut_and_holds_no_connection(
    ledger: Ledger, api: Api, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A viewer on a real socket whose buffers are full: the server lets go of it, though it never reads."""
    monkeypatch.setattr(live, "BLOCKED_SECONDS_MAX", 1.0)
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.5)  # that it is blocked shows when something more is sent
    monkeypatch.setattr(server_module, "BLOCKED_SECONDS_MAX", 1.0)
    ledger.say(Saying("r1").logged("loss", 1.0))
    _, partition = _only_place(api)
    with serving(ledger.conninfo, objects) as address, socket.socket() as asleep:
        port = int(address.rpartition(":")[2])
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asleep.connect(("127.0.0.1", port))
        head = f"GET /v1/workspaces/{ledger.workspace}/changes HTTP/1.1\r\nHost: localhost\r\n"
        asleep.sendall(f"{head}Authorization: Bearer {api.access_token}\r\n\r\n".encode())
        assert b"event: here" in asleep.recv(4096) + asleep.recv(4096)
        runs = [f"{number:0200}" for number in range(9_000)]
        for batch in range(4):
            _came(ledger, partition, 1 + batch * len(runs), runs, ["points"] * len(runs))
        until(lambda: not _is_connected(port, asleep.getsockname()[1]), 60, "the connection to be gone")


def _is_connected(port: int, to: int) -> bool:
    """Whether this machine's end at `port` still holds the connection."""
    ends = (line.split()[1:3] for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(int(ours[-4:], 16) == port and int(theirs[-4:], 16) == to for ours, theirs in ends)


def test_who_leaves_is_noticed(api: Api, watch: Callable[..., Watching], ledger: Ledger) -> None:
    """A hub is gone with its last viewer; a new one begins where the ledger stands."""
    seen = watch()
    seen.next()
    seen.close()
    ledger.say(Saying("r1").started())
    again = watch()
    assert again.next().id == api.get("").json["watermark"]


@pytest.mark.parametrize("query", [{"after": "w1.nonsense"}, {"after": "x"}])
def test_a_place_that_is_none_is_refused(api: Api, query: dict[str, str]) -> None:
    told = api.get("/changes", **query)
    assert (told.status, told.code) == (400, "invalid")


def test_more_viewers_than_may_be_are_sent_away(
    api: Api, watch: Callable[..., Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "VIEWERS_MAX", 1)
    until(lambda: watch().status == 200, 10, "the viewers of other tests to be gone")
    told = api.get("/changes")
    assert (told.status, told.code) == (503, "busy")


def _step(number: int) -> live.Step:
    return step(f"w{number}", Changed({f"r{number}": frozenset(("facts",))}, frozenset(), {}), False)


def test_a_slow_viewer_gets_what_is_pending_in_one_message() -> None:
    viewer = Viewer(frozenset())
    for number in range(3):
        viewer.push(_step(number))
    told = viewer.take()
    assert told.startswith(b"id: w2\nevent: changes\n")
    assert set(json.loads(told.partition(b"data: ")[2])["runs"]) == {"r0", "r1", "r2"}
    assert viewer.take() == b""


def test_a_viewer_that_takes_nothing_is_reset_and_holds_no_more_than_it_may() -> None:
    viewer = Viewer(frozenset())
    for number in range(PENDING_MAX * 3):
        viewer.push(_step(number))
        assert len(viewer._pending) <= PENDING_MAX
    told = viewer.take()
    assert told.startswith(b"id: w")
    assert told.count(b"event: reset") == 1
    assert told.rstrip().splitlines()[-3].endswith(f"w{PENDING_MAX * 3 - 1}".encode())
