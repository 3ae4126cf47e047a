"""What the operating system knows about the processes of a stack.

A process is named by pid, start mark and boot id together, so that a pid that was given to somebody else, before or
after a restart of the machine, is never taken for ours.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from runfold_deploy.stack.waiting import until

State = Literal["running", "frozen", "gone"]
MARK = "RUNFOLD_STACK_SERVICE"
"""In the environment of every service, `<home>:<name>`: by it a service is found whose start was never written down."""

ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
"""Statuses of a process that only waits for its parent."""

_LOG_BYTES_MAX = 16 * 1024 * 1024
_PAUSE_S = 0.02
_KILLED_S = 30.0  # a process in an uninterruptible wait may take long to be gone


class Identity(NamedTuple):
    """One process, for good."""

    pid: int
    mark: str
    boot_id: str


class User(NamedTuple):
    """Whom a process runs as."""

    uid: int
    gid: int


@cache
def boot_id() -> str:
    """Changes with every start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # macOS: there the start marks are points in time, which is enough by itself
        return "unknown"


def identify(pid: int) -> Identity | None:
    """The process that has this pid now; None when there is none."""
    try:
        # Linux: clock ticks since boot, which a corrected clock does not move, unlike psutil's create_time.
        mark = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except ProcessLookupError:
        return None
    except FileNotFoundError:
        try:
            mark = str(psutil.Process(pid).create_time())
        except psutil.Error:
            return None
    return Identity(pid, mark, boot_id())


def state(identity: Identity) -> State:
    """Whether the process is there. A zombie is gone: it only waits for its parent."""
    if identify(identity.pid) != identity:
        return "gone"
    try:
        found = psutil.Process(identity.pid).status()
    except psutil.Error:
        return "gone"
    if found in ENDED:
        return "gone"
    return "frozen" if found in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP) else "running"


def launch(
    command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path, user: User | None = None
) -> subprocess.Popen[bytes]:
    """Starts a process in its own session, without standard input, its output appended to `log`.

    A signal to the caller's terminal or the caller's end does not reach it. A log beyond 16 MiB is set aside as `.1`.
    """
    if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )


def request_stop(identity: Identity, number: int) -> None:
    """Asks a process to end. A frozen one is let go on, else it would never hear it."""
    if state(identity) != "gone":
        _signal(identity.pid, number)
        _signal(identity.pid, signal.SIGCONT)


def await_end(identity: Identity, seconds: float) -> bool:
    """Waits for the end that was requested; after `seconds` kills the process with its group. False when it had to."""
    if until(lambda: state(identity) == "gone", seconds, _PAUSE_S):
        return True
    try:
        os.killpg(identity.pid, signal.SIGKILL)  # it leads its own group, see `launch`
    except (ProcessLookupError, PermissionError):
        _signal(identity.pid, signal.SIGKILL)
    until(lambda: state(identity) == "gone", _KILLED_S, _PAUSE_S)
    return False


def strays(home: Path, service: str) -> Iterator[Identity]:
    """Processes of this service that are running although nobody wrote them down, leaders of their sessions first."""
    wanted = f"{home}:{service}"
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == wanted and process.status() not in ENDED:
                found = identify(process.pid)
                if found:
                    yield found
        except psutil.Error:
            continue


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended, which is what was wanted
        os.kill(pid, number)
