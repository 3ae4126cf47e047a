"""What a process prints, in a file as well: standard output and standard error, for as long as somebody asks for it.

One tee a stream, whoever asks: with-blocks of runs nest, and threads have blocks of their own, so that each asks for a
file and gives it back, in any order. A file that is asked for twice is written once. The stream that was there gets
everything as before; a file that cannot be written is given up silently, since what is printed matters more.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

_STREAMS = ("stdout", "stderr")
_lock = threading.RLock()
_files: dict[Path, _File] = {}
_writing = threading.local()


class _File:
    """A text file that is appended to."""

    def __init__(self, path: Path) -> None:
        self.asked = 0
        self._file: IO[bytes] | None = path.open("ab", buffering=0)
        self._lock = threading.RLock()  # a signal handler may print in the middle of a print

    def write(self, data: bytes) -> None:
        """Appends at once: what was printed before a crash is there."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self._file is not None:
                self._file.write(data)

    def close(self) -> None:
        """No more."""
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


class _Bytes:
    """The bytes below a tee's text, for who writes to sys.stdout.buffer."""

    def __init__(self, under: Any) -> None:
        self._under = under

    def write(self, data: Any) -> Any:
        return _teed(lambda: self._under.write(data), lambda: bytes(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)


class Tee:
    """A stream that is written to as before, and to the files that are asked for. All else is the stream's own."""

    def __init__(self, under: Any) -> None:
        self._under = under

    def write(self, text: Any) -> Any:
        """Writes text."""
        return _teed(lambda: self._under.write(text), lambda: text.encode("utf-8", "backslashreplace"))

    def writelines(self, lines: Any) -> None:
        """Writes each."""
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> Any:
        """The bytes below; what is written there is kept too."""
        return _Bytes(self._under.buffer)

    def __getattr__(self, name: str) -> Any:
        if name == "_under":  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self._under, name)

    def __iter__(self) -> Any:
        return iter(self._under)

    def __enter__(self) -> Tee:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()


def begin(path: Path) -> int:
    """What is printed from now on goes to this file too, at its end; returns its size now.

    :raises OSError: It cannot be written.
    """
    with _lock:
        file = _files.get(path)
        if file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = _files[path] = _File(path)
        file.asked += 1
        for name in _STREAMS:
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, Tee):
                setattr(sys, name, Tee(stream))
        return path.stat().st_size


def end(path: Path) -> None:
    """The file is no longer asked for; with the last one, the streams are again what they were."""
    with _lock:
        file = _files.get(path)
        if file is None:
            return
        file.asked -= 1
        if file.asked:
            return
        del _files[path]
        file.close()
        if not _files:
            for name in _STREAMS:
                stream = getattr(sys, name)
                if isinstance(stream, Tee):  # else somebody has put another one over it, and will put it back
                    with contextlib.suppress(Exception):
                        stream.flush()
                    setattr(sys, name, stream._under)


def _teed(write: Callable[[], Any], data: Callable[[], bytes]) -> Any:
    """Writes, and copies what was written: once, also where a tee is somewhere below another one."""
    outer = getattr(_writing, "outer", False)
    _writing.outer = True
    try:
        written = write()
    finally:
        _writing.outer = outer
    if not outer:
        copied = data()
        for file in tuple(_files.values()):
            file.write(copied)
    return written


def _forked() -> None:
    global _lock
    _lock = threading.RLock()
    for file in _files.values():
        file._lock = threading.RLock()


os.register_at_fork(after_in_child=_forked)
