"""What is left to do when a supervisor is SIGKILLed: no process of its job may live on without it.

The guard is a process that the supervisor forks before it has any thread. It reads the pipe that only the supervisor
holds open; at the pipe's end it kills what belongs to the job. `tether` kills the script itself at once; the guard
finds what the script has started, in its process group or, on Linux, by RUNFOLD_JOB in its environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

VARIABLE = "RUNFOLD_JOB"
_DONE = b"done\n"
_STRAYS_S = 5.0  # how long what is left is looked for, while it multiplies


class Guard:
    """The supervisor's end of the pipe. A guard that is gone does not keep its supervisor from ending the job.

    :param cookie: Value of RUNFOLD_JOB in the job's processes.
    """

    def __init__(self, cookie: str) -> None:
        reading, self._writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(self._writing)
                _watch(reading, cookie)
            finally:
                os._exit(0)
        os.close(reading)
        self._pid = pid

    def watch(self, group: int) -> None:
        """From now on this process group belongs to the job."""
        self._tell(f"+{group}\n".encode())

    def leave(self, group: int) -> None:
        """All of that group has ended."""
        self._tell(f"-{group}\n".encode())

    def dismiss(self) -> None:
        """The job has ended, and nothing of it is left."""
        self._tell(_DONE)
        os.close(self._writing)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _tell(self, line: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._writing, line)


def strays(cookie: str) -> list[int]:
    """Processes of this user that were started within the job, wherever they have moved to since."""
    everybody = (int(each.name) for each in Path("/proc").glob("[0-9]*"))
    return [pid for pid in everybody if pid != os.getpid() and belongs(pid, cookie)]


def belongs(pid: int, cookie: str) -> bool:
    """Whether a process was started within the job, and has not ended."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # another user's, or gone meanwhile
        return False
    return f"{VARIABLE}={cookie}".encode() in environment and not is_zombie(pid)


def members(group: int) -> bool:
    """Whether a process group has a process that is not merely waiting to be collected."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    if not Path("/proc/self/stat").exists():
        return True
    for each in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(each)
        if fields and fields[2] == str(group) and fields[0] not in "ZX":
            return True
    return False


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and was not collected."""
    fields = _stat(Path(f"/proc/{pid}/stat"))
    return bool(fields) and fields[0] in "ZX"


def kill(pid: int, number: int, *, group: bool) -> None:
    """Sends a signal to who may be gone already."""
    try:
        (os.killpg if group else os.kill)(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _stat(path: Path) -> list[str]:
    """State, parent, group, ... of /proc/<pid>/stat."""
    try:
        return path.read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _watch(reading: int, cookie: str) -> None:
    """In the guard: until the pipe ends."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    with os.fdopen(reading, "rb") as pipe:
        for line in pipe:
            if line == _DONE:
                return
            (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
    for group in groups:
        kill(group, signal.SIGKILL, group=True)
    deadline = time.monotonic() + _STRAYS_S
    while (left := strays(cookie)) and time.monotonic() < deadline:
        for pid in left:
            kill(pid, signal.SIGKILL, group=False)
