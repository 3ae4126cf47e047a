"""Blocks, slots and their places: the segment's layout as arithmetic, as the package's docstring tells it. Pure."""

from __future__ import annotations

import struct
import sys
from array import array
from typing import Final

from crc32c import crc32c

if sys.byteorder != "little":
    raise ImportError("runfold's journal is little-endian and written in the machine's order; this one is big-endian")
if array("I").itemsize != 4:
    raise ImportError(f"runfold's journal needs a C compiler's int of 4 bytes; here it has {array('I').itemsize}")

FORMAT: Final = 2  # since 2 there is log text, which an older release would call damage
READABLE: Final = (1, 2)
BLOCK: Final = 4096
HEADER: Final = 32
SLOT: Final = 32
SLOTS: Final = 127  # in a block
WORDS: Final = SLOT // 4  # in a slot

# Native order, not '<': each field is then one store of its size, so a marker is there whole or not at all.
POINT: Final = struct.Struct("@qddII")
BLOCK_HEADER: Final = struct.Struct("@II20xI")
MAGIC: Final = 0x314A4652  # "RFJ1"

EMPTY: Final = 0
SERIES_MAX: Final = 0xFFFFFFEF
MORE: Final = 0xFFFFFFFE
HEAD: Final = 0xFFFFFFFF
LOW: Final = 0xFFFFFFFF

_IN_HEAD: Final = 20  # bytes of a body in the head slot
BYTES_IN_SLOT: Final = 28  # and in each further one


def offset_of(index: int) -> int:
    """Byte offset in the segment of a slot, given its index (block headers not counted)."""
    return index // SLOTS * BLOCK + HEADER + index % SLOTS * SLOT


def end_of(index: int) -> int:
    """Byte offset behind slot index - 1: that of slot `index`, but a full block's end is before the next header."""
    return index // SLOTS * BLOCK if index % SLOTS == 0 else offset_of(index)


def index_of(offset: int) -> int:
    """Index of the slot at an offset, or behind which it lies; inverse of both above."""
    return offset // BLOCK * SLOTS + max(0, offset % BLOCK - HEADER) // SLOT


def segment_bytes(slots: int) -> int:
    """Bytes of a segment that has room for so many slots, whole blocks."""
    return -(-slots // SLOTS) * BLOCK


def crc_of(block: memoryview | bytes) -> int:
    """CRC that a block's header carries, of a whole block."""
    return crc32c(memoryview(block)[HEADER:BLOCK])


def slots_of(length: int) -> int:
    """Slots that the frame of a body takes."""
    return 1 if length <= _IN_HEAD else 1 + -(-(length - _IN_HEAD) // BYTES_IN_SLOT)


def frame(body: bytes) -> array[int]:
    """A body as the words of its slots."""
    count = slots_of(len(body))
    padding = _IN_HEAD + BYTES_IN_SLOT * (count - 1) - len(body)
    content = array("I", body + bytes(padding))
    words = array("I", bytes(count * SLOT))
    words[0], words[1], words[7] = len(body), crc32c(body), HEAD
    words[2:7] = content[:5]
    if count > 1:
        rest = content[5:]
        for column in range(7):
            words[8 + column :: 8] = rest[column::7]
        words[15::8] = array("I", [MORE]) * (count - 1)
    return words


def body_of(words: array[int], slot: int) -> bytes | None:
    """The body of the frame whose head is at `slot`; None when it is cut short or its CRC says no."""
    at = slot * WORDS
    length, crc = words[at], words[at + 1]
    count = slots_of(length)
    if at + count * WORDS > len(words):
        return None
    content = words[at + 2 : at + 7]
    if count > 1:
        rest = array("I", bytes(BYTES_IN_SLOT * (count - 1)))
        end = at + count * WORDS
        for column in range(7):
            rest[column::7] = words[at + 8 + column : end : 8]
        content += rest
    body = content.tobytes()[:length]
    return body if crc32c(body) == crc else None
