"""Metrics as an Avro object container file (Avro 1.12 specification, "Object Container Files"), bodies passed through.

One block holds one MetricLogged, so a body that was written by the current schema goes out byte for byte as the
writer's journal encoded it; a body of an older schema is decoded and encoded anew. Codec null: the connection is
local or compresses by itself.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

from runfold_schemas import catalog, codec
from runfold_schemas.framing import split

MEDIA_TYPE = "application/avro"
_EVENT = "MetricLogged"


class ContainerWriter:
    """Makes the pieces of one file: `head` first, then `block` per message. Holds no data."""

    def __init__(self, metadata: Mapping[str, bytes]) -> None:
        self._metadata = {
            "avro.schema": json.dumps(catalog.schema(_EVENT), separators=(",", ":")).encode(),
            "avro.codec": b"null",
            **metadata,
        }
        self._sync = secrets.token_bytes(16)
        self._fingerprint = catalog.fingerprint(_EVENT)

    def head(self) -> bytes:
        """Magic, metadata, sync marker."""
        entries = b"".join(_sized(key.encode()) + _sized(value) for key, value in self._metadata.items())
        return b"Obj\x01" + _long(len(self._metadata)) + entries + _long(0) + self._sync

    def block(self, message: bytes) -> bytes:
        """The block of one framed MetricLogged.

        Raises:
            DecodeError: its writer schema is not among the released ones.
        """
        fingerprint, body = split(message)
        if fingerprint != self._fingerprint:
            _, body = split(codec.encode(codec.decode(message)))
        return b"".join((_long(1), _long(len(body)), body, self._sync))


def _sized(data: bytes) -> bytes:
    return _long(len(data)) + data


def _long(value: int) -> bytes:
    """Avro's zig-zag varint of a count, which is never negative."""
    value <<= 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
