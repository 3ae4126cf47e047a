"""For which runs a writer's signs of life, or its last word, are due. Pure bookkeeping: no clock, no I/O.

A run is watched from the fact by which its writer says that it runs (RunStarted, StatusChanged Running) to the one by
which the same writer ends it or hands it over (a terminal StatusChanged, RunSubmitted), or to the writer's last word.
Who only tags a run promises nothing. A sign is due at once when a run begins, and then whenever nothing of run and
writer was sent for a while.

Of a run that is not watched (it was tagged, cancelled, submitted, or has ended) each word may be the last one, so the
writer's claim follows when it falls silent: else the run would be called incomplete for as long as this process lives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Final

from runfold.journal.batches import Batch, Closed, Fact
from runfold_schemas import catalog
from runfold_schemas.codec import decode
from runfold_schemas.events import StatusChanged
from runfold_schemas.statuses import RUNNING, TERMINAL

TTL: Final = 5.0  # a sign holds for so many times the pause between two
_AT_ONCE: Final = float("-inf")


class Heartbeats:
    """Watches the runs of one writer. Times are monotonic seconds; one thread."""

    def __init__(
        self,
        pause_s: float,
        lives: Callable[[], bool] = lambda: True,
        ends: Callable[[str], Mapping[str, int]] | None = None,
    ) -> None:
        """
        Args:
            pause_s: seconds without a word after which a sign is due.
            lives: whether the writer shows life now; asked when a sign is due. In its own process it does.
            ends: last ordinals of a run's streams in the writer's journal; None where only a reader knows them.
        """
        self.ttl_s = TTL * pause_s
        self._pause_s, self._lives, self._ends = pause_s, lives, ends
        self._said: dict[str, float] = {}  # by run: when something of it was sent last
        self._look_at = _AT_ONCE  # nothing is due before
        self._unsigned: dict[str, None] = {}  # runs that began, or began anew, of which no sign was sent since
        self._passing: dict[str, bool] = {}  # by run that is not watched: whether all that was said of it is claimed

    @property
    def watched(self) -> list[str]:
        """The runs that are watched now: what a later shipper of the journal must `recall`."""
        return list(self._said)

    def recall(self, run_ids: Collection[str]) -> None:
        """Watches these runs and no others; a sign of each is due, though others were sent."""
        self._unsigned = {}
        self._said = dict.fromkeys(run_ids, _AT_ONCE)
        self._look_at = _AT_ONCE

    def again(self) -> None:
        """What was sent last may be lost: a sign of each run is due."""
        self.recall(self.watched)
        self._unsigned = dict.fromkeys(self._said)
        self._passing = dict.fromkeys(self._passing, False)

    def took(self, batches: Iterable[Batch], now: float) -> None:
        """These were read, and are sent now."""
        for batch in batches:
            if isinstance(batch, Closed):
                self._said.clear()
                self._passing.clear()
            elif batch.lane.aggregate_kind == "run":
                self._heard(batch.lane.aggregate_id, batch, now)

    def _heard(self, run_id: str, batch: Batch, now: float) -> None:
        said = self._said.get(run_id)
        watches = _watches(batch.message) if isinstance(batch, Fact) else None
        if watches:
            if said is None:
                self._said[run_id] = self._look_at = _AT_ONCE
                self._unsigned[run_id] = None
                self._passing.pop(run_id, None)
        elif watches is False:
            self._said.pop(run_id, None)
            self._unsigned.pop(run_id, None)
            self._passing[run_id] = False
        elif said is None:
            if isinstance(batch, Fact):  # who logs will log again
                self._passing[run_id] = False
        elif said + self.ttl_s >= now:  # else it may have been called silent: a sign is due, and shows that it is heard
            self._said[run_id] = now

    def last_words(self) -> list[str]:
        """Runs not watched, of which something was said since this was asked last; they count as claimed now."""
        unclaimed = [run_id for run_id, claimed in self._passing.items() if not claimed]
        self._passing.update(dict.fromkeys(unclaimed, True))
        return unclaimed

    def due(self, now: float) -> list[str]:
        """The runs of which a sign is to be sent now; they count as sent. None while the writer shows no life."""
        if now < self._look_at or not self._said:
            return []
        due = [run_id for run_id, said in self._said.items() if said + self._pause_s <= now]
        if due and not self._lives():
            return []
        self._said.update(dict.fromkeys(due, now))
        for run_id in due:
            self._unsigned.pop(run_id, None)
        self._look_at = min(self._said.values()) + self._pause_s
        return due

    def promised(self) -> list[str]:
        """The writer is about to be spoken for: runs of which it never sent a sign; they count as signed."""
        unsigned, self._unsigned = list(self._unsigned), {}
        return unsigned if math.isfinite(self._pause_s) else []

    def ends(self, run_id: str) -> Mapping[str, int] | None:
        """Last ordinals of the run's streams, where the journal itself can be asked."""
        return self._ends(run_id) if self._ends is not None else None


def _watches(message: bytes) -> bool | None:
    """Whether a fact's writer says by it that the run runs (True) or has ended (False); None where it says neither."""
    name = _name_of(message[2:10])
    if name == "RunStarted":
        return True
    if name == "RunSubmitted":  # the supervisor's life is the job's from now on, not the submitter's
        return False
    if name != "StatusChanged":
        return None
    status = decode(message)
    assert isinstance(status, StatusChanged)
    return True if status.status == RUNNING else False if status.status in TERMINAL else None


@cache
def _name_of(fingerprint: bytes) -> str | None:
    schema = catalog.released(fingerprint)
    return None if schema is None else str(schema["name"])
