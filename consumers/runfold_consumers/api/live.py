"""Live changes: one look at the database for all viewers of a workspace, told by difference (design section 8).

A hub belongs to a workspace that somebody watches. It stands at positions; when the projectors tell of a commit (or the
pulse of `waiting` finds positions moved) it reads what came since, and gives that to every viewer. A viewer who comes
with a watermark gets first what changed from there to where the hub stands; from then on both walk together, so nothing
is missed and nothing is told that did not happen.

What cannot be told by difference is a `reset`: read anew, go on from this watermark. So it is after a rebuild, for a
watermark that is older than what is kept, and for a viewer that takes nothing for so long that it is behind by
PENDING_MAX steps. A connection that takes not a byte for BLOCKED_SECONDS_MAX is cut.

Looks are COALESCE_SECONDS apart, and further with many viewers, so that telling them takes no more than a part of the
process's time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import psycopg

from runfold_consumers.api.database import Database
from runfold_consumers.api.differences import (
    NAMES_MAX,
    Changed,
    Place,
    Standing,
    between,
    merged,
    standing,
    step_of,
    went_back,
)
from runfold_consumers.api.errors import ApiError
from runfold_consumers.api.waiting import Wakers, Want, folded
from runfold_schemas.watermark import Watermark

log = logging.getLogger(__name__)

COALESCE_SECONDS = 0.05
VIEWERS_PER_SECOND = 5_000  # that one process tells something; more viewers are told less often
HEARTBEAT_SECONDS = 15.0
BLOCKED_SECONDS_MAX = 60.0
PENDING_MAX = 256
VIEWERS_MAX = 2_000  # of one process
RESUME_SECONDS_MAX = 10.0  # that a watermark is waited for which is not folded here yet
_RETRY_SECONDS = 0.5
_MEMORY = 64  # differences that viewers who come back together share
_CATCH_UPS = 2  # read at the same time


class Step(NamedTuple):
    """What changed up to a watermark; `text` is the whole message, shared by all viewers without a filter."""

    watermark: str
    changed: Changed
    more: bool
    text: bytes


def message(event: str, watermark: str, data: str) -> bytes:
    """A server-sent event."""
    return f"id: {watermark}\nevent: {event}\ndata: {data}\n\n".encode()


def step(watermark: str, changed: Changed, more: bool) -> Step:
    """With its message."""
    return Step(watermark, changed, more, message("changes", watermark, changed.message(more)))


class Viewer:
    """Who watches: what is still to be told, never more than PENDING_MAX steps. One task calls `take`.

    Attributes:
        changed: there is something to take, or the stream has ended.
        ended: the stream is over, as `end` said.
        told_at, blocked_since: when something was last sent, and since when the connection takes nothing
            (`time.monotonic`); kept by who sends.
    """

    def __init__(self, run_ids: frozenset[str]) -> None:
        self._run_ids = run_ids
        self._pending: deque[Step] = deque()
        self._first = b""  # told before all that is pending
        self._beat = False
        self._passed: str | None = None  # watermark of steps that hold nothing for this viewer
        self.changed = asyncio.Event()
        self.ended = False
        self.told_at = time.monotonic()
        self.blocked_since: float | None = None

    def push(self, new: Step) -> None:
        """One step further."""
        if self._run_ids and not self._run_ids.intersection(new.changed.runs):
            self._passed = new.watermark
            return
        if len(self._pending) >= PENDING_MAX:
            self.reset(new.watermark)
            return
        self._pending.append(new)
        self.changed.set()

    def here(self, watermark: str) -> None:
        """From where on it is told."""
        self._first = message("here", watermark, "{}") + self._first
        self.changed.set()

    def push_before(self, missed: Step) -> None:
        """What it missed, before all that came since."""
        if not self._run_ids or self._run_ids.intersection(missed.changed.runs):
            self._pending.appendleft(missed)
            self.changed.set()

    def reset(self, watermark: str) -> None:
        """What is pending is given up: the viewer reads anew and goes on from this watermark."""
        self._pending.clear()
        self._first, self._passed = message("reset", watermark, "{}"), None
        self.changed.set()

    def reset_before(self, watermark: str) -> None:
        """It reads anew at this watermark; what is pending came after it."""
        self._first = self._first or message("reset", watermark, "{}")
        self.changed.set()

    def beat(self) -> None:
        """A sign of life is due."""
        self._beat = True
        self.changed.set()

    def end(self) -> None:
        """The stream ends; whoever wants more comes back with its last id."""
        self.ended = True
        self.changed.set()

    def take(self) -> bytes:
        """What is to be sent now, everything pending in one message; empty where there is nothing."""
        self.changed.clear()
        told, self._first = self._first, b""
        if self._pending:
            told += self._merged()
            self._pending.clear()
            self._passed = None
        elif self._beat:
            told += b": alive\n" + (f"id: {self._passed}\n".encode() if self._passed else b"") + b"\n"
            self._passed = None
        self._beat = False
        return told

    def _merged(self) -> bytes:
        last = self._pending[-1]
        if len(self._pending) == 1 and not self._run_ids:
            return last.text
        changed = merged(pending.changed for pending in self._pending)
        if self._run_ids:
            changed = changed.only(self._run_ids)
        if changed.names > NAMES_MAX:
            return message("reset", last.watermark, "{}")
        return step(last.watermark, changed, last.more).text


class Hub:
    """One workspace's viewers."""

    def __init__(self, database: Database, wakers: Wakers, workspace: str) -> None:
        self._database, self._wakers, self._workspace = database, wakers, workspace
        self._at: Standing | None = None
        self._looking = asyncio.Lock()
        self._catching_up = asyncio.Semaphore(_CATCH_UPS)
        self._memory: OrderedDict[tuple[str, str], asyncio.Task[Changed | None]] = OrderedDict()
        self.viewers: set[Viewer] = set()

    async def join(self, viewer: Viewer, after: Watermark | None) -> None:
        """Takes a viewer in, who from then on is told everything: first that it is here, or, where it comes from a
        watermark, what changed since.
        """
        if after is None:
            at = await self._look()
            viewer.here(at.watermark)
            self.viewers.add(viewer)
            return
        known = await self._covers(after)
        at = await self._look()
        places = {(topic_id, p): offset for topic_id, of in after.offsets.items() for p, offset in of.items()}
        self.viewers.add(viewer)  # what happens from here on is pushed, what was before is told now
        changed = await self._since(places, at) if known else None
        if changed is None:
            viewer.reset_before(at.watermark)
        else:
            viewer.here(str(after))
            if changed:
                viewer.push_before(step(at.watermark, changed, False))

    async def keep_telling(self) -> None:
        """Looks whenever something was folded, until cancelled."""
        with self._wakers.waiting(self._workspace) as changed:
            while True:
                try:
                    changed.clear()
                    await self._look()
                    await changed.wait()
                    await asyncio.sleep(0)
                    await self._pause()
                except (psycopg.Error, ApiError, OSError) as error:
                    log.warning("cannot look for changes in %s, trying again: %s", self._workspace, error)
                    await asyncio.sleep(_RETRY_SECONDS)
                except Exception:  # else all viewers would be told that nothing changes
                    log.exception("unexpected error while looking for changes in %s; trying again", self._workspace)
                    await asyncio.sleep(_RETRY_SECONDS)

    async def _pause(self) -> None:
        """The first change after a rest is told at once; those that follow wait for the rest of the interval."""
        apart = max(COALESCE_SECONDS, len(self.viewers) / VIEWERS_PER_SECOND)
        await asyncio.sleep(max(0.0, self._looked_at + apart - time.monotonic()))

    _looked_at = 0.0

    async def _look(self) -> Standing:
        """Tells all viewers what came since the last look; where the hub stands then."""
        async with self._looking:
            self._looked_at = time.monotonic()
            while True:
                async with self._database.snapshot(self._workspace) as snapshot:
                    now = await standing(snapshot)
                    before, self._at = self._at, self._at or now
                    if before is None or before.offsets == now.offsets:
                        return now
                    if went_back(before, now):
                        self._reset(now)
                        return now
                    reached, more = step_of(before, now)
                    changed = await between(snapshot, before.offsets, reached)
                if changed is None:
                    self._reset(now)
                    return now
                self._at = reached
                told = step(reached.watermark, changed, more)
                for viewer in self.viewers:
                    viewer.push(told)
                if not more:
                    return reached

    def _reset(self, now: Standing) -> None:
        self._at = now
        for viewer in self.viewers:
            viewer.reset(now.watermark)

    async def _covers(self, after: Watermark) -> bool:
        """Whether the watermark is one of this ledger, and folded here; it is waited for."""
        if self._at is None:
            await self._look()
        if self._at is None or not after.offsets.keys() <= self._at.kinds.keys():
            return False
        want = Want(after, time.monotonic() + RESUME_SECONDS_MAX)
        try:
            async with folded(self._database, self._wakers, self._workspace, want):
                return True
        except ApiError:
            return False

    async def _since(self, before: Mapping[Place, int], at: Standing) -> Changed | None:
        """What changed since; viewers who come from the same place share one look."""
        key = (str(sorted(before.items())), at.watermark)
        task = self._memory.get(key)
        if task is None:
            task = self._memory[key] = asyncio.ensure_future(self._read(before, at))
            while len(self._memory) > _MEMORY:
                self._memory.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except Exception:
            self._memory.pop(key, None)
            raise

    async def _read(self, before: Mapping[Place, int], at: Standing) -> Changed | None:
        async with self._catching_up, self._database.snapshot(self._workspace) as snapshot:
            return await between(snapshot, before, at)


class Hubs:
    """The hubs of all workspaces that are watched, and the clock that all viewers share."""

    def __init__(self, database: Database, wakers: Wakers) -> None:
        self._database, self._wakers = database, wakers
        self._hubs: dict[str, tuple[Hub, asyncio.Task[None]]] = {}
        self._watched: Counter[str] = Counter()
        self._clock: asyncio.Task[None] | None = None
        self._streams: dict[Viewer, asyncio.Task[object]] = {}
        self._stopped = False

    @property
    def viewers(self) -> int:
        """How many there are."""
        return len(self._streams)

    @asynccontextmanager
    async def watching(self, workspace: str, run_ids: frozenset[str], after: Watermark | None) -> AsyncIterator[Viewer]:
        """A viewer of the workspace, for the time of the block, by the task that sends to it.

        Raises:
            ApiError: 503 `busy`, as many viewers are there as may be.
            psycopg.Error: Postgres is away.
        """
        if self._stopped or len(self._streams) >= VIEWERS_MAX:
            raise ApiError(503, "busy", f"{VIEWERS_MAX} viewers are watching; try again", headers={"Retry-After": "5"})
        viewer = Viewer(run_ids)
        sender = asyncio.current_task()
        assert sender is not None
        self._streams[viewer] = sender
        if self._clock is None:
            self._clock = asyncio.create_task(self._keep_time())
        self._watched[workspace] += 1
        hub = self._hub(workspace)
        try:
            await hub.join(viewer, after)
            yield viewer
        finally:
            hub.viewers.discard(viewer)
            self._streams.pop(viewer, None)
            self._watched[workspace] -= 1
            if not self._watched[workspace]:
                del self._watched[workspace]
                self._hubs.pop(workspace)[1].cancel()

    async def stop(self) -> None:
        """Ends all streams: their viewers come back to whoever serves then."""
        self._stopped = True
        for viewer in list(self._streams):
            viewer.end()
        tasks = [task for _, task in self._hubs.values()] + ([self._clock] if self._clock else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hub(self, workspace: str) -> Hub:
        if workspace not in self._hubs:
            hub = Hub(self._database, self._wakers, workspace)
            self._hubs[workspace] = (hub, asyncio.create_task(hub.keep_telling()))
        return self._hubs[workspace][0]

    async def _keep_time(self) -> None:
        """Signs of life, and the end of those who take nothing."""
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            for viewer, sender in list(self._streams.items()):
                if viewer.blocked_since is not None:
                    if now - viewer.blocked_since > BLOCKED_SECONDS_MAX:
                        viewer.end()
                        sender.cancel()
                elif now - viewer.told_at >= HEARTBEAT_SECONDS:
                    viewer.beat()
