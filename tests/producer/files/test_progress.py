"""How far a transfer is, is shown on a terminal, when it takes a while, and nowhere else."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import pytest

from runfold.artifacts import progress
from runfold.artifacts.progress import Progress
from tests.waiting import until


@contextmanager
def terminal() -> Iterator[int]:
    """Standard error is a terminal; what it shows is read from this end of it. No fixture: pytest puts its own back."""
    shown, written = os.openpty()
    os.set_blocking(shown, False)
    with os.fdopen(written, "w") as stream, pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        patched.setattr(sys, "__stderr__", stream)
        patched.setenv("TERM", "xterm")
        yield shown
    os.close(shown)


def seen_on(shown: int, so_far: bytearray) -> bytes:
    """All that came so far: a terminal hands on what was written in pieces, and in its own time."""
    with suppress(BlockingIOError):
        so_far += os.read(shown, 100_000)
    return bytes(so_far)


def test_a_long_transfer_is_shown_and_what_is_printed_meanwhile_goes_where_it_should(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "SHOWN_AFTER_S", 0.0)
    so_far = bytearray()
    with terminal() as shown:
        with Progress("upload", 10 << 20) as transfer:
            transfer.expect(1)
            transfer.moved(5 << 20)
            sys.stdout.write("printed")
        until(lambda: b"upload" in seen_on(shown, so_far), 10, "the transfer's name on the terminal")
    assert capsys.readouterr().out == "printed"


def test_a_short_one_is_not() -> None:
    with terminal() as shown:
        with Progress("upload", 10) as transfer:
            transfer.moved(10)
        with pytest.raises(BlockingIOError):
            os.read(shown, 1)


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_where_there_is_no_terminal_nothing_is_written(stream: TextIO | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SHOWN_AFTER_S", 0.0)
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress("upload", 10) as shown:
        shown.moved(10)
    assert stream is None or not stream.getvalue()  # type: ignore[attr-defined]


def test_a_terminal_that_goes_away_does_not_end_a_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SHOWN_AFTER_S", 0.0)
    with terminal(), Progress("upload", 10) as transfer:
        os.close(sys.stderr.fileno())
        transfer.moved(10)
        os.dup2(os.open(os.devnull, os.O_RDWR), sys.stderr.fileno())
