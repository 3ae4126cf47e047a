"""Whose turn it is to ship a journal: a record lock on `<journal>/shipping`. It saves work; correctness never relies
on it.

The thread in a training process holds it for as long as it ships, so the node's shipper leaves a live journal to it.
The lock ends with the process, however that ends; like the life lock it is not inherited over fork.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Turn:
    """Holds the lock, or does not. A process takes the turn of a journal once: to close the file gives it back."""

    def __init__(self, journal: Path) -> None:
        self._path = journal / "shipping"
        self._file: int | None = None

    def take(self) -> bool:
        """Takes the turn unless another process has it. True when it is ours, then or already."""
        if self._file is not None:
            return True
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:  # a read-only or vanished folder: nobody else can hold it either
            return True
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def give_back(self) -> None:
        """Lets others ship. Harmless when repeated."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
