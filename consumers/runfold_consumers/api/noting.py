"""What is written about requests without holding them up: that access tokens and sessions are in use, and where it is
switched on who read what. Collected in memory, written about once a second in one transaction.

Bounded: of more than READS_MAX reads between two writes the rest is counted and told as `reads.lost`. A process that is
killed loses what it noted within the last second; one that is stopped writes it first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

import psycopg

from runfold_consumers.api import audit
from runfold_consumers.api.audit import Actor, Entry
from runfold_consumers.api.database import statement

log = logging.getLogger(__name__)

READS_MAX = 20_000
INTERVAL_SECONDS = 1.0
PROCESS = Actor("runfold", "api process")


class Notes:
    """Collects, and writes from a task of the event loop's."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._used: set[str] = set()
        self._seen: set[str] = set()
        self._reads: list[Entry] = []
        self._lost = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to write, within the running event loop."""
        self._task = asyncio.create_task(self._kept_up())

    async def stop(self) -> None:
        """Writes what is left, and ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._write()

    def used(self, access_token_id: str) -> None:
        """An access token let somebody in."""
        self._used.add(access_token_id)
        self._news.set()

    def seen(self, session_id: str) -> None:
        """A session was used."""
        self._seen.add(session_id)
        self._news.set()

    def read(self, actor: Actor, subject: str, workspace: str | None, **detail: Any) -> None:
        """Somebody read something."""
        if len(self._reads) >= READS_MAX:
            self._lost += 1
            return
        self._reads.append(Entry(datetime.now(timezone.utc), actor, "read", subject, workspace, detail))
        self._news.set()

    async def _kept_up(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(INTERVAL_SECONDS)
            self._news.clear()
            await self._write()

    async def _write(self) -> None:
        used, seen, reads, lost = self._used, self._seen, self._reads, self._lost
        if not (used or seen or reads or lost):
            return
        self._used, self._seen, self._reads, self._lost = set(), set(), [], 0
        try:
            await asyncio.to_thread(self._commit, used, seen, reads, lost)
        except psycopg.DataError as error:  # what cannot be written now never can: the rest must not wait behind it
            log.error("%d reads are not audited: %s", len(reads), error)
            self._lost += lost + len(reads)
        except psycopg.Error as error:  # what was collected is kept for the next time, within the bound
            log.warning("cannot note who was here, waiting for Postgres: %s", error)
            self._used |= used
            self._seen |= seen
            kept = reads[: max(0, READS_MAX - len(self._reads))]
            self._lost += lost + len(reads) - len(kept)
            self._reads = kept + self._reads
            self._news.set()

    def _commit(self, used: Iterable[str], seen: Iterable[str], reads: list[Entry], lost: int) -> None:
        told = [Entry(None, PROCESS, "reads.lost", None, None, {"n": lost})] if lost else []
        with audit.opened(self._conninfo) as connection:
            connection.execute(statement("seen"), {"access_tokens": sorted(used), "sessions": sorted(seen)})
            audit.write(connection, [*reads, *told])
