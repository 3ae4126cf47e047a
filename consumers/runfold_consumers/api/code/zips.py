"""A ZIP that lies elsewhere, read by ranges: what its directory lists, and the beginning of one of its files.

Anybody who may write may have put anything there, so nothing that it says of itself is believed: reads are bounded
whatever sizes it claims, and a name is data that is compared and shown, never a path that is opened. Only what
snapshots are made of is unpacked: stored or deflated, by a decompressor that is told how much may come out.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

FILES_MAX = 20_000
READ_BYTES_MAX = 4 << 20  # at once; the largest read is that of the directory
WINDOW_BYTES = 256 << 10
_CHUNK_BYTES = 64 << 10
_RATIO_MAX = 1_032  # deflate's own limit
_ENTRY = b"PK\x01\x02"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, OverflowError, RuntimeError, ValueError)
"""What zipfile raises of bytes that are no ZIP, or none that it can read (RuntimeError: encrypted, a later version)."""

ReadRange = Callable[[int, int], bytes]
"""(first byte from 0, at most so many bytes) -> those bytes."""


class BadZip(Exception):
    """It is no ZIP, or one that no snapshot is; the text goes on after its name: 'is ...'."""


class TooMuch(Exception):
    """It has more files than are looked at; the text says the limit."""


class File(NamedTuple):
    """What the directory says of a file."""

    path: str
    size: int
    crc32: int
    executable: bool
    unreadable: str | None
    """Why its bytes are not shown; the text goes on after its path."""


def files_of(read: ReadRange, size: int) -> list[File]:
    """The files of a ZIP, in the order of its directory; folders are none.

    Args:
        read: reads a range of it; what it raises passes through.
        size: bytes of the ZIP.

    Raises:
        BadZip: it cannot be read, or names a path twice.
        TooMuch: more than FILES_MAX files, or a directory of more than READ_BYTES_MAX bytes.
    """
    with _opened(read, size) as archive:
        return [file for file, _ in _listed(archive)]


def beginning_of(read: ReadRange, size: int, path: str, limit: int) -> tuple[File, bytes] | None:
    """The beginning of a file; None where the ZIP has none of that path. A whole one was compared with its CRC-32.

    Args:
        read, size: as of `files_of`.
        path: as the directory writes it.
        limit: bytes at most.

    Raises:
        BadZip: as of `files_of`, or the file is unreadable or is not what the directory says.
        TooMuch: as of `files_of`.
    """
    with _opened(read, size) as archive:
        found = next(((file, info) for file, info in _listed(archive) if file.path == path), None)
        if found is None:
            return None
        file, info = found
        if file.unreadable:
            raise BadZip(f"has a file {path!r} that {file.unreadable}")
        wanted = min(limit, file.size)
        body = bytearray()
        with archive.open(info) as opened:
            while len(body) < wanted and (data := opened.read(min(_CHUNK_BYTES, wanted - len(body)))):
                body += data
        if len(body) < wanted:
            raise BadZip(f"claims {file.size} bytes of {path!r} and has {len(body)}")
        return file, bytes(body)


@contextmanager
def _opened(read: ReadRange, size: int) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(_Windowed(read, size)) as archive:
            yield archive
    except _BROKEN as error:
        raise BadZip(f"cannot be read: {error}") from error


def _listed(archive: zipfile.ZipFile) -> list[tuple[File, zipfile.ZipInfo]]:
    seen: set[str] = set()
    listed = []
    for info in archive.infolist():
        path = info.orig_filename  # `filename` is what zipfile makes of it
        if path in seen:
            raise BadZip(f"names {path!r} twice")
        seen.add(path)
        if not path.endswith("/"):
            executable = bool(info.external_attr >> 16 & stat.S_IXUSR)
            listed.append((File(path, info.file_size, info.CRC, executable, _unreadable(info)), info))
    return listed


def _unreadable(info: zipfile.ZipInfo) -> str | None:
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in _METHODS:
        return f"is compressed by method {info.compress_type}, which snapshots do not use"
    if info.file_size > info.compress_size * (1 if info.compress_type == zipfile.ZIP_STORED else _RATIO_MAX):
        return f"claims {info.file_size} bytes in {info.compress_size}"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is a link or a device"
    return None


class _Windowed:
    """The file that zipfile reads: one piece of it is kept, at first its end, where a ZIP's directory stands."""

    def __init__(self, read: ReadRange, size: int) -> None:
        self._read, self._size, self._at = read, size, 0
        self._first, self._piece = 0, b""

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise ValueError("it points before its own beginning")
        self._at = at
        return at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self._at)
        size = left if size is None or size < 0 else min(size, left)
        if size > READ_BYTES_MAX:
            raise TooMuch(f"a directory of {size} bytes, at most {READ_BYTES_MAX} are read")
        if not self._first <= self._at <= self._at + size <= self._first + len(self._piece):
            self._first = max(0, min(self._at, self._size - WINDOW_BYTES))
            self._piece = self._read(self._first, max(WINDOW_BYTES, self._at + size - self._first))
        start = self._at - self._first
        data = self._piece[start : start + size]
        if data.startswith(_ENTRY) and data.count(_ENTRY) > FILES_MAX:  # before each takes half a kilobyte of memory
            raise TooMuch(f"more than {FILES_MAX} files")
        self._at += len(data)
        return data
