"""How a message says by which schema it was written.

Avro single-object encoding: `C3 01`, the writer schema's CRC-64-AVRO as 8 bytes little-endian, the Avro body (Avro
1.12 specification, "Single-object encoding"). `Framing` is the seam for another one: Confluent's wire format starts
with 00, so the first byte tells the framings apart and both may lie in one topic.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from runfold_schemas.errors import DecodeError

Buffer = bytes | bytearray | memoryview
HEADER_BYTES = 10


class Framing(Protocol):
    """One way to frame. `reference` is what names the writer schema: here its fingerprint."""

    @property
    def first_byte(self) -> int:
        """By which byte a message of this framing is known."""

    def header(self, reference: bytes) -> bytes:
        """What stands before the body."""

    def split(self, message: Buffer) -> tuple[bytes, memoryview]:
        """Reference and body of a message; the body is a view, not a copy. Raises DecodeError."""


class SingleObject(NamedTuple):
    """Avro single-object encoding."""

    first_byte: int = 0xC3

    def header(self, reference: bytes) -> bytes:
        """`C3 01` and the fingerprint."""
        return b"\xc3\x01" + reference

    def split(self, message: Buffer) -> tuple[bytes, memoryview]:
        """Fingerprint and body."""
        if len(message) < HEADER_BYTES:
            raise DecodeError(f"a message has at least {HEADER_BYTES} bytes, this one has {len(message)}")
        if message[1] != 1:
            raise DecodeError(f"byte 1 is {message[1]:#04x}; single-object encoding has version 0x01 there")
        view = memoryview(message)
        return bytes(view[2:HEADER_BYTES]), view[HEADER_BYTES:]


SINGLE_OBJECT = SingleObject()
FRAMINGS: tuple[Framing, ...] = (SINGLE_OBJECT,)


def frame(fingerprint: bytes, body: bytes) -> bytes:
    """A message in single-object encoding."""
    return SINGLE_OBJECT.header(fingerprint) + body


def split(message: Buffer) -> tuple[bytes, memoryview]:
    """Fingerprint and body (a view) of a message in any known framing.

    Raises:
        DecodeError: too short, or of no known framing.
    """
    if not message:
        raise DecodeError("the message is empty")
    for framing in FRAMINGS:
        if message[0] == framing.first_byte:
            return framing.split(message)
    known = ", ".join(f"{framing.first_byte:#04x}" for framing in FRAMINGS)
    raise DecodeError(f"a message starts with {known}, this one with {message[0]:#04x}")
