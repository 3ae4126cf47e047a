"""The processes of one job: started together, ended together.

Each is the leader of a session of its own, its output goes straight into its log file: order is kept, the script never
waits for the supervisor, and no rate of output takes memory here. A thread for each waits for its end and puts it into
one queue, in which wishes to end the job arrive as well.

A leader that has ended is not collected before the whole job has: until then nobody else can be given its number, so
that what is sent to its group reaches nobody else.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .guard import Guard, belongs, kill, members, strays
from .ranks import Rank

TETHER = Path(__file__).with_name("tether.py")
LEFT_OVER_GRACE_S = 2.0  # for what a script leaves behind when it has ended by itself
GONE_S = 1.0  # until SIGKILL has had its effect
_LOOK_S = 0.05
_PULSE = threading.Event()  # never set: its wait is the pause between two looks


class Ended(NamedTuple):
    """A process has ended."""

    rank: Rank
    code: int  # exit code; a signal's number with a minus


class Wish(NamedTuple):
    """The job shall end."""

    why: str


Happenings = queue.SimpleQueue  # of Ended and Wish


class Processes:
    """The processes of a job.

    :param guard: Told of each process group.
    :param cookie: Value of RUNFOLD_JOB in their environment.
    :param happenings: Where the end of each is told.
    """

    def __init__(self, guard: Guard, cookie: str, happenings: Happenings[Ended | Wish]) -> None:
        self._guard, self._cookie, self._happenings = guard, cookie, happenings
        self._running: dict[int, Rank] = {}  # by process group
        self._leaders: list[subprocess.Popen[bytes]] = []

    def start(self, rank: Rank, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        """Starts one. To be called in the main thread: a process is tied to the thread that has started it.

        :param folder: Its working directory; its log lies below.
        """
        log = folder / rank.log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            started = subprocess.Popen(
                [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**environment, **rank.environment},
                start_new_session=True,
            )
        self._guard.watch(started.pid)
        self._running[started.pid] = rank
        self._leaders.append(started)
        threading.Thread(target=self._wait, args=(rank, started), daemon=True).start()

    def _wait(self, rank: Rank, started: subprocess.Popen[bytes]) -> None:
        self._happenings.put(Ended(rank, _end_of(started)))

    def ended(self, rank: Rank) -> None:
        """Notes that one has ended."""
        for group, each in list(self._running.items()):
            if each == rank:
                del self._running[group]

    @property
    def running(self) -> list[Rank]:
        """Those that have not ended."""
        return list(self._running.values())

    def terminate(self, grace_s: float) -> None:
        """Ends all that is left of the job: SIGTERM, after the grace period SIGKILL. Returns when nothing is left."""
        apart = self._apart()
        for leader in self._leaders:
            kill(leader.pid, signal.SIGTERM, group=True)
        for pid in apart:
            kill(pid, signal.SIGTERM, group=False)
        self._gone(grace_s, apart)
        deadline = time.monotonic() + GONE_S
        while True:  # what is left may multiply
            left = strays(self._cookie)
            for leader in self._leaders:
                kill(leader.pid, signal.SIGKILL, group=True)
            for pid in left:
                kill(pid, signal.SIGKILL, group=False)
            if not (left or any(members(leader.pid) for leader in self._leaders)) or time.monotonic() > deadline:
                break
            _PULSE.wait(_LOOK_S)
        for leader in self._leaders:
            leader.poll()
            self._guard.leave(leader.pid)
        self._leaders.clear()

    def sweep(self) -> bool:
        """Ends what ended scripts have left behind; False when there was nothing."""
        found = any(members(leader.pid) for leader in self._leaders) or bool(strays(self._cookie))
        self.terminate(LEFT_OVER_GRACE_S)
        return found

    def _apart(self) -> list[int]:
        """Processes of the job that have left its groups."""
        groups = {leader.pid for leader in self._leaders}
        return [pid for pid in strays(self._cookie) if _group_of(pid) not in groups]

    def _gone(self, seconds: float, apart: list[int]) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and (
            any(members(leader.pid) for leader in self._leaders) or any(belongs(pid, self._cookie) for pid in apart)
        ):
            _PULSE.wait(_LOOK_S)


def _end_of(process: subprocess.Popen[bytes]) -> int:
    """Waits for a process's end, and leaves it to be collected: its exit code, or a signal's number with a minus."""
    if not hasattr(os, "waitid"):  # macOS
        return process.wait()
    try:
        found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:  # it was collected meanwhile
        return process.wait()
    assert found is not None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return 0
