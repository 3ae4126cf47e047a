"""`python -I -S tether.py <pid> <program> <arguments>`: becomes that program, which dies when process <pid> dies.

A script of its own, so that nothing runs between fork and exec in a process with threads. PR_SET_PDEATHSIG stays over
exec; that the parent was there when it was set is looked up afterwards. Where the kernel has no such thing (macOS), the
supervisor's guard alone ends a script without a supervisor.

Signals that Python, or the supervisor, ignores are the program's own affair again: a pipe that nobody reads must end
who writes to it.
"""

import os
import signal
import sys


def main() -> None:
    """Ties this process to its parent and becomes the program."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error}\n")
        sys.stderr.flush()
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


main()
