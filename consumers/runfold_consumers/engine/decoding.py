"""Raw records to a projection's records; what cannot be decoded becomes a dead letter."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

from runfold_consumers.engine.contracts import Contracts
from runfold_consumers.engine.dead_letters import PARKED, POISON, DeadLetter, letter
from runfold_consumers.engine.errors import Away, PoisonError, Stop
from runfold_consumers.engine.projection import Projection
from runfold_consumers.fold.records import RawRecord
from runfold_schemas import topics
from runfold_schemas.errors import UnknownEvent, UnknownFingerprint

log = logging.getLogger(__name__)
RecordT = TypeVar("RecordT")


def decode(
    projection: Projection[RecordT], contracts: Contracts, raws: Sequence[RawRecord]
) -> tuple[list[tuple[RawRecord, RecordT]], list[DeadLetter]]:
    """Decodes records of one topic; those that cannot be, and those in a partition not their key's (P6), are set aside.

    Raises:
        Away: a contract had to be read, and the broker does not answer.
    """
    decoded: list[tuple[RawRecord, RecordT]] = []
    dead: list[DeadLetter] = []
    count = contracts.partition_count(raws[0].workspace, raws[0].topic_kind) if raws else 0
    for raw in raws:
        try:
            belongs = None if raw.key is None else _partition(raw.key, count)
            if belongs != raw.partition:
                raise PoisonError(f"key {raw.key!r} belongs into partition {belongs} of {count}, not {raw.partition}")
            decoded.append((raw, _decode(projection, contracts, raw)))
        except (Away, Stop):
            raise
        except (UnknownFingerprint, UnknownEvent) as error:  # a later release may read it
            dead.append(letter(raw, PARKED, error))
        except Exception as error:  # noqa: BLE001 - any bytes may come; the limit tells a bad release from a bad record
            dead.append(letter(raw, POISON, error))
    for each in dead:
        raw = each.raw
        place = {"topic": raw.topic, "partition": raw.partition, "offset": raw.offset}
        log.warning("dead_letter", extra={"kind": each.kind, **place, "detail": each.reason})
    return decoded, dead


def _decode(projection: Projection[RecordT], contracts: Contracts, raw: RawRecord) -> RecordT:
    """A writer puts its schema into `contract` before it uses it: an unknown one is looked up there, once."""
    try:
        return projection.decode(raw)
    except UnknownFingerprint as unknown:
        if not contracts.learn(raw.workspace, unknown.fingerprint):
            raise
        return projection.decode(raw)


@lru_cache(maxsize=1 << 16)
def _partition(key: bytes, partitions: int) -> int:
    """`topics.partition`, remembered: hashing a key in Python costs as much as folding its record."""
    return topics.partition(key, partitions)
