"""Schema to decoder: closures that read a value out of a buffer. Needs numpy; Avro's every type, any number of blocks,
with or without their byte sizes.

Arrays of double and float come as numpy views of the buffer (no copy where there is one block), arrays of int and
long as int64; other arrays are tuples, maps dicts, enums their symbols, unions the bare value, records what `make`
makes of the tuple of their fields. Give it bytes: views of them cost twice as much to index. A decoder never reads
beyond the buffer unnoticed: it raises one of FAILURES, or its end place lies beyond the buffer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from runfold_schemas.shapes import Shape
from runfold_schemas.varints import decoded, unzig

Decoder = Callable[[Any, int], tuple[Any, int]]
Make = Callable[[tuple[Any, ...]], Any]
# What indexing, struct, numpy and str raise for bytes that are no such value.
FAILURES = (IndexError, ValueError, OverflowError, MemoryError, RecursionError, struct.error)
_EMPTY_ITEMS_MAX = 65_536  # items that take no bytes, such as nulls: nothing else bounds their count
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")
_WIDTHS = {"double": ("<f8", 8), "float": ("<f4", 4)}


def decoder(shape: Shape, make: Mapping[str, Make]) -> Decoder:
    """The decoder of a shape: `(buffer, place) -> (value, place after it)`.

    Args:
        shape: what the writer wrote.
        make: by a record's full name, what is made of the tuple of its fields; a record not named stays a tuple.
    """
    import numpy

    return _Compiler(numpy, make).compile(shape)


class _Compiler:
    def __init__(self, numpy: Any, make: Mapping[str, Make]) -> None:
        self.numpy, self.make = numpy, make
        self.records: dict[Shape, list[Decoder]] = {}

    def compile(self, shape: Shape) -> Decoder:
        kind = shape.kind
        if kind in _SCALARS:
            return _SCALARS[kind]
        if kind == "fixed":
            return _fixed(shape.size)
        if kind == "enum":
            return _enum(shape.symbols)
        if kind == "union":
            return _union([self.compile(branch) for branch in shape.branches])
        if kind == "array":
            if shape.item.kind in _WIDTHS:
                return _floats(self.numpy, *_WIDTHS[shape.item.kind])
            if shape.item.kind in ("int", "long"):
                return _integers(self.numpy)
            return _array(self.compile(shape.item), _takes_bytes(shape.item))
        if kind == "map":
            return _map(self.compile(shape.item))
        return self.record(shape)

    def record(self, shape: Shape) -> Decoder:
        cell = self.records.get(shape)
        if cell:
            return cell[0]
        if cell is not None:
            return _later(cell)
        cell = self.records[shape] = []
        decoders = [self.compile(field) for _, field in shape.fields]
        record = _record(shape, decoders, self.make.get(shape.name, tuple))
        cell.append(record)
        return record


def _record(shape: Shape, decoders: list[Decoder], make: Make) -> Decoder:
    """A record's decoder, its fields' numbers and texts read in place: a call for each costs more than they do.

    The source holds places of fields and nothing that a schema names.
    """
    names: dict[str, Any] = {"make": make, "unzig": unzig, "string": _string, "text": str}
    lines = ["def record(buffer, place):"]
    for number, ((_, field), read) in enumerate(zip(shape.fields, decoders, strict=True)):
        names[f"read{number}"] = read
        value = f"value{number}"
        kinds = [branch.kind for branch in field.branches]
        if len(kinds) == 2 and kinds[0] == "null" and kinds[1] in _IN_PLACE:
            lines.append(f"    if not buffer[place]: {value} = None; place += 1")
            lines.append(f"    else: {value}, place = read{number}(buffer, place)")
        elif field.kind in _IN_PLACE:
            lines += [f"    {line}" for line in _IN_PLACE[field.kind].format(value=value).splitlines()]
        else:
            lines.append(f"    {value}, place = read{number}(buffer, place)")
    fields = "".join([f"value{number}, " for number in range(len(decoders))])
    lines.append(f"    return make(({fields})), place")
    exec("\n".join(lines), names)
    made: Decoder = names["record"]
    return made


_INTEGER = """\
head = buffer[place]
if head < 128: {value} = (head >> 1) ^ -(head & 1); place += 1
else: {value}, place = unzig(buffer, place)"""
_TEXT = """\
head = buffer[place]
if head & 129: {value}, place = string(buffer, place)
else: place += 1; end = place + (head >> 1); {value} = text(buffer[place:end], "utf-8"); place = end"""
_IN_PLACE = {"int": _INTEGER, "long": _INTEGER, "string": _TEXT}


def _later(cell: list[Decoder]) -> Decoder:
    """A record within itself: its decoder is known only when the outer one is built."""
    return lambda buffer, place: cell[0](buffer, place)


def _boolean(buffer: Any, place: int) -> tuple[bool, int]:
    return (False, True)[buffer[place]], place + 1


def _bytes(buffer: Any, place: int) -> tuple[bytes, int]:
    length, place = _length(buffer, place)
    return bytes(buffer[place : place + length]), place + length


def _string(buffer: Any, place: int) -> tuple[str, int]:
    head = buffer[place]
    if head < 128 and not head & 1:  # below 64 bytes; a cut text ends beyond the buffer
        end = place + 1 + (head >> 1)
        return str(buffer[place + 1 : end], "utf-8"), end
    length, place = _length(buffer, place)
    return str(buffer[place : place + length], "utf-8"), place + length


def _length(buffer: Any, place: int) -> tuple[int, int]:
    length, place = unzig(buffer, place)
    if not 0 <= length <= len(buffer) - place:
        raise ValueError(f"{length} bytes are said to follow byte {place} of {len(buffer)}")
    return length, place


_SCALARS: dict[str, Decoder] = {
    "null": lambda buffer, place: (None, place),
    "boolean": _boolean,
    "int": unzig,
    "long": unzig,
    "float": lambda buffer, place: (_FLOAT.unpack_from(buffer, place)[0], place + 4),
    "double": lambda buffer, place: (_DOUBLE.unpack_from(buffer, place)[0], place + 8),
    "bytes": _bytes,
    "string": _string,
}


def _fixed(size: int) -> Decoder:
    return lambda buffer, place: (bytes(buffer[place : place + size]), place + size)


def _enum(symbols: list[str]) -> Decoder:
    def enum(buffer: Any, place: int) -> tuple[str, int]:
        which, place = _place_in(symbols, buffer, place)
        return symbols[which], place

    return enum


def _union(branches: list[Decoder]) -> Decoder:
    def union(buffer: Any, place: int) -> tuple[Any, int]:
        which, place = _place_in(branches, buffer, place)
        return branches[which](buffer, place)

    return union


def _place_in(choices: list[Any], buffer: Any, place: int) -> tuple[int, int]:
    which, place = unzig(buffer, place)
    if not 0 <= which < len(choices):
        raise ValueError(f"choice {which} before byte {place} is none of {len(choices)}")
    return which, place


def _block(buffer: Any, place: int, takes_bytes: bool = True) -> tuple[int, int]:
    """(items in the next block, place of the first); 0 ends the array. After a negative count comes the byte size."""
    count, place = unzig(buffer, place)
    if count < 0:
        count = -count
        _, place = unzig(buffer, place)
    if count > (len(buffer) - place if takes_bytes else _EMPTY_ITEMS_MAX):
        raise ValueError(f"{count} items are said to follow byte {place} of {len(buffer)}")
    return count, place


def _floats(np: Any, dtype: str, width: int) -> Decoder:
    empty = np.empty(0, dtype)

    def floats(buffer: Any, place: int) -> tuple[Any, int]:
        parts = []
        count, place = _block(buffer, place)
        while count:
            parts.append(np.frombuffer(buffer, dtype, count, place))
            count, place = _block(buffer, place + count * width)
        return _joined(np, parts, empty), place

    return floats


def _integers(np: Any) -> Decoder:
    empty = np.empty(0, np.int64)

    def integers(buffer: Any, place: int) -> tuple[Any, int]:
        parts = []
        count, place = _block(buffer, place)
        while count:
            part, place = decoded(np, buffer, place, count)
            parts.append(part)
            count, place = _block(buffer, place)
        return _joined(np, parts, empty), place

    return integers


def _joined(np: Any, parts: list[Any], empty: Any) -> Any:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else empty


def _array(one: Decoder, takes_bytes: bool) -> Decoder:
    def many(buffer: Any, place: int) -> tuple[tuple[Any, ...], int]:
        items = []
        count, place = _block(buffer, place, takes_bytes)
        while count:
            for _ in range(count):
                item, place = one(buffer, place)
                items.append(item)
            count, place = _block(buffer, place, takes_bytes)
        return tuple(items), place

    return many


def _map(one: Decoder) -> Decoder:
    def pairs(buffer: Any, place: int) -> tuple[dict[str, Any], int]:
        items = {}
        count, place = _block(buffer, place)
        while count:
            for _ in range(count):
                key, place = _string(buffer, place)
                items[key], place = one(buffer, place)
            count, place = _block(buffer, place)
        return items, place

    return pairs


def _takes_bytes(shape: Shape) -> bool:
    """True when every value of the shape takes at least one byte."""
    if shape.kind == "record":
        return any(_takes_bytes(field) for _, field in shape.fields)
    return shape.kind != "null" and not (shape.kind == "fixed" and shape.size == 0)
