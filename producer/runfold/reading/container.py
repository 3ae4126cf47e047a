"""Opens the Avro object container file (Avro 1.12, "Object Container Files") in which the API sends metrics.

The API writes one event a block, so a block's body with a frame before it is a message, and the codec decodes it as
one that came from a topic. Pure but for the `read` that it is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runfold_schemas import catalog, codec, framing
from runfold_schemas.events import MetricLogged

from .transport import Truncated

_CHUNK_BYTES = 256 * 1024
_SYNC_BYTES = 16
_MAGIC = b"Obj\x01"


class Container:
    """A file being read.

    :param read: Gives at most so many bytes; none at the end.
    :raises Truncated: The file ends in the middle.
    :raises ValueError: It is no container file, or one that the API does not write.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._source = _Source(read)
        if self._source.take(len(_MAGIC)) != _MAGIC:
            raise ValueError("the metrics that the API sent are no Avro container file")
        self.metadata = self._read_metadata()
        self._sync = self._source.take(_SYNC_BYTES)
        schema = json.loads(self.metadata["avro.schema"])
        self._header = framing.frame(catalog.fingerprint_of(catalog.canonical_form(schema)), b"")
        self._schema: Mapping[str, Any] = schema

    def events(self) -> Iterator[MetricLogged]:
        """The events, in the file's order."""
        while not self._source.ended():
            count, size = self._source.long(), self._source.long()
            body = self._source.take(size)
            if self._source.take(_SYNC_BYTES) != self._sync:
                raise ValueError("a block of the container file is not followed by its sync marker")
            if count != 1:
                raise ValueError(f"a block holds {count} events; the API writes one a block")
            event = codec.decode(self._header + body, lambda fingerprint: self._schema)
            if not isinstance(event, MetricLogged):
                raise ValueError(f"the container file holds {type(event).__name__}; MetricLogged was asked for")
            yield event

    def _read_metadata(self) -> dict[str, bytes]:
        metadata = {}
        while count := self._source.long():
            if count < 0:  # Avro's other form of a map: the block's size in bytes stands before it
                self._source.long()
            for _ in range(abs(count)):
                key = self._source.take(self._source.long()).decode()
                metadata[key] = self._source.take(self._source.long())
        return metadata


class _Source:
    """Bytes of the file, from a buffer that is filled as they are wanted."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = b""
        self._place = 0

    def take(self, size: int) -> bytes:
        if size < 0:
            raise ValueError(f"a length of {size} in the container file")
        while len(self._buffer) - self._place < size:
            if not self._fill(size):
                raise Truncated("the container file ends in the middle")
        taken = self._buffer[self._place : self._place + size]
        self._place += size
        return taken

    def long(self) -> int:
        """Avro's zig-zag varint."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
            if shift > 63:
                raise ValueError("a number in the container file is longer than 64 bits")

    def ended(self) -> bool:
        return self._place == len(self._buffer) and not self._fill(1)

    def _fill(self, size: int) -> bool:
        more = self._read(max(_CHUNK_BYTES, size))
        self._buffer = self._buffer[self._place :] + more
        self._place = 0
        return bool(more)
