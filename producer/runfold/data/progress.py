"""What uploads and downloads of a datastore print, as in the original."""

from __future__ import annotations

import threading


class Progress:
    """Lines about files on their way.

    :param shown: Whether anything is printed.
    :param what: upload or download.
    :param total: How many files.
    """

    def __init__(self, shown: bool, what: str, total: int) -> None:
        self._shown, self._what, self._total = shown, what, total
        self._lock = threading.Lock()
        self._done = 0
        self._say(f"{what.title()}ing an estimated of {total} files")

    def begun(self, path: str) -> None:
        """A file is on its way."""
        self._say(f"{self._what.title()}ing {path}")

    def skipped(self, path: str) -> None:
        """A file is there already."""
        self._say(f"Target already exists. Skipping {self._what} for {path}")

    def done(self, path: str) -> None:
        """A file has arrived."""
        with self._lock:
            self._done += 1
            done = self._done
        self._say(f"{self._what.title()}ed {path}, {done} files out of an estimated total of {self._total}")

    def ended(self) -> None:
        """All have."""
        self._say(f"{self._what.title()}ed {self._done} files")

    def _say(self, line: str) -> None:
        if self._shown:
            print(line)  # noqa: T201 - the original prints it
