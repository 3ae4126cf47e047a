"""For which runs signs of life are due, and that they go out as claims with the journal's ends."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from runfold.journal.batches import Closed, Fact
from runfold.journal.writer import Journal
from runfold.shipper.heartbeats import Heartbeats
from runfold.shipper.once import DONE, ship_once
from runfold.shipper.pulse import FRESH_S, NAME, Pulse, is_felt
from runfold.shipper.thread import ShipperThread
from runfold_schemas.codec import encode
from runfold_schemas.events import Event, HeartbeatSent, RunStarted, RunSubmitted, StatusChanged, TagSet, WriterClosed
from runfold_schemas.settings import Settings
from runfold_schemas.watermark import Lane
from tests.producer.shipper import ledger
from tests.services import OwnWorkspace, Services
from tests.waiting import until

WRITER = "a" * 32


def fact(event: type[Event], run_id: str = "r", **fields: object) -> Fact:
    lane = Lane("facts", "run", run_id, WRITER)
    return Fact(lane, 1, encode(event("run", run_id, WRITER, 1, **fields)))  # type: ignore[call-arg,arg-type]


def test_a_run_is_watched_from_its_beginning_to_the_end_that_its_writer_states() -> None:
    beats = Heartbeats(10.0)
    beats.took([fact(TagSet, key="k")], 0.0)
    assert beats.due(1e9) == []
    beats.took(
        [fact(RunStarted), fact(StatusChanged, "s", status="Running"), fact(StatusChanged, "t", status="Queued")], 0.0
    )
    assert beats.due(0.0) == ["r", "s"]
    beats.took([fact(StatusChanged, status="Finalizing")], 5.0)
    assert beats.due(9.9) == []
    assert beats.due(10.0) == ["s"]
    assert beats.due(15.0) == ["r"]
    beats.took([fact(StatusChanged, status="Failed")], 16.0)
    assert beats.due(1e3) == ["s"]
    beats.took([Closed({})], 1e3)
    assert beats.due(1e9) == []


def test_a_sign_waits_for_life_and_is_due_again_when_what_was_sent_may_be_lost() -> None:
    alive = [False]
    beats = Heartbeats(10.0, lambda: alive[0])
    beats.took([fact(RunStarted)], 0.0)
    assert beats.due(0.0) == []
    alive[0] = True
    assert beats.due(1.0) == ["r"]
    assert beats.due(2.0) == []
    beats.again()
    assert beats.due(2.0) == ["r"]
    later = Heartbeats(10.0)
    later.recall(beats.watched)
    assert later.due(3.0) == ["r"]


def test_who_was_silent_for_longer_than_a_sign_holds_shows_itself_by_a_sign() -> None:
    beats = Heartbeats(10.0)
    beats.took([fact(RunStarted)], 0.0)
    assert beats.due(0.0) == ["r"]
    beats.took([fact(TagSet, key="k")], 50.0)
    assert beats.due(50.0) == []
    beats.took([fact(TagSet, key="k")], 100.1)
    assert beats.due(100.1) == ["r"]


def test_what_is_said_of_a_run_in_passing_is_claimed_to_be_all_once_and_again_after_more() -> None:
    beats = Heartbeats(10.0)
    beats.took([fact(RunStarted), fact(TagSet, "tagged", key="k")], 0.0)
    assert beats.last_words() == ["tagged"]
    assert beats.last_words() == []
    beats.took([fact(TagSet, "tagged", key="k"), fact(TagSet, key="k")], 1.0)
    assert beats.last_words() == ["tagged"]
    beats.took([fact(StatusChanged, status="Completed")], 2.0)
    assert beats.last_words() == ["r"]
    beats.took(
        [fact(RunStarted, "job"), fact(RunSubmitted, "job"), fact(TagSet, "s", key="k"), fact(RunStarted, "s")], 3.0
    )
    assert beats.last_words() == ["job"]
    beats.took([fact(StatusChanged, "s", status="Canceled")], 3.5)
    assert beats.last_words() == ["s"]
    assert beats.due(1e9) == []
    beats.again()
    assert sorted(beats.last_words()) == ["job", "r", "s", "tagged"]
    beats.took([Closed({})], 4.0)
    assert beats.last_words() == []


def test_a_pulse_is_felt_while_the_process_moves_and_its_journal_is_open(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w")
    assert not is_felt(journal.folder)
    pulse = Pulse(journal)
    pulse.start()
    pulse.start()
    until(lambda: is_felt(journal.folder), 5, "a pulse")
    assert sum(thread.name == "runfold-pulse" for thread in threading.enumerate()) == 1
    pulse.stop()
    until(lambda: "runfold-pulse" not in {thread.name for thread in threading.enumerate()}, 5, "its end")
    long_ago = time.time() - FRESH_S - 1
    os.utime(journal.folder / NAME, (long_ago, long_ago))
    assert not is_felt(journal.folder)
    (journal.folder / NAME).touch()
    assert is_felt(journal.folder)
    journal.close()
    assert not is_felt(journal.folder)


def test_signs_of_life_go_out_with_the_journals_ends_and_only_in_silence(
    services: Services, workspace: OwnWorkspace, tmp_path: Path
) -> None:
    journal = Journal.create(tmp_path, workspace=workspace.workspace)
    settings = Settings.load(kafka=services.kafka, topic_prefix=workspace.prefix, heartbeat_s=0.3)
    shipper = ShipperThread(journal, settings)
    journal.fact("run", "r", lambda ordinal: RunStarted("run", "r", journal.writer_id, ordinal, 1))
    journal.fact("run", "only tagged", lambda ordinal: TagSet("run", "only tagged", journal.writer_id, ordinal, 1))
    journal.points("r").log("loss", 0.5)
    journal.append_log("r", "std_log.txt", b"seven b")
    shipper.wake()

    def signs() -> list[HeartbeatSent]:
        return ledger.read(services, workspace).of(HeartbeatSent)

    passing = until(lambda: ledger.read(services, workspace).of(WriterClosed), 30, "the claim of a passer-by")
    assert [(claim.aggregate_id, claim.lanes[0].last_ordinal) for claim in passing] == [("only tagged", 1)]
    found = until(lambda: len(seen := signs()) >= 3 and seen, 30, "three signs of life")
    assert {(sign.aggregate_id, sign.ttl_s) for sign in found} == {("r", 1.5)}
    assert {tuple(map(tuple, sign.lanes)) for sign in found} == {(("facts", 1), ("log/std_log.txt", 7), ("points", 1))}
    journal.close()
    assert shipper.finish(time.monotonic() + 30)
    count = len(signs())
    threading.Event().wait(1.0)
    assert len(signs()) == count


def test_a_writer_that_was_gone_before_its_first_sign_has_promised_one() -> None:
    beats = Heartbeats(10.0, lambda: False)
    beats.took([fact(RunStarted), fact(RunStarted, "s"), fact(StatusChanged, "s", status="Failed")], 0.0)
    beats.took([fact(RunStarted, "job"), fact(RunSubmitted, "job"), Closed({})], 0.0)
    assert beats.promised() == ["r"]
    assert beats.promised() == []
    seen = Heartbeats(10.0)
    seen.took([fact(RunStarted)], 0.0)
    assert seen.due(0.0) == ["r"]
    assert seen.promised() == []
    seen.again()
    assert seen.promised() == ["r"]
    later = Heartbeats(10.0)
    later.recall(["r"])
    assert later.promised() == []
    silent = Heartbeats(float("inf"))
    silent.took([fact(RunStarted)], 0.0)
    assert silent.promised() == []


@pytest.mark.parametrize("end", ["journal.close()", "os._exit(0)"])
def test_a_run_whose_process_was_shorter_than_its_shippers_first_turn_is_missed(
    services: Services, workspace: OwnWorkspace, tmp_path: Path, end: str
) -> None:
    writer = ledger.journal(tmp_path, workspace.workspace, f"fact('run', 'r', events.RunStarted)\n{end}")
    settings = Settings.load(kafka=services.kafka, topic_prefix=workspace.prefix, heartbeat_s=0.3)
    assert ship_once(tmp_path, settings, lambda line: None, timeout_s=60) == DONE
    (sign,) = ledger.read(services, workspace).of(HeartbeatSent)
    assert (sign.aggregate_id, sign.writer_id, sign.ttl_s) == ("r", writer, 1.5)
    assert [tuple(each) for each in sign.lanes] == [("facts", 1)]
