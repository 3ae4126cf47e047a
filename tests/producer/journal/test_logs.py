"""Log text in the journal: each byte once and in order, whatever happens to the process, the disk or the file."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from runfold.journal import folder as folders
from runfold.journal import life, repair, segments, tail
from runfold.journal.format import BLOCK, SLOT
from runfold.journal.silent import SilentJournal
from runfold.journal.writer import LOG_PIECE_BYTES, Journal
from runfold_schemas.watermark import Lane
from tests.producer.journal.held import held, missing, tag
from tests.producer.journal.test_faults import end_of, start, storm
from tests.producer.journal.test_writer import in_child, was_interrupted

BOTH = pytest.mark.parametrize("mapped", [True, False])
NAME = "user_logs/std_log.txt"


def text(count: int, start: int = 0) -> bytes:
    """Bytes of which any stretch says where it is from."""
    return b"".join(b"%07d\n" % number for number in range(start // 8, (start + count) // 8 + 1))[start % 8 :][:count]


def log_of(folder: Path, run_id: str = "r", **how: Any) -> bytes:
    found = held(folder, **how)
    assert not found.losses
    return bytes(found.log(run_id, NAME).values())


@BOTH
def test_what_was_appended_is_read_back_in_order_among_points_and_facts(tmp_path: Path, mapped: bool) -> None:
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped, first_segment_bytes=3 * BLOCK)
    sizes = [1, 19, 20, 21, 4096, LOG_PIECE_BYTES, LOG_PIECE_BYTES + 1, 300_000, 0, 7]
    lane = journal.points("r")
    for number, size in enumerate(sizes):
        journal.append_log("r", NAME, text(size, sum(sizes[:number])), attempt=3)
        journal.append_log("r", "other", b"x")
        lane.log("loss", float(number))
        journal.fact("run", "r", tag)
    total = sum(sizes)
    lanes = {Lane(f"log/{NAME}", "run", "r", journal.writer_id): total}
    assert journal.ends().items() >= lanes.items()
    assert journal.ends_of("run", "r") == journal.ends()
    assert log_of(journal.folder, final=False) == text(total)
    journal.close()
    assert held(journal.folder).ends == journal.ends()
    for max_bytes, resume in ((1, True), (8192, True), (1 << 20, False)):
        assert log_of(journal.folder, max_bytes=max_bytes, resume=resume) == text(total)
    assert len(held(journal.folder).points("r")) == len(sizes)


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [("", b"x", ValueError), ("a\0b", b"x", ValueError), ("\ud800", b"x", ValueError), ("n" * 1025, b"x", ValueError),
     (7, b"x", TypeError), ("n", "text", TypeError)],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_before_anything_is_numbered(
    tmp_path: Path, name: Any, data: Any, error: type[Exception]
) -> None:
    journal = Journal.create(tmp_path, workspace="w")
    with pytest.raises(error):
        journal.append_log("r", name, data)
    assert journal.ends() == {}
    SilentJournal(tmp_path).append_log("r", "n", b"data")
    journal.close()


@BOTH
def test_after_a_fork_and_after_the_end_text_goes_to_another_writer(tmp_path: Path, mapped: bool) -> None:
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped)
    journal.append_log("r", NAME, b"parent ")
    in_child(lambda: journal.append_log("r", NAME, b"child"))
    journal.append_log("r", NAME, b"again")
    journal.close()
    journal.append_log("r", NAME, b"late")
    texts = sorted(log_of(folder, final=False) for folder in folders.journals(tmp_path))
    assert texts == [b"child", b"late", b"parent again"]


@BOTH
def test_threads_keep_their_order_and_short_texts_whole(tmp_path: Path, mapped: bool) -> None:
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped, first_segment_bytes=3 * BLOCK)

    def work(name: int) -> None:
        for number in range(500):
            journal.append_log("r", NAME, b"%d %d %s\n" % (name, number, b"." * (number % 90)))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    lines = [line.split()[:2] for line in log_of(journal.folder).splitlines()]
    for name in range(4):
        assert [int(number) for who, number in lines if int(who) == name] == list(range(500))


@BOTH
def test_what_the_disk_had_no_room_for_is_a_declared_range_of_bytes(
    tmp_path: Path, mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "RETRY_S", 0.0)
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped, first_segment_bytes=3 * BLOCK)
    allocate = segments.allocate
    journal.append_log("r", NAME, text(1000))

    def refuse(*_: object) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(segments, "allocate", refuse)
    journal.append_log("r", NAME, text(50_000, 1000))
    assert journal.is_dropping
    monkeypatch.setattr(segments, "allocate", allocate)
    journal.append_log("r", NAME, text(1000, 51_000))
    journal.close()
    found = held(journal.folder)
    ((lane, lost),) = missing(found.losses).items()
    assert lane.stream == f"log/{NAME}"
    assert {loss.reason for loss in found.losses} == {"disk_full"}
    assert len(lost) == journal.dropped
    assert found.ends == {lane: 52_000}
    assert all(byte == text(52_000)[at - 1] for at, byte in found.log("r", NAME).items())
    assert len(found.log("r", NAME)) + len(lost) == 52_000


@BOTH
def test_a_flipped_byte_costs_its_piece_and_a_sound_copy_holds_the_rest(tmp_path: Path, mapped: bool) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    journal = Journal.create(tmp_path / "one", workspace="w", mapped=mapped)
    for place in range(0, 100_000, 10_000):
        journal.append_log("r", NAME, text(10_000, place), attempt=1)
    journal.close()
    path = journal.folder / "00000001.seg"
    content = bytearray(path.read_bytes())
    content[5 * BLOCK + 700] ^= 4
    path.write_bytes(content)
    found = held(journal.folder)
    ((lane, lost),) = missing(found.losses).items()
    assert {loss.reason for loss in found.losses} == {"damaged"}
    assert 10_000 <= len(lost) <= 20_000
    told = repair.report(journal.folder)
    assert told.records == {lane: 100_000 - len(lost)}
    assert not told.is_sound
    copied = held(repair.copy(journal.folder, tmp_path / "two"))
    assert copied.log("r", NAME) == found.log("r", NAME)
    assert missing(copied.losses) == {lane: lost}


@BOTH
def test_text_whose_writing_was_broken_off_is_told_by_the_room_that_it_has_left(tmp_path: Path, mapped: bool) -> None:
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped)
    pieces = [text(100, start) for start in (0, 100, 200)]
    for piece in pieces:
        journal.append_log("r", NAME, piece)
    path = journal.folder / "00000001.seg"
    content = path.read_bytes()
    first, after = (frame_at(content, piece) for piece in pieces[1:])
    with path.open("r+b") as file:
        file.seek(first)
        file.write(bytes(after - first))
    found = held(journal.folder)
    assert [(loss.first, loss.last, loss.reason) for loss in found.losses] == [(101, 200, "interrupted")]
    assert bytes(found.log("r", NAME).values()) == pieces[0] + pieces[2]
    journal.close()


def frame_at(content: bytes, piece: bytes) -> int:
    """Where the slots of a piece's frame begin: the first bytes of its text stand in the second of them."""
    return (content.index(piece[8:16]) - SLOT) // SLOT * SLOT


@BOTH
def test_a_journal_of_the_format_before_is_read(tmp_path: Path, mapped: bool) -> None:
    journal = Journal.create(tmp_path, workspace="w", mapped=mapped)
    journal.points("r").log("loss", 1.0)
    journal.close()
    life.write_header(journal.folder, life.read_header(journal.folder)._replace(format=1))
    assert folders.is_ours(journal.folder)
    assert len(held(journal.folder).points("r")) == 1
    life.write_header(journal.folder, life.read_header(journal.folder)._replace(format=3))
    with pytest.raises(ValueError, match="has journal format 3; this release reads 1 and 2"):
        folders.header(journal.folder)


@pytest.mark.slow
@BOTH
def test_an_interrupt_at_any_place_leaves_a_beginning_of_the_text(tmp_path: Path, mapped: bool) -> None:
    for nth in itertools.count(1):
        journal = Journal.create(tmp_path, workspace="w", mapped=mapped, first_segment_bytes=4 * BLOCK)
        journal.append_log("r", NAME, text(64))
        interrupted = was_interrupted(
            nth, lambda journal=journal: journal.append_log("r", NAME, text(2 * LOG_PIECE_BYTES, 64))
        )
        assert not journal.is_dropping
        journal.append_log("r", NAME, b"after")
        journal.close()
        found = held(journal.folder)
        content = bytes(found.log("r", NAME).values())
        assert content[-5:] == b"after"
        assert content[:-5] == text(len(content) - 5)
        assert {loss.reason for loss in found.losses} <= {"interrupted"}
        if not interrupted:
            assert len(content) == 64 + 2 * LOG_PIECE_BYTES + 5
            break
    assert nth > 50


@pytest.mark.parametrize("mapped", ["mapped", "written"])
def test_after_sigkill_all_text_that_was_acknowledged_is_there(tmp_path: Path, mapped: str) -> None:
    process, folder = start(tmp_path, "text", mapped)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(300)]
    process.send_signal(signal.SIGKILL)
    lines += end_of(process)[0].splitlines(keepends=True)
    sure = int([line for line in lines if line.endswith(b"\n")][-1])
    content = log_of(folder)
    assert len(content) >= sure
    assert content == text(len(content))


@pytest.mark.parametrize("mapped", ["mapped", "written"])
def test_a_signal_handler_may_append_text_whatever_it_interrupts(tmp_path: Path, mapped: str) -> None:
    process, folder = start(tmp_path, "text_handled", mapped)
    assert process.stdout is not None
    process.stdout.readline()
    storm(process, 800)
    out, errors = end_of(process)
    assert process.returncode == 0, errors.decode()
    main, handled = map(int, out.split()[:2])
    lines = log_of(folder).splitlines()
    assert [line for line in lines if line.startswith(b"main")] == [b"main %d" % n for n in range(main)]
    assert sorted(int(line[8:]) for line in lines if line.startswith(b"handled")) == list(range(handled))
    assert handled > 10
