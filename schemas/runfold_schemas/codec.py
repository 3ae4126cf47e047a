"""Events to messages and back. Sole importer of fastavro beside `evolution`.

Encoding is pure Python, closures compiled once per event type, some ten microseconds for a small fact: a journal
encodes at the call. Bytes are fastavro's, one for one. Columns of MetricLogged may be lists, `array`, memoryview or
numpy arrays. Decoding resolves every writer schema to this release's. Where the writer's parsing canonical form is the
reader's and numpy is importable, `decoding` reads the event; all else goes by fastavro, logical types left out, so that
times are integers. Columns are numpy arrays wherever numpy is importable, lists elsewhere.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from runfold_schemas import catalog, decoding, encoding, framing, shapes
from runfold_schemas.errors import DecodeError, EncodeError, UnknownEvent, UnknownFingerprint
from runfold_schemas.events import EVENTS, Event, MetricLogged
from runfold_schemas.varints import lengths_equal

SchemaLookup = Callable[[bytes], Mapping[str, Any] | None]
RELEASED: SchemaLookup = catalog.released

TEXT_KINDS = ("string", "bigint")
_SINGLE_OBJECT = framing.SINGLE_OBJECT.header(b"")
_COLUMNS = ("index", "step", "time", "value")


class _Writer(NamedTuple):
    header: bytes
    shape: shapes.Shape
    encode: encoding.Encoder


class _Reader(NamedTuple):
    """How messages of one writer schema become events: `read(message, place of the body)`."""

    name: str
    read: Callable[[bytes, int], Any]


_writers: dict[type, _Writer] = {}
_readers: dict[bytes, _Reader] = {}


def encode(event: Event) -> bytes:
    """The event as a message in single-object encoding.

    Raises:
        EncodeError: a field does not fit the schema (path, value and what is allowed are its attributes), or columns of
            MetricLogged differ in length.
    """
    writer = _writers.get(type(event)) or _writer_of(event)
    if type(event) is MetricLogged and not lengths_equal((event.index, event.step, event.time, event.value)):
        raise EncodeError("runfold.MetricLogged", _lengths(event), "columns of one length")
    try:
        return writer.header + writer.encode(event)
    except encoding.FAILURES as error:
        raise encoding.explain(writer.shape, event, error) from None


def decode(message: framing.Buffer, lookup: SchemaLookup = RELEASED) -> Event:
    """The event of a message, as this release's schema has it.

    Args:
        message: bytes as they came from a topic.
        lookup: writer schema by fingerprint, None for an unknown one; schemas once found are kept for the process.

    Raises:
        UnknownFingerprint: the lookup does not know the writer's schema.
        UnknownEvent: it does, but no event of this release has that name.
        DecodeError: anything else that is wrong with the bytes; both above are DecodeErrors too.
    """
    message = message if type(message) is bytes else bytes(message)
    if message[:2] == _SINGLE_OBJECT and len(message) >= framing.HEADER_BYTES:
        fingerprint, place = message[2 : framing.HEADER_BYTES], framing.HEADER_BYTES
    else:
        fingerprint, body = framing.split(message)
        place = len(message) - len(body)
    reader = _readers.get(fingerprint)
    if reader is None:
        schema = lookup(fingerprint)
        if schema is None:
            raise UnknownFingerprint(fingerprint)
        reader = _readers[fingerprint] = _reader_of(schema)
    event: Event = reader.read(message, place)
    if type(event) is MetricLogged:
        _check_points(event)
    return event


def load_columns() -> None:
    """Loads what encodes columns fastest where numpy is not loaded: fastavro's C writer, some 30 ms.

    For a process that encodes many points, such as a shipper: 30 ns a number instead of 400.
    """
    import fastavro  # noqa: F401


def fingerprint_of(message: framing.Buffer) -> bytes:
    """The writer schema's fingerprint in a message. Raises DecodeError."""
    return framing.split(message)[0]


def _writer_of(event: Event) -> _Writer:
    name = type(event).__name__
    if EVENTS.get(name) is not type(event):
        raise EncodeError("event", event, f"one of {', '.join(EVENTS)} from runfold_schemas.events")
    shape = shapes.parse(catalog.schema(name))
    header = framing.SINGLE_OBJECT.header(catalog.fingerprint(name))
    writer = _writers[type(event)] = _Writer(header, shape, encoding.encoder(shape))
    return writer


def _reader_of(schema: Mapping[str, Any]) -> _Reader:
    full_name = catalog.full_name(str(schema.get("name", "")), schema.get("namespace"))
    namespace, _, name = full_name.rpartition(".")
    if namespace != catalog.NAMESPACE or name not in EVENTS:
        raise UnknownEvent(full_name)
    same = catalog.canonical_form(schema) == catalog.canonical(name)
    if same and _numpy() is not None:
        return _Reader(name, _direct_reader(name))
    return _Reader(name, _resolving_reader(name, schema, same))


def _direct_reader(name: str) -> Callable[[bytes, int], Any]:
    shape = shapes.parse(catalog.schema(name))
    read = decoding.decoder(shape, _makers(shape, {}))

    def direct(message: bytes, place: int) -> Any:
        try:
            event, end = read(message, place)
        except decoding.FAILURES as error:
            raise DecodeError(f"these {len(message) - place} bytes are no {name}: {error}") from error
        if end != len(message):
            raise DecodeError(f"{name} ends at byte {end} of {len(message)}")
        return event

    return direct


def _makers(shape: shapes.Shape, found: dict[str, decoding.Make]) -> dict[str, decoding.Make]:
    from runfold_schemas import events

    if shape.kind == "record" and shape.name not in found:
        found[shape.name] = getattr(events, shape.name.rpartition(".")[2])._make
        for _, field in shape.fields:
            _makers(field, found)
    elif shape.kind in ("array", "map"):
        _makers(shape.item, found)
    for branch in shape.branches:
        _makers(branch, found)
    return found


def _resolving_reader(name: str, schema: Mapping[str, Any], same: bool) -> Callable[[bytes, int], Any]:
    import fastavro

    parsed = fastavro.parse_schema(without_logical_types(schema), {})
    wanted = None if same else fastavro.parse_schema(without_logical_types(catalog.schema(name)), {})
    shape = shapes.parse(catalog.schema(name))
    build = _builder(shape, _makers(shape, {}))
    read = fastavro.schemaless_reader

    def resolving(message: bytes, place: int) -> Any:
        body = message[place:]
        stream = io.BytesIO(body)
        try:
            event = build(read(stream, parsed, wanted))
        except Exception as error:
            raise DecodeError(f"these {len(body)} bytes are no {name}: {type(error).__name__}: {error}") from error
        if stream.tell() != len(body):
            raise DecodeError(f"{name} ends at byte {stream.tell()} of {len(body)}")
        return event

    return resolving


def _builder(shape: shapes.Shape, make: Mapping[str, decoding.Make]) -> Callable[[Any], Any]:
    """What turns fastavro's dicts and lists into NamedTuples, tuples and columns."""
    if shape.kind == "record":
        fields = [(name, _builder(field, make)) for name, field in shape.fields]
        plain = all(built is _as_is for _, built in fields)
        names = [name for name, _ in fields]
        maker = make[shape.name]
        if plain:
            return lambda read: maker(tuple([read[name] for name in names]))
        return lambda read: maker(tuple([build(read[name]) for name, build in fields]))
    if shape.kind == "array":
        if shape.item.kind in _DTYPES:
            return _column_builder(_DTYPES[shape.item.kind])
        item = _builder(shape.item, make)
        return tuple if item is _as_is else lambda read: tuple([item(value) for value in read])
    return _bytes if shape.kind == "bytes" else _as_is


def _as_is(value: Any) -> Any:
    return value


def _bytes(value: bytes | str) -> bytes:
    """A default of bytes stands in a schema as text, a character for each byte; fastavro gives it as it stands."""
    return value.encode("latin-1") if isinstance(value, str) else value


_DTYPES = {"int": "i8", "long": "i8", "float": "f4", "double": "f8"}


def _column_builder(dtype: str) -> Callable[[Any], Any]:
    numpy = _numpy()
    return _as_is if numpy is None else lambda read: numpy.array(read, dtype)


def without_logical_types(avro: Any) -> Any:
    """The schema with logical types taken out, so that a reader gives plain numbers and bytes."""
    if isinstance(avro, list):
        return [without_logical_types(branch) for branch in avro]
    if isinstance(avro, Mapping):
        return {key: without_logical_types(value) for key, value in avro.items() if key != "logicalType"}
    return avro


@lru_cache(maxsize=1)
def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def _lengths(event: MetricLogged) -> str:
    return ", ".join(f"{name} {len(getattr(event, name))}" for name in _COLUMNS)


def _check_points(event: MetricLogged) -> None:
    """Raises DecodeError unless columns have one length and point into `series` and `texts`."""
    if not lengths_equal((event.index, event.step, event.time, event.value)):
        raise DecodeError(f"columns of MetricLogged differ in length: {_lengths(event)}")
    if not len(event.index):
        return
    least, most = _bounds(event.index)
    if least < 0 or most >= len(event.series):
        raise DecodeError(f"index holds {least} to {most}; MetricLogged has {len(event.series)} series")
    if any(series.kind in TEXT_KINDS for series in event.series):
        _check_texts(event)


def _bounds(column: Any) -> tuple[int, int]:
    return (int(column.min()), int(column.max())) if hasattr(column, "min") else (min(column), max(column))


def _check_texts(event: MetricLogged) -> None:
    textual = [series.kind in TEXT_KINDS for series in event.series]
    numpy = _numpy()
    if numpy is None:
        places = [value for which, value in zip(event.index, event.value, strict=True) if textual[which]]
        right = all(0 <= place < len(event.texts) and place == int(place) for place in places)
    else:
        found = numpy.asarray(event.value)[numpy.array(textual)[numpy.asarray(event.index)]]
        right = bool(((found >= 0) & (found < len(event.texts)) & (found == numpy.floor(found))).all())
    if not right:
        raise DecodeError(f"a text point of MetricLogged has no place among its {len(event.texts)} texts")


__all__ = [
    "encode",
    "decode",
    "fingerprint_of",
    "load_columns",
    "without_logical_types",
    "SchemaLookup",
    "RELEASED",
    "EncodeError",
    "DecodeError",
    "UnknownFingerprint",
    "UnknownEvent",
]
