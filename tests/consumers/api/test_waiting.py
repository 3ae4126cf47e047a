"""A read waits for what its caller wrote, and answers from one moment."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from runfold_consumers.api import waiting
from runfold_schemas import events
from runfold_schemas.watermark import Lane, Watermark, parse
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger
from tests.consumers.api.saying import A, Saying
from tests.waiting import until


def facts_lane(ordinal: int, run_id: str = "r1") -> str:
    return str(Watermark(ordinals={Lane("facts", "run", run_id, A): ordinal}))


def waiters(api: Api) -> int:
    """How many reads wait at this moment: those that the wakers of the process hold."""
    return sum(len(events_) for wakers in _WAKERS for events_ in wakers._waiting.values())


_WAKERS: list[waiting.Wakers] = []


@pytest.fixture(autouse=True)
def _watched(monkeypatch: pytest.MonkeyPatch) -> None:
    _WAKERS.clear()
    start = waiting.Wakers.start

    def noticed(self: waiting.Wakers) -> None:
        _WAKERS.append(self)
        start(self)

    monkeypatch.setattr(waiting.Wakers, "start", noticed)


def test_a_read_waits_until_its_lane_is_folded_and_then_sees_it(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    with ThreadPoolExecutor() as pool:
        read = pool.submit(api.get, "/runs/r1", not_before=facts_lane(2), wait_s=10)
        until(lambda: waiters(api), 5, "the read to wait")
        assert not read.done()
        ledger.say(said.tag("k", "v"))
        assert read.result(5).json["tags"] == {"k": "v"}


def test_a_read_that_waits_in_vain_is_told_so(ledger: Ledger, api: Api) -> None:
    ledger.say(Saying("r1").started())
    for want in (facts_lane(2), facts_lane(1, "r2"), str(Watermark(offsets={"elsewhere": {0: 1}}))):
        begun = time.monotonic()
        told = api.get("/runs/r1", not_before=want, wait_s=0.3)
        assert (told.status, told.code, told.headers["Retry-After"]) == (503, "not_yet", "1")
        assert 0.25 < time.monotonic() - begun < 2
    assert api.get("/runs/r1", not_before=facts_lane(1), wait_s=0).status == 200


def test_a_commit_that_nobody_told_of_is_noticed(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    with ThreadPoolExecutor() as pool:
        read = pool.submit(api.get, "/runs/r1", not_before=facts_lane(2), wait_s=10)
        until(lambda: waiters(api), 5, "the read to wait")
        ledger.say(said.tag("k", "v"), notify=False)
        assert read.result(3).status == 200


def test_a_lane_is_covered_by_what_was_seen_and_declared_lost(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    first, lost, third = said.started(), said.tag("k", "v"), said.tag("l", "w")
    ledger.say(first, third)
    assert api.get("", not_before=facts_lane(3), wait_s=0).status == 503
    ranges = [events.OrdinalRange(2, 2)]
    ledger.say(events.LossDeclared("run", "r1", A, 0, "facts", ranges, "damaged"))
    assert api.get("", not_before=facts_lane(3), wait_s=0).status == 200
    assert lost


def test_points_are_waited_for_as_facts_are(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.logged("m", 1.0, 2.0))
    lane = Lane("points", "run", "r1", A)
    assert api.get("", not_before=str(Watermark(ordinals={lane: 2})), wait_s=0).status == 200
    assert api.get("", not_before=str(Watermark(ordinals={lane: 3})), wait_s=0).status == 503


def test_an_answer_names_a_watermark_that_another_read_can_wait_for(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started(), said.logged("m", 1.0))
    watermark = api.get("/runs/r1").json["watermark"]
    offsets = parse(watermark).offsets
    assert {sum(of_topic.values()) for of_topic in offsets.values()} == {1}
    assert set(offsets) == {ledger.topic_id("facts"), ledger.topic_id("telemetry")}
    assert api.get("/runs/r1", not_before=watermark, wait_s=0).json["watermark"] == watermark
    ledger.say(said.tag("k", "v"))
    assert api.get("/runs/r1", not_before=watermark, wait_s=0).json["watermark"] != watermark


def test_large_watermarks_are_waited_for_by_post(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    path = f"/v1/workspaces/{WORKSPACE}/wait"
    lanes = {Lane("facts", "run", f"run {i}", f"{i:032x}"): 1 for i in range(5000)}
    assert api.ask("POST", path, {"not_before": facts_lane(1), "wait_s": 0}).status == 204
    told = api.ask("POST", path, {"not_before": str(Watermark(ordinals=lanes)), "wait_s": 0})
    assert (told.status, told.code) == (503, "not_yet")
    lanes = {Lane("facts", "run", f"run {i}", A): 1 for i in range(300)}
    ledger.say(*(Saying(f"run {i}").started() for i in range(300)))
    assert api.ask("POST", path, {"not_before": str(Watermark(ordinals=lanes)), "wait_s": 5}).status == 204


def test_many_reads_wait_on_one_connection(ledger: Ledger, api: Api) -> None:
    said = Saying("r1")
    ledger.say(said.started())
    with ThreadPoolExecutor(30) as pool:
        reads = [pool.submit(api.get, "/runs/r1", not_before=facts_lane(2), wait_s=20) for _ in range(30)]
        until(lambda: waiters(api) == 30, 10, "all reads to wait")
        assert api.get("/runs/r1").status == 200  # waiting reads hold no connection
        ledger.say(said.tag("k", "v"))
        assert {read.result(10).status for read in reads} == {200}


def test_data_and_position_are_of_one_moment(ledger: Ledger, api: Api) -> None:
    """A writer sets tag n at offset n, while readers compare the tag they see with the offset they are told."""
    said = Saying("r1")
    ledger.say(said.started())
    done = threading.Event()

    def write() -> None:
        for n in range(2, 60):
            ledger.say(said.tag("n", str(n)))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not done.is_set():
            record = api.get("/runs/r1").json
            (partition,) = parse(record["watermark"]).offsets[ledger.topic_id("facts")].values()
            assert record["tags"].get("n", "1") == str(partition)
    finally:
        writer.join()


def test_what_is_no_watermark_is_refused(api: Api) -> None:
    for text in ("w1.", "w1.!!", "nonsense", "w1.AAAA", "w2.abc"):
        told = api.get("", not_before=text)
        assert (told.status, told.code) == (400, "invalid"), text
        assert "watermark" in told.json["error"]["message"]
