"""A small world for the model's state machines: writers with journals, shippers that cut and lose, a log, and the fold.

A journal here is a list of what was said. `Shipper` reads it from its own place, cuts points into events as it is told,
and loses messages as it is told: what a failed batch leaves is shipped again from the acknowledged prefix, so old
ordinals come late and young ones come twice. `test_journals` puts real journal, reader and cutter in their place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import cycle
from typing import Any, NamedTuple

from runfold_consumers.fold.admission import admit
from runfold_consumers.fold.records import RawRecord
from runfold_schemas import codec, topics
from runfold_schemas.events import Event, HeartbeatSent, LaneEnd, LogAppended, MetricLogged, Series, WriterClosed

from . import oracle
from .agreement import assert_agreement, lane_of
from .tables import Tables

WORKSPACE = "model"
PARTITIONS = {"facts": 2, "telemetry": 3}


class Point(NamedTuple):
    """One point as journaled."""

    run_id: str
    ordinal: int
    name: str
    step: int
    value: float | str


class Byte(NamedTuple):
    """One byte of a log as journaled."""

    run_id: str
    ordinal: int
    name: str
    value: int


class Log:
    """The topics of one workspace: per kind and partition, messages in order; and how far each was folded."""

    def __init__(self) -> None:
        self.partitions: dict[tuple[str, int], list[RawRecord]] = defaultdict(list)
        self.folded: dict[tuple[str, int], int] = defaultdict(int)

    def append(self, event: Event) -> None:
        self.append_message(topics.topic_of(type(event).__name__), topics.key_of(event), codec.encode(event))

    def append_message(self, kind: str, key: bytes, message: bytes) -> None:
        partition = topics.partition(key, PARTITIONS[kind])
        records = self.partitions[kind, partition]
        records.append(
            RawRecord(
                WORKSPACE,
                kind,
                f"model.{WORKSPACE}.{kind}",
                partition,
                len(records),
                1_000_000 * len(records),
                key,
                message,
            )
        )

    def take(self, kind: str, partition: int, count: int) -> list[RawRecord]:
        """The next records to fold, at most `count`; the position moves."""
        start = self.folded[kind, partition]
        taken = self.partitions[kind, partition][start : start + count]
        self.folded[kind, partition] += len(taken)
        return taken

    def all(self) -> list[RawRecord]:
        return [raw for records in self.partitions.values() for raw in records]

    def events(self) -> list[tuple[int, int, Event]]:
        """What the oracle reads."""
        return [(raw.partition, raw.offset, codec.decode(raw.value)) for raw in self.all()]


class Writer:
    """One process's one journal: events, points and bytes in the order in which they were said."""

    def __init__(self, writer_id: str) -> None:
        self.writer_id = writer_id
        self.journal: list[Event | Point | Byte] = []
        self.last: dict[tuple[str, str, str], int] = defaultdict(int)

    def say(self, kind: type[Any], aggregate_kind: str, aggregate_id: str, **fields: Any) -> None:
        ordinal = self.next(aggregate_kind, aggregate_id, "facts")
        now = 1_000_000 + len(self.journal)
        self.journal.append(kind(aggregate_kind, aggregate_id, self.writer_id, ordinal, now, **fields))

    def log(self, run_id: str, name: str, step: int, value: float | str) -> None:
        self.journal.append(Point(run_id, self.next("run", run_id, "points"), name, step, value))

    def append_log(self, run_id: str, name: str, data: bytes) -> None:
        for value in data:
            self.journal.append(Byte(run_id, self.next("run", run_id, f"log/{name}"), name, value))

    def heartbeat(self, run_id: str, ttl_s: float) -> HeartbeatSent:
        """What a shipper says when it has nothing else to send."""
        return HeartbeatSent("run", run_id, self.writer_id, ttl_s=ttl_s, lanes=self.ends("run", run_id))

    def next(self, aggregate_kind: str, aggregate_id: str, stream: str) -> int:
        self.last[aggregate_kind, aggregate_id, stream] += 1
        return self.last[aggregate_kind, aggregate_id, stream]

    def ends(self, aggregate_kind: str, aggregate_id: str) -> tuple[LaneEnd, ...]:
        return tuple(
            LaneEnd(stream, last)
            for (kind, id_, stream), last in sorted(self.last.items())
            if (kind, id_) == (aggregate_kind, aggregate_id)
        )

    def claims(self) -> list[WriterClosed]:
        """What a shipper says that finds the life lock free (or believes so)."""
        aggregates = sorted({(kind, id_) for kind, id_, _ in self.last})
        return [WriterClosed(kind, id_, self.writer_id, 0, self.ends(kind, id_)) for kind, id_ in aggregates]

    def clone(self) -> Writer:
        """A cloned disk: the same writer, which from now on says something else under the same ordinals."""
        twin = Writer(self.writer_id)
        twin.journal, twin.last = list(self.journal), defaultdict(int, self.last)
        return twin


class Shipper:
    """One shipper on one journal. Any number of them work on the same one."""

    def __init__(self, writer: Writer) -> None:
        self.writer, self.acknowledged = writer, 0

    def ship(self, log: Log, count: int, cuts: Sequence[int], lost: Sequence[int]) -> None:
        """Sends the next `count` records, cut as `cuts` tells; messages named in `lost` fail, younger ones do not.

        The acknowledged prefix moves over what went before the first loss only.
        """
        start = self.acknowledged
        messages: list[tuple[int, Event]] = []
        place = start
        for records in chunks(self.writer.journal[start : start + count], cuts):
            for event in cut(records, self.writer.writer_id):
                messages.append((place, event))
            place += len(records)
        failed = {number % len(messages) for number in lost} if messages else set()
        for number, (_, event) in enumerate(messages):
            if number not in failed:
                log.append(event)
        self.acknowledged = min((messages[number][0] for number in failed), default=place)


def chunks(records: Sequence[Event | Point | Byte], cuts: Sequence[int]) -> list[Sequence[Event | Point | Byte]]:
    """The records in pieces of the given lengths, over and over."""
    pieces, start, turn = [], 0, 0
    while start < len(records):
        length = cuts[turn % len(cuts)] if cuts else len(records)
        pieces.append(records[start : start + length])
        start, turn = start + length, turn + 1
    return pieces


def cut(records: Sequence[Event | Point | Byte], writer_id: str) -> list[Event]:
    """Facts as they are, points and bytes of one lane together: a lane stays in order, lanes may pass each other."""
    events: list[Event] = [record for record in records if not isinstance(record, (Point, Byte))]
    logs: dict[tuple[str, str], list[Byte]] = defaultdict(list)
    runs: dict[str, list[Point]] = defaultdict(list)
    for record in records:
        if isinstance(record, Point):
            runs[record.run_id].append(record)
        elif isinstance(record, Byte):
            logs[record.run_id, record.name].append(record)
    for (run_id, name), said in logs.items():
        data = bytes(byte.value for byte in said)
        events.append(LogAppended("run", run_id, writer_id, said[0].ordinal, name=name, data=data))
    for run_id, points in runs.items():
        of = [Series(p.name, None, "string" if isinstance(p.value, str) else "double", "step") for p in points]
        series = sorted(set(of))
        texts = [p.value for p in points if isinstance(p.value, str)]
        place = iter(range(len(texts)))
        values = [float(next(place)) if isinstance(p.value, str) else p.value for p in points]
        columns = (
            [series.index(one) for one in of],
            [p.step for p in points],
            [float(p.ordinal) for p in points],
            values,
        )
        events.append(MetricLogged("run", run_id, writer_id, points[0].ordinal, 0, None, None, series, texts, *columns))
    return events


class World:
    """Writers, shippers, log and tables together."""

    def __init__(self) -> None:
        self.writers: list[Writer] = []
        self.shippers: list[Shipper] = []
        self.log = Log()
        self.tables = Tables()

    def writer(self, shippers: int = 1) -> Writer:
        writer = Writer(f"{len({w.writer_id for w in self.writers}) + 1:032x}")
        self.adopt(writer, shippers)
        return writer

    def adopt(self, writer: Writer, shippers: int = 1) -> None:
        self.writers.append(writer)
        self.shippers += [Shipper(writer) for _ in range(shippers)]

    def fold(self, kind: str, partition: int, count: int) -> bool:
        """One batch; False where nothing was left."""
        raws = self.log.take(kind, partition, count)
        records = [admit(raw, codec.decode(raw.value), PARTITIONS[kind]) for raw in raws]
        if records:
            self.tables.apply(kind, records)
        return bool(records)

    def settle(self) -> None:
        """Everything is shipped, everything is folded, and all of it is what the oracle says.

        Some messages fail at first, so that their ordinals come late; batches are small, so that most of what a
        rule asks for stands in the tables by then.
        """
        for lost in ((0, 2, 5, 11, 23), ()):
            for shipper in self.shippers:
                shipper.ship(self.log, len(shipper.writer.journal), [2, 1, 3], lost)
        for kind, partition in list(self.log.partitions):
            for count in cycle((1, 3, 2, 7)):
                if not self.fold(kind, partition, count):
                    break
        self.assert_agreement()
        self.assert_nothing_missing()

    def assert_agreement(self) -> None:
        taken = [
            (raw.partition, raw.offset, codec.decode(raw.value))
            for place, records in self.log.partitions.items()
            for raw in records[: self.log.folded[place]]
        ]
        assert_agreement(self.tables, oracle.read(taken))

    def assert_nothing_missing(self) -> None:
        """Every ordinal that any journal gave was seen."""
        seen = {
            lane_of(key): ranges
            for table in (self.tables.all.lanes, self.tables.telemetry_lanes)
            for key, ranges in table.items()
        }
        ends: dict[tuple[str, str, str, str], int] = defaultdict(int)
        for writer in self.writers:
            for (kind, id_, stream), last in writer.last.items():
                lane = (kind, id_, writer.writer_id, stream)
                ends[lane] = max(ends[lane], last)
        assert seen == {lane: ((1, last + 1),) for lane, last in ends.items()}
