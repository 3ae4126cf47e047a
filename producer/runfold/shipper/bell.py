"""Wakes a thread that waits."""

from __future__ import annotations

import threading


class Bell:
    """Rung by anybody, heard by one thread.

    To ring is one call into C: a signal handler that rings while its own thread is ringing does not deadlock, as it
    would in `threading.Event.set`.
    """

    def __init__(self) -> None:
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """Ends the wait that is going on, else the next one."""
        try:
            self._silence.release()
        except RuntimeError:  # it was rung and not heard yet
            return

    def wait(self, seconds: float) -> None:
        """Returns when it is rung, was rung since the last wait, or after so many seconds."""
        self._silence.acquire(timeout=seconds)
