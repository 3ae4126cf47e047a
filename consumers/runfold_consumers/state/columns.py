"""Columns of numbers and texts as few bytes, exactly.

Whole numbers take one of three forms; the smallest wins:

    regular   start and stride: 17 bytes, however many numbers
    frame     each less the least one, in 1, 2, 4 or 8 bytes
    delta     each less the one before and less the least such difference, in 1, 2, 4 or 8 bytes

All arithmetic is modulo 2**64, so any 64-bit numbers come back. Doubles are kept as their bits (clock readings grow
slowly: their bits' differences are small), as whole numbers, as single floats (most losses are, widened) or as they
are; which of these is exact is tried on the bits, so NaN's payload and -0.0 stay. Pure; counts are kept by the caller.

Layout, little endian: `form: u8, start: i64, stride or base: i64, numbers`, form being 0 regular, w frame and 16 + w
delta of w bytes; a column of doubles has one byte before that.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Integers: TypeAlias = npt.NDArray[np.int64]
Doubles: TypeAlias = npt.NDArray[np.float64]

_HEAD = struct.Struct("<Bqq")
_REGULAR, _DELTA = 0, 16
_BITS, _WHOLE, _SINGLE, _PLAIN = range(4)
_WIDTHS = (1, 2, 4, 8)


def pack(numbers: Integers) -> bytes:
    """Whole numbers, at least one."""
    start = int(numbers[0])
    if len(numbers) == 1:
        return _HEAD.pack(_REGULAR, start, 0)
    steps = np.diff(numbers)
    base = int(steps.min())
    narrowed = (steps - base).view(np.uint64)
    spread = int(narrowed.max())
    if spread == 0:
        return _HEAD.pack(_REGULAR, start, base)
    width = _width(spread)
    least = int(numbers.min())
    framed = (numbers - least).view(np.uint64)
    frame_width = _width(int(framed.max()))
    if frame_width <= width:
        return _HEAD.pack(frame_width, least, 0) + framed.astype(f"<u{frame_width}").tobytes()
    return _HEAD.pack(_DELTA + width, start, base) + narrowed.astype(f"<u{width}").tobytes()


def unpack(data: bytes, count: int, place: int = 0) -> Integers:
    """The numbers that were packed; `count` of them, from `place` on.

    Raises:
        ValueError: these bytes are no such column.
    """
    try:
        form, start, base = _HEAD.unpack_from(data, place)
        if form == _REGULAR:
            numbers = np.arange(count, dtype=np.int64)
            numbers *= base
            numbers += start
            return numbers
        width = form & ~_DELTA
        if width not in _WIDTHS:
            raise ValueError(f"there is no form {form}")
        length = count - 1 if form & _DELTA else count
        narrow = np.frombuffer(data, f"<u{width}", length, place + _HEAD.size)
    except (struct.error, ValueError) as error:
        raise ValueError(f"{len(data) - place} bytes are no column of {count} whole numbers: {error}") from error
    if not form & _DELTA:
        numbers = narrow.astype(np.int64)
        numbers += start
        return numbers
    numbers = np.empty(count, np.int64)  # memory that is touched is what takes the time: one array
    numbers[0] = start
    numbers[1:] = narrow
    numbers[1:] += base
    return np.cumsum(numbers, out=numbers)


def pack_doubles(doubles: Doubles) -> bytes:
    """Doubles, at least one, bit for bit."""
    bits = doubles.view(np.int64)
    tried = [(_BITS, pack(bits))]
    with np.errstate(all="ignore"):  # what does not fit shows in its bits
        if _same_as(doubles, bits, "<i8"):
            tried.append((_WHOLE, pack(doubles.astype(np.int64))))
        if _same_as(doubles, bits, "<f4"):
            tried.append((_SINGLE, doubles.astype("<f4").tobytes()))
    tried.append((_PLAIN, doubles.astype("<f8", copy=False).tobytes()))
    form, data = min(tried, key=lambda one: len(one[1]))
    return bytes((form,)) + data


def unpack_doubles(data: bytes, count: int) -> Doubles:
    """The doubles that were packed.

    Raises:
        ValueError: these bytes are no such column.
    """
    form = data[0] if data else -1
    if form == _BITS:
        return unpack(data, count, 1).view(np.float64)
    if form == _WHOLE:
        return unpack(data, count, 1).astype(np.float64)
    if form in (_SINGLE, _PLAIN):
        return np.frombuffer(data, "<f4" if form == _SINGLE else "<f8", count, 1).astype(np.float64)
    raise ValueError(f"{len(data)} bytes that begin with {form} are no column of {count} doubles")


def pack_texts(texts: Sequence[str]) -> bytes:
    """Texts, at least one: the bytes of their lengths' column as u32, that column, then UTF-8."""
    encoded = [text.encode() for text in texts]
    lengths = pack(np.array([len(text) for text in encoded], np.int64))
    return b"".join((struct.pack("<I", len(lengths)), lengths, *encoded))


def unpack_texts(data: bytes, count: int) -> list[str]:
    """The texts that were packed. Raises ValueError."""
    (size,) = struct.unpack_from("<I", data)
    place = 4 + size
    texts = []
    for length in unpack(data, count, 4).tolist():
        texts.append(data[place : place + length].decode())
        place += length
    return texts


def _same_as(doubles: Doubles, bits: Integers, narrow: str) -> bool:
    """Whether doubles come back from another type to the bit; the first few mostly tell."""
    for part in (slice(8), slice(None)):
        if not (doubles[part].astype(narrow).astype(np.float64).view(np.int64) == bits[part]).all():
            return False
    return True


def _width(spread: int) -> int:
    return next(width for width in _WIDTHS if spread < 1 << (8 * width))
