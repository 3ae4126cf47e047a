"""What can be wrong with an event or a message.

EncodeError(TypeError)              the value does not fit the schema: a defect of the caller
DecodeError(ValueError)             these bytes are no event that can be read: a dead letter
  UnknownFingerprint                the writer's schema is not known here: look into the `contract` topic, then park
  UnknownEvent                      the writer's schema is known, an event of that name is not: a newer release
"""

from __future__ import annotations


class EncodeError(TypeError):
    """A value does not fit its place in the schema.

    Attributes:
        path: place in the schema, such as `runfold.MetricLogged.series[0].name`.
        value: what stood there.
        allowed: what may stand there, in words.
    """

    def __init__(self, path: str, value: object, allowed: str) -> None:
        shown = repr(value)
        if len(shown) > 200:
            shown = f"{shown[:200]}... ({len(shown)} characters)"
        super().__init__(f"{path}: {shown} of type {type(value).__name__} cannot be written; allowed is {allowed}")
        self.path, self.value, self.allowed = path, value, allowed


class DecodeError(ValueError):
    """Bytes that are no readable event; the text says what is wrong and where it is known at which byte."""


class UnknownFingerprint(DecodeError):
    """The message names a writer schema that the lookup does not know.

    Attributes:
        fingerprint: the 8 bytes, as they stand in the message (CRC-64-AVRO, little-endian).
    """

    def __init__(self, fingerprint: bytes) -> None:
        super().__init__(f"no schema with fingerprint {fingerprint.hex()} is known here; look into the contract topic")
        self.fingerprint = fingerprint


class UnknownEvent(DecodeError):
    """The writer's schema is known, but this release has no event of that name.

    Attributes:
        name: full name of the event, such as `runfold.ModelRegistered`.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is no event of this release; a newer one wrote it")
        self.name = name
