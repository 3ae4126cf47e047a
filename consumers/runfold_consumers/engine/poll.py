"""The engine's side of the broker: sole importer of the Kafka consumer.

Nothing here decides where reading goes on. A partition that the group assigns is paused at once; the loop places it
(`place`) after it has compared the stored position with the log. Group offsets are written for monitoring tools only
and never read: a position is set before the client could ask for them, and `auto_offset_reset = none` makes it raise
where it would otherwise choose an offset by itself.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import (
    CorruptRecordError,
    GroupAuthorizationFailedError,
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)
from kafka.structs import OffsetAndMetadata

from runfold_consumers.engine.errors import Away, LogMismatch, Stop
from runfold_consumers.fold.records import RawRecord
from runfold_schemas.topics_admin import client_config, connected
from runfold_schemas.varints import unzig

log = logging.getLogger(__name__)

RECORDS_PER_POLL = 5_000
PARTITION_FETCH_BYTES = 8 << 20  # several telemetry messages of 900 KiB a partition and request
FETCH_BYTES = 32 << 20  # a poll's bytes, and with the next fetch under way twice this, bound the memory
FETCH_WAIT_MS = 100  # a resumed partition waits at most this long for the request that is under way without it
SESSION_TIMEOUT_MS = 6_000  # a killed projector's partitions are free after this; the broker's default minimum
METADATA_AGE_MS = 1_000  # a new workspace is noticed after this
REQUEST_MS = 5_000
MARKED_S = 2.0  # a join takes less on a healthy group; asking for one more is harmless


class Partition(NamedTuple):
    """A partition of a topic, by the topic's full name."""

    topic: str
    partition: int


class Source(NamedTuple):
    """Which topics to read: those of every workspace below `prefix`, of these kinds, as member of `group`."""

    bootstrap: str
    prefix: str
    topic_kinds: tuple[str, ...]
    group: str
    instance: str | None = (
        None  # static group membership: a restarted instance gets its partitions back without a rebalance
    )

    def pattern(self) -> str:
        """Regular expression for the topics' full names; groups are workspace and kind."""
        return rf"^{re.escape(self.prefix)}\.([a-z0-9-]{{3,33}})\.({'|'.join(self.topic_kinds)})$"


class Poller:
    """A member of the consumer group. Not thread-safe, but for what the client's own thread does in the listener.

    Raises:
        Away: at construction and in every call, when the broker does not answer.
        Stop: when it answers that this cannot work (authorisation, corrupt records), LogMismatch when an offset is
        gone.
    """

    def __init__(self, source: Source) -> None:
        self._pattern = re.compile(source.pattern())
        self._names: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()
        self._assigned: frozenset[Partition] | None = None
        self._marked_since: float | None = None  # monotonic
        try:
            self._consumer = connected(
                KafkaConsumer,
                **client_config(source.bootstrap),
                group_id=source.group,
                group_instance_id=source.instance,
                auto_offset_reset="none",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                metrics_enabled=False,
                fetch_min_bytes=1,
                fetch_max_wait_ms=FETCH_WAIT_MS,
                fetch_max_bytes=FETCH_BYTES,
                max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
                max_poll_records=RECORDS_PER_POLL,
                metadata_max_age_ms=METADATA_AGE_MS,
                session_timeout_ms=SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=SESSION_TIMEOUT_MS // 4,
                reconnect_backoff_max_ms=1_000,
                bootstrap_timeout_ms=REQUEST_MS,
            )
            self._consumer._fetcher.PartitionRecords = partial(_Unpacked, names=self.names)
            self._consumer.subscribe(pattern=source.pattern(), listener=_Listener(self))
        except KafkaError as error:
            raise Away("kafka", f"{source.bootstrap}: {error}") from error

    def poll(self, timeout_ms: int) -> dict[Partition, list[RawRecord]]:
        """Records of placed partitions, in offset order; waits up to `timeout_ms` for the first. Keeps the group
        membership alive.
        """
        try:
            self._unmark()
            polled = self._consumer.poll(timeout_ms=timeout_ms)
        except NoOffsetForPartitionError:
            return {}  # between an assignment and its listener; the listener has set a position by now
        except (OffsetOutOfRangeError, LogTruncationError) as error:
            raise self._mismatch(error) from error
        except KafkaError as error:
            raise _translated(error) from error
        return {Partition(*found): records for found, records in polled.items()}

    def take_assignment(self) -> frozenset[Partition] | None:
        """The whole assignment, once after each rebalance; None in between."""
        with self._lock:
            assigned, self._assigned = self._assigned, None
            return assigned

    def names(self, topic: str) -> tuple[str, str]:
        """Workspace and kind of a topic."""
        if topic not in self._names:
            match = self._pattern.match(topic)
            if match is None:
                raise ValueError(f"{topic} does not match {self._pattern.pattern}")
            self._names[topic] = (match[1], match[2])
        return self._names[topic]

    def topic_id(self, topic: str) -> str | None:
        """The topic's id as of the last metadata answer; None while it is unknown."""
        # The client has no public door to ids; the admin client would cost a round trip a batch.
        found = self._consumer._cluster.topic_id(topic)
        return None if found is None else str(found)

    def begins(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """First offset that the log still has."""
        return self._offsets(self._consumer.beginning_offsets, partitions)

    def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Next offset that the log will give."""
        return self._offsets(self._consumer.end_offsets, partitions)

    def place(self, partition: Partition, offset: int) -> None:
        """Reads on from `offset`. A partition that was taken away in between is left alone."""
        place = TopicPartition(*partition)
        try:
            self._consumer.seek(place, offset)
            self._consumer.resume(place)
        except (ValueError, KeyError, AttributeError):
            return  # revoked by the client's thread: the next assignment tells

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Stops reading these; polling goes on for the group's sake."""
        held = self._consumer.assignment()
        self._consumer.pause(*(TopicPartition(*each) for each in partitions if TopicPartition(*each) in held))

    def show(self, offsets: Mapping[Partition, int]) -> None:
        """Writes group offsets for monitoring tools, without waiting for the answer."""
        with suppress(KafkaError):
            self._consumer.commit_async(
                {TopicPartition(*at): OffsetAndMetadata(to, "", -1) for at, to in offsets.items()}
            )

    def close(self) -> None:
        """Leaves the group, if the broker answers."""
        with suppress(KafkaError):
            self._consumer.close(autocommit=False, timeout_ms=2_000)

    def _offsets(
        self, ask: Callable[..., dict[TopicPartition, int]], partitions: Iterable[Partition]
    ) -> dict[Partition, int]:
        places = [TopicPartition(*each) for each in partitions]
        if not places:
            return {}
        try:
            return {Partition(*found): offset for found, offset in ask(places, timeout_ms=REQUEST_MS).items()}
        except KafkaError as error:
            raise _translated(error) from error
        except (AttributeError, KeyError) as error:  # kafka-python: one being deleted has None for an answer, or none
            raise Away("kafka", f"no offsets for some of {[tuple(p) for p in places]}") from error

    def _mismatch(self, error: KafkaError) -> Stop:
        what = "the broker no longer has that offset (truncated, expired or re-created)"
        places = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        for (topic, partition), offset in places.items():
            next_offset = offset if isinstance(offset, int) else getattr(offset, "offset", -1)
            return LogMismatch(topic, partition, next_offset, what)
        return Stop(f"{what}: {error}")

    def _unmark(self) -> None:
        """Joins the group again where the client has forgotten to.

        kafka-python marks the partitions that it has before it joins, so that nothing is fetched meanwhile, and unmarks
        them when it has joined. If its reason to join is gone before that (a topic was deleted and is there again), it
        does not join after all, and would never fetch them again.
        """
        states = self._consumer._subscription.assignment
        if not any(state._pending_revocation for state in list(states.values())):
            self._marked_since = None
        elif self._marked_since is None:
            self._marked_since = time.monotonic()
        elif time.monotonic() - self._marked_since > MARKED_S and not self._consumer._coordinator.need_rejoin():
            self._marked_since = None
            log.warning("joining_again", extra={"detail": "the client has left partitions marked as being revoked"})
            self._consumer._coordinator.request_rejoin()

    def _reassigned(self, partitions: Iterable[TopicPartition]) -> None:
        """On the client's thread, before the first fetch: hold everything until the loop has placed it."""
        found = list(partitions)
        for place in found:
            self._consumer.seek(place, 0)  # so that no group offset is looked up
        self._consumer.pause(*found)
        with self._lock:
            self._assigned = frozenset(Partition(*place) for place in found)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    def __init__(self, poller: Poller) -> None:
        self._poller = poller

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing to let go of: what is under way is settled by the position rows."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._poller._reassigned(assigned)


class _Unpacked(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """What a fetch gave of one partition, as RawRecords; kafka-python's own records cost three times as much.

    Otherwise as the original: checksums are checked, control batches left out, and `next_fetch_offset` and
    `leader_epoch` are those of the last record given.
    """

    def __init__(self, *args: Any, names: Callable[[str], tuple[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)  # makes the generator below, and does not start it
        self._names = names

    def _unpack_records(self, place: TopicPartition, records: Any, *_: object) -> Iterator[RawRecord]:
        head = (*self._names(place.topic), place.topic, place.partition)
        batch = records.next_batch()
        while batch is not None:
            if batch.magic != 2 or not batch.validate_crc():
                what = f"batch at offset {batch.base_offset} of {place.topic}[{place.partition}]"
                raise CorruptRecordError(f"{what} has format {batch.magic} (2 is read) or a wrong checksum")
            self.leader_epoch = batch.leader_epoch
            if not batch.is_control_batch:
                for raw in _unpacked(head, batch):
                    self.next_fetch_offset = raw.offset + 1
                    yield raw
            self.next_fetch_offset = batch.next_offset
            batch = records.next_batch()
        self.drain()


def _unpacked(head: tuple[str, str, str, int], batch: Any) -> Iterator[RawRecord]:
    """The records of a batch (Kafka's format 2). Raises CorruptRecordError."""
    batch._maybe_uncompress()
    buffer, place, base = bytes(batch._buffer), batch._pos, batch.base_offset
    first_ms, appended_ms = batch.first_timestamp, batch.max_timestamp if batch.timestamp_type else None
    try:
        for _ in range(batch.records_count):
            length, place = unzig(buffer, place)
            end = place + length
            since_ms, place = unzig(buffer, place + 1)  # behind the attributes, which are unused
            delta, place = unzig(buffer, place)
            size, place = unzig(buffer, place)
            key = None if size < 0 else buffer[place : place + size]
            size, place = unzig(buffer, place + max(size, 0))
            value = buffer[place : place + max(size, 0)]
            if not place + max(size, 0) < end <= len(buffer):
                raise ValueError(f"record {delta} does not end where it says")
            place = end  # behind the headers: nobody writes any
            time_ms = first_ms + since_ms if appended_ms is None else appended_ms
            yield RawRecord(*head, base + delta, time_ms * 1_000, key, value)
    except (IndexError, ValueError) as error:
        raise CorruptRecordError(f"batch at offset {base} of {head[2]}[{head[3]}]: {error}") from error


def _translated(error: KafkaError) -> Exception:
    if isinstance(error, (TopicAuthorizationFailedError, GroupAuthorizationFailedError)):
        return Stop(f"the broker refuses: {error}. Give this principal READ on the prefix's topics and its group")
    if isinstance(error, CorruptRecordError):
        return Stop(f"the broker holds a corrupt record: {error}. Check its disks; the projector did not read past it")
    return Away("kafka", str(error))
