"""A process's pulse for the node's shipper: a file in its journal's folder that is touched every two seconds.

The life lock tells a dead process from a living one, and is held while frozen. So where another process sends a
journal, the pulse alone shows that its writer moves: a thread that does nothing else touches it, and a frozen process
touches nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runfold.journal import folder as journals

if TYPE_CHECKING:
    from runfold.journal.writer import Journal

PULSE_S = 2.0
FRESH_S = 3 * PULSE_S  # a touch counts for as long
NAME = "pulse"


class Pulse:
    """Touches a journal's pulse for as long as the journal is open. Any thread, and signal handlers, may start it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Starts the thread, unless it was. Never blocks, never raises."""
        # Whoever finds the lock taken leaves it to its holder: a signal handler's own thread may be in here.
        if self._thread is not None or not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="runfold-pulse", daemon=True)
                self._thread.start()
        except RuntimeError:  # no more threads may be had: the run is not told from a frozen one, and is logged still
            return
        finally:
            self._starting.release()

    def stop(self) -> None:
        """Ends it; harmless when repeated."""
        self._stopping.set()

    def _beat(self) -> None:
        path = self._journal.folder / NAME
        while self._journal.is_open and not self._stopping.is_set():
            with contextlib.suppress(OSError):  # a full disk or a vanished folder ends no training
                path.touch()
            self._stopping.wait(PULSE_S)


def is_felt(folder: Path) -> bool:
    """The writer of a journal lives, and has moved just now."""
    try:
        age_s = time.time() - os.stat(folder / NAME).st_mtime  # noqa: PTH116
    except OSError:
        return False
    return abs(age_s) < FRESH_S and journals.is_alive(folder)
