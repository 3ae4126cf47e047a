"""Whose journal is it, and does its writer live? The header file and the life lock.

The lock is a POSIX record lock: SIGKILL frees it, freezing does not, fork does not inherit it. It belongs to (process,
file): closing *any* descriptor of the file in the owning process drops it. So `alive` is opened once there, and whoever
asks in the owning process is answered from `_own`, never by opening the file.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import struct
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from runfold.journal.format import FORMAT, READABLE

# Folders whose life lock this process holds: real path -> descriptor. Emptied in a forked child, which holds none.
_own: dict[str, int] = {}


class Header(NamedTuple):
    """The file `header`: who wrote a journal, where and since when."""

    format: int
    writer_id: str
    host: str
    boot_id: str
    pid: int
    started_at: float
    workspace: str | None


def header_of_this_process(writer_id: str, workspace: str | None) -> Header:
    """The header that this process writes."""
    return Header(FORMAT, writer_id, host(), boot_id(), os.getpid(), time.time(), workspace)


def write_header(folder: Path, header: Header) -> None:
    """Writes it, into a folder that nobody else sees yet."""
    (folder / "header").write_text(json.dumps(header._asdict(), indent=1) + "\n")


def read_header(folder: Path) -> Header:
    """Reads it.

    Raises:
        OSError: there is none.
        ValueError: it is damaged, or from a release that this one cannot read.
    """
    text = (folder / "header").read_bytes()
    try:
        header = Header(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{folder}/header is no journal's header: {error}") from error
    if header.format not in READABLE:
        formats = " and ".join(map(str, READABLE))
        raise ValueError(f"{folder} has journal format {header.format}; this release reads {formats}")
    return header


def host() -> str:
    """This host's name."""
    return socket.gethostname()


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Names this boot of this machine, the same in all its containers; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def hold(folder: Path) -> int:
    """Takes the life lock of a new journal, for as long as this process lives or until `release`."""
    file = os.open(folder / "alive", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def own(folder: Path, file: int) -> None:
    """Notes that this process holds a folder's life lock."""
    _own[os.path.realpath(folder)] = file


def release(folder: Path) -> None:
    """Frees the life lock, if this process holds it."""
    file = _own.pop(os.path.realpath(folder), None)
    if file is not None:
        os.close(file)


def is_held(folder: Path) -> bool:
    """Somebody, perhaps this process, holds the life lock now. Asks without taking it.

    Raises:
        OSError: `alive` cannot be read.
    """
    if os.path.realpath(folder) in _own:
        return True
    try:
        file = os.open(folder / "alive", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return _asked(file)
    except OSError as error:
        # Some file systems know no locks; there a writer is never dead, and its own CLOSED ends it.
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):
            return True
        raise
    finally:
        os.close(file)


def _asked(file: int) -> bool:
    # struct flock: Linux has type, whence, start, length, pid; the BSDs start, length, pid, type, whence.
    if sys.platform == "linux":
        asked = struct.pack("@hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer = struct.unpack_from("@h", fcntl.fcntl(file, fcntl.F_GETLK, asked))
    else:
        asked = struct.pack("@qqihh", 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
        answer = struct.unpack_from("@qqih", fcntl.fcntl(file, fcntl.F_GETLK, asked))[3:]
    return int(answer[0]) != fcntl.F_UNLCK


def _forget() -> None:
    # The child keeps the descriptors open: they are the parent's, and closing them is not ours to think about.
    _own.clear()


os.register_at_fork(after_in_child=_forget)
