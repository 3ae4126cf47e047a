"""The watchdog's own words: facts in a journal of its own, one a workspace, sent by a shipper thread like everyone's.

It sends no heartbeats: who tells of another's silence is not the run. A word that was stated and is not folded yet is
waited for before anything more is said about its run; after a while it is said again, which is harmless.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from runfold.journal.writer import Journal
from runfold.shipper.thread import ShipperThread
from runfold_consumers.engine.errors import Away
from runfold_consumers.watchdog.judging import Statement
from runfold_schemas.events import StatusChanged, WriterOpened
from runfold_schemas.settings import Settings

ACTOR = "watchdog"
RUNS_MAX = 10_000  # in one journal: what a shipper remembers of it grows with them
AGAIN_S = 60.0  # after which a word that nobody has folded is said again


class Speaker:
    """Speaks for the watchdog in one workspace.

    Attributes:
        writer_id: of its journal.
    """

    def __init__(self, settings: Settings, workspace: str) -> None:
        """
        Raises:
            Away: no journal can be made.
        """
        try:
            self._journal = Journal.create(settings.journals(), workspace=workspace)
        except OSError as error:
            raise Away("journal", f"none can be made below {settings.journals()}: {error}") from error
        self.writer_id = self._journal.writer_id
        self._shipper = ShipperThread(self._journal, settings, heartbeats=False)
        self._opened: set[tuple[str, int]] = set()
        self._ahead: dict[str, tuple[int, float]] = {}  # by run: ordinal of our last word, and when it was said

    @property
    def waits_for(self) -> list[str]:
        """Runs about which something was stated that was not seen folded."""
        return list(self._ahead)

    def saw(self, folded: Mapping[str, int]) -> None:
        """These last ordinals of ours are folded."""
        now = time.monotonic()
        self._ahead = {
            run_id: (ordinal, said_at)
            for run_id, (ordinal, said_at) in self._ahead.items()
            if folded.get(run_id, 0) < ordinal and now < said_at + AGAIN_S
        }

    def state(self, statement: Statement) -> bool:
        """States it, and returns True; False while an earlier word about that run is waited for."""
        run_id, attempt, status, reason = statement
        if run_id in self._ahead:
            return False
        if (run_id, attempt) not in self._opened:
            who = {"actor": ACTOR, "host": os.uname().nodename, "pid": os.getpid(), "attempt": attempt}
            versions = {"python": ".".join(map(str, sys.version_info[:3])), "runfold": version("runfold")}
            self._fact(run_id, WriterOpened, {**who, "versions": versions})
            self._opened.add((run_id, attempt))
        said = {"attempt": attempt, "status": status, "reason": reason}
        self._ahead[run_id] = (self._fact(run_id, StatusChanged, said), time.monotonic())
        self._shipper.wake()
        return True

    def is_heard(self) -> bool:
        """The broker has all that was stated."""
        return self._shipper.left() == 0

    @property
    def is_done(self) -> bool:
        """It has spoken of so many runs that another one should go on, and nothing of it is waited for."""
        return len(self._opened) >= RUNS_MAX and not self._ahead and self.is_heard()

    def close(self, deadline: float) -> None:
        """Ends the journal; what the broker has not taken by then (`time.monotonic()`) stays for a node's shipper."""
        self._journal.close()
        if self._opened:
            self._shipper.finish(deadline)
        self._shipper.stop(deadline)

    def _fact(self, run_id: str, event: Any, fields: dict[str, Any]) -> int:
        at_us = time.time_ns() // 1000
        return self._journal.fact(
            "run", run_id, lambda ordinal: event("run", run_id, self.writer_id, ordinal, at_us, **fields)
        )
