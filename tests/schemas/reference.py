"""fastavro as the witness: what it writes for a value, and what it reads."""

from __future__ import annotations

import io
from typing import Any

import fastavro

from runfold_schemas import catalog, codec
from runfold_schemas.shapes import Shape


def plain(shape: Shape, value: Any) -> Any:
    """A value as fastavro wants it: dicts for records, lists for arrays."""
    if shape.kind == "record":
        return {name: plain(field, item) for (name, field), item in zip(shape.fields, value, strict=True)}
    if shape.kind == "array":
        return [plain(shape.item, item) for item in value]
    if shape.kind == "map":
        return {key: plain(shape.item, item) for key, item in value.items()}
    if shape.kind == "union":
        records = [branch for branch in shape.branches if branch.kind == "record"]
        return plain(records[0], value) if isinstance(value, tuple) and records else value
    return value


def written(schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(codec.without_logical_types(schema), {}), value)
    return out.getvalue()


def message(schema: Any, value: Any) -> bytes:
    """A framed message by another writer."""
    return b"\xc3\x01" + catalog.fingerprint_of(catalog.canonical_form(schema)) + written(schema, value)
