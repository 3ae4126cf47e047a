"""The writer in one process: forks, threads, interrupts at every opcode, disk full by injection, the budget."""

from __future__ import annotations

import dis
import errno
import gc
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from runfold.journal import folder as folders
from runfold.journal import process, segments, tail
from runfold.journal.format import BLOCK
from runfold.journal.position import Position
from runfold.journal.reader import JournalReader
from runfold.journal.writer import Journal
from tests.producer.journal.held import held, missing, tag

BOTH = pytest.mark.parametrize("mapped", [True, False])


def in_child(work: Callable[[], None]) -> None:
    """Runs something in a forked child that leaves by os._exit, and waits for it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must not go on as a second pytest
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@BOTH
def test_a_forked_child_becomes_a_writer_of_its_own(tmp_path: Path, mapped: bool) -> None:
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped)
    lane = journal.points("one")
    lane.log("loss", 1.0)

    def work() -> None:
        lane.log("loss", 2.0)
        lane.log("loss", 3.0)
        assert journal.fact("run", "one", tag) == 1
        assert journal.points("one").log is lane.log

    in_child(work)
    lane.log("loss", 4.0)
    journal.close()
    parent = held(journal.folder)
    assert [point.value for point in parent.points("one").values()] == [1.0, 4.0]
    assert not parent.facts("one")
    (other,) = [folder for folder in folders.journals(tmp_path) if folder != journal.folder]
    assert not folders.is_alive(other)
    child = held(other)
    assert [point.value for point in child.points("one").values()] == [2.0, 3.0]
    assert child.facts("one").keys() == {1}
    assert not parent.losses
    assert not child.losses


@BOTH
def test_a_child_forked_while_another_thread_holds_the_lock_does_not_wait_for_it(tmp_path: Path, mapped: bool) -> None:
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped)
    lane = journal.points("one")
    lane.log("loss", 1.0)
    holds, release = threading.Event(), threading.Event()

    def hold() -> None:
        with journal._tail.lock:
            holds.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait()
    in_child(lambda: lane.log("loss", 2.0))
    release.set()
    thread.join()
    lane.log("loss", 3.0)
    values = {
        folder == journal.folder: [point.value for point in held(folder).points("one").values()]
        for folder in folders.journals(tmp_path)
    }
    assert values == {True: [1.0, 3.0], False: [2.0]}
    journal.close()


def _log_and_leave(number: int) -> None:
    process.current("w").points("run").log("child", float(number))
    os._exit(0)


def test_multiprocessing_children_that_leave_by_os_exit_lose_nothing(tmp_path: Path) -> None:
    journal = process.current("w", tmp_path)
    assert process.current("w") is journal
    journal.points("run").log("parent", 1.0)
    children = [
        multiprocessing.get_context("fork").Process(target=_log_and_leave, args=(number,)) for number in range(4)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    process.close()
    values = sorted(
        (point.name, point.value)
        for folder in folders.journals(tmp_path)
        for point in held(folder).points("run").values()
    )
    assert values == [("child", 0.0), ("child", 1.0), ("child", 2.0), ("child", 3.0), ("parent", 1.0)]
    # What is said after the end is another writer's.
    journal.points("run").log("late", 2.0)
    assert len(folders.journals(tmp_path)) == 6
    assert process.current("w").ends()
    process.close()
    process._made_with.clear()


@BOTH
def test_threads_share_a_journal_and_each_keeps_its_order(tmp_path: Path, mapped: bool) -> None:
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped, first_segment_bytes=12288)

    def work(name: str) -> None:
        lane = journal.points("one")
        for number in range(2000):
            lane.log(name, float(number), number)
            if number % 50 == 0:
                journal.fact("run", "one", lambda ordinal: tag(ordinal, value=name))

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    found = held(journal.folder)
    assert not found.losses
    for number in range(4):
        values = [point.value for point in found.points("one").values() if point.name == f"thread {number}"]
        assert values == list(range(2000))
    assert found.facts("one").keys() == set(range(1, 161))


class InterruptAt:
    """Raises KeyboardInterrupt at the nth place inside the journal's package where CPython can: after a call, at the
    entry of a function and at a backward jump.
    """

    def __init__(self, nth: int) -> None:
        self.left = nth
        self._before: dict[FrameType, str] = {}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        if "/runfold/journal/" not in frame.f_code.co_filename or frame.f_code.co_name == "__del__":
            return None  # what a finalizer raises goes nowhere
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode":
            before = self._before.get(frame, "")
            now = self._before[frame] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            if before.startswith("CALL") or now in ("RESUME", "JUMP_BACKWARD"):
                self.left -= 1
                if self.left == 0:
                    sys.settrace(None)
                    raise KeyboardInterrupt
        return self


def was_interrupted(nth: int, action: Callable[[], object]) -> bool:
    """Does it, interrupted at the nth place; whether it has as many.

    In a thread of its own: CPython, interrupted where a handler ends, leaves what was handled behind for as long as the
    thread lives, and each later traceback would begin with a thousand of those.
    """
    ended = []

    def act() -> None:
        sys.settrace(InterruptAt(nth))
        try:
            action()
            ended.append(True)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    return not ended


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("call", ["point", "turn", "new series", "fact", "new segment", "list"])
def test_an_interrupt_at_any_place_loses_and_doubles_nothing(tmp_path: Path, mapped: bool, call: str) -> None:
    """The record of the call that was broken off is there whole or not at all, with at most a declared gap."""
    gc.disable()
    nth = 0
    interrupted = True
    while interrupted:
        nth += 1
        journal = Journal.create(tmp_path, workspace="w", mapped=mapped, first_segment_bytes=4 * BLOCK)
        lane = journal.points("one")
        lane.log("loss", -1.0, 0)
        while journal._tail.slot < {"turn": 1, "new segment": 3, "list": 0.95}.get(call, 0) * BLOCK:
            lane.log("loss", -1.0, 0)
        count = journal.ends()[next(iter(journal.ends()))]
        action: Callable[[], object] = {
            "fact": lambda journal=journal: journal.fact("run", "one", lambda o: tag(o, value="v" * 5000)),
            "list": lambda lane=lane: lane.log_list("l", [("double", 1.0, None)] * 12),
            "new series": lambda lane=lane: lane.log("fresh", 1.0),
        }.get(call, lambda lane=lane: lane.log("loss", 1.0, 1))
        interrupted = was_interrupted(nth, action)
        assert not journal.is_dropping
        lane.log("loss", 2.0, 2)
        journal.fact("run", "one", lambda o: tag(o, value="after"))
        live = held(journal.folder, final=False)
        journal.close()
        found = held(journal.folder)
        assert live.records == found.records or found.losses
        points = [point.value for point in found.points("one").values()]
        assert points[:count] == [-1.0] * count
        assert points[-1] == 2.0
        assert [fact.value for fact in found.facts("one").values()][-1] == "after"
        new = points[count:-1]
        whole = {"fact": 0, "list": 12}.get(call, 1)
        assert new in ([], [1.0] * whole)
        lost = sum(map(len, missing(found.losses).values()))
        if not interrupted:
            assert len(new) == whole
            assert not lost
        assert not (lost and new)
    gc.enable()
    assert nth > 2


@BOTH
def test_what_no_segment_can_be_had_for_is_dropped_and_told_at_the_next_segments_head(
    tmp_path: Path, mapped: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped, first_segment_bytes=3 * BLOCK)
    lane = journal.points("one")
    allocate = segments.allocate
    monkeypatch.setattr(tail, "RETRY_S", 0.0)
    for full in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):

        def refuse(*_: object, full: int = full) -> Any:
            raise OSError(full, os.strerror(full))

        lane.log("loss", 1.0)
        journal.fact("run", "one", tag)
        monkeypatch.setattr(segments, "allocate", refuse)
        while not journal.is_dropping:
            lane.log("loss", 2.0)
        journal.fact("run", "one", tag)
        lane.log_list("l", [("double", 3.0, None)] * 10)
        lane.log("text", "dropped")
        monkeypatch.setattr(segments, "allocate", allocate)
    lane.log("loss", 4.0)
    ends = journal.ends()
    journal.close()
    found = held(journal.folder)
    assert found.ends == ends
    assert {loss.reason for loss in found.losses} == {"disk_full"}
    lost = missing(found.losses)
    assert sum(map(len, lost.values())) == journal.dropped == 3 * 13
    assert not [point for point in found.points("one").values() if point.value in (3.0, "dropped")]
    assert sum("takes no more" in record.getMessage() for record in caplog.records) == 3


@BOTH
def test_a_journal_at_its_budget_drops_until_a_shipper_acknowledges(
    tmp_path: Path, mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "RETRY_S", 0.0)
    journal = Journal.create(
        tmp_path, workspace="w", mapped=mapped, first_segment_bytes=3 * BLOCK, segment_bytes_max=3 * BLOCK,
        budget_bytes=7 * BLOCK,
    )  # fmt: skip
    lane = journal.points("one")
    while not journal.is_dropping:
        lane.log("loss", 1.0)
    assert folders.unacknowledged_bytes(journal.folder) == 6 * BLOCK
    reader = JournalReader(journal.folder)
    while reader.read():
        pass
    assert reader.position.segment == 2
    folders.write_checkpoint(journal.folder, {"position": reader.position.to_json()})
    lane.log("loss", 2.0)
    assert not journal.is_dropping
    journal.close()
    found = held(journal.folder)
    (loss,) = found.losses
    assert (loss.first, loss.last) == (journal.ends()[loss.lane] - 1,) * 2
    assert [path.name for path in folders.delete_acknowledged(journal.folder, keep_s=-1)] == ["00000001.seg"]
    # What was before the first segment is acknowledged, no loss.
    assert [loss.reason for loss in held_after_deletion(journal.folder)] == ["disk_full"]
    position = Position.from_json(folders.read_checkpoint(journal.folder)["position"])
    rest = JournalReader(journal.folder, position).read(final=True)
    assert [type(batch).__name__ for batch in rest] == ["Loss", "Points", "Closed"]


def held_after_deletion(folder: Path) -> list[Any]:
    batches = JournalReader(folder).read(1 << 24, final=True)
    return [batch for batch in batches if type(batch).__name__ == "Loss"]


@BOTH
def test_the_last_word_is_written_although_no_segment_can_be_had(
    tmp_path: Path, mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(
        tmp_path, workspace="w", mapped=mapped, first_segment_bytes=3 * BLOCK, budget_bytes=3 * BLOCK
    )
    lane = journal.points("one")
    for number in range(1000):
        lane.log("loss", float(number))
    journal.close()
    found = held(journal.folder)
    (end,) = found.ends.values()  # type: ignore[union-attr]
    assert end == 1000
    assert len(found.points("one")) + sum(map(len, missing(found.losses).values())) == 1000
    assert {loss.reason for loss in found.losses} == {"disk_full"}
