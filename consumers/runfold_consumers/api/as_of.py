"""As of a moment (design section 8): which offsets a watermark or a broker time stands for.

A watermark says it itself: the next offset per topic id and partition, 0 where it names none. A broker time stands for
the facts that the broker had taken by then, exactly; of telemetry, which is not kept by offset, for all of the seconds
up to the one that the time lies in. A time later than all that is folded stands for what is folded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated

from fastapi import Query

from runfold_consumers.api.database import Snapshot
from runfold_consumers.api.errors import ApiError, invalid
from runfold_schemas.watermark import Watermark, parse

Positions = dict[tuple[str, int], int]
"""By (topic kind, partition): the next offset. What is not in it is cut before its first record."""

AsOf = Annotated[
    str | None,
    Query(
        max_length=1 << 20,
        description="As of this moment: a watermark of an answer, or a broker time (ISO 8601 with zone).",
        examples=["2026-11-01T12:00:00Z"],
    ),
]
_WATERMARK = "w1."
_SPACE_FOR_PLUS = re.compile(r" (?=\d\d:?\d\d$)")


def is_watermark(as_of: str) -> bool:
    """Whether it is meant as a watermark; else as a broker time."""
    return as_of.startswith(_WATERMARK)


def watermark_of(as_of: str | None) -> Watermark:
    """What has to be folded before the moment can be looked at; of a broker time nothing.

    Raises:
        ApiError: 400, it is neither a watermark with offsets nor a time.
    """
    if as_of is None or not is_watermark(as_of):
        if as_of is not None:
            time_of(as_of)
        return Watermark()
    try:
        watermark = parse(as_of)
    except ValueError as error:
        raise invalid(f"as_of: {error}") from None
    if watermark.ordinals or not watermark.offsets:
        raise invalid(
            "as_of takes a watermark of offsets, as every answer names one; this one holds ordinals or nothing"
        )
    return watermark


def time_of(as_of: str) -> datetime:
    """The broker time that a text says. Raises ApiError 400."""
    text = _SPACE_FOR_PLUS.sub("+", as_of.strip())  # an unescaped plus in a URL reads as a space
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "Zz" else text)
        return moment.astimezone(timezone.utc) if moment.tzinfo else _refuse(as_of)
    except (ValueError, OverflowError):
        return _refuse(as_of)


def _refuse(as_of: str) -> datetime:
    raise invalid(
        f"as_of is {as_of[:60]!r}; allowed is a watermark as an answer names it, or a time with zone such as "
        "2026-11-01T12:00:00Z"
    )


async def positions_of(snapshot: Snapshot, as_of: str) -> Positions:
    """Next offsets by (topic kind, partition) at the moment: all before them had happened, nothing else.

    Args:
        snapshot: must cover the watermark (`Reading.at`), else it is answered 503.
        as_of: a watermark of offsets, or a broker time.

    Raises:
        ApiError: 400, it is neither; 503 `not_yet`, the snapshot does not cover it.
    """
    rows = await snapshot.rows("standing")
    folded: Positions = {}
    kinds: dict[str, str] = {}
    for row in rows:
        kind = kinds[row["topic_id"]] = topic_kind(snapshot.workspace, row["topic"])
        folded[kind, row["partition"]] = row["next_offset"]
    if not is_watermark(as_of):
        return await _positions_at(snapshot, folded, time_of(as_of))
    positions: Positions = {}
    for topic_id, of_topic in watermark_of(as_of).offsets.items():
        for partition, offset in of_topic.items():
            if folded.get((kinds.get(topic_id, ""), partition), 0) < offset:
                message = f"as_of: offset {offset} of partition {partition} of topic {topic_id} is not folded here"
                raise ApiError(503, "not_yet", message, headers={"Retry-After": "1"})
            if offset:
                positions[kinds[topic_id], partition] = offset
    return positions


async def watermark_at(snapshot: Snapshot, positions: Mapping[tuple[str, int], int], as_of: str | None = None) -> str:
    """The watermark that names these positions: the one that was asked for, where it was one."""
    if as_of is not None and is_watermark(as_of):
        return str(watermark_of(as_of))
    offsets: dict[str, dict[int, int]] = {}
    for row in await snapshot.rows("standing"):
        offset = positions.get((topic_kind(snapshot.workspace, row["topic"]), row["partition"]))
        if offset is not None:
            offsets.setdefault(row["topic_id"], {})[row["partition"]] = offset
    return str(Watermark(offsets))


def topic_kind(workspace: str, topic: str) -> str:
    """facts or telemetry, as the topic's name says; a generation (`.g2`) is the same kind."""
    return topic.rpartition(f".{workspace}.")[2].partition(".")[0]


async def _positions_at(snapshot: Snapshot, folded: Positions, at: datetime) -> Positions:
    places = {
        f"{name}_{field}": [(partition, offset)[place] for (kind, partition), offset in folded.items() if kind == topic]
        for name, topic in (("fact", "facts"), ("telemetry", "telemetry"))
        for place, field in enumerate(("partitions", "offsets"))
    }
    at = min(max(at, _EARLIEST), _LATEST)
    rows = await snapshot.rows("positions_at", {**places, "at": at})
    return {(row["topic_kind"], row["partition"]): row["next_offset"] for row in rows if row["next_offset"]}


_EARLIEST = datetime(1, 1, 2, tzinfo=timezone.utc)
_LATEST = datetime(9999, 12, 31, tzinfo=timezone.utc) - timedelta(days=1)
