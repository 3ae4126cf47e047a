"""The published schemas by event name: raw JSON, parsing canonical form, fingerprint.

Source are the files `events/runfold.<Name>.avsc`, read at first use, each once. Names are short (`TagSet`); the full
name in the schema is `runfold.TagSet`. Pure Python: a training process needs fingerprints, but no Avro library for
them. Canonical form and CRC-64-AVRO as in the Avro 1.12 specification, "Transforming into Parsing Canonical Form" and
"Schema Fingerprints".
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

NAMESPACE = "runfold"
EVENTS = Path(__file__).parent / "events"
RELEASED = Path(__file__).parent / "released"
Schema = dict[str, Any]

_PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_EMPTY = 0xC15D213AA4D7A795


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Short names of all events, sorted."""
    return tuple(sorted(path.name.split(".")[1] for path in EVENTS.glob(f"{NAMESPACE}.*.avsc")))


@cache
def schema(name: str) -> Schema:
    """The schema as published, with docs and logical types. Callers must not change it.

    Raises:
        KeyError: there is no event of that name.
    """
    path = EVENTS / f"{NAMESPACE}.{name}.avsc"
    try:
        loaded: Schema = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KeyError(f"no event is named {name!r}; there are {', '.join(names())}") from None
    return loaded


@cache
def canonical(name: str) -> str:
    """Parsing canonical form of the event's schema: equal for two schemas exactly when they write the same bytes."""
    return canonical_form(schema(name))


@cache
def fingerprint(name: str) -> bytes:
    """CRC-64-AVRO of the canonical form, 8 bytes little-endian, as they stand in a message."""
    return fingerprint_of(canonical(name))


def released(wanted: bytes) -> Schema | None:
    """The schema of that fingerprint, among this release's and all frozen ones; None when there is none."""
    return all_released().get(wanted)


def releases() -> dict[str, dict[str, Schema]]:
    """The frozen schemas: by release, by event name."""
    found: dict[str, dict[str, Schema]] = {}
    for path in sorted(RELEASED.glob(f"*/{NAMESPACE}.*.avsc")):
        found.setdefault(path.parent.name, {})[path.name.split(".")[1]] = json.loads(path.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=1)
def all_released() -> dict[bytes, Schema]:
    """Every schema that `released` knows, by fingerprint. Callers must not change it."""
    known = {fingerprint(name): schema(name) for name in names()}
    for of_release in releases().values():
        for frozen in of_release.values():
            known.setdefault(fingerprint_of(canonical_form(frozen)), frozen)
    return known


def full_name(name: str, namespace: str | None) -> str:
    """Avro's full name: a name with a dot is one already."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def canonical_form(avro: Any) -> str:
    """Parsing canonical form of any Avro schema (parsed JSON)."""
    return json.dumps(_canonical(avro, None), separators=(",", ":"), ensure_ascii=False)


def fingerprint_of(canonical_text: str) -> bytes:
    """CRC-64-AVRO of a canonical form, 8 bytes little-endian."""
    table = _table()
    crc = _EMPTY
    for byte in canonical_text.encode():
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc.to_bytes(8, "little")


def _canonical(avro: Any, namespace: str | None) -> Any:
    if isinstance(avro, str):
        return avro if avro in _PRIMITIVES else full_name(avro, namespace)
    if isinstance(avro, list):
        return [_canonical(branch, namespace) for branch in avro]
    kind = avro["type"]
    if kind in ("record", "error", "enum", "fixed"):
        name = full_name(avro["name"], avro.get("namespace", namespace))
        inner = name.rpartition(".")[0] or None
        form: Schema = {"name": name, "type": kind}
        if kind == "enum":
            form["symbols"] = avro["symbols"]
        elif kind == "fixed":
            form["size"] = int(avro["size"])
        else:
            form["fields"] = [{"name": f["name"], "type": _canonical(f["type"], inner)} for f in avro["fields"]]
        return form
    if kind == "array":
        return {"type": "array", "items": _canonical(avro["items"], namespace)}
    if kind == "map":
        return {"type": "map", "values": _canonical(avro["values"], namespace)}
    return _canonical(kind, namespace)


@lru_cache(maxsize=1)
def _table() -> tuple[int, ...]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = (crc >> 1) ^ (_EMPTY & -(crc & 1))
        table.append(crc)
    return tuple(table)
