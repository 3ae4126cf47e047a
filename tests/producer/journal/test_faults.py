"""Kills, interrupts, signal handlers and full disks, in real processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runfold.journal import folder as folders
from runfold.journal.reader import JournalReader
from tests.producer.journal.held import Held, gathered, held, missing
from tests.waiting import until

PROGRAM = Path(__file__).with_name("logging_process.py")
BOTH = pytest.mark.parametrize("mapped", ["mapped", "written"])


def start(root: Path, mode: str, mapped: str, *more: str) -> tuple[subprocess.Popen[bytes], Path]:
    process = subprocess.Popen(
        # -B: CPython 3.11 leaves a cut .pyc behind where files may not grow.
        [sys.executable, "-B", str(PROGRAM), str(root), mode, mapped, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().decode().strip())


def end_of(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What it still said, to its end. `communicate` would pass over what readline has buffered."""
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        out, errors = process.stdout.read(), process.stderr.read()
    process.wait(60)
    return out, errors


def everything_is_there(found: Held, acknowledged: list[str]) -> None:
    highest = {"one": 0, "two": 0, "fact": 0}
    for line in acknowledged:
        what, ordinal = line.split()
        highest[what] = max(highest[what], int(ordinal))
    for what, records in (("one", found.points("one")), ("two", found.points("two")), ("fact", found.facts("one"))):
        assert records.keys() >= set(range(1, highest[what] + 1)), what
        # At most the call that was under way is there beyond that.
        assert len(records) <= highest[what] + 1000
    assert all((point.step, point.value) == (at, float(at)) for at, point in found.points("one").items())


@BOTH
@pytest.mark.parametrize("mode", ["forever", "flat_out"])
def test_after_sigkill_everything_acknowledged_is_there_once(tmp_path: Path, mapped: str, mode: str) -> None:
    generator = random.Random(f"{mapped} {mode}")
    for _ in range(6):
        process, folder = start(tmp_path, mode, mapped)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(generator.randrange(1, 400 if mode == "forever" else 120))]
        process.send_signal(signal.SIGKILL)
        lines += end_of(process)[0].splitlines(keepends=True)
        until(lambda folder=folder: not folders.is_alive(folder), 5, "the life lock to be free")  # type: ignore[misc]
        found = held(folder)
        assert not found.losses
        everything_is_there(found, [line.decode() for line in lines if line.endswith(b"\n")])


@BOTH
def test_a_reader_in_another_process_follows_a_writer_flat_out_until_it_is_killed(tmp_path: Path, mapped: str) -> None:
    process, folder = start(tmp_path, "flat_out", mapped)
    reader = JournalReader(folder)
    batches: list[Any] = []
    try:
        assert folders.is_alive(folder)

        def tailed() -> bool:
            batches.extend(reader.read(1 << 16))
            return sum(len(batch.ids) for batch in batches) > 100_000

        until(tailed, 60, "100,000 points", pause_s=0.001)
    finally:
        process.kill()
        out, _ = end_of(process)
    while found := reader.read(final=True):
        batches.extend(found)
    reader.close()
    total = gathered(batches)
    assert not total.losses
    everything_is_there(total, [line for line in out.decode().split("\n")[:-1] if line])
    assert total == held(folder)


@BOTH
def test_in_a_storm_of_interrupts_no_acknowledged_record_is_lost_and_none_doubled(tmp_path: Path, mapped: str) -> None:
    process, folder = start(tmp_path, "interrupted", mapped)
    assert process.stdout is not None
    process.stdout.readline()
    storm(process, 1500)
    out, errors = end_of(process)
    assert process.returncode == 0, errors.decode()
    found = held(folder)
    assert found.ends is not None
    points = [str(point.value) for point in found.points("one").values()]
    facts = [fact.value for fact in found.facts("one").values()]
    assert len(points) == len(set(points))
    assert len(facts) == len(set(facts))
    broken_off, *acknowledged = out.decode().splitlines()
    assert len(acknowledged) > 100
    assert int(broken_off) > 10
    assert {line[4:] for line in acknowledged if line.startswith("one ")} <= set(points)
    assert {line[5:] for line in acknowledged if line.startswith("fact ")} <= set(facts)
    # `held` has seen that lanes are gapless apart from losses; losses are of calls that were broken off.
    assert sum(map(len, missing(found.losses).values())) <= 3


@BOTH
def test_a_signal_handler_may_log_whatever_it_interrupts(tmp_path: Path, mapped: str) -> None:
    process, folder = start(tmp_path, "handled", mapped)
    assert process.stdout is not None
    process.stdout.readline()
    storm(process, 1500)
    out, errors = end_of(process)
    assert process.returncode == 0, errors.decode()
    counts, main_line, handler_line = out.decode().split("\n")[:3]
    number, calls = map(int, counts.split())
    main_ordinals, handler_ordinals = [int(part) for part in main_line.split()], [int(p) for p in handler_line.split()]
    assert calls > 10
    found = held(folder)
    assert not found.losses
    points = list(found.points("one").values())
    assert [point.value for point in points if point.name == "loss"] == [float(value) for value in range(1, number + 1)]
    assert sorted(point.value for point in points if point.name == "handled") == list(range(1, calls + 1))
    facts = found.facts("one")
    assert [ordinal for ordinal, fact in facts.items() if fact.key == "main"] == main_ordinals
    assert sorted(ordinal for ordinal, fact in facts.items() if fact.key == "handled") == sorted(handler_ordinals)
    assert all(fact.ordinal == ordinal for ordinal, fact in facts.items())


def storm(process: subprocess.Popen[bytes], signals: int) -> None:
    """Signals at random short distances, then SIGTERM."""
    generator = random.Random(3)
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        for _ in range(generator.randrange(3000)):
            os.getpid()
    process.send_signal(signal.SIGTERM)


# A limit on file sizes forbids system calls even where a file has its bytes, so the last word cannot be written then.
@pytest.mark.parametrize(
    ("mapped", "end"), [("mapped", "room_again"), ("written", "room_again"), ("mapped", "full_to_the_end")]
)
def test_a_full_disk_drops_loudly_and_every_dropped_ordinal_is_declared(tmp_path: Path, mapped: str, end: str) -> None:
    process, folder = start(tmp_path, "full_disk", mapped, end)
    out, errors = end_of(process)
    assert process.returncode == 0, errors.decode()
    dropped, points, fact = map(int, out.decode().split())
    assert dropped > 1000
    found = held(folder)
    assert found.ends is not None
    assert {lane.stream: last for lane, last in found.ends.items()} == {"points": points, "facts": fact}
    lost = {lane.stream: ordinals for lane, ordinals in missing(found.losses).items()}
    assert len(lost["points"]) + len(lost["facts"]) == dropped
    assert lost["facts"] == {fact} == {1}
    assert found.points("one").keys() == set(range(1, points + 1)) - lost["points"]
    assert all(point.step == ordinal - 1 for ordinal, point in found.points("one").items())
    assert {loss.reason for loss in found.losses} == {"disk_full"}
    assert [loss.lane.stream for loss in found.losses].count("points") == 1
    assert errors.count(b"takes no more") == 1
    assert errors.count(b"has room again") == (1 if end == "room_again" else 0)
