"""A dead letter is sent again (design section 6): the same bytes, under the key of what they say, as a new record.

Nothing that was decided is written over. First the principal states RecordRetried about what the record is about: it
refers to the old one by topic, partition, offset and digest. Then the bytes follow, and are folded as if they came for
the first time: the old record never took its ordinal. What a release still cannot read, or what no honest client can
have sent, is not sent again: it would only be set aside once more.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from runfold_consumers.api.errors import ApiError
from runfold_consumers.api.stating import Fact, Speaker, Stated
from runfold_consumers.fold.admission import UnfitRecord, admit
from runfold_consumers.fold.records import RawRecord
from runfold_schemas import catalog, codec, topics
from runfold_schemas.errors import DecodeError
from runfold_schemas.events import RecordRetried
from runfold_schemas.settings import Settings
from runfold_schemas.topics_admin import TopicsError, read_contract

CONTRACT_SECONDS_MAX = 5.0


class Letter(NamedTuple):
    """A dead letter, and where it belongs now that it can be read."""

    topic: str
    partition: int
    offset: int
    value: bytes
    topic_kind: str
    key: bytes
    aggregate_kind: str
    aggregate_id: str


def readable(settings: Settings, workspace: str, row: Mapping[str, Any]) -> tuple[Letter, str]:
    """What the letter says and by which event, with the schemas that this release and the workspace's contract know.

    Raises:
        ApiError: 409 `unreadable`, it would be set aside again, and why; 503, the broker does not answer.
    """
    found = topics.parse_topic(row["topic"], settings.topic_prefix)
    if found is None or found[0] != workspace:
        raise _unreadable(f"{row['topic']} is no topic of workspace {workspace} below {settings.topic_prefix!r}")
    try:
        contract = read_contract(
            settings.need("kafka"), topics.topics_of(settings.topic_prefix, workspace), seconds=CONTRACT_SECONDS_MAX
        )
    except (TopicsError, OSError) as error:
        raise ApiError(503, "unavailable", f"the contract cannot be read: {error}", service="kafka") from error
    value = bytes(row["value"] or b"")
    try:
        event: Any = codec.decode(value, lambda known: catalog.released(known) or contract.schemas.get(known))
        kind = topics.topic_of(type(event).__name__)
        key = topics.key_of(event)
        count = contract.manifest.partitions[kind]
        raw = RawRecord(workspace, kind, row["topic"], topics.partition(key, count), row["offset"], 0, key, value)
        admit(raw, event, count)
    except (DecodeError, UnfitRecord, KeyError, AttributeError) as error:
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    place = (row["topic"], row["partition"], row["offset"])
    return Letter(*place, value, kind, key, event.aggregate_kind, event.aggregate_id), type(event).__name__


def send_again(
    speaker: Speaker, workspace: str, principal: str, letter: Letter, reason: str | None, seconds: float
) -> Stated:
    """States that it is retried, then sends the bytes again. Raises ApiError 503 where the broker takes neither."""
    said = {
        "topic": letter.topic, "partition": letter.partition, "offset": letter.offset, "reason": reason,
        "sha256": hashlib.sha256(letter.value).hexdigest(),
    }  # fmt: skip
    fact = Fact(letter.aggregate_kind, letter.aggregate_id, RecordRetried, said)
    stated = speaker.state(workspace, principal, [fact])
    if not speaker.sent(stated.writer_id, time.monotonic() + seconds):
        message = "Kafka has not taken the word that it is retried; nothing was sent again, ask once more later"
        raise ApiError(503, "unavailable", message, headers={"Retry-After": "5"}, service="kafka")
    speaker.resend(workspace, letter.topic_kind, letter.key, letter.value)
    return stated


def _unreadable(why: str) -> ApiError:
    return ApiError(
        409, "unreadable", f"it would be set aside again: {why}. A release that reads it can retry it", reason=why
    )
