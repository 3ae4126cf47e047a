"""Watermarks: how far a reader must have folded to see something. Opaque text `w1....` outside this module.

Answers name offsets, next ones to read per (topic id, partition). A process asks for its own writes by ordinals, the
last one per lane, since it need not know offsets. One watermark may carry both. Merging is by maximum, so it commutes
and may be repeated.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import NamedTuple

_HEAD = "w1."
_BYTES_MAX = 4 << 20  # unpacked; some 30,000 lanes. Bounds what a stranger's text can make us allocate.


class Lane(NamedTuple):
    """What one writer says about one aggregate in one stream (`facts`, `points`, `log/<name>`)."""

    stream: str
    aggregate_kind: str
    aggregate_id: str
    writer_id: str


class Watermark(NamedTuple):
    """Next offsets per topic id and partition, last ordinals per lane."""

    offsets: Mapping[str, Mapping[int, int]] = {}
    ordinals: Mapping[Lane, int] = {}

    def __str__(self) -> str:
        """The text that `parse` reads; equal watermarks give equal text."""
        offsets = {
            topic: {str(partition): offset for partition, offset in sorted(of_topic.items())}
            for topic, of_topic in sorted(self.offsets.items())
            if of_topic
        }
        ordinals = [[*lane, ordinal] for lane, ordinal in sorted(self.ordinals.items())]
        text = json.dumps([offsets, ordinals], separators=(",", ":"), ensure_ascii=False)
        packed = zlib.compress(text.encode(), 6)
        return _HEAD + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    def __bool__(self) -> bool:
        """False when it asks for nothing."""
        return bool(self.ordinals) or any(self.offsets.values())


def parse(text: str) -> Watermark:
    """The watermark that a text stands for.

    Raises:
        ValueError: the text is no watermark, with what is wrong about it.
    """
    if not text.startswith(_HEAD):
        raise ValueError(f"a watermark starts with {_HEAD!r}, this is {text[:20]!r}")
    encoded = text[len(_HEAD) :]
    try:
        packed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"watermark {text[:20]!r}... is not base64url: {error}") from error
    unpack = zlib.decompressobj()
    try:
        raw = unpack.decompress(packed, _BYTES_MAX)
    except zlib.error as error:
        raise ValueError(f"watermark {text[:20]!r}... is damaged: {error}") from error
    if not unpack.eof:
        raise ValueError(f"watermark {text[:20]!r}... is cut short or holds more than {_BYTES_MAX} bytes")
    try:
        return _checked(json.loads(raw))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"watermark {text[:20]!r}... holds no offsets and ordinals: {error}") from error


def merge(a: Watermark, b: Watermark) -> Watermark:
    """The least watermark that asks for all that either asks for."""
    offsets = {topic: dict(of_topic) for topic, of_topic in a.offsets.items()}
    for topic, of_topic in b.offsets.items():
        mine = offsets.setdefault(topic, {})
        for partition, offset in of_topic.items():
            mine[partition] = max(offset, mine.get(partition, 0))
    ordinals = dict(a.ordinals)
    for lane, ordinal in b.ordinals.items():
        ordinals[lane] = max(ordinal, ordinals.get(lane, 0))
    return Watermark(offsets, ordinals)


def _checked(body: object) -> Watermark:
    if not (isinstance(body, list) and len(body) == 2 and isinstance(body[0], dict) and isinstance(body[1], list)):
        raise ValueError("expected a mapping of offsets and a list of lanes")
    offsets = {
        topic: {_number(int(partition)): _number(offset) for partition, offset in of_topic.items()}
        for topic, of_topic in body[0].items()
    }
    ordinals = {}
    for row in body[1]:
        if not (isinstance(row, list) and len(row) == 5 and all(isinstance(part, str) for part in row[:4])):
            raise ValueError(f"{row!r} is no lane with its ordinal")
        ordinals[Lane(*row[:4])] = _number(row[4])
    return Watermark(offsets, ordinals)


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{value!r} is no partition, offset or ordinal")
    return value
