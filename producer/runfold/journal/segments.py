"""Segments as a writer sees them: allocated in full before first use, then stored into.

Two surfaces with the same methods. `Mapped` stores into memory. `Written` makes a system call that keeps the GIL:
os.write gives it up, and beside a busy thread would wait milliseconds to have it back. Both put a record's markers down
last.

Every method may be repeated with the same arguments: that is how an interrupted call is completed. A surface has no
`close`: it goes with its last reference, since a call that a signal handler interrupted may hold one still.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
from array import array
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from crc32c import crc32c

from runfold.journal.format import BLOCK, BLOCK_HEADER, HEADER, MAGIC, POINT, WORDS, crc_of

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_ZEROS: Final = bytes(1 << 16)
_POPULATE_WRITE: Final = 23  # MADV_POPULATE_WRITE, Linux 5.14; Python's mmap does not name it
_PREPARED_BYTES: Final = 16 * BLOCK


class Surface(Protocol):
    """Where a segment's bytes go."""

    memory: Any  # what POINT.pack_into may store a point into; an empty one where it may not
    prepared: int  # blocks that start below it need no `prepare`

    def point(self, offset: int, step: int, time: float, value: float, low: int, series: int) -> None:
        """Stores one point slot."""

    def write(self, offset: int, words: array[int]) -> None:
        """Stores slots that lie in one block."""

    def close_block(self, start: int, used: int) -> None:
        """Puts down the header of the block that starts there."""

    def prepare(self, start: int) -> None:
        """The block that starts there comes next; a hint."""


class Mapped:
    """A segment in memory."""

    __slots__ = ("_view", "_words", "memory", "prepared")

    def __init__(self, file: int, size: int) -> None:
        self.memory = mmap.mmap(file, size)
        self.prepared = 0
        self._view = memoryview(self.memory)
        self._words = self._view.cast("I")

    def point(self, offset: int, step: int, time: float, value: float, low: int, series: int) -> None:
        """Stores one point slot."""
        POINT.pack_into(self.memory, offset, step, time, value, low, series)

    def write(self, offset: int, words: array[int]) -> None:
        """Stores slots that lie in one block."""
        markers = words[WORDS - 1 :: WORDS]
        content = words[:]
        content[WORDS - 1 :: WORDS] = array("I", bytes(4 * len(markers)))
        at = offset // 4
        end = at + len(words)
        self._words[at:end] = content
        self._words[at + WORDS - 1 : end : WORDS] = markers

    def close_block(self, start: int, used: int) -> None:
        """Puts down the header of the block that starts there."""
        BLOCK_HEADER.pack_into(self.memory, start, crc32c(self._view[start + HEADER : start + BLOCK]), used, MAGIC)

    def prepare(self, start: int) -> None:
        """Has pages of some blocks made ready at once: a page fault a block would be seen in a log call's p99."""
        self.prepared = start + _PREPARED_BYTES
        try:
            self.memory.madvise(_POPULATE_WRITE, start, min(_PREPARED_BYTES, len(self._view) - start))
        except (OSError, ValueError, AttributeError):
            self.prepared = sys.maxsize  # an older kernel, larger pages, another system: it goes without


class Written:
    """A segment behind system calls."""

    __slots__ = ("_file", "memory", "prepared")

    def __init__(self, file: int) -> None:
        self._file = -1
        self._file = os.dup(file)
        self.memory = bytearray()
        self.prepared = sys.maxsize

    def __del__(self) -> None:
        """Closes the file."""
        if self._file >= 0:
            os.close(self._file)

    def point(self, offset: int, step: int, time: float, value: float, low: int, series: int) -> None:
        """Stores one point slot."""
        _write_at(self._file, POINT.pack(step, time, value, low, series), offset)

    def write(self, offset: int, words: array[int]) -> None:
        """Stores slots that lie in one block, in one call: a kill waits until the kernel has copied them."""
        _write_at(self._file, words.tobytes(), offset)

    def close_block(self, start: int, used: int) -> None:
        """Puts down the header of the block that starts there."""
        header = BLOCK_HEADER.pack(crc_of(_read_at(self._file, start)), used, MAGIC)
        _write_at(self._file, header, start)

    def prepare(self, start: int) -> None:
        """Does nothing."""


class Nowhere:
    """Where a forked child's unfinished calls go: the segment is its parent's."""

    __slots__ = ("memory", "prepared")

    def __init__(self) -> None:
        self.memory = bytearray()
        self.prepared = sys.maxsize

    def point(self, offset: int, step: int, time: float, value: float, low: int, series: int) -> None:
        """Does nothing."""

    def write(self, offset: int, words: array[int]) -> None:
        """Does nothing."""

    def close_block(self, start: int, used: int) -> None:
        """Does nothing."""

    def prepare(self, start: int) -> None:
        """Does nothing."""


def allocate(path: Path, size: int, mapped: bool) -> Surface:
    """A new file of so many zero bytes that the disk has promised to keep.

    Raises:
        OSError: there is no room (errno in FULL), or the file cannot be made; nothing is left behind.
    """
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        if sys.platform == "linux":
            os.posix_fallocate(file, 0, size)
        else:
            for start in range(0, size, len(_ZEROS)):
                os.pwrite(file, _ZEROS[: size - start], start)
        return Mapped(file, size) if mapped else Written(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)


def allocate_one_of(sizes: tuple[int, int], path: Path, mapped: bool, room: int) -> tuple[Surface, int]:
    """A new file of the wanted or of the least size, whichever can be had, and its size.

    Args:
        sizes: wanted, and least.
        path: of the file.
        mapped: see `allocate`.
        room: bytes that the journal's budget still allows.

    Raises:
        OSError: neither can be had.
    """
    wanted, least = sizes
    if least > room:
        raise OSError(
            errno.EDQUOT,
            f"its budget has {max(0, room)} bytes left of {least} needed; a shipper that acknowledges makes room",
        )
    if least < wanted <= room:
        try:
            return allocate(path, wanted, mapped), wanted
        except OSError as error:
            if error.errno not in FULL:
                raise
    return allocate(path, least, mapped), least


@lru_cache(maxsize=1)
def _library() -> ctypes.PyDLL:
    # PyDLL, not CDLL: its calls keep the GIL.
    library = ctypes.PyDLL(None, use_errno=True)
    for name in ("pread", "pwrite"):
        function = getattr(library, name)
        function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_longlong)
        function.restype = ctypes.c_ssize_t
    return library


def _write_at(file: int, content: bytes, offset: int) -> None:
    pwrite = _library().pwrite
    while True:
        written: int = pwrite(file, content, len(content), offset)
        if written == len(content):
            return
        if written >= 0:
            content, offset = content[written:], offset + written
        elif ctypes.get_errno() != errno.EINTR:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _read_at(file: int, offset: int) -> bytes:
    block = ctypes.create_string_buffer(BLOCK)
    count: int = _library().pread(file, block, BLOCK, offset)
    if count != BLOCK:
        raise OSError(errno.EIO, f"{count} of a block's {BLOCK} bytes could be read back")
    return block.raw
