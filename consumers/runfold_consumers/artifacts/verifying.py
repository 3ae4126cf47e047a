"""What is found of an artifact in the object store, and the thread that looks again for what was missing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from runfold_consumers.artifacts.objects import SERVICE, Objects
from runfold_consumers.engine.beside import Beside
from runfold_consumers.engine.connecting import answering, connect
from runfold_consumers.engine.errors import Away
from runfold_consumers.engine.health import Health
from runfold_consumers.engine.projection import Connection

log = logging.getLogger(__name__)

AVAILABLE, MISSING, MISMATCHED = "available", "missing", "mismatched"
UNREAD = "not read back yet"  # a large object: the projector does not wait for it, the next look is at once
LARGE_BYTES = 8 << 20
LOOK_S = 1.0
SWEEP_S = 3_600.0  # how often unfinished uploads are looked at
UPLOAD_S_MAX = 7 * 86_400.0  # since an upload was begun: then its parts are given up
AGAIN_FIRST_S, AGAIN_MOST_S = 1.0, 300.0
ROWS_AT_ONCE = 1_000


class Artifact(NamedTuple):
    """An object that an event spoke of; `run_id` is its owner as `objects.owner_of` writes it."""

    workspace: str
    run_id: str
    sha256: str
    size: int


class Finding(NamedTuple):
    """available, missing or mismatched, and why not available."""

    availability: str
    detail: str | None


def verify(objects: Objects, artifact: Artifact, stopping: Callable[[], bool] = lambda: False) -> Finding:
    """Reads the object back and compares size and digest. An object of another size is not read.

    Raises:
        Away: the store does not answer.
    """
    key = artifact[:3]
    size = objects.size(*key) if artifact.size > LARGE_BYTES else artifact.size
    found = objects.read_back(*key, stopping) if size == artifact.size else None
    if found is None and size in (None, artifact.size):
        return Finding(MISSING, "no such object")
    size = found.size if found is not None else size
    if found is None or size != artifact.size:
        return Finding(MISMATCHED, f"size is {size} bytes, the event says {artifact.size}")
    if found.sha256 != artifact.sha256:
        return Finding(MISMATCHED, f"sha256 of the object is {found.sha256}")
    return Finding(AVAILABLE, None)


class Rechecker:
    """A companion of the artifact projector: reads back what was missing, again and again, ever more seldom per object;
    and gives up uploads in parts that were begun a week ago.

    The spool of a client may upload hours after the event. Owns the health condition `object store`. How often an
    object was looked for is kept in memory: after a restart each is looked for at once.
    """

    def __init__(
        self, postgres: str, objects: Objects, health: Health, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._postgres, self._objects, self._health, self._clock = postgres, objects, health, clock
        self._sweep_at = clock() + SWEEP_S
        self._due: dict[Artifact, tuple[float, float]] = {}  # when to look next, and the delay after that
        self._connection: Connection | None = None
        self._beside = Beside("rechecker", self.recheck, self._away, self._close, look_s=LOOK_S)

    def start(self) -> None:
        """Starts the thread."""
        self._beside.start()

    def wake(self, workspace: str, topic_kind: str) -> None:
        """Something of this workspace was committed: perhaps an object that was not read back yet."""
        self._beside.wake()

    def check(self) -> None:
        """Raises what ended the thread, if something did."""
        self._beside.check()

    def stop(self) -> None:
        """Ends; the object that is being read is read after the next start."""
        self._beside.stop()

    def _away(self, away: Away) -> None:
        self._health.set(away.service, ok=False, detail=away.detail)
        if away.service != SERVICE:
            self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def recheck(self) -> None:
        """Looks for every missing object that is due.

        Raises:
            Away: the store or Postgres does not answer.
            Stop: the store refuses.
        """
        self._objects.ensure_bucket()
        self._health.set(SERVICE, ok=True)
        if self._connection is None:
            self._connection = connect(self._postgres, "rechecker")
        with answering():
            missing = {Artifact(*row[:4]): row[4] for row in self._connection.execute(_MISSING, [ROWS_AT_ONCE])}
        self._due = {artifact: due for artifact, due in self._due.items() if artifact in missing}
        if self._clock() >= self._sweep_at:
            self._sweep_at = self._clock() + SWEEP_S
            swept = self._objects.sweep_uploads(UPLOAD_S_MAX)
            if swept:
                log.info("uploads_swept", extra={"uploads": swept})
        for artifact, detail in sorted(missing.items(), key=lambda each: each[0].size):  # no small one waits for GBs
            at, delay_s = self._due.get(artifact, (0.0, AGAIN_FIRST_S))
            if self._beside.stopping():
                return
            if self._clock() >= at or detail == UNREAD:
                self._settle(self._connection, artifact)
                self._due[artifact] = (self._clock() + delay_s, min(2 * delay_s, AGAIN_MOST_S))

    def _settle(self, connection: Connection, artifact: Artifact) -> None:
        finding = verify(self._objects, artifact, self._beside.stopping)
        with answering():
            connection.execute(_FOUND, [*finding, *artifact[:3]])
        if finding.availability != MISSING:
            told = {"workspace": artifact.workspace, "run_id": artifact.run_id, "sha256": artifact.sha256}
            log.info("object_found", extra={**told, "availability": finding.availability})


_MISSING = """
SELECT workspace, run_id, sha256, size, detail FROM observed.objects WHERE availability = 'missing'
ORDER BY checked_at LIMIT %s
"""
_FOUND = """
UPDATE observed.objects SET availability = %s, detail = %s, checked_at = now()
WHERE workspace = %s AND run_id = %s AND sha256 = %s AND availability = 'missing'
"""
