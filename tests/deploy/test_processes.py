"""Processes: never taken for another, frozen is not gone, an end that was asked for comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold_deploy.stack import process
from tests.waiting import until

STUBBORN = (
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\nwhile True: signal.pause()"
)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = process.launch(["/bin/sleep", "60"], {}, tmp_path / "log", tmp_path)
    yield child
    child.kill()
    child.wait()


def identity_of(child: subprocess.Popen[bytes]) -> process.Identity:
    identity = process.identify(child.pid)
    assert identity is not None
    return identity


def test_a_process_that_runs_is_running_in_its_own_session(sleeper: subprocess.Popen[bytes]) -> None:
    assert process.state(identity_of(sleeper)) == "running"
    assert os.getsid(sleeper.pid) == sleeper.pid


@pytest.mark.parametrize("other", [("1", process.boot_id()), (None, "another")], ids=["start mark", "boot"])
def test_a_pid_that_was_given_to_somebody_else_is_not_ours(
    sleeper: subprocess.Popen[bytes], other: tuple[str | None, str]
) -> None:
    own = identity_of(sleeper)
    stranger = process.Identity(own.pid, other[0] or own.mark, other[1])
    assert process.state(stranger) == "gone"
    process.request_stop(stranger, signal.SIGKILL)
    assert process.await_end(stranger, 0)
    assert process.state(identity_of(sleeper)) == "running"


def test_a_stopped_process_is_frozen_and_ends_when_asked(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper)
    sleeper.send_signal(signal.SIGSTOP)
    until(lambda: process.state(identity) == "frozen", 5, "the process to be told as frozen")
    process.request_stop(identity, signal.SIGTERM)
    assert process.await_end(identity, 5)


def test_a_zombie_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper)
    sleeper.send_signal(signal.SIGKILL)
    until(lambda: process.state(identity) == "gone", 5, "the zombie to be told as gone")


def test_who_does_not_hear_is_killed_at_the_deadline(tmp_path: Path) -> None:
    child = process.launch([sys.executable, "-c", STUBBORN], {}, tmp_path / "log", tmp_path)
    until(lambda: (tmp_path / "log").read_text() == "deaf\n", 10, "the process to be deaf")
    identity = identity_of(child)
    process.request_stop(identity, signal.SIGTERM)
    assert not process.await_end(identity, 0.1)
    assert child.wait(5) == -signal.SIGKILL


def test_a_stray_is_found_by_its_mark(tmp_path: Path) -> None:
    child = process.launch(["/bin/sleep", "60"], {process.MARK: f"{tmp_path}:api"}, tmp_path / "log", tmp_path)
    assert [stray.pid for stray in process.strays(tmp_path, "api")] == [child.pid]
    assert list(process.strays(tmp_path, "shipper")) == []
    child.kill()
    child.wait()


def test_a_long_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    process.launch(["/bin/echo", "new"], {}, log, tmp_path).wait()
    assert log.read_text() == "new\n"
    assert (tmp_path / "log.1").stat().st_size == 17 * 1024 * 1024
