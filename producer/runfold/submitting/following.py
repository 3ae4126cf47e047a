"""Growing log files of a job become log text, as they grow.

One thread reads what was added to each file and journals it. It is bounded in what it takes at a time, in all, and,
while the script runs, in its rate; what a faster script has written is taken afterwards, to a deadline. What is left
then is in the file, which is stored whole at the end, and a warning on the run says so. The bound in all is a part of
the journal's budget: with the broker away, a flood of text must leave room for the run's end.

A file that has become shorter was begun anew (a log that rotates): it is taken from its beginning, behind what is
there.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from runfold_schemas.limits import ARTIFACT_PATH_BYTES_MAX

CHUNK_BYTES = 256 << 10
EVERY_S = 0.3
RATE_BYTES_PER_S = 8 << 20
BYTES_MAX = 1 << 30  # of all logs of a job
REST_S = 30.0
FILES_MAX = 1_000  # followed below watched directories; others are stored at the end all the same
NAMES_BYTES_MAX = 256 << 10  # of their names: a sign of life names all logs, in one message

Append = Callable[[str, bytes], None]


class Following:
    """The logs of a job.

    :param folder: The job folder; a log's name is its path below.
    :param append: Journals a piece of a log's text.
    """

    def __init__(self, folder: Path, append: Append) -> None:
        self._folder, self._append = folder, append
        self._taken: dict[str, int] = {}  # up to where each log was journaled
        self._room, self._names_room = BYTES_MAX, NAMES_BYTES_MAX
        self._turn = 0
        self._watched: list[Path] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runfold-following", daemon=True)

    def follow(self, name: str) -> None:
        """Follows a log, if its name is one that a log can have."""
        size = _size_of(name)
        if name not in self._taken and 0 < size <= min(ARTIFACT_PATH_BYTES_MAX, self._names_room):
            self._names_room -= size
            self._taken[name] = 0

    def watch(self, directory: str) -> None:
        """Follows all files below a directory of the job folder."""
        path = (self._folder / directory).resolve()
        if path.is_relative_to(self._folder.resolve()):
            self._watched.append(path)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def finish(self, seconds: float = REST_S) -> dict[str, int]:
        """Takes the rest of each log; returns how many bytes of which were not taken in time."""
        self._stop.set()
        self._thread.join()
        deadline = time.monotonic() + seconds
        self._look()
        return {name: left for name in list(self._taken) if (left := self._rest(name, deadline))}

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            budget = int(RATE_BYTES_PER_S * EVERY_S)
            self._look()
            names = list(self._taken)
            self._turn += 1  # another one is the first each time: a flood in one log does not hide the others
            for place in range(len(names)):
                budget -= self._take(names[(place + self._turn) % len(names)], budget)
                if budget <= 0:
                    break

    def _look(self) -> None:
        for directory in self._watched:
            if directory.is_symlink():  # it leads elsewhere by now
                continue
            for where, _, files in os.walk(directory):
                for each in sorted(files):
                    path = Path(where) / each
                    if path.is_file() and len(self._taken) < FILES_MAX:
                        self.follow(path.relative_to(self._folder.resolve()).as_posix())

    def _take(self, name: str, budget: int) -> int:
        taken = 0
        while taken < budget and not self._stop.is_set():
            piece = self._piece(name)
            if not piece:
                break
            taken += len(piece)
        return taken

    def _rest(self, name: str, deadline: float) -> int:
        while time.monotonic() < deadline and self._piece(name):
            pass
        try:
            return max(0, (self._folder / name).stat().st_size - self._taken[name])
        except OSError:
            return 0

    def _piece(self, name: str) -> bytes:
        """Journals the next piece of a log; empty at its end."""
        try:
            with (self._folder / name).open("rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size < self._taken[name]:
                    self._taken[name] = 0
                file.seek(self._taken[name])
                piece = file.read(min(CHUNK_BYTES, self._room)) or b""
        except OSError:  # it was renamed or deleted: what was there was taken
            return b""
        if piece:
            self._append(name, piece)
            self._taken[name] += len(piece)
            self._room -= len(piece)
        return piece


def _size_of(name: str) -> int:
    """Bytes of a name; 0 where it is no Unicode."""
    try:
        return len(name.encode())
    except UnicodeEncodeError:
        return 0


def last_lines(path: Path, lines: int = 20, bytes_max: int = 8 << 10) -> str:
    """The last lines of a file, as text."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - bytes_max))
            tail = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(tail.rstrip().splitlines()[-lines:])
