"""What differs between a fact and its repeat (P10): a cloned disk or a restored process says two things by one ordinal.

Values are compared after decoding, over the fields that both writer schemas have: the same record shipped again by a
newer release is a plain repeat.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from runfold_consumers.fold.rules import Refusal
from runfold_schemas.codec import SchemaLookup, decode, fingerprint_of

EVENT = "event"


def differences(original: bytes, repeated: bytes, lookup: SchemaLookup) -> tuple[Refusal, ...]:
    """One refusal per field that differs, in the schema's order; none for a plain repeat."""
    if original == repeated:
        return ()
    kept: Any = decode(original, lookup)
    said: Any = decode(repeated, lookup)
    if type(kept) is not type(said):
        return (Refusal(EVENT, type(kept).__name__, type(said).__name__),)
    shared = _fields(original, lookup) & _fields(repeated, lookup)
    return tuple(
        Refusal(name, _shown(left), _shown(right))
        for name, left, right in zip(kept._fields, kept, said, strict=True)
        if name in shared and left != right
    )


def _fields(message: bytes, lookup: SchemaLookup) -> set[str]:
    schema = lookup(fingerprint_of(message)) or {}
    return {field["name"] for field in schema.get("fields", ())}


def _shown(value: Any) -> str | None:
    """As text for the record of refusals: strings as they are, all else as JSON, bytes by their digest."""
    if value is None or isinstance(value, str):
        return value
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes, SHA-256 {sha256(value).hexdigest()}"
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
