"""Avro's int and long: zigzag varints, one at a time and by the column.

A column is encoded by the fastest means that this process has loaded already: numpy, else fastavro's C writer, else
Python. Nothing is imported here for speed's sake, since a training process pays for imports; `loaded` only looks.
"""

from __future__ import annotations

import io
import sys
from array import array
from collections.abc import Sequence
from operator import index as to_int
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

INT_MAX, LONG_MAX = 2**31 - 1, 2**63 - 1
_UNSIGNED_MAX = 2**64 - 1
_ONE = [bytes((value,)) for value in range(128)]
_DOUBLED = bytes((value << 1) & 0xFF for value in range(256))
_BELOW_64 = bytes(range(64))
_INTEGER_FORMATS = frozenset("bBhHiIlLqQ")
_VARINT_BYTES_MAX = 10
_LONGS = {"type": "array", "items": "long"}


def zig(n: int) -> bytes:
    """A long. Raises TypeError for what is no whole number, OverflowError beyond 64 bits."""
    z = (n << 1) ^ (n >> 63)
    if -1 < z < 128:
        return _ONE[z]
    if type(n) is not int:  # numpy's integers wrap around when shifted
        return zig(to_int(n))
    if z > _UNSIGNED_MAX:
        raise OverflowError("beyond 64 bits")
    out = bytearray()
    while z > 0x7F:
        out.append(z & 0x7F | 0x80)
        z >>= 7
    out.append(z)
    return bytes(out)


def zig_int(n: int) -> bytes:
    """An int: as `zig`, within 32 bits."""
    if not -INT_MAX - 1 <= n <= INT_MAX:
        raise OverflowError("beyond 32 bits")
    return zig(n)


def unzig(buffer: Any, place: int) -> tuple[int, int]:
    """(number, place after it). Raises IndexError at the buffer's end, ValueError beyond 64 bits."""
    byte = buffer[place]
    place += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), place
    z = byte & 0x7F
    shift = 7
    while True:
        byte = buffer[place]
        place += 1
        z |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise ValueError(f"the number at byte {place} has more than {_VARINT_BYTES_MAX} bytes")
    if z > _UNSIGNED_MAX:
        raise ValueError(f"the number before byte {place} has more than 64 bits")
    return (z >> 1) ^ -(z & 1), place


def loaded(name: str) -> ModuleType | None:
    """The module, where this process has imported it and no other thread is still at it."""
    module = sys.modules.get(name)
    if module is None or getattr(getattr(module, "__spec__", None), "_initializing", False):
        return None
    return module


def column(values: Any, most: int) -> bytes:
    """All numbers of a column, one varint after another.

    Args:
        values: list, tuple, range, `array`, memoryview or numpy array of whole numbers.
        most: the greatest number allowed; the least is -most - 1.

    Raises:
        TypeError, OverflowError: an item is no whole number within the bounds.
    """
    one = zig if most == LONG_MAX else zig_int
    if len(values) <= 8:
        return b"".join(map(one, values))
    if hasattr(values, "dtype"):
        if values.dtype.kind not in "iu" or values.ndim != 1:
            raise TypeError(f"an array of {values.dtype} with {values.ndim} axes is no column of whole numbers")
        return _encoded(sys.modules["numpy"], values, most)
    if not isinstance(values, (list, tuple, range)):
        small = _small(memoryview(values))
        if small is not None:
            return small
    numpy = loaded("numpy")
    if numpy is not None:
        numbers = numpy.asarray(values)
        # Where some are no whole numbers or beyond 64 bits, one by one finds them.
        return _encoded(numpy, numbers, most) if numbers.dtype.kind in "iu" else b"".join(map(one, values))
    fastavro = loaded("fastavro")
    if fastavro is None or (most != LONG_MAX and not -most - 1 <= min(values) <= max(values) <= most):
        return b"".join(map(one, values))
    numbers = values if isinstance(values, (array, memoryview)) else array("q", values)  # fastavro would cut 0.5 to 0
    out = io.BytesIO()
    fastavro.schemaless_writer(out, _LONGS, numbers.tolist())
    return out.getvalue()[len(zig(len(values))) : -1]  # without the frame of its block


def _small(view: memoryview) -> bytes | None:
    """The column if all of it is within 0 to 63, one byte each by a few passes in C; else None."""
    if view.format not in _INTEGER_FORMATS or view.ndim != 1:
        raise TypeError(f"a column of whole numbers is needed, not one of format {view.format!r} with {view.ndim} axes")
    width = view.itemsize
    raw = view.tobytes()
    low = raw[::width] if sys.byteorder == "little" else raw[width - 1 :: width]
    if low.translate(None, _BELOW_64) or raw.count(0) < len(low) * (width - 1):
        return None
    high = range(1, width) if sys.byteorder == "little" else range(width - 1)
    return None if any(raw[place::width].strip(b"\0") for place in high) else low.translate(_DOUBLED)


def _encoded(np: Any, numbers: Any, most: int) -> bytes:
    least, greatest = int(numbers.min()), int(numbers.max())
    if least < -most - 1 or greatest > most:
        raise OverflowError(f"{least} to {greatest} is not within {-most - 1} to {most}")
    if least >= 0 and greatest < 64:
        return bytes((numbers.astype(np.uint8) << 1).tobytes())
    numbers = numbers.astype(np.int64, copy=False)
    z = (numbers.view(np.uint64) << np.uint64(1)) ^ (numbers >> np.int64(63)).view(np.uint64)
    width = max(1, (int(z.max()).bit_length() + 6) // 7)
    # A row per number, a column per byte: what is left of the number there, of which the byte keeps the low 7 bits.
    rest = z[:, None] >> (np.arange(width, dtype=np.uint64) * np.uint64(7))
    low = rest.astype(np.uint8)
    out = np.where(rest > np.uint64(0x7F), low | np.uint8(0x80), low & np.uint8(0x7F))
    keep = rest > 0
    keep[:, 0] = True
    return bytes(out[keep].tobytes())


def decoded(np: Any, buffer: Any, place: int, count: int) -> tuple[npt.NDArray[np.int64], int]:
    """(`count` numbers as int64, place after them).

    Args:
        np: the numpy module.
        buffer: bytes or memoryview.
        place: where the first number starts.
        count: how many, at least 1.

    Raises:
        IndexError, ValueError: the buffer ends before, or a number has more than 64 bits.
    """
    if count <= 16:
        numbers = []
        for _ in range(count):
            number, place = unzig(buffer, place)
            numbers.append(number)
        return np.array(numbers, np.int64), place
    available = len(buffer) - place
    if count > available:
        raise ValueError(f"{count} numbers are said to follow in {available} bytes")
    raw = np.frombuffer(buffer, np.uint8, count=min(available, count * _VARINT_BYTES_MAX), offset=place)
    found = _of_one_width(np, raw, count)
    if found is not None:
        return found[0], place + found[1]
    ends = np.flatnonzero(raw < 128)[:count]
    if ends.size < count:
        raise ValueError(f"{count} numbers are said to follow, {ends.size} do")
    starts = np.empty(count, np.int64)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    lengths = ends - starts + 1
    longest = int(lengths.max())
    if longest > _VARINT_BYTES_MAX or (longest == _VARINT_BYTES_MAX and int(raw[ends[lengths == longest]].max()) > 1):
        raise ValueError("a number of the column has more than 64 bits")
    used = int(ends[-1]) + 1
    shifts = ((np.arange(used) - np.repeat(starts, lengths)) * 7).astype(np.uint64)
    z = np.add.reduceat((raw[:used] & 0x7F).astype(np.uint64) << shifts, starts)
    numbers = (z >> np.uint64(1)).view(np.int64) ^ -((z & np.uint64(1)).view(np.int64))
    return numbers, place + used


def _of_one_width(np: Any, raw: Any, count: int) -> tuple[Any, int] | None:
    """(numbers, bytes used) where all are of the first one's width, which is the usual case: no search for the ends."""
    width = 1
    while raw[width - 1] > 127:
        width += 1
        if width == _VARINT_BYTES_MAX:
            return None
    block = raw[: count * width]
    if block.size < count * width:
        return None
    block = block.reshape(count, width)
    if block[:, width - 1].max() > 127 or (width > 1 and block[:, : width - 1].min() < 128):
        return None
    z = block[:, width - 1].astype(np.int64)
    for place in range(width - 2, -1, -1):
        z <<= 7
        z |= block[:, place] & 0x7F
    return (z >> 1) ^ -(z & 1), count * width


def lengths_equal(columns: Sequence[Any]) -> bool:
    """True when all columns have the same number of items."""
    return len({len(values) for values in columns}) <= 1
