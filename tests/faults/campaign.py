"""One campaign: processes log, faults strike, everything heals, and the history and the ledger are handed over.

The stack is one of its own (`tests/stack.py`): only what was started here may be killed here.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.faults import history
from tests.faults.nemesis import KILL, SIGNALS, WRITER, Fault
from tests.stack import Stack, send_signal
from tests.waiting import until

PROCESSES = 8
OPERATIONS_PER_RUN = 105
BYTES_PER_OPERATION = 165  # two lines of a history
CAMPAIGN_S = 600.0
_SHARED = """
import sys
from runfold import Experiment, Workspace
run = Experiment(Workspace.from_config(), sys.argv[1]).start_logging(snapshot_directory=None, outputs=False)
run.flush()
print(run.id)
"""


class Campaign(NamedTuple):
    """What is left of a campaign to be judged."""

    operations: list[history.Operation]
    struck: list[str]
    shared_run_id: str


def run(stack: Stack, folder: Path, runs_per_process: int, faults: Sequence[Fault], experiment: str) -> Campaign:
    """Runs the workload under the faults, heals all, ships what is left, and reads the history."""
    folder.mkdir(parents=True)
    shared_run_id = stack.script(_SHARED, experiment).stdout.strip()
    writers = _Writers(stack, folder, experiment, shared_run_id)
    struck: list[str] = []
    granted = 0
    for number, fault in enumerate(faults, 1):
        share = runs_per_process * number // (len(faults) + 1) - granted
        granted += share
        begun = writers.progress()
        writers.grant(granted)
        moment = begun + int(fault.at * share * PROCESSES * OPERATIONS_PER_RUN)
        _reached(lambda moment=moment: writers.progress() >= moment, 30.0)  # type: ignore[misc]
        struck.append(str(fault))
        _strike(stack, writers, fault)
    writers.grant(runs_per_process)
    writers.end()
    stack.run("up")
    stack.run("ship", "--once", "--timeout", "120")
    return Campaign(history.read(writers.histories()), struck, shared_run_id)


def _strike(stack: Stack, writers: _Writers, fault: Fault) -> None:
    pid = writers.any_pid(fault.choice) if fault.target == WRITER else stack.services()[fault.target]["pid"]
    begun = writers.progress()
    send_signal(pid, SIGNALS[fault.kind])
    _reached(lambda: writers.progress() >= begun + fault.heal_after_operations, fault.heal_after_s)
    if fault.kind != KILL:
        send_signal(pid, signal.SIGCONT)
    elif fault.target != WRITER:
        stack.run("up")


def _reached(condition: Callable[[], bool], seconds: float) -> None:
    """Waits for progress, but not for ever: a fault may be what keeps the workload from getting on."""
    try:
        until(condition, seconds, "progress", 0.05)
    except AssertionError:
        return


class _Writers:
    """The workload's processes, and how far each has come."""

    def __init__(self, stack: Stack, folder: Path, experiment: str, shared_run_id: str) -> None:
        self._stack, self._folder = stack, folder
        self._experiment, self._shared = experiment, shared_run_id
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._lives: dict[int, int] = {}
        self._granted: dict[int, int] = {}
        for process in range(1, PROCESSES + 1):
            self._start(process)

    def _start(self, process: int) -> None:
        before = history.read(self._of(process))
        life = self._lives[process] = self._lives.get(process, 0) + 1
        self._granted[process] = sum(o.operation == "start" for o in before)
        number = max((o.number for o in before), default=0)
        path = self._folder / f"{process}.{life}"
        path.touch()
        command = [sys.executable, "-m", "tests.faults.workload"]
        with (self._folder / f"{process}.{life}-log").open("wb") as log:
            self._running[process] = subprocess.Popen(
                [*command, str(process), str(number), self._experiment, self._shared, str(path)],
                env=self._stack.bare,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def _of(self, process: int) -> list[Path]:
        return [path for path in self.histories() if path.name.startswith(f"{process}.")]

    def histories(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if not path.name.endswith("-log"))

    def progress(self) -> int:
        """Operations written down so far, about."""
        return sum(path.stat().st_size for path in self.histories()) // BYTES_PER_OPERATION

    def any_pid(self, choice: int) -> int | None:
        living = [running.pid for running in self._running.values() if running.poll() is None]
        return living[choice % len(living)] if living else None

    def grant(self, runs: int) -> None:
        """Lets each process go on until it has begun so many runs; a killed one has a successor from now on."""
        for process, running in list(self._running.items()):
            if running.poll() is not None:
                self._must_be_killed(process, running)
                self._start(process)
            self._hand_out(process, runs)

    def _hand_out(self, process: int, runs: int) -> None:
        more = runs - self._granted[process]
        self._granted[process] = runs
        pipe = self._running[process].stdin
        assert pipe is not None
        with suppress(BrokenPipeError):  # killed just now; the next grant or the end sees it
            pipe.write("run\n" * max(0, more))
            pipe.flush()

    def end(self) -> None:
        """Waits until all have done their runs."""
        for process in list(self._running):
            while True:
                running = self._running[process]
                running.communicate(timeout=CAMPAIGN_S)
                if running.returncode == 0:
                    break
                self._must_be_killed(process, running)
                runs = self._granted[process]
                self._start(process)
                self._hand_out(process, runs)

    def _must_be_killed(self, process: int, running: subprocess.Popen[str]) -> None:
        if running.returncode != -signal.SIGKILL:
            words = (self._folder / f"{process}.{self._lives[process]}-log").read_text()[-2000:]
            raise AssertionError(f"writer {process} ended with {running.returncode}:\n{words}")
