"""Blocks of one segment, as a reader gets them: which bytes count, and how far. No lane, no ordinal is known here.

    closed   its header's CRC fits: all 127 slots are as they were written
    lost     its header's CRC does not fit, twice: all its slots read as empty
    open     it has no header; while the writer is in it, slots count up to the first empty one. Where a later block or
             segment was begun, or the writer is dead, empty ones are holes

A block that the writer is in is read twice. The first look tells how many slots have their markers; the second one's
bytes are taken, so that all that was written before those markers is in them. Where stores may be seen in another order
(not x86-64), a slot counts when both looks show the same.
"""

from __future__ import annotations

import os
import platform
from array import array
from typing import Final, NamedTuple

from runfold.journal.format import BLOCK, BLOCK_HEADER, EMPTY, HEADER, MAGIC, SLOT, SLOTS, WORDS, crc_of

_ZEROS: Final = bytes(BLOCK)
ORDERED_STORES: Final = platform.machine().lower() in ("x86_64", "amd64", "i686", "i386")


class Stretch(NamedTuple):
    """Consecutive slots of a segment.

    Attributes:
        words: the slots, block headers taken out, WORDS per slot.
        states: per block that the slots are of: closed, lost or open.
        skew: places by which the first slot is behind the beginning of the first block.
        ends_at: what ended it: the `writer` (more may come), the `chunk` (more is there) or the `segment`.
    """

    words: array[int]
    states: list[str]
    skew: int
    ends_at: str


def read_stretch(file: int, size: int, slot: int, blocks: int, over: bool) -> Stretch:
    """Slots from an index on, at most so many blocks.

    Args:
        file: descriptor of the segment.
        size: its bytes.
        slot: index of the first slot.
        blocks: how many blocks to look at, at least 1.
        over: nothing is appended to this segment any more.
    """
    start = slot // SLOTS * BLOCK
    end = min(size, start + blocks * BLOCK)
    # One block more, to see whether the writer has passed the last one.
    content = os.pread(file, end - start + BLOCK, start)
    pieces: list[bytes] = []
    states: list[str] = []
    ends_at = "segment" if end >= size else "chunk"
    for place in range(-(-(end - start) // BLOCK)):
        block = content[place * BLOCK : (place + 1) * BLOCK]
        state = _state(block)
        if state == "lost":
            # Perhaps the header was read before the slots were; then it fits now.
            block = os.pread(file, BLOCK, start + place * BLOCK)
            state = _state(block)
        states.append(state)
        if state == "open" and not over and content[(place + 1) * BLOCK : (place + 2) * BLOCK] in (b"", _ZEROS):
            pieces.append(_open_slots(block, os.pread(file, BLOCK, start + place * BLOCK)))
            ends_at = "writer"
            break
        pieces.append(_ZEROS[HEADER:] if state == "lost" else block[HEADER:].ljust(BLOCK - HEADER, b"\0"))
    words = array("I", b"".join(pieces))
    skew = slot % SLOTS
    del words[: skew * WORDS]
    return Stretch(words, states, skew, ends_at)


def _state(block: bytes) -> str:
    if len(block) < BLOCK:
        return "open"  # the file was cut off here
    crc, _, magic = BLOCK_HEADER.unpack_from(block)
    if magic != MAGIC:
        return "open"
    return "closed" if crc_of(block) == crc else "lost"


def _open_slots(first: bytes, second: bytes) -> bytes:
    whole = min(len(first), len(second)) // SLOT * SLOT
    before, after = array("I", first[HEADER:whole]), array("I", second[HEADER:whole])
    markers = before[WORDS - 1 :: WORDS]
    count = markers.index(EMPTY) if EMPTY in markers else len(markers)
    # A hole with a slot behind it stays a hole until the block is passed: so far nobody knows that it will not be
    # filled.
    if not ORDERED_STORES:
        while count and before[: count * WORDS] != after[: count * WORDS]:
            count -= 1
    return after[: count * WORDS].tobytes()
