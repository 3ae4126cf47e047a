"""One journal to the broker: read, cut, send, acknowledge, remember. The one loop that thread, daemon and once share.

`Drain.step` does one turn and waits for no acknowledgement: it returns after how many seconds the next turn is worth
while. Each read is cut at once and sent whole, so all up to a reader's position is acknowledged when all messages of
all reads up to there are. That prefix alone is remembered, in memory and, at most once a second, in the journal's
checkpoint, which holds for the cluster and topic ids it names and for no others (design P5).

On any trouble the drain lets go of its connection and begins again behind the acknowledged prefix. What was sent
twice is dropped by its ordinals when it is folded.

A journal that was closed, or whose writer is dead (its life lock is free), is spoken for: WriterClosed for each of its
aggregates, after all in it was read. Then the drain is `finished` (P11). A frozen writer holds its lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from runfold.journal import folder as journals
from runfold.journal.batches import Batch, Closed, Fact, LogText, Loss, Points
from runfold.journal.format import SLOT
from runfold.journal.position import Position
from runfold.journal.reader import JournalReader
from runfold.shipper.batching import Cutter, Outgoing
from runfold.shipper.flight import Flight, Leg
from runfold.shipper.heartbeats import Heartbeats
from runfold.shipper.sending import Cluster, Connection, Route, parcels
from runfold.shipper.troubles import Trouble, backoff_s, log
from runfold_schemas import catalog, topics
from runfold_schemas.watermark import Lane

READ_BYTES = 125 * 4096  # 15,875 points: one message of 320 KB when they are of one run
SAFE_S = 1.0  # how often checkpoint and disk follow
LIFE_S = 0.5  # how often the life lock of a journal with nothing new is looked at
TAIL_S_MIN, TAIL_S_MAX = 0.010, 0.050  # pause when there is nothing to read: at first, and when that lasts
TAIL_SHORT_S = 2.0  # how long "at first" is
KEEP_BYTES = 4 << 30  # acknowledged segments of a journal that are kept for a day at most
FEW = 15_000  # points that one read gave, below which it came up with the writer
BULK = 500  # points that one read gave, from which a longer pause gathers more and nobody waits for a single one
DEAD_TTL_S = 5.0  # of the sign for a writer that died before its first: nothing more will come
FULL_S = 0.005  # pause when as many bytes are in flight as may be; a landing ends it earlier

partition = lru_cache(4096)(topics.partition)


class Unbound(Exception):
    """The journal belongs to no workspace yet: `runfold ship --once --workspace W --experiment E` binds it."""


class Home(NamedTuple):
    """Where a journal's events belong."""

    workspace: str
    experiment: str | None  # fills the empty ones of an offline journal

    @classmethod
    def of(cls, folder: Path) -> Home:
        """As the journal's header says, else its binding. Raises Unbound when neither does."""
        workspace = journals.header(folder).workspace
        if workspace:
            return cls(workspace, None)
        binding = journals.read_binding(folder)
        if binding is None:
            raise Unbound(f"journal {folder.name} is bound to no workspace")
        return cls(str(binding["workspace"]), str(binding["experiment"]))


class _Link(NamedTuple):
    """A connection and where this journal's events go on it."""

    connection: Connection
    route: Route


class _Kept(NamedTuple):
    """A checkpoint that holds."""

    position: Position
    acknowledged: dict[Lane, int]
    spoken_for: bool
    runs: list[str]  # that were watched


class Drain:
    """Ships one journal. Not thread-safe: one thread at a time calls it; `landed` may come from any."""

    def __init__(
        self,
        folder: Path,
        cluster: Cluster,
        *,
        landed: Callable[[], None] = lambda: None,
        dead: Callable[[], bool] | None = None,
        heartbeats: Heartbeats | None = None,
    ) -> None:
        """What is shipped, and where.

        Args:
            folder: the journal. cluster: where to; shared. landed: called when something was acknowledged, as a hint
            that `step` is worth calling. dead: whether the writer is known not to live any more; None asks its life
            lock. (The writer's own process must not ask: to close the file would release the lock.)
            heartbeats: for which runs signs of life are sent; None sends none.

        Raises:
            Unbound: the journal belongs to no workspace.
        """
        self.folder = folder
        self.home = Home.of(folder)
        self.acknowledged: dict[Lane, int] = {}  # last ordinals of the prefix that is acknowledged
        self.caught_up_at = 0.0  # monotonic: all that was journaled before is acknowledged
        self.finished = False  # everything is acknowledged and the writer is spoken for
        self.sent = 0  # messages, repeats included
        self.hurried = False  # set it when somebody waits: the next turn reads without a pause
        self.failures = 0  # troubles since something was last acknowledged
        self._cluster = cluster
        self._landed = landed
        self._dead = dead or (lambda: journals.is_ours(folder) and not journals.is_alive(folder))
        self._cutter = Cutter(self.home.experiment)
        self._heartbeats = heartbeats or Heartbeats(float("inf"))
        self._link: _Link | None = None
        self._reader: JournalReader | None = None
        self._flight = Flight(landed)
        self._identity: dict[str, Any] | None = None  # cluster and topic ids that the prefix is acknowledged by
        self._position: Position | None = None  # of the prefix
        self._spoken_for = False  # the claims are on their way or acknowledged
        self._ends: dict[Lane, int] = {}  # of all that was read
        self._end_seen_at = 0.0  # monotonic: when the read began that found nothing more
        self._safe_at = 0.0
        self._dirty = False
        self._unsynced = False
        self._final = False
        self._life_at = 0.0
        self._idle_since: float | None = None
        self._read_at = 0.0  # monotonic: not before

    def step(self) -> float:
        """One turn.

        Returns:
            Seconds until the next one is worth while, unless `landed` is called before; 0 for at once.

        Raises:
            Trouble: something is in the way; what was sent and not acknowledged will be sent again. Call again after
                `backoff_s` seconds.
        """
        try:
            return self._turn()
        except Trouble:
            self.failures += 1
            self._let_go()
            raise
        except Exception as error:
            self.failures += 1
            self._let_go()
            log.debug("runfold: journal %s", self.folder, exc_info=True)
            raise Trouble("journal", f"journal {self.folder} cannot be shipped: {error!r}.") from error

    @property
    def backoff_s(self) -> float:
        """Seconds to wait after a Trouble."""
        return backoff_s(max(1, self.failures))

    def caught_up_since(self, moment: float) -> bool:
        """All journaled before `moment` (monotonic) is acknowledged, and no claim is owed for a dead writer."""
        return self.caught_up_at >= moment and not self._final

    def named_ends(self) -> dict[Lane, int]:
        """`acknowledged`, under the names by which the events went out: an offline journal's experiment has one now."""
        return {
            lane._replace(aggregate_id=self._cutter.aggregate_id(lane)): end for lane, end in self.acknowledged.items()
        }

    def close(self) -> None:
        """Writes the checkpoint if it is behind, and lets the journal go. What is in flight is not waited for."""
        self._settle()
        self._remember()
        self._let_go()

    def _turn(self) -> float:
        if self.finished:
            return TAIL_S_MAX
        link = self._link or self._connect()
        if not link.connection.intact(link.route):
            self._cluster.connection()  # raises the trouble, or the next turn begins on a new one
            self._let_go()
            return 0.0
        self._settle()
        self._keep_safe()
        if link.connection.full:
            return FULL_S
        began = time.monotonic()
        self._show_life(link, began)
        if began < self._read_at and not self.hurried:
            return self._read_at - began
        self.hurried = False
        assert self._reader is not None
        before = self._reader.position
        batches = self._reader.read(READ_BYTES, self._final)
        if batches:
            self._idle_since = None
            self._unsynced = True
            points = _volume(batches)
            if not self._final and points < FEW:
                # The writer is at work: let it gather, many small messages cost it, and all behind it, more.
                self._read_at = began + (TAIL_S_MIN if points < BULK else min(TAIL_S_MAX, TAIL_S_MIN * FEW / points))
            leg = self._leg(batches)
            self._heartbeats.took(batches, began)
            if leg.spoken_for:
                self._sign(link, self._heartbeats.promised(), before)
            self._send(link, self._cutter.cut(batches, _now_us()), leg)
            return 0.0
        return self._nothing_new(link, began)

    def _nothing_new(self, link: _Link, began: float) -> float:
        self._end_seen_at = began
        if self._flight.empty:
            self.caught_up_at = began
        if self._final and not self._spoken_for:
            self._speak_for(link)
        elif not self._final and began >= self._life_at:
            self._life_at = began + LIFE_S
            self._final = self._reader_done() or self._dead()
            if self._final:
                return 0.0  # the writer may have written until just now: read once more
            if self._flight.empty:
                self._claim_last_words(link)
        if self._idle_since is None:
            self._idle_since = began
        pause = TAIL_S_MIN if began - self._idle_since < TAIL_SHORT_S else TAIL_S_MAX
        self._read_at = began + pause
        return pause

    def _show_life(self, link: _Link, now: float) -> None:
        """Sends the signs of life that are due; never for a writer that is spoken for."""
        if self._reader is not None and not self._final:
            self._sign(link, self._heartbeats.due(now), self._reader.position)

    def _sign(self, link: _Link, run_ids: list[str], position: Position, ttl_s: float = float("inf")) -> None:
        """Sends a sign of life of each run, which holds `ttl_s` at most; all before `position` is on its way."""
        if run_ids:
            ttl_s, writer = min(ttl_s, self._heartbeats.ttl_s), self.folder.name
            ends = {run_id: self._heartbeats.ends(run_id) or self._ends_of(run_id) for run_id in run_ids}
            signs = [self._cutter.heartbeat(run_id, writer, ttl_s, ends[run_id], _now_us()) for run_id in run_ids]
            self._send(link, signs, Leg(position, {}))

    def _claim_last_words(self, link: _Link) -> None:
        """The writer has fallen silent: of runs that it only passed by, what it said is all, until it says more."""
        assert self._reader is not None
        passed = set(self._heartbeats.last_words())
        if not passed:
            return
        ends = {lane: end for lane, end in self._ends.items() if lane.aggregate_id in passed}
        if ends:
            self._send(link, self._cutter.closed(ends, _now_us()), Leg(self._reader.position, {}))

    def _ends_of(self, run_id: str) -> dict[str, int]:
        about = ("run", run_id)
        return {
            lane.stream: end for lane, end in self._ends.items() if (lane.aggregate_kind, lane.aggregate_id) == about
        }

    def _reader_done(self) -> bool:
        return self._reader is not None and self._reader.finished

    def _speak_for(self, link: _Link) -> None:
        """All is read and no more will come: the claim goes out, behind everything else."""
        assert self._reader is not None
        self._spoken_for = True
        self._sign(link, self._heartbeats.promised(), self._reader.position, DEAD_TTL_S)
        leg = Leg(self._reader.position, {}, spoken_for=True)
        self._send(link, self._cutter.closed(self._ends, _now_us()), leg)

    def _leg(self, batches: list[Batch]) -> Leg:
        assert self._reader is not None
        ends: dict[Lane, int] = {}
        for batch in batches:
            if isinstance(batch, Closed):
                ends.update(batch.ends)
                self._spoken_for = self._final = True
            elif isinstance(batch, Fact):
                ends[batch.lane] = batch.ordinal
            elif isinstance(batch, Loss):
                ends[batch.lane] = max(batch.last, ends.get(batch.lane, 0))
            else:
                ends[batch.lane] = batch.last_ordinal
        for lane, end in ends.items():
            self._ends[lane] = max(end, self._ends.get(lane, 0))
        return Leg(self._reader.position, ends, self._spoken_for)

    def _send(self, link: _Link, messages: list[Outgoing], leg: Leg) -> None:
        connection, route = link
        for schema in {message.schema for message in messages} - route.schemas:
            connection.announce(route, schema, _schema_of(schema))
        goals = {kind: (route.topics.named(kind), route.manifest.partitions[kind]) for kind in ("facts", "telemetry")}
        addressed = ((goals[kind][0], partition(key, goals[kind][1]), key, value) for kind, key, value in messages)
        sending = list(parcels(addressed))
        acknowledged = self._flight.start(leg, len(sending))
        for parcel in sending:
            connection.send(parcel, acknowledged)
        self.sent += len(messages)

    def _settle(self) -> None:
        """Moves the acknowledged prefix over what has landed."""
        for leg in self._flight.settle():
            self._position = leg.position
            for lane, end in leg.ends.items():
                self.acknowledged[lane] = max(end, self.acknowledged.get(lane, 0))
            self._dirty = True
            self.failures = 0
            if leg.spoken_for:
                self.finished = True
        if self._flight.empty:
            self.caught_up_at = max(self.caught_up_at, self._end_seen_at)
        if self.finished:
            self._remember()

    def _connect(self) -> _Link:
        """Connection, route, and a reader behind what is acknowledged by that cluster and those topics."""
        connection = self._cluster.connection()
        route = connection.route(self.home.workspace, self._cluster.prefix)
        identity = {"cluster_id": connection.cluster_id, "topic_ids": route.topic_ids}
        self._heartbeats.again()  # before the checkpoint is recalled: whose runs another shipper has given signs of
        self._recall(identity)
        self._ends = dict(self.acknowledged)
        self._spoken_for = self.finished
        self._final = self._final or self._dead()
        self._end_seen_at = 0.0
        self._flight = Flight(self._landed)
        self._reader = JournalReader(self.folder, self._position)
        self._link = _Link(connection, route)
        return self._link

    def _recall(self, identity: dict[str, Any]) -> None:
        """The furthest prefix known for cluster and topics: ours, or the checkpoint's; else the journal's beginning."""
        if identity != self._identity:
            self._identity, self._position, self.acknowledged, self.finished = identity, None, {}, False
        kept = self._kept()
        if kept is None or _reach(kept.position) <= _reach(self._position):
            return
        self._position, self.acknowledged, self.finished, runs = kept
        self._heartbeats.recall(runs)

    def _kept(self) -> _Kept | None:
        """What the checkpoint says, if it holds for the cluster and topics that we ship to."""
        kept = journals.read_checkpoint(self.folder)
        if (
            kept is None
            or self._identity is None
            or {name: kept.get(name) for name in self._identity} != self._identity
        ):
            return None
        try:
            acknowledged = {Lane(*lane): int(last) for *lane, last in kept["acknowledged"]}
            runs = [str(run_id) for run_id in kept.get("runs", ())]
            return _Kept(Position.from_json(kept["position"]), acknowledged, bool(kept.get("spoken_for")), runs)
        except (KeyError, TypeError, ValueError) as error:
            log.info("runfold: the checkpoint of journal %s cannot be read (%r): shipped anew.", self.folder, error)
            return None

    def _keep_safe(self) -> None:
        """Once a second: what was read is put on disk (the writer only maps it), and the prefix is remembered."""
        now = time.monotonic()
        if now >= self._safe_at + SAFE_S:
            self._safe_at = now
            if self._unsynced and self._reader is not None:
                self._unsynced = False
                self._reader.sync()
            self._remember()

    def _remember(self) -> None:
        """Writes the checkpoint if the prefix has moved, unless another shipper's reaches further."""
        if not self._dirty or self._position is None or self._identity is None:
            return
        self._dirty = False
        kept = self._kept()
        if kept is not None and (_reach(kept.position), kept.spoken_for) > (_reach(self._position), self.finished):
            return
        try:
            journals.write_checkpoint(
                self.folder,
                {
                    **self._identity,
                    "position": self._position.to_json(),
                    "acknowledged": [[*lane, last] for lane, last in sorted(self.acknowledged.items())],
                    "spoken_for": self.finished,
                    "runs": self._heartbeats.watched,
                },
            )
        except OSError as error:  # a full disk: costs repeats, nothing else
            log.debug("runfold: no checkpoint for journal %s: %s", self.folder, error)

    def _let_go(self) -> None:
        self._link = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _volume(batches: list[Batch]) -> int:
    """How much was read, in points; of log text, the points that would take as many bytes."""
    points = sum(len(batch.ids) for batch in batches if isinstance(batch, Points))
    return points + sum(len(batch.data) for batch in batches if isinstance(batch, LogText)) // SLOT


def _reach(position: Position | None) -> tuple[int, int]:
    """For telling which of two positions in a journal is further."""
    return (position.segment, position.slot) if position is not None else (-1, -1)


def _schema_of(fingerprint: bytes) -> Callable[[], dict[str, Any]]:
    def find() -> dict[str, Any]:
        schema = catalog.released(fingerprint)
        if schema is None:
            raise Trouble(
                "schemas",
                f"the journal holds events of schema {fingerprint.hex()}, unknown to this release of runfold: "
                f"ship it with the release that wrote it, or a newer one.",
            )
        return schema

    return find


def _now_us() -> int:
    return time.time_ns() // 1000
