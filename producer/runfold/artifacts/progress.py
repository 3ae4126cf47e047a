"""How far a transfer is, on a terminal: only there, only when it takes longer than a second, and on standard error."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

SHOWN_AFTER_S = 1.0


class Progress:
    """For the time of a `with`. Thread-safe; what it shows never makes a transfer fail.

    :param what: What is being done, such as "upload".
    :param size: Bytes in all; None where that is found out on the way.
    """

    def __init__(self, what: str, size: int | None = None) -> None:
        self._what, self._size = what, size
        self._done = 0
        self._lock = threading.Lock()
        self._show_at = time.monotonic() + SHOWN_AFTER_S
        self._bar: Bar | None = None
        self._wanted = _is_terminal()

    def moved(self, size: int) -> None:
        """So many bytes more; less where a try was in vain."""
        with self._lock:
            self._done += size
            if self._wanted and time.monotonic() >= self._show_at:
                self._show()

    def expect(self, size: int) -> None:
        """So many bytes are to come, too."""
        with self._lock:
            self._size = (self._size or 0) + size

    def _show(self) -> None:
        try:
            if self._bar is None:
                from rich.console import Console
                from rich.progress import (
                    BarColumn,
                    DownloadColumn,
                    TextColumn,
                    TimeRemainingColumn,
                    TransferSpeedColumn,
                )
                from rich.progress import Progress as Bar

                columns = (
                    TextColumn("{task.description}"),
                    BarColumn(),
                    DownloadColumn(binary_units=True),
                    TransferSpeedColumn(),
                    TimeRemainingColumn(),
                )
                self._bar = Bar(
                    *columns,
                    console=Console(file=sys.__stderr__),
                    transient=True,
                    redirect_stdout=False,
                    redirect_stderr=False,
                )
                self._bar.start()
                self._bar.add_task(self._what, total=None)
            self._bar.update(self._bar.task_ids[0], completed=self._done, total=self._size)
        except Exception:  # noqa: BLE001 - a terminal that goes away, a broken pipe
            self._wanted = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            bar, self._bar, self._wanted = self._bar, None, False
        if bar is not None:
            try:
                bar.stop()
            except Exception:  # noqa: BLE001
                return


def _is_terminal() -> bool:
    try:  # the terminal itself is written to: over sys.stderr it would come into a run's log
        return all(stream is not None and stream.isatty() for stream in (sys.stderr, sys.__stderr__))
    except (AttributeError, ValueError, OSError):
        return False
