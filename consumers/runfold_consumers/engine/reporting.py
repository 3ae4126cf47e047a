"""Tells others what was committed: NOTIFY for those who wait, `observed.lag` for those who watch.

Outside the fold's transaction, on a connection of its own: NOTIFY takes a lock over the whole database at commit, and
readers only need to hear soon. The first commit after a pause is told at once, those that follow within 10 ms are told
together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from runfold_consumers.engine.beside import Beside
from runfold_consumers.engine.connecting import answering, connect
from runfold_consumers.engine.errors import Away
from runfold_consumers.engine.health import Health
from runfold_consumers.engine.projection import Connection

CHANNEL = "runfold_state"
APART_S = 0.01
LOOK_S = 1.0  # so often Postgres is asked whether it is there, when nothing is to be told


class Lag(NamedTuple):
    """How far one partition is folded, and how far its log goes."""

    workspace: str
    topic: str
    partition: int
    next_offset: int
    end_offset: int
    last_broker_time: datetime | None


class Reporter:
    """A companion of the loop. Owns the health condition `postgres`. What cannot be told is told later, or overtaken by
    what is newer.
    """

    def __init__(self, postgres: str, projector: str, health: Health) -> None:
        self._postgres, self._projector, self._health = postgres, projector, health
        self._lock = threading.Lock()
        self._workspaces: set[str] = set()
        self._lags: Sequence[Lag] = ()
        self._looked_at = 0.0  # monotonic
        self._connection: Connection | None = None
        self._beside = Beside("reporter", self._tell, self._away, self._close, look_s=LOOK_S, apart_s=APART_S)

    def start(self) -> None:
        """Starts the thread."""
        self._beside.start()

    def wake(self, workspace: str, topic_kind: str) -> None:
        """Something of this workspace was committed."""
        with self._lock:
            self._workspaces.add(workspace)
        self._beside.wake()

    def lag(self, lags: Sequence[Lag], looked_at: float) -> None:
        """The newest look at all partitions held, begun at `looked_at` (monotonic); replaces one that was not written
        yet.
        """
        with self._lock:
            self._lags, self._looked_at = lags, looked_at
        self._beside.wake()

    def check(self) -> None:
        """Raises what ended the thread, if something did."""
        self._beside.check()

    def stop(self) -> None:
        """Tells what is left and ends."""
        self._beside.stop()

    def _away(self, away: Away) -> None:
        self._health.set("postgres", ok=False, detail=away.detail)
        self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _tell(self) -> None:
        with self._lock:
            workspaces, self._workspaces = self._workspaces, set()
            lags, self._lags = self._lags, ()
            looked_at = self._looked_at
        try:
            if self._connection is None:
                self._connection = connect(self._postgres, f"{self._projector} reporter")
                with answering():  # nothing of this need survive a crash, and a NOTIFY would wait for the disk
                    self._connection.execute("SET synchronous_commit = off")
            with answering():
                self._connection.execute(_NOTIFY, [CHANNEL, sorted(workspaces)])
                if lags:
                    columns = map(list, zip(*lags, strict=True))
                    # All that the broker took before the look was counted: `observed_at` is never later than that.
                    self._connection.execute(_LAG, [self._projector, time.monotonic() - looked_at, *columns])
        except Away:
            with self._lock:
                self._workspaces |= workspaces
            raise
        self._health.set("postgres", ok=True)


_NOTIFY = "SELECT pg_notify(%s, workspace) FROM unnest(%s::text[]) AS workspace"
_LAG = """
INSERT INTO observed.lag
    (projector, workspace, topic, partition, next_offset, end_offset, last_broker_time, observed_at)
SELECT %s, seen.*, now() - make_interval(secs => %s::float8)
FROM unnest(%s::text[], %s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::timestamptz[]) AS seen
ON CONFLICT (workspace, projector, topic, partition) DO UPDATE
SET next_offset = excluded.next_offset, end_offset = excluded.end_offset,
    last_broker_time = excluded.last_broker_time, observed_at = excluded.observed_at
"""
