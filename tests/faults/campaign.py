"""One campaign: processes log, faults strike, everything heals, and the history and the ledger are handed over.

The stack is one of its own (`tests/stack.py`): only what was started here may be killed here.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults import history
from tests.faults.nemesis import KILL, SIGNALS, WRITER, Fault
from tests.stack import Stack, send_signal
from tests.waiting import until

PROCESSES = 8
CAMPAIGN_S = 600.0


class Campaign(NamedTuple):
    """What is left of a campaign to be judged."""

    operations: list[history.Operation]
    struck: list[str]


def run(stack: Stack, folder: Path, runs_per_process: int, faults: Sequence[Fault], shared_run_id: str) -> Campaign:
    """Runs the workload under the faults, heals all, ships what is left, and reads the history."""
    folder.mkdir(parents=True)
    writers = _Writers(stack, folder, runs_per_process, shared_run_id)
    struck: list[str] = []
    for fault in faults:
        until(
            lambda moment=fault.after_operations: writers.progress() >= moment or writers.all_ended(),
            CAMPAIGN_S,
            f"operation {fault.after_operations}",
            0.05,
        )
        if writers.all_ended():
            break
        struck.append(str(fault))
        _strike(stack, writers, fault)
    until(writers.all_ended, CAMPAIGN_S, f"the writers to end; struck so far: {struck}", 0.1)
    stack.run("up")
    stack.run("ship", "--once", "--timeout", "120")
    return Campaign(history.read(writers.histories()), struck)


def _strike(stack: Stack, writers: _Writers, fault: Fault) -> None:
    pid = writers.any_pid(fault.after_operations) if fault.target == WRITER else stack.services()[fault.target]["pid"]
    began = writers.progress()
    send_signal(pid, SIGNALS[fault.kind])
    _reached(lambda: writers.progress() >= began + fault.heal_after_operations, fault.heal_after_s)
    if fault.kind != KILL:
        send_signal(pid, signal.SIGCONT)
    elif fault.target == WRITER:
        writers.restart_killed()
    else:
        stack.run("up")


def _reached(condition: Any, seconds: float) -> None:
    """Waits for progress, but not for ever: a fault may be what keeps the workload from getting on."""
    try:
        until(condition, seconds, "progress", 0.05)
    except AssertionError:
        return


class _Writers:
    """The workload's processes, and how far each has come."""

    def __init__(self, stack: Stack, folder: Path, runs_per_process: int, shared_run_id: str) -> None:
        self._stack, self._folder, self._runs, self._shared = stack, folder, runs_per_process, shared_run_id
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lives: dict[int, int] = {}
        for process in range(1, PROCESSES + 1):
            self._start(process, runs_per_process)

    def _start(self, process: int, runs: int) -> None:
        life = self._lives[process] = self._lives.get(process, 0) + 1
        number = max(
            (o.number for o in history.read([p for p in self.histories() if p.name.startswith(f"{process}.")])),
            default=0,
        )
        path = self._folder / f"{process}.{life}"
        path.touch()
        with (self._folder / f"{process}.{life}.log").open("wb") as log:
            self._running[process] = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.faults.workload",
                    str(process),
                    str(number),
                    str(runs),
                    self._shared,
                    str(path),
                ],
                env=self._stack.bare,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def histories(self) -> list[Path]:
        return sorted(p for p in self._folder.iterdir() if p.suffix != ".log")

    def progress(self) -> int:
        """Operations written down so far, by the size of the histories: about 90 bytes a line, two lines each."""
        return sum(p.stat().st_size for p in self.histories()) // 180

    def any_pid(self, number: int) -> int | None:
        living = [p.pid for p in self._running.values() if p.poll() is None]
        return living[number % len(living)] if living else None

    def restart_killed(self) -> None:
        """A killed process's successor does the runs that were not started yet."""
        for process, running in list(self._running.items()):
            if running.poll() == -signal.SIGKILL:
                mine = [p for p in self.histories() if p.name.startswith(f"{process}.")]
                begun = sum(o.operation == "start" for o in history.read(mine))
                self._start(process, max(0, self._runs - begun))

    def all_ended(self) -> bool:
        """True when all came to their end; an AssertionError with the last words of one that failed."""
        for process, running in self._running.items():
            code = running.poll()
            if code not in (None, 0, -signal.SIGKILL):
                words = (self._folder / f"{process}.{self._lives[process]}.log").read_text()[-2000:]
                raise AssertionError(f"writer {process} ended with {code}:\n{words}")
        self.restart_killed()
        return all(running.poll() == 0 for running in self._running.values())
