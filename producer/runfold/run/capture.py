"""Logs of a with-block: what is printed goes to ./logs/user_log.txt, and what grows in ./logs travels as log text.

A thread looks at the folder every two seconds and journals what is new (LogAppended: `session.append_log`); at the end
each file is stored as an artifact of the same name as well. Of user_log.txt a run has what was printed in its own
block: with-blocks nest, and the file is appended to. A file that was rotated away is read to its end first; one that
was truncated is read anew. Nothing is raised but by `start`, and nothing is done in a child of fork: what it prints
stands in the parent's file.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from runfold import notices, validation
from runfold.exceptions import AzureMLException

from . import files, tee

if TYPE_CHECKING:
    from runfold.session import Session

    from .handle import RunHandle

LOOK_S = 2.0
PIECE_BYTES = 256 << 10
LOOK_BYTES_MAX = 16 << 20  # of one file in one look
STREAMED_BYTES_MAX = 256 << 20  # of one file; what is longer is stored at the end, but does not travel as text
USER_LOG = "user_log.txt"
PREFIX = "logs"


class _Growing:
    """A file that was looked at: what it is called, and how far it was read."""

    def __init__(self, name: str, first: int) -> None:
        self.name, self.first, self.read, self.streamed = name, first, first, 0
        self.rotated = False


class LogCapture:
    """Of one with-block.

    :param handle: The run.
    :param directory: The folder of logs.
    """

    def __init__(self, handle: RunHandle, directory: str | os.PathLike[str] = "./logs") -> None:
        self._handle = handle
        self._session: Session = handle.session
        self._directory = Path(os.path.abspath(directory))  # noqa: PTH100 - the script may change its own
        self._growing: dict[tuple[int, int], _Growing] = {}  # by inode
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    @property
    def _user_log(self) -> Path:
        return self._directory / USER_LOG

    def start(self) -> None:
        """Begins.

        :raises OSError: The folder or ./logs/user_log.txt cannot be written.
        """
        first = tee.begin(self._user_log)
        about = self._user_log.stat()
        self._growing[about.st_dev, about.st_ino] = _Growing(f"{PREFIX}/{USER_LOG}", first)
        self._thread = threading.Thread(target=self._watch, name="runfold-logs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends: journals what is new, and stores each file as an artifact. A second call does nothing."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        tee.end(self._user_log)
        if os.getpid() != self._pid:
            return
        self._stopping.set()
        thread.join()
        try:
            self._look()
            self._store()
        except Exception as error:  # noqa: BLE001 - how the block ended matters more than its log
            self._failed(error)

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - a training does not end for its log
                self._failed(error)

    def _look(self) -> None:
        """Journals what is new in all files of the folder."""
        names: dict[str, tuple[tuple[int, int], int]] = {}
        for path, about in _walked(self._directory):
            name = _name(path)
            if name is not None:
                names[name] = ((about.st_dev, about.st_ino), about.st_size)
        here = {inode: name for name, (inode, _) in names.items()}
        for inode, growing in list(self._growing.items()):  # what was rotated away comes before what took its name
            name = here.get(inode)
            if name is None:
                del self._growing[inode]
            elif name != growing.name and not growing.rotated:
                self._read(growing, name)
                growing.rotated = True
        for name, (inode, size) in sorted(names.items()):
            known = self._growing.get(inode)
            if known is None:
                known = self._growing[inode] = _Growing(name, 0)
            if size < known.read:
                known.read = known.first = 0
            if size > known.read and not known.rotated:
                self._read(known, name)

    def _read(self, growing: _Growing, name: str) -> None:
        path = self._directory / name.partition("/")[2]
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(growing.read)
            left = LOOK_BYTES_MAX if not self._stopping.is_set() else STREAMED_BYTES_MAX
            while left > 0 and growing.streamed < STREAMED_BYTES_MAX and (piece := file.read(min(PIECE_BYTES, left))):
                self._session.append_log(self._handle.run_id, growing.name, piece)
                growing.read += len(piece)
                growing.streamed += len(piece)
                left -= len(piece)
            if growing.streamed >= STREAMED_BYTES_MAX:
                notices.once(
                    ("log", path),
                    f"{path} has more than {STREAMED_BYTES_MAX} bytes: what follows is stored at the end.",
                )

    def _store(self) -> None:
        from . import uploading

        call = f"logs of run {self._handle.run_id}"
        with contextlib.ExitStack() as opened:
            wanted = self._wanted(opened)
            bodies, stated = uploading.moved(self._handle, wanted, call, None, patient=False)
        self._handle.stored.update((path, body.sha256) for path, body in bodies)
        self._session.decisions.leave_open((lane, ordinal, f"{call}: {path}") for path, lane, ordinal in stated)

    def _wanted(self, opened: contextlib.ExitStack) -> list[tuple[str, Any]]:
        """Each file by its name, of user_log.txt what was printed in this block."""
        wanted: list[tuple[str, Any]] = []
        own = next((each for each in self._growing.values() if each.name == f"{PREFIX}/{USER_LOG}"), None)
        for below, about in _walked(self._directory):
            name, path = _name(below), self._directory / below
            if name is None or name in self._handle.stored:
                continue
            if own is not None and name == own.name:
                wanted.append((name, _Range(opened.enter_context(path.open("rb")), own.first, about.st_size)))
            else:
                wanted.append((name, path))
        return wanted

    def _failed(self, error: Exception) -> None:
        about = getattr(error, "message", error)
        notices.once(("logs", self._handle.run_id), f"the logs of run {self._handle.run_id} are not whole: {about}")


class _Range:
    """A part of a file, as a stream."""

    def __init__(self, file: IO[bytes], first: int, end: int) -> None:
        file.seek(first)
        self._file, self._left = file, end - first

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def _walked(directory: Path) -> list[tuple[str, os.stat_result]]:
    try:
        return files.walked(str(directory))
    except FileNotFoundError:  # the folder, or a file between two looks
        return []


def _name(path: str) -> str | None:
    """What a file of the folder is called in the run; None for what cannot be."""
    try:
        return validation.artifact_path(f"{PREFIX}/{path}")
    except AzureMLException:
        return None
