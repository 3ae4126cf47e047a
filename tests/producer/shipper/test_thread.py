"""The shipper in a training process: quick, quiet, harmless to the training whatever becomes of the broker."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runfold.journal.writer import Journal
from runfold.shipper.spool import Spooled
from runfold.shipper.thread import ShipperThread
from runfold_schemas import events
from runfold_schemas.settings import Settings
from tests.producer.shipper.ledger import python, read
from tests.services import OwnWorkspace, Services
from tests.waiting import until


@pytest.fixture
def settings(services: Services, workspace: OwnWorkspace) -> Settings:
    return Settings.model_construct(kafka=services.kafka, topic_prefix=workspace.prefix, api=None)


@pytest.fixture
def journal(tmp_path: Path, workspace: OwnWorkspace) -> Iterator[Journal]:
    journal = Journal.create(tmp_path, workspace=workspace.workspace)
    yield journal
    journal.close()


@pytest.fixture
def shipper(journal: Journal, settings: Settings) -> Iterator[ShipperThread]:
    shipper = ShipperThread(journal, settings)
    yield shipper
    shipper.stop(time.monotonic() + 5)


def in_(seconds: float) -> float:
    return time.monotonic() + seconds


def tag(journal: Journal, key: str) -> None:
    journal.fact(
        "run", "r", lambda n: events.TagSet("run", "r", journal.writer_id, n, time.time_ns() // 1000, key, "value")
    )


def test_after_a_flush_the_broker_has_what_was_journaled(
    journal: Journal, shipper: ShipperThread, services: Services, workspace: OwnWorkspace
) -> None:
    for step in range(50_000):
        journal.points("r").log("loss", step / 2, step)
    tag(journal, "team")
    assert shipper.flush(in_(20))
    assert shipper.acknowledged() == journal.ends()
    found = read(services, workspace)
    assert len(found.points("r")[journal.writer_id]) == 50_000
    assert len(found.facts()) == 1


def test_a_flush_ends_while_another_thread_goes_on_logging(journal: Journal, shipper: ShipperThread) -> None:
    import threading

    stop = threading.Event()

    def log() -> None:
        lane = journal.points("r")
        while not stop.is_set():
            for step in range(100):
                lane.log("loss", 1.0, step)
            stop.wait(0.0005)

    thread = threading.Thread(target=log)
    thread.start()
    try:
        assert shipper.flush(in_(10))
        began = time.monotonic()
        assert shipper.flush(in_(10))
        assert time.monotonic() - began < 2
    finally:
        stop.set()
        thread.join()


def test_a_point_is_on_its_way_within_the_pause_of_the_tail(journal: Journal, shipper: ShipperThread) -> None:
    lane = journal.points("r")
    assert shipper.flush(in_(20))
    taken = []
    for step in range(30):
        lane.log("loss", 1.0, step)
        began = time.perf_counter()
        until(lambda: shipper.acknowledged() == journal.ends(), 5, "its acknowledgement", pause_s=0.001)
        taken.append(time.perf_counter() - began)
    assert sorted(taken)[15] < 0.05


def test_a_journal_that_is_closed_is_spoken_for_and_ends_the_thread(
    journal: Journal, shipper: ShipperThread, services: Services, workspace: OwnWorkspace
) -> None:
    journal.points("r").log("loss", 1.0)
    journal.close()
    assert shipper.flush(in_(20))
    until(lambda: read(services, workspace).of(events.WriterClosed), 5, "WriterClosed")


def test_a_broker_that_was_never_there_is_told_once_and_raises_nothing(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Settings.model_construct(kafka="127.0.0.1:1", topic_prefix="x", api=None)
    shipper = ShipperThread(journal, nowhere)
    journal.points("r").log("loss", 1.0)
    with caplog.at_level(logging.WARNING):
        assert not shipper.flush(in_(6))
        began = time.monotonic()
        shipper.stop(in_(1))
    assert time.monotonic() - began < 1.5
    assert [record.name for record in caplog.records] == ["runfold"]
    assert "127.0.0.1:1 (RUNFOLD_KAFKA)" in caplog.text
    assert "the journal keeps everything" in caplog.text


def test_a_setting_that_is_missing_is_told_and_raises_nothing(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    shipper = ShipperThread(journal, Settings.model_construct(kafka=None))
    assert not shipper.flush(in_(5))
    assert "RUNFOLD_KAFKA" in caplog.text


def test_a_forked_child_ships_nothing_and_waits_for_nothing(journal: Journal, shipper: ShipperThread) -> None:
    journal.points("r").log("loss", 1.0)
    assert shipper.flush(in_(20))
    pid = os.fork()
    if not pid:
        began = time.monotonic()
        quiet = not shipper.flush(in_(10))
        shipper.wake()
        shipper.stop(in_(10))
        os._exit(0 if quiet and time.monotonic() - began < 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    journal.points("r").log("loss", 2.0)
    assert shipper.flush(in_(5)), "the parent's connection is as it was"


def test_at_the_end_of_a_process_a_flush_in_an_exit_hook_still_works(
    tmp_path: Path, services: Services, workspace: OwnWorkspace
) -> None:
    script = """
import atexit, sys, time
from pathlib import Path
from runfold.journal.writer import Journal
from runfold.shipper.thread import ShipperThread
from runfold_schemas.settings import Settings
journal = Journal.create(Path(sys.argv[1]), workspace=sys.argv[4])
shipper = ShipperThread(journal, Settings.model_construct(kafka=sys.argv[2], topic_prefix=sys.argv[3], api=None))
def end():
    journal.points("r").log("last", 1.0)
    journal.close()
    print(shipper.flush(time.monotonic() + 10))
    shipper.stop(time.monotonic() + 1)
atexit.register(end)
journal.points("r").log("loss", 1.0)
shipper.flush(time.monotonic() + 10)
"""
    done = python(script, tmp_path, services.kafka, workspace.prefix, workspace.workspace, stderr=subprocess.PIPE)
    out, errors = done.communicate(timeout=30)
    assert (done.returncode, out, errors) == (0, "True\n", "")
    found = read(services, workspace)
    assert [len(points) for points in found.points("r").values()] == [2]
    assert len(found.of(events.WriterClosed)) == 1


def test_spooled_files_are_uploaded_and_deleted(
    tmp_path: Path, journal: Journal, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runfold.shipper import thread

    monkeypatch.setattr(thread, "TIDY_S", 0.05)
    stored: dict[str, bytes] = {}

    def upload(file: Spooled) -> None:
        stored[file.sha256] = file.path.read_bytes()

    spool = journal.folder / "spool"
    (spool / ("ab" * 32)).write_bytes(b"weights")
    described: dict[str, Any] = {"run_id": "r", "sha256": "ab" * 32, "size": 7, "media_type": None}
    (spool / ("ab" * 32 + ".json")).write_text(json.dumps(described))
    shipper = ShipperThread(journal, settings, upload)
    shipper.wake()
    until(lambda: not list(spool.iterdir()), 20, "an empty spool")
    shipper.stop(in_(5))
    assert stored == {"ab" * 32: b"weights"}
