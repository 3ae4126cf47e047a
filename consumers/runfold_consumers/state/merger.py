"""The merger: a companion of the state projector's loop, which merges lanes when it is time to.

It hears of every row that its own projector writes, and counts them by lane; at its start and every now and then it
counts what stands there, for rows of other projectors and of the past. Before it merges it makes up for summaries that
an older release did not write, and it settles series that came to rest.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable

from runfold_consumers.engine.beside import Beside
from runfold_consumers.engine.connecting import answering, connect
from runfold_consumers.engine.projection import Connection
from runfold_consumers.fold.rows import PointsRow
from runfold_consumers.state.chunks import Lane
from runfold_consumers.state.merging import Unmerged, is_due, is_quiet, merge, pays, series_of, summarise_old, unmerged
from runfold_consumers.state.settling import settle
from runfold_schemas.process_metrics import MERGED, Registry

log = logging.getLogger(__name__)

LOOK_S = 2.0
COUNT_EVERY_S = 900.0  # what other projectors left
COUNT_SHARE = 50  # counting takes at most one part in so many of the time
LANES_MAX = 200_000  # counted at a time; what is beyond is found by a later count
HEARD_MAX = 500_000  # rows, likewise: while Postgres is away nobody takes them


class Merger:
    """See the module. Any number may run beside each other.

    postgres: connection string or URL.
    metrics: of the projector's process.
    """

    def __init__(self, postgres: str, metrics: Registry) -> None:
        self._postgres = postgres
        self._metrics = metrics
        self._connection: Connection | None = None
        self._heard: deque[tuple[Lane, Unmerged]] = deque(maxlen=HEARD_MAX)
        self._lanes: dict[Lane, Unmerged] = {}
        self._ask_at: dict[Lane, int] = {}  # rows below which merging a lane would save no room
        self._count_at = 0.0
        self._beside = Beside("merger", self._turn, lambda _: self.close(), self.close, look_s=LOOK_S, apart_s=LOOK_S)

    def hear(self, rows: Iterable[PointsRow]) -> None:
        """Rows are being written; whether they were committed does not matter here. Returns at once."""
        for row in rows:
            lane = Lane(row.workspace, row.run_id, row.partition, row.writer_id)
            count = row.last_ordinal - row.first_ordinal + 1
            self._heard.append((lane, Unmerged(1, count, len(row.message), row.broker_time)))

    def start(self) -> None:
        """Starts the thread."""
        self._beside.start()

    def wake(self, workspace: str, topic_kind: str) -> None:
        """Merging is never urgent: it looks by itself."""

    def check(self) -> None:
        """Raises what ended the thread, if something did."""
        self._beside.check()

    def stop(self) -> None:
        """Ends the thread after the step that it is at."""
        self._beside.stop()

    def close(self) -> None:
        """Lets go of Postgres; the next turn connects anew, and counts anew."""
        connection, self._connection = self._connection, None
        self._count_at = 0.0
        if connection is not None:
            connection.close()

    def _turn(self) -> None:
        if self._beside.stopping():
            return
        with answering():
            if self._connection is None:
                self._connection = connect(self._postgres, "merger")
            while summarise_old(self._connection):
                if self._beside.stopping():
                    return
            while settle(self._connection):
                if self._beside.stopping():
                    return
            self._count(self._connection)
            self._merge(self._connection)

    def _count(self, connection: Connection) -> None:
        """Adds what was heard; from time to time counts what stands there. Counted twice is merged early."""
        now = time.monotonic()
        if now >= self._count_at:
            self._lanes = unmerged(connection, LANES_MAX)
            self._ask_at = {lane: rows for lane, rows in self._ask_at.items() if lane in self._lanes}
            taken_s = time.monotonic() - now
            self._count_at = now + max(COUNT_EVERY_S, COUNT_SHARE * taken_s)
        while self._heard:
            lane, more = self._heard.popleft()
            known = self._lanes.get(lane)
            if known is not None:
                self._lanes[lane] = known.plus(more)
            elif len(self._lanes) < LANES_MAX:
                self._lanes[lane] = more

    def _merge(self, connection: Connection) -> None:
        now_us = int(time.time() * 1_000_000)
        for lane in [lane for lane, found in self._lanes.items() if is_due(found, now_us)]:
            found, quiet = self._lanes[lane], is_quiet(self._lanes[lane], now_us)
            asks = found.rows >= self._ask_at.get(lane, 0)
            gains = asks and pays(found, series_of(connection, lane))
            if gains:
                self._all_of(connection, lane, found)
                self._ask_at.pop(lane, None)
            elif asks:
                self._ask_at[lane] = found.rows + 1 if quiet else 2 * found.rows
            if gains or quiet:
                del self._lanes[lane]
            if self._beside.stopping():
                return

    def _all_of(self, connection: Connection, lane: Lane, found: Unmerged) -> None:
        rows, points, began = 0, 0, time.monotonic()
        try:
            while rows < found.rows and not self._beside.stopping() and (step := merge(connection, lane)):
                rows, points = rows + step.rows, points + step.points
                self._metrics.count(MERGED, by=step.points)
        except ValueError as error:  # bytes that are no points: readers fail on them too, other lanes need not
            log.error("not_merged", extra={**lane._asdict(), "detail": str(error)})
        if rows:
            took_s = round(time.monotonic() - began, 3)
            log.info("merged", extra={**lane._asdict(), "rows": rows, "points": points, "took_s": took_s})
