"""The processes of one job: started together, ended together.

Each is the leader of a session of its own, its output goes straight into its log file: order is kept, the script never
waits for the supervisor, and no rate of output takes memory here. A thread for each waits for its end and puts it into
one queue, in which wishes to end the job arrive as well.
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

from .guard import Guard, kill, members, strays
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
        self._groups: list[int] = []

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
        self._groups.append(started.pid)
        threading.Thread(target=self._wait, args=(rank, started), daemon=True).start()

    def _wait(self, rank: Rank, started: subprocess.Popen[bytes]) -> None:
        self._happenings.put(Ended(rank, started.wait()))

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
        for group in self._groups:
            kill(group, signal.SIGTERM, group=True)
        self._gone(grace_s)
        for group in self._groups:
            kill(group, signal.SIGKILL, group=True)
        for pid in strays(self._cookie):
            kill(pid, signal.SIGKILL, group=False)
        self._gone(GONE_S)
        for group in self._groups:
            self._guard.leave(group)
        self._groups.clear()

    def sweep(self) -> bool:
        """Ends what ended scripts have left behind; False when there was nothing."""
        left = [group for group in self._groups if members(group)]
        if not left and not strays(self._cookie):
            return False
        for pid in strays(self._cookie):
            kill(pid, signal.SIGTERM, group=False)
        self.terminate(LEFT_OVER_GRACE_S)
        return True

    def _gone(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while any(members(group) for group in self._groups) and time.monotonic() < deadline:
            _PULSE.wait(_LOOK_S)
