"""The processes of a job: whose number is whose, and what is left when they are ended."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.submitting.guard import VARIABLE, Guard, is_zombie, strays
from runfold.submitting.processes import Ended, Happenings, Processes, Wish
from runfold.submitting.ranks import Rank
from tests.waiting import until


@pytest.fixture
def cookie() -> str:
    return f"test/{os.urandom(8).hex()}"


@pytest.fixture
def happenings() -> Happenings[Ended | Wish]:
    return queue.SimpleQueue()


@pytest.fixture
def processes(cookie: str, happenings: Happenings[Ended | Wish]) -> Iterator[Processes]:
    guard = Guard(cookie)
    yield Processes(guard, cookie, happenings)
    guard.dismiss()


def environment(cookie: str) -> dict[str, str]:
    return {**os.environ, VARIABLE: cookie}


def test_the_number_of_a_rank_that_has_ended_is_nobody_elses_before_the_job_has(
    processes: Processes, cookie: str, happenings: Happenings[Ended | Wish], tmp_path: Path
) -> None:
    short, long = Rank(0, "0.txt", {}, False), Rank(1, "1.txt", {}, False)
    processes.start(short, ["sh", "-c", "echo $$; exit 7"], environment(cookie), tmp_path)
    processes.start(long, ["sleep", "1000"], environment(cookie), tmp_path)
    assert happenings.get(timeout=20) == Ended(short, 7)
    processes.ended(short)
    leader = int((tmp_path / "0.txt").read_text())
    assert is_zombie(leader)
    processes.terminate(5.0)
    assert happenings.get(timeout=20) == Ended(long, -15)
    assert not Path(f"/proc/{leader}").exists()


def test_what_multiplies_while_it_is_killed_is_killed(processes: Processes, cookie: str, tmp_path: Path) -> None:
    hop = "trap '' TERM; n=0; while [ $n -lt 400 ]; do n=$((n+1)); setsid sleep 30 & done; wait"
    processes.start(Rank(0, "0.txt", {}, False), ["sh", "-c", hop], environment(cookie), tmp_path)
    until(lambda: len(strays(cookie)) > 100, 30, "many to be there")
    processes.terminate(0.0)
    assert strays(cookie) == []


def test_nothing_is_left_of_scripts_that_leave_nothing(
    processes: Processes, cookie: str, happenings: Happenings[Ended | Wish], tmp_path: Path
) -> None:
    processes.start(Rank(0, "0.txt", {}, False), ["true"], environment(cookie), tmp_path)
    happenings.get(timeout=20)
    assert not processes.sweep()
