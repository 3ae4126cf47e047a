"""Schema to encoder: closures that turn a Python value into Avro's bytes, the very bytes that fastavro would write.

Records are tuples in field order (NamedTuples), arrays are sequences, maps are mappings, enums are their symbols.
Arrays of double and float take any buffer and copy it whole; arrays of int and long go by the column. In a union the
first branch that takes the value is written; a record's branch takes NamedTuples with its field names. The closures
check nothing twice: what cannot be written raises somewhere inside, and `explain` then walks the value again to find
the place. That keeps a small event at a few microseconds.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runfold_schemas.errors import EncodeError
from runfold_schemas.shapes import Shape
from runfold_schemas.varints import INT_MAX, LONG_MAX, column, zig, zig_int

Encoder = Callable[[Any], bytes]
_BOOLEANS = {False: b"\0", True: b"\1"}
_FORMATS = {"double": "d", "float": "f"}
# What struct, str.encode, shifts, joins and lookups raise for a value of the wrong kind.
FAILURES = (TypeError, ValueError, OverflowError, AttributeError, KeyError, struct.error)


def encoder(shape: Shape) -> Encoder:
    """The encoder of a shape. It raises one of FAILURES when a value does not fit."""
    return _compile(shape, {})


def explain(shape: Shape, value: object, cause: BaseException) -> EncodeError:
    """The error that names the place in `value` where the encoder of `shape` failed with `cause`."""
    found = _misfit(shape, value, shape.name)
    return found or EncodeError(shape.name, value, f"what this schema says ({cause})")


def _compile(shape: Shape, records: dict[Shape, list[Encoder]]) -> Encoder:
    kind = shape.kind
    if kind in _SCALARS:
        return _SCALARS[kind]
    if kind == "fixed":
        return _fixed(shape.size)
    if kind == "enum":
        return {symbol: zig(place) for place, symbol in enumerate(shape.symbols)}.__getitem__
    if kind == "union":
        return _union(shape, records)
    if kind == "array":
        item = shape.item.kind
        if item in _FORMATS:
            return _floats(_FORMATS[item])
        if item in ("int", "long"):
            return _integers(INT_MAX if item == "int" else LONG_MAX)
        return _array(_compile(shape.item, records))
    if kind == "map":
        return _map(_compile(shape.item, records))
    return _record(shape, records)


def _null(value: None) -> bytes:
    if value is not None:
        raise TypeError("not None")
    return b""


def _string(value: str) -> bytes:
    raw = value.encode()
    return zig(len(raw)) + raw


def _bytes(value: Any) -> bytes:
    raw = value if isinstance(value, bytes) else bytes(memoryview(value))  # bytes(5) would be five zero bytes
    return zig(len(raw)) + raw


_SCALARS: dict[str, Encoder] = {
    "null": _null,
    "boolean": _BOOLEANS.__getitem__,
    "int": zig_int,
    "long": zig,
    "float": struct.Struct("<f").pack,
    "double": struct.Struct("<d").pack,
    "bytes": _bytes,
    "string": _string,
}


def _fixed(size: int) -> Encoder:
    def fixed(value: Any) -> bytes:
        raw = bytes(memoryview(value))
        if len(raw) != size:
            raise ValueError(f"{len(raw)} bytes instead of {size}")
        return raw

    return fixed


def _floats(code: str) -> Encoder:
    def floats(values: Any) -> bytes:
        count = len(values)
        if not count:
            return b"\0"
        if isinstance(values, (str, bytes, bytearray)):  # array() would take bytes as raw memory
            raise TypeError("text or bytes instead of numbers")
        if hasattr(values, "dtype"):
            return b"".join((zig(count), _of_numpy(code, values), b"\0"))
        view = memoryview(values if isinstance(values, (array, memoryview)) else array(code, values))
        if view.format != code or view.ndim != 1:
            view = memoryview(array(code, view.tolist()))
        raw = view.tobytes()
        if sys.byteorder == "big":
            swapped = array(code, raw)
            swapped.byteswap()
            raw = swapped.tobytes()
        return b"".join((zig(count), raw, b"\0"))

    return floats


def _of_numpy(code: str, values: Any) -> bytes:
    # Not by memoryview: a decoded column lies unaligned in its message, for which Python has no format.
    if values.dtype.kind not in "fiu" or values.ndim != 1:
        raise TypeError(f"an array of {values.dtype} with {values.ndim} axes is no column of numbers")
    return bytes(values.astype("<f8" if code == "d" else "<f4", copy=False).tobytes())


def _integers(most: int) -> Encoder:
    def integers(values: Any) -> bytes:
        count = len(values)
        if not count:
            return b"\0"
        if isinstance(values, (str, bytes, bytearray, Mapping)):
            raise TypeError("no column of numbers")
        return b"".join((zig(count), column(values, most), b"\0"))

    return integers


def _array(one: Encoder) -> Encoder:
    def many(values: Any) -> bytes:
        if not isinstance(values, (tuple, list)) and not _is_sequence(values):
            raise TypeError("no sequence")
        return b"".join((zig(len(values)), *map(one, values), b"\0")) if len(values) else b"\0"

    return many


def _map(one: Encoder) -> Encoder:
    def pairs(values: Any) -> bytes:
        if not values:
            return b"\0" if isinstance(values, Mapping) else _refuse("no mapping")
        body = [_string(key) + one(value) for key, value in values.items()]
        return b"".join((zig(len(body)), *body, b"\0"))

    return pairs


def _refuse(why: str) -> bytes:
    raise TypeError(why)


def _record(shape: Shape, records: dict[Shape, list[Encoder]]) -> Encoder:
    cell = records.get(shape)
    if cell:
        return cell[0]
    if cell is not None:
        return _later(cell)
    cell = records[shape] = []
    encoders = [_compile(field, records) for _, field in shape.fields]

    def record(value: Any) -> bytes:
        if not isinstance(value, tuple):
            raise TypeError("no tuple of fields")
        return b"".join([encode(field) for encode, field in zip(encoders, value, strict=True)])

    cell.append(record)
    return record


def _later(cell: list[Encoder]) -> Encoder:
    """A record within itself: its encoder is known only when the outer one is built."""
    return lambda value: cell[0](value)


def _union(shape: Shape, records: dict[Shape, list[Encoder]]) -> Encoder:
    encoders = [_compile(branch, records) for branch in shape.branches]
    heads = [zig(place) for place in range(len(encoders))]
    kinds = [branch.kind for branch in shape.branches]
    if len(kinds) == 2 and "null" in kinds and kinds.count("null") == 1:
        none, some = heads[kinds.index("null")], heads[1 - kinds.index("null")]
        encode = encoders[1 - kinds.index("null")]
        return lambda value: none if value is None else some + encode(value)

    def union(value: Any) -> bytes:
        for branch, head, encode in zip(shape.branches, heads, encoders, strict=True):
            if _misfit(branch, value, "") is None:
                return head + encode(value)
        raise TypeError("no branch takes it")

    return union


def _is_sequence(value: object) -> bool:
    return isinstance(value, (Sequence, array, memoryview)) and not isinstance(value, (str, bytes, bytearray))


def _is_column(value: object) -> bool:
    return _is_sequence(value) or (hasattr(value, "dtype") and hasattr(value, "__len__"))


def _misfit(shape: Shape, value: Any, path: str) -> EncodeError | None:
    """What is wrong with `value`, with the deepest path; None when it fits. Stricter than the encoders nowhere."""
    kind = shape.kind
    if kind in _ALLOWED:
        return None if _fits(shape, value) else EncodeError(path, value, _ALLOWED[kind].format(shape=shape))
    if kind == "union":
        failed = [_misfit(branch, value, path) for branch in shape.branches]
        if None in failed:
            return None
        others = [failure for branch, failure in zip(shape.branches, failed, strict=True) if branch.kind != "null"]
        if len(others) == 1 and value is not None:
            return others[0]
        return EncodeError(path, value, " or ".join(branch.name for branch in shape.branches))
    if kind == "array":
        if not _is_column(value) or hasattr(value, "_fields"):  # a NamedTuple is a record
            return EncodeError(path, value, "a sequence")
        return _first(_misfit(shape.item, item, f"{path}[{place}]") for place, item in enumerate(value))
    if kind == "map":
        if not isinstance(value, Mapping):
            return EncodeError(path, value, "a mapping")
        for key in value:
            if not isinstance(key, str) or not _fits(_KEY, key):
                return EncodeError(f"{path} (key)", key, _ALLOWED["string"])
        return _first(_misfit(shape.item, item, f"{path}[{key!r}]") for key, item in value.items())
    fields = shape.fields
    names = getattr(value, "_fields", None)
    if (
        not isinstance(value, tuple)
        or len(value) != len(fields)
        or (names is not None and list(names) != [name for name, _ in fields])
    ):
        return EncodeError(path, value, f"a tuple of {', '.join(name for name, _ in fields)}")
    return _first(_misfit(field, item, f"{path}.{name}") for (name, field), item in zip(fields, value, strict=True))


def _first(found: Any) -> EncodeError | None:
    return next((error for error in found if error is not None), None)


_KEY = Shape("string", "string")
_ALLOWED = {
    "null": "None",
    "boolean": "a bool",
    "int": "a whole number of 32 bits",
    "long": "a whole number of 64 bits",
    "float": "a number within a 32-bit float",
    "double": "a number within a double",
    "bytes": "bytes",
    "string": "text without lone surrogates",
    "fixed": "exactly {shape.size} bytes",
    "enum": "one of {shape.symbols}",
}
_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"),
    "int": lambda value: hasattr(value, "__index__") and not isinstance(value, bool),
    "long": lambda value: hasattr(value, "__index__") and not isinstance(value, bool),
    "float": lambda value: hasattr(value, "__float__") and not isinstance(value, (str, bool)),
    "double": lambda value: hasattr(value, "__float__") and not isinstance(value, (str, bool)),
    "bytes": lambda value: isinstance(value, (bytes, bytearray, memoryview)),
    "string": lambda value: isinstance(value, str),
    "fixed": lambda value: isinstance(value, (bytes, bytearray, memoryview)),
    "enum": lambda value: isinstance(value, str),
}


def _fits(shape: Shape, value: Any) -> bool:
    if not _TYPES[shape.kind](value):
        return False
    try:
        _compile(shape, {})(value)
    except FAILURES:
        return False
    return True
