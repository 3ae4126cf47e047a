"""Writes down when telemetry came and for which runs, within the batch's transaction: see `fold/arrivals.py`.

The seconds are part of the fold. What came lately is not: it is kept for KEPT_SECONDS, so that a live viewer who comes
back can be told what it missed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from runfold_consumers.fold.arrivals import arrivals, seconds_of
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.telemetry import TelemetryChanges
from runfold_consumers.state.arrays import numbers, texts, times
from runfold_consumers.state.statements import statement
from runfold_consumers.state.store import Connection

KEPT_SECONDS = 3600.0
DROP_EVERY_S = 60.0


class Arriving:
    """What one projector writes of it; remembers when it last dropped old rows."""

    def __init__(self) -> None:
        self._drop_at: dict[str, float] = {}  # by workspace, monotonic

    def write(self, connection: Connection, records: Sequence[Record], changes: TelemetryChanges) -> None:
        """One batch, of partitions whose position rows are locked."""
        seconds = list(seconds_of([*changes.points, *changes.logs]).values())
        if seconds:
            workspaces, places, moments, offsets = zip(*seconds, strict=True)
            columns = (texts(workspaces), numbers(places), times(moments), numbers(offsets))
            connection.execute(statement("add_telemetry_seconds"), columns)
        partitions_of: dict[str, list[int]] = {}
        with connection.cursor() as cursor:
            for came in arrivals(records):
                partitions_of.setdefault(came.workspace, []).append(came.partition)
                run_ids, kinds, last = texts(came.run_ids), texts(came.kinds), numbers(came.last_offsets)
                cursor.execute(statement("put_telemetry_changes"), (*came[:4], run_ids, kinds, last))
        for workspace, partitions in partitions_of.items():
            if time.monotonic() >= self._drop_at.get(workspace, 0.0):
                self._drop_at[workspace] = time.monotonic() + DROP_EVERY_S
                asked = (workspace, numbers(partitions), KEPT_SECONDS)
                connection.execute(statement("drop_telemetry_changes"), asked)
