"""Reads that wait for a watermark (design section 8).

A read looks in a snapshot whether all that its caller asked for is folded; if so it reads on in that very snapshot.
If not, it lets the snapshot go and sleeps until something was folded in its workspace, to its deadline. What wakes
it:

    NOTIFY runfold_state, payload the workspace, heard on one connection for all waiters;
    and, since a projector may die between commit and NOTIFY and this connection may be away, one statement every
    PULSE_SECONDS for all workspaces that are waited for, which compares the sums of their positions. It runs only
    while somebody waits.

A lane is covered when seen and declared ordinals hold [1..n], in whatever partition they are kept.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

import psycopg

from runfold_consumers.api.database import Database, Snapshot, statement
from runfold_consumers.api.errors import ApiError
from runfold_schemas.watermark import Watermark

log = logging.getLogger(__name__)

CHANNEL = "runfold_state"
PULSE_SECONDS = 0.1
_RECONNECT_SECONDS = 0.5
_HELD_SECONDS = 5.0  # a connection that held this long was no part of the outage before


class Wakers:
    """Wakes those who wait on a workspace, whenever something was folded there."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._somebody = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to listen, within the running event loop."""
        self._tasks = [asyncio.create_task(self._kept_up(work)) for work in (self._listen, self._pulse)]

    async def stop(self) -> None:
        """Ends it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextmanager
    def waiting(self, workspace: str) -> Iterator[asyncio.Event]:
        """An event that is set at each change in the workspace; the waiter clears it before it looks."""
        event = asyncio.Event()
        self._waiting.setdefault(workspace, set()).add(event)
        self._somebody.set()
        try:
            yield event
        finally:
            self._waiting[workspace].discard(event)
            if not self._waiting[workspace]:
                del self._waiting[workspace]
            if not self._waiting:
                self._somebody.clear()

    def _wake(self, workspace: str) -> None:
        for event in self._waiting.get(workspace, ()):
            event.set()

    async def _kept_up(self, work: Callable[[], Awaitable[None]]) -> None:
        told = False  # once per outage is enough
        while True:
            begun = time.monotonic()
            try:
                await work()
            except psycopg.Error as error:
                told = told and time.monotonic() - begun < _HELD_SECONDS
                if not told:
                    log.warning("cannot hear of changes, waiting for Postgres: %s", error)
                    told = True
            except Exception:
                log.exception("unexpected error while listening for changes; starting over")
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _connect(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        return await psycopg.AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=3,
            application_name="runfold-api-waiting",
        )

    async def _listen(self) -> None:
        async with await self._connect() as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            for workspace in list(self._waiting):  # what was told while nobody listened
                self._wake(workspace)
            async for told in connection.notifies():
                self._wake(told.payload)

    async def _pulse(self) -> None:
        sums: dict[str, object] = {}
        async with await self._connect() as connection:
            while True:
                await self._somebody.wait()
                cursor = await connection.execute(statement("position_sums"), {"workspaces": list(self._waiting)})
                now = {str(workspace): total for workspace, total in await cursor.fetchall()}
                for workspace, total in now.items():
                    if sums.get(workspace) != total:
                        self._wake(workspace)
                sums = now
                await asyncio.sleep(PULSE_SECONDS)


class Want(NamedTuple):
    """What a read asks for: a watermark, and until when (time.monotonic) it is worth waiting for it."""

    watermark: Watermark = Watermark()
    deadline: float = 0.0


@asynccontextmanager
async def folded(database: Database, wakers: Wakers, workspace: str, want: Want) -> AsyncIterator[Snapshot]:
    """A snapshot of the workspace that covers what is wanted.

    Raises:
        ApiError: 503 `not_yet` at the deadline.
        psycopg.Error: Postgres is away.
    """
    if not want.watermark:
        async with database.snapshot(workspace) as snapshot:
            yield snapshot
        return
    with wakers.waiting(workspace) as changed:
        while True:
            changed.clear()
            async with database.snapshot(workspace) as snapshot:
                missing = await _missing(snapshot, want.watermark)
                if not missing:
                    yield snapshot
                    return
            try:
                await asyncio.wait_for(changed.wait(), want.deadline - time.monotonic())
            except asyncio.TimeoutError:
                raise _not_yet(missing) from None


async def _missing(snapshot: Snapshot, want: Watermark) -> str | None:
    """One thing that the snapshot lacks, in words, or None when it covers all."""
    if want.offsets:
        wanted = [(t, p, o) for t, of_topic in want.offsets.items() for p, o in of_topic.items() if o]
        topics, partitions, offsets = [list(column) for column in zip(*wanted, strict=True)] or [[], [], []]
        parameters = {"topic_ids": topics, "partitions": partitions, "offsets": offsets}
        for row in await snapshot.rows("missing_offset", parameters):
            return f"offset {row['next_offset']} of partition {row['partition']} of topic {row['topic_id']}"
    if want.ordinals:
        lanes = [(*lane, last) for lane, last in want.ordinals.items() if last]
        names = ("streams", "kinds", "ids", "writers", "ordinals")
        columns = [list(column) for column in zip(*lanes, strict=True)] or [[]] * len(names)
        for row in await snapshot.rows("missing_lane", dict(zip(names, columns, strict=True))):
            lane = f"{row['stream']} of {row['aggregate_kind']} {row['aggregate_id']!r} by writer {row['writer_id']}"
            return f"ordinals up to {row['last_ordinal']} in {lane}"
    return None


def _not_yet(missing: str) -> ApiError:
    message = f"not folded yet: {missing}; ask again, or see how far the projectors are at .../lag"
    return ApiError(503, "not_yet", message, headers={"Retry-After": "1"})
