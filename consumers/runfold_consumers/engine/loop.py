"""The loop of a projector: poll, fold, commit. Owns control flow; one thread; knows no event.

A partition goes through three states. *Held*: the group assigned it, nothing is read. *Placed*: its stored position was
compared with the log and reading goes on one record before it. *Checked*: that record was read back and is the one that
was folded. Whatever goes wrong in a way that may pass (a service away, a position moved by somebody else) puts
partitions back to held; whatever may not pass ends the loop with Stop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from runfold_consumers.engine import positions
from runfold_consumers.engine.backoff import Backoff
from runfold_consumers.engine.commit import Batch, commit
from runfold_consumers.engine.connecting import answering, connect
from runfold_consumers.engine.contracts import Contracts
from runfold_consumers.engine.dead_letters import Count, DeadLetter, Limit
from runfold_consumers.engine.decoding import decode
from runfold_consumers.engine.errors import Away, PositionMoved
from runfold_consumers.engine.health import Health
from runfold_consumers.engine.poll import Partition, Poller, Source
from runfold_consumers.engine.positions import Position, Step
from runfold_consumers.engine.projection import Companion, Connection, Projection
from runfold_consumers.engine.reporting import Lag, Reporter
from runfold_consumers.fold.records import RawRecord
from runfold_schemas import process_metrics
from runfold_schemas.process_metrics import Registry

log = logging.getLogger(__name__)
RecordT = TypeVar("RecordT")

POLL_MS = 100  # bounds how long a signal, or a partition to be placed, waits
BATCH_RECORDS = 5_000
BATCH_BYTES = 16 << 20
LOOK_S = 1.0  # lag and group offsets
CONDITIONS = ("kafka", "postgres", "partitions")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Options(NamedTuple):
    """Where a projector works, and how much it sets aside."""

    bootstrap: str
    prefix: str
    postgres: str
    limit: Limit = Limit()
    instance: str | None = None


class Loop(Generic[RecordT]):
    """Runs one projection. `companions` are started and stopped with it and woken after commits."""

    def __init__(
        self,
        options: Options,
        projection: Projection[RecordT],
        health: Health,
        contracts: Contracts,
        metrics: Registry,
        companions: Sequence[Companion] = (),
    ) -> None:
        self._options, self._projection, self._health, self._contracts = options, projection, health, contracts
        self._metrics = metrics
        self._source = Source(
            options.bootstrap,
            options.prefix,
            tuple(projection.topic_kinds),
            f"{options.prefix}.{projection.name}",
            options.instance,
        )
        self._reporter = Reporter(options.postgres, projection.name, health)
        self._companions: tuple[Companion, ...] = (self._reporter, *companions)
        self._poller: Poller | None = None
        self._connection: Connection | None = None
        self._assigned = False
        self._held: set[Partition] = set()  # to be placed
        self._next: dict[Partition, int] = {}  # placed: the offset that the stored position must have
        self._unchecked: dict[Partition, Position] = {}  # placed, the record before the position not read back yet
        self._last_time_us: dict[Partition, int] = {}
        self._counts: defaultdict[str, Count] = defaultdict(lambda: Count(options.limit))
        self._retry = Backoff()
        self._look_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set, then leaves the group.

        Raises:
            Stop: somebody must look; nothing was folded past what is wrong.
        """
        for companion in self._companions:
            companion.start()
        try:
            while not stop.is_set():
                self._health.turn()
                for companion in self._companions:
                    companion.check()
                try:
                    self._turn()
                except Away as away:
                    self._away(away)
                if self._poller is None and not self._retry.due():
                    stop.wait(POLL_MS / 1_000)
        finally:
            for companion in self._companions:
                companion.stop()
            if self._poller is not None:
                self._poller.close()
            if self._connection is not None:
                self._connection.close()

    def _turn(self) -> None:
        if self._poller is None:
            if not self._retry.due():
                return
            self._poller = Poller(self._source)
            self._health.set("kafka", ok=True)
            log.info("connected", extra={"group": self._source.group, "topics": self._source.pattern()})
        assigned = self._poller.take_assignment()
        if assigned is not None:
            self._hold(assigned)
        if self._held and self._retry.due():
            self._place(self._poller)
        for topic, records in _by_topic(self._poller.poll(POLL_MS), self._projection.topic_kinds, self._poller):
            self._fold_topic(self._poller, topic, records)
        self._look(self._poller)

    # -- where to read on --

    def _hold(self, assigned: Iterable[Partition]) -> None:
        """A new assignment: whoever had these partitions before may have moved their positions."""
        self._assigned = True
        self._forget_places()
        self._held = set(assigned)
        self._retry.succeeded()
        log.info("assigned", extra={"partitions": len(self._held)})
        self._tell_partitions()

    def _place(self, poller: Poller) -> None:
        """Compares stored positions with the log and reads on there; partitions without id or manifest stay held.

        Positions are read before the log's ends: a rival that folds meanwhile would move them past older ends.
        """
        ids = {at: topic_id for at in self._held if (topic_id := poller.topic_id(at.topic)) is not None}
        by_workspace: defaultdict[str, dict[Partition, str]] = defaultdict(dict)
        for at, topic_id in ids.items():
            by_workspace[poller.names(at.topic)[0]][at] = topic_id
        stored: dict[Partition, Position] = {}
        for workspace, wanted in sorted(by_workspace.items()):
            if self._contracts.manifest(workspace) is not None:
                stored |= self._stored(workspace, wanted)
        begins, ends = poller.begins(stored), poller.ends(stored)
        if stored:
            self._health.set("kafka", ok=True)
        for at, position in stored.items():
            positions.check_bounds(at, position, ids[at], begins[at], ends[at])
            self._next[at] = position.next_offset
            if position.next_offset:
                self._unchecked[at] = position
            poller.place(at, max(position.next_offset - 1, 0))
            self._held.discard(at)
        if self._held:
            self._retry.failed()
        else:
            self._retry.succeeded()
        self._tell_partitions()

    def _stored(self, workspace: str, wanted: dict[Partition, str]) -> dict[Partition, Position]:
        if self._connection is None:
            self._connection = connect(self._options.postgres, self._projection.name)
        with answering():
            return positions.read(self._connection, self._projection.positions_schema, workspace, wanted)

    def _back_to_held(self, partitions: Iterable[Partition]) -> None:
        back = set(partitions)
        if self._poller is not None:
            self._poller.pause(back)
        for at in back:
            self._next.pop(at, None)
            self._unchecked.pop(at, None)
        self._held |= back
        self._projection.forget()
        self._tell_partitions()

    def _forget_places(self) -> None:
        self._next.clear()
        self._unchecked.clear()
        self._last_time_us.clear()
        self._projection.forget()

    def _away(self, away: Away) -> None:
        """A service does not answer: everything back to held, new connections, and a pause that grows."""
        self._health.set(away.service, ok=False, detail=away.detail)
        if away.service == "postgres" and self._connection is not None:
            self._connection.close()
            self._connection = None
        self._back_to_held(list(self._next))
        delay_s = self._retry.failed()
        self._metrics.count(process_metrics.AWAY, away.service)
        log.warning("away", extra={"service": away.service, "retry_in_s": delay_s, "detail": away.detail})

    def _tell_partitions(self) -> None:
        ok = self._assigned and not self._held
        held = ", ".join(f"{at.topic}[{at.partition}]" for at in sorted(self._held)[:10])
        self._health.set(
            "partitions", ok=ok, detail="" if ok else f"not placed yet: {held}" if held else "none assigned yet"
        )

    # -- fold --

    def _fold_topic(self, poller: Poller, topic: str, records: list[RawRecord]) -> None:
        topic_id = poller.topic_id(topic)
        fresh = list(self._checked(records))
        if not fresh or topic_id is None:
            return
        try:
            for part in _cut(fresh):
                self._fold(topic, topic_id, part)
        except PositionMoved as moved:
            log.warning("position_moved", extra={"topic": topic, "detail": str(moved)})
            self._back_to_held([at for at in self._next if at.topic == topic])

    def _checked(self, records: list[RawRecord]) -> Iterator[RawRecord]:
        """Drops what is not placed, and the record that was only read back."""
        for (topic, partition), group in groupby(records, key=attrgetter("topic", "partition")):
            at = Partition(topic, partition)
            found = list(group)
            if at in self._unchecked:
                positions.check_last(at, self._unchecked.pop(at), found.pop(0))
            if at in self._next:
                yield from found

    def _fold(self, topic: str, topic_id: str, raws: list[RawRecord]) -> None:
        workspace, topic_kind = raws[0].workspace, raws[0].topic_kind
        last = {raw.partition: raw for raw in raws}
        steps = {number: Step(topic_id, self._next[Partition(topic, number)], raw) for number, raw in last.items()}
        decoded, dead = decode(self._projection, self._contracts, raws)
        self._projection.prepare(topic_kind, [record for _, record in decoded])
        batch = Batch(workspace, topic_kind, topic, steps, decoded, dead)
        count, letters = self._counts[topic], 0

        def admit(all_dead: Sequence[DeadLetter]) -> Count:
            nonlocal letters
            letters = len(all_dead)
            return count.after(topic, raws, all_dead)

        if self._connection is None:
            raise Away("postgres", "no connection")
        begun = time.monotonic()
        self._counts[topic] = commit(self._connection, self._projection, batch, admit)
        self._metrics.observe(process_metrics.COMMIT_SECONDS, time.monotonic() - begun, topic_kind)
        self._metrics.count(process_metrics.RECORDS, topic_kind, by=len(raws))
        self._metrics.count(process_metrics.DEAD_LETTERS, topic_kind, by=letters)
        for partition, step in steps.items():
            self._next[Partition(topic, partition)] = step.last.offset + 1
            self._last_time_us[Partition(topic, partition)] = step.last.broker_time_us
        for companion in self._companions:
            companion.wake(workspace, topic_kind)

    # -- tell --

    def _look(self, poller: Poller) -> None:
        now = time.monotonic()
        if now < self._look_at or not self._next:
            return
        self._look_at = now + LOOK_S
        ends = poller.ends(self._next)
        self._health.set("kafka", ok=True)
        poller.show(self._next)
        self._notice_moves()
        lags = [self._lag(poller, at, next_offset, ends[at]) for at, next_offset in self._next.items()]
        self._reporter.lag(lags, now)
        self._measure(poller, lags)

    def _measure(self, poller: Poller, lags: Sequence[Lag]) -> None:
        self._metrics.state(process_metrics.PARTITIONS, len(lags))
        now = datetime.now(timezone.utc)
        for topic_kind in self._projection.topic_kinds:
            behind = [
                (lag.end_offset - lag.next_offset, lag.last_broker_time)
                for lag in lags
                if poller.names(lag.topic)[1] == topic_kind and lag.end_offset > lag.next_offset
            ]
            seconds = max(((now - at).total_seconds() for _, at in behind if at is not None), default=0.0)
            self._metrics.state(process_metrics.LAG_RECORDS, sum(records for records, _ in behind), topic_kind)
            self._metrics.state(process_metrics.LAG_SECONDS, max(0.0, seconds), topic_kind)

    def _notice_moves(self) -> None:
        """A rebuild or a restored backup moves positions while nothing comes in that would tell."""
        if self._connection is None:
            return
        with answering():
            moved = positions.moved(self._connection, self._projection.positions_schema, self._next)
        if moved:
            log.warning("positions_moved_meanwhile", extra={"partitions": len(moved)})
            self._back_to_held(moved)

    def _lag(self, poller: Poller, at: Partition, next_offset: int, end_offset: int) -> Lag:
        known = self._last_time_us.get(at)
        if known is None and at in self._unchecked:
            known = self._unchecked[at].last_broker_time_us
        time_of_last = None if known is None else _EPOCH + timedelta(microseconds=known)
        return Lag(poller.names(at.topic)[0], at.topic, at.partition, next_offset, end_offset, time_of_last)


def _by_topic(
    polled: dict[Partition, list[RawRecord]], kinds: Sequence[str], poller: Poller
) -> Iterator[tuple[str, list[RawRecord]]]:
    """Records by topic in (partition, offset) order; topics of the first kind first."""
    in_order = sorted(polled, key=lambda at: (kinds.index(poller.names(at.topic)[1]), at))
    for topic, group in groupby(in_order, key=lambda at: at.topic):
        yield topic, [raw for at in group for raw in polled[at]]


def _cut(records: list[RawRecord]) -> Iterator[list[RawRecord]]:
    """Cuts records into batches of at most BATCH_RECORDS and about BATCH_BYTES, each for a transaction of its own."""
    part: list[RawRecord] = []
    size = 0
    for raw in records:
        if part and (len(part) >= BATCH_RECORDS or size + len(raw.value) > BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(raw)
        size += len(raw.value)
    if part:
        yield part
