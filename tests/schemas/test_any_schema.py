"""Encoder and decoder over generated Avro schemas: every type is covered, none is special to our events."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import fastavro
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runfold_schemas import catalog, decoding, encoding, shapes
from tests.schemas import reference, strategies


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_any_schema_is_written_as_fastavro_writes_it_and_read_back(data: st.DataObject) -> None:
    avro = data.draw(strategies.schemas())
    shape = shapes.parse(avro)
    value = data.draw(strategies.values(shape, {}) if not _recursive(avro) else _nested(shape))
    body = encoding.encoder(shape)(value)
    assert body == reference.written(avro, reference.plain(shape, value))
    read, end = decoding.decoder(shape, {})(body, 0)
    assert end == len(body)
    assert encoding.encoder(shape)(read) == body
    for length in range(len(body)):
        try:
            _, end = decoding.decoder(shape, {})(body[:length], 0)
        except decoding.FAILURES:
            continue
        assert end > length


def _recursive(avro: dict[str, Any]) -> bool:
    return bool(avro["fields"][-1]["name"] == "again")


def _nested(shape: shapes.Shape) -> st.SearchStrategy[Any]:
    fields = [strategies.values(field, {}) for name, field in shape.fields if name != "again"]
    return st.recursive(st.tuples(*fields, st.none()), lambda inner: st.tuples(*fields, inner), max_leaves=3)


@given(strategies.schemas())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_canonical_form_and_fingerprint_are_fastavros(avro: dict[str, Any]) -> None:
    canonical = fastavro.schema.to_parsing_canonical_form(avro)
    assert catalog.canonical_form(avro) == canonical
    assert catalog.fingerprint_of(canonical).hex() == fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")


@pytest.mark.parametrize("name", catalog.names())
def test_published_fingerprints_are_fastavros(name: str) -> None:
    canonical = fastavro.schema.to_parsing_canonical_form(catalog.schema(name))
    assert catalog.canonical(name) == canonical
    assert catalog.fingerprint(name).hex() == fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")


def test_the_fingerprint_of_int_is_the_specifications() -> None:
    assert int.from_bytes(catalog.fingerprint_of('"int"'), "little") == 0x7275D51A3F395C8F


class Left(NamedTuple):
    a: int


class Right(NamedTuple):
    b: str


UNION = [
    "null",
    "boolean",
    "int",
    "long",
    "double",
    "string",
    "bytes",
    {"type": "array", "items": "long"},
    {"type": "map", "values": "string"},
    {"type": "enum", "name": "E", "symbols": ["x", "y"]},
    {"type": "record", "name": "Left", "fields": [{"name": "a", "type": "int"}]},
    {"type": "record", "name": "Right", "fields": [{"name": "b", "type": "string"}]},
]


@pytest.mark.parametrize(
    ("value", "branch"),
    [
        *((None, 0), (True, 1), (7, 2), (2**40, 3), (0.5, 4), ("text", 5), (b"raw", 6)),
        *(([1, 2], 7), ({"k": "v"}, 8), (Left(3), 10), (Right("b"), 11)),
    ],
)
def test_in_a_union_the_first_branch_that_takes_the_value_is_written(value: Any, branch: int) -> None:
    shape = shapes.parse(UNION)
    body = encoding.encoder(shape)(value)
    assert body[0] == branch * 2
    made = {"Left": Left._make, "Right": Right._make}
    read, end = decoding.decoder(shape, made)(body, 0)
    assert end == len(body)
    assert np.array_equal(read, value) if isinstance(value, list) else read == value
    plain = value._asdict() if hasattr(value, "_asdict") else value
    assert fastavro.schemaless_reader(io.BytesIO(body), UNION) == plain


def test_what_no_branch_takes_is_refused_with_all_that_is_allowed() -> None:
    shape = shapes.parse({"type": "record", "name": "R", "fields": [{"name": "u", "type": ["null", "int", "string"]}]})
    with pytest.raises(encoding.FAILURES) as caught:
        encoding.encoder(shape)((0.5,))
    error = encoding.explain(shape, (0.5,), caught.value)
    assert (error.path, error.allowed) == ("R.u", "null or int or string")


@pytest.mark.parametrize(
    ("avro", "text"),
    [
        (
            {"type": "record", "name": "R", "fields": [{"name": "f", "type": "integer"}]},
            "R.f: 'integer' is no Avro type",
        ),
        (
            {"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "array"}}]},
            "R.f: this array has no",
        ),
        ({"type": "record", "name": "R"}, "R: this record has no 'fields'"),
        ({"type": "array", "items": ["null", 7]}, r"schema\[\]\[1\]: 7 is no Avro schema"),
    ],
)
def test_what_is_no_avro_type_is_a_type_error_with_its_path(avro: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        shapes.parse(avro)


def test_items_that_take_no_bytes_are_bounded() -> None:
    shape = shapes.parse({"type": "array", "items": "null"})
    read = decoding.decoder(shape, {})
    assert read(encoding.encoder(shape)([None] * 5), 0)[0] == (None,) * 5
    with pytest.raises(ValueError, match="are said to follow"):
        read(reference.written("long", 2**60), 0)
