"""What is printed and what grows in ./logs, as it reaches the journal."""

# ruff: noqa: T201 - printing is what is tested

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runfold.run import tee
from runfold.run.capture import LogCapture
from runfold.run.handle import RunHandle
from tests.waiting import until


class Kept:
    """A session without services: log text by run and name, and the spool's place."""

    def __init__(self, folder: Path) -> None:
        self.text: dict[tuple[str, str], bytes] = defaultdict(bytes)
        self.folder = folder
        self.workspace = None

    def holds(self, holder: object) -> None:
        return None

    def append_log(self, run_id: str, name: str, data: bytes) -> None:
        self.text[run_id, name] += data


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("runfold.run.capture.LOOK_S", 0.02)
    return Kept(tmp_path)


@contextlib.contextmanager
def block(kept: Kept, run_id: str, stored: dict[str, bytes] | None = None) -> Iterator[LogCapture]:
    capture = LogCapture(RunHandle(kept, run_id, experiment="e"))  # type: ignore[arg-type]

    def store() -> None:
        for name, data in _artifacts(capture).items():
            (stored if stored is not None else {})[name] = data

    capture._store = store  # type: ignore[method-assign]  # artifacts are another test's
    capture.start()
    try:
        yield capture
    finally:
        capture.stop()


def _artifacts(capture: LogCapture) -> dict[str, bytes]:
    return {
        name: source.read() if hasattr(source, "read") else Path(source).read_bytes()
        for name, source in capture._wanted(contextlib.ExitStack())
    }


def test_what_is_printed_is_kept_and_the_streams_are_restored(kept: Kept, tmp_path: Path) -> None:
    before = sys.stdout, sys.stderr
    with block(kept, "r"):
        print("on output")
        print("on error", file=sys.stderr)
        sys.stdout.buffer.write(b"bytes\n")
        sys.stdout.writelines(["two ", "pieces\n"])
        thread = threading.Thread(target=print, args=("of a thread",))
        thread.start()
        thread.join()
        assert (sys.stdout.isatty(), sys.stdout.encoding) == (before[0].isatty(), before[0].encoding)
        assert Path("logs/user_log.txt").exists()
    assert (sys.stdout, sys.stderr) == before
    print("not of the run")
    said = b"on output\non error\nbytes\ntwo pieces\nof a thread\n"
    assert (tmp_path / "logs/user_log.txt").read_bytes() == said
    assert kept.text == {("r", "logs/user_log.txt"): said}


def test_nested_blocks_and_blocks_in_turn_have_their_own_text_each(kept: Kept, tmp_path: Path) -> None:
    stored: dict[str, dict[str, bytes]] = {"parent": {}, "child": {}, "next": {}}
    with block(kept, "parent", stored["parent"]):
        print("a")
        with block(kept, "child", stored["child"]):
            print("b")
        print("c")
    with block(kept, "next", stored["next"]):
        print("d")
    said = {run_id: text for (run_id, _), text in kept.text.items()}
    assert said == {"parent": b"a\nb\nc\n", "child": b"b\n", "next": b"d\n"}
    assert {run_id: files["logs/user_log.txt"] for run_id, files in stored.items()} == said
    assert (tmp_path / "logs/user_log.txt").read_bytes() == b"a\nb\nc\nd\n"


def test_blocks_that_end_in_another_order_restore_the_streams_too(kept: Kept) -> None:
    before = sys.stdout
    one, other = (LogCapture(RunHandle(kept, run_id, experiment="e")) for run_id in "ab")  # type: ignore[arg-type]
    for capture in (one, other):
        capture._store = lambda: None  # type: ignore[method-assign]
    one.start()
    other.start()
    one.stop()
    print("of the other")
    other.stop()
    other.stop()
    assert sys.stdout is before
    assert kept.text["b", "logs/user_log.txt"] == b"of the other\n"
    assert kept.text["a", "logs/user_log.txt"] == b""


def test_a_stream_that_somebody_has_put_over_ours_stays_and_nothing_is_kept_twice(kept: Kept) -> None:
    class Over:
        def __init__(self, under: Any) -> None:
            self.under = under

        def write(self, text: str) -> int:
            return int(self.under.write(text))

        def flush(self) -> None:
            return None

    before = sys.stdout
    try:
        with block(kept, "a"):
            sys.stdout = over = Over(sys.stdout)
        assert sys.stdout is over
        with block(kept, "b"):
            print("once")
        assert kept.text["b", "logs/user_log.txt"] == b"once\n"
        with block(kept, "c"), contextlib.redirect_stdout(io.StringIO()) as elsewhere:
            print("elsewhere")
        assert elsewhere.getvalue() == "elsewhere\n"
        assert kept.text["c", "logs/user_log.txt"] == b""
    finally:
        sys.stdout = before


def test_a_log_travels_while_it_grows(kept: Kept) -> None:
    with block(kept, "r"), Path("logs/train.log").open("w") as log:
        log.write("first\n")
        log.flush()
        until(lambda: kept.text["r", "logs/train.log"] == b"first\n", 5, "the first line")
        log.write("second\n")
    assert kept.text["r", "logs/train.log"] == b"first\nsecond\n"


def test_rotated_and_truncated_logs_lose_nothing(kept: Kept) -> None:
    with block(kept, "r"):
        path = Path("logs/train.log")
        path.write_text("old\n")
        until(lambda: kept.text["r", "logs/train.log"] == b"old\n", 5, "the old file")
        with path.open("a") as log:
            log.write("last words\n")
        path.rename("logs/train.log.1")
        path.write_text("new\n")
        until(lambda: kept.text["r", "logs/train.log"].endswith(b"new\n"), 5, "the new file")
        assert kept.text["r", "logs/train.log"] == b"old\nlast words\nnew\n"
        path.write_text("")
        path.write_text("x\n")
        until(lambda: kept.text["r", "logs/train.log"].endswith(b"x\n"), 5, "what came after the cut")
    assert ("r", "logs/train.log.1") not in kept.text
    assert kept.text["r", "logs/train.log"] == b"old\nlast words\nnew\nx\n"


def test_a_log_beside_the_folder_s_loss_does_not_end_the_block(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    import shutil

    with caplog.at_level(logging.WARNING), block(kept, "r"):
        print("a")
        shutil.rmtree("logs")
        print("b")
    assert sys.stdout is not None


def test_where_no_log_can_be_written_start_says_so(kept: Kept) -> None:
    before = sys.stdout
    Path("logs").write_text("a file")
    with pytest.raises(OSError, match="logs"):
        LogCapture(RunHandle(kept, "r", experiment="e")).start()  # type: ignore[arg-type]
    assert sys.stdout is before
    assert not tee._files


def test_a_child_of_fork_prints_into_the_parent_s_log_once(kept: Kept) -> None:
    with block(kept, "r") as capture:
        print("parent")
        child = os.fork()
        if not child:
            print("child")
            capture.stop()
            os._exit(0)
        os.waitpid(child, 0)
        print("parent again")
    assert kept.text == {("r", "logs/user_log.txt"): b"parent\nchild\nparent again\n"}
