"""`python -m runfold.submitting.supervisor <job folder>`: runs one job, once, from its claim to its final status.

It is the process that speaks for the run: Preparing, Running, log text, Finalizing, files, and Completed, Failed or
Canceled. Its journal's shipper sends heartbeats while it lives. It ends the job when it is told to: by a
CancelRequested from anywhere (it asks the API each second), by the file that `ScriptRun.cancel` makes on this machine,
by SIGTERM to itself, or by the job's longest duration. Whatever service is away, the job runs and ends; afterwards the
supervisor waits for the broker to take its last words, since perhaps nobody else on this machine sends them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runfold.data import delivering
from runfold_schemas import statuses

from . import running
from .following import REST_S, Following, last_lines
from .guard import Guard
from .job import CONTROL, Job, claim, forget_secrets
from .processes import Ended, Happenings, Processes, Wish

if TYPE_CHECKING:
    from runfold.run.handle import RunHandle
    from runfold.workspace import Workspace

    from .ranks import Rank

ASK_EVERY_S = 1.0
LOOK_EVERY_S = 0.1
QUICK_S = 0.5  # for the rest of the logs of a job that was canceled
LONGEST_WAIT_S = 86400.0
LINGER = 360  # exit deadlines that the last words are waited for
CANCELED, TOO_LONG = "canceled", "too long"
NOT_CLAIMED = 3


class Outcome(NamedTuple):
    """How a job has ended."""

    status: str
    code: str | None = None
    message: str | None = None


def main(arguments: list[str]) -> int:
    """Runs the job of a folder.

    :returns: 0 when the job has ended, however; 3 when another supervisor has claimed it.
    """
    folder = Path(arguments[0])
    job = Job.load(folder)
    happenings: Happenings[Ended | Wish] = queue.SimpleQueue()
    signals: list[int] = []

    def told(number: int, frame: object) -> None:
        signals.append(number)
        happenings.put(Wish(CANCELED))

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, told)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if not claim(folder):
        return NOT_CLAIMED
    forget_secrets(folder)
    cookie = f"{job.run_id}/{os.urandom(8).hex()}"
    guard = Guard(cookie)
    os.chdir(folder)
    Supervisor(job, folder, guard, cookie, happenings, signals).run()
    guard.dismiss()
    return 0


class Supervisor:
    """Runs a job that was claimed.

    :param guard: Kills what belongs to the job if this process is killed.
    :param cookie: Value of RUNFOLD_JOB in the job's processes.
    :param happenings: Ends of processes, and wishes to end the job.
    :param signals: Those that told this process to end.
    """

    def __init__(
        self,
        job: Job,
        folder: Path,
        guard: Guard,
        cookie: str,
        happenings: Happenings[Ended | Wish],
        signals: Sequence[int],
    ) -> None:
        self._job, self._folder, self._happenings, self._signals = job, folder, happenings, signals
        self._cookie = cookie
        self._processes = Processes(guard, cookie, happenings)
        self._handle: RunHandle = running.handle_of(job)
        session, run_id = self._handle.session, job.run_id
        self._following = Following(folder, lambda name, data: session.append_log(run_id, name, data))
        self._over = threading.Event()
        self._start: Callable[[Rank], None] = lambda rank: None
        self._again: dict[int, int] = {}  # by rank: how often it may be started once more
        self._canceled = self._started = False

    def run(self) -> None:
        """From Preparing to the final status."""
        from . import reporting

        reporting.preparing(self._handle, self._job)
        for watch in (self._look_for_file, self._ask_api):
            threading.Thread(target=watch, daemon=True).start()
        try:
            outcome = self._supervised()
            if outcome.status == statuses.COMPLETED:
                delivering.collect(self._handle, self._workspace(), self._job.variables, self._folder)
        except Exception as error:  # noqa: BLE001 - a run whose supervisor fails has failed, and says why
            self._processes.terminate(self._job.cancel_grace_s)
            message = f"The job could not be run: {type(error).__name__}: {error}"
            outcome = Outcome(statuses.FAILED, "SupervisorError", message)
        rest_s = QUICK_S if outcome.status == statuses.CANCELED else REST_S
        left = self._following.finish(rest_s) if self._started else {}
        reporting.ended(self._handle, self._job, self._folder, outcome, left)
        self._over.set()
        ended = {"status": outcome.status, "code": outcome.code, "message": outcome.message}
        part = self._folder / CONTROL / "ended.json.part"
        with contextlib.suppress(OSError):  # the folder was cleaned meanwhile
            part.write_text(json.dumps(ended), encoding="utf-8")
            part.replace(self._folder / CONTROL / "ended.json")
        seen, settings = len(self._signals), self._handle.session.settings
        until = time.monotonic() + LINGER * settings.exit_deadline_s
        reporting.deliver(self._handle, until, lambda: len(self._signals) > seen)

    def _supervised(self) -> Outcome:
        from . import reporting

        if self._wished():
            return Outcome(statuses.CANCELED)
        ranks = running.ranks_of(self._job)
        command = running.command_of(self._job, self._folder)
        environment = running.environment_of_job(self._job, self._handle, self._cookie)
        command, environment = delivering.deliver(self._workspace(), command, environment, self._folder)
        for directory in ("outputs", "logs", "user_logs"):
            (self._folder / directory).mkdir(exist_ok=True)
        for directory in self._job.watched:
            self._following.watch(directory)
        if self._wished():  # meanwhile
            return Outcome(statuses.CANCELED)
        reporting.running(self._handle, self._job)
        self._start = functools.partial(
            self._processes.start, command=command, environment=environment, folder=self._folder
        )
        for rank in ranks:
            self._following.follow(rank.log)
            self._start(rank)
        self._following.start()
        self._started = True
        return self._until_ended(self._job.max_run_duration_s)

    def _workspace(self) -> Workspace:
        from runfold.workspace import Workspace

        job = self._job
        return Workspace(job.subscription_id, job.resource_group, job.workspace, _ledger_name=job.ledger_workspace)

    def _until_ended(self, duration_s: float | None) -> Outcome:
        deadline = None if duration_s is None else time.monotonic() + duration_s
        while self._processes.running:
            happened = self._next(deadline)
            if isinstance(happened, Wish):
                return self._ended_by(happened)
            self._processes.ended(happened.rank)
            if happened.code and self._starts_again(happened):
                continue
            if happened.code:
                outcome = self._failed(happened)
                others = bool(self._processes.running)
                self._processes.terminate(self._job.cancel_grace_s if others else 0.0)
                return Outcome(statuses.CANCELED) if self._wished() else outcome
            if all(rank.serves for rank in self._processes.running):
                break
        self._processes.sweep()
        return Outcome(statuses.CANCELED if self._canceled else statuses.COMPLETED)

    def _starts_again(self, ended: Ended) -> bool:
        """Starts a task once more that has failed, if it may be."""
        laid, rank = self._job.layout, ended.rank.rank
        if self._again.setdefault(rank, laid.retries) == 0 or ended.code in laid.final_codes or self._wished():
            return False
        self._again[rank] -= 1
        self._start(ended.rank)
        return True

    def _next(self, deadline: float | None) -> Ended | Wish:
        while True:
            left = LONGEST_WAIT_S if deadline is None else deadline - time.monotonic()
            try:
                return self._happenings.get(timeout=min(max(0.0, left), LONGEST_WAIT_S))
            except queue.Empty:
                if left <= LONGEST_WAIT_S and deadline is not None:
                    return Wish(TOO_LONG)

    def _ended_by(self, wish: Wish) -> Outcome:
        self._processes.terminate(self._job.cancel_grace_s)
        if wish.why == CANCELED:
            return Outcome(statuses.CANCELED)
        return Outcome(
            statuses.FAILED,
            "MaxRunDurationExceeded",
            f"The job was ended after {self._job.max_run_duration_s:g} s: max_run_duration_seconds allows no more.",
        )

    def _failed(self, ended: Ended) -> Outcome:
        who = "User program" if self._job.layout.world_size == 1 else f"Rank {ended.rank.rank} of the user program"
        if ended.code < 0:
            how = f"was ended by {_signal_name(-ended.code)}"
            if ended.code == -signal.SIGKILL:
                how += " (perhaps for lack of memory)"
        else:
            how = f"failed with exit code {ended.code}"
        said = last_lines(self._folder / ended.rank.log)
        message = f"{who} {how}." + (f" Last lines of {ended.rank.log}:\n{said}" if said else "")
        return Outcome(statuses.FAILED, "UserError", message)

    def _wished(self) -> bool:
        """Whether the job shall be canceled, as far as is known without waiting."""
        return self._canceled or bool(self._signals) or (self._folder / CONTROL / "cancel").exists()

    def _cancel(self) -> None:
        self._canceled = True
        self._happenings.put(Wish(CANCELED))

    def _look_for_file(self) -> None:
        """A thread: this machine's way to cancel, which needs no service."""
        while not self._over.wait(LOOK_EVERY_S):
            if (self._folder / CONTROL / "cancel").exists():
                return self._cancel()
        return None

    def _ask_api(self) -> None:
        """A thread: everybody's way to cancel."""
        while not self._over.wait(ASK_EVERY_S):
            if running.is_cancel_requested(self._handle, self._job.attempt):
                return self._cancel()
        return None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
