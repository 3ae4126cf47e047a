"""Where a process starts no thread for Kafka: the node's shipper sends its journal (RUNFOLD_SHIPPING=node).

The same methods as `thread.ShipperThread`. Only the API tells what has become of what was journaled, so
"acknowledged" is what readers see.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from runfold import notices
from runfold.exceptions import AzureMLException, NotYetVisibleError, ServiceAwayError, ServiceException
from runfold.shipper.counting import left
from runfold.shipper.pulse import Pulse
from runfold_schemas.watermark import Lane, Watermark

if TYPE_CHECKING:
    from runfold.journal.writer import Journal
    from runfold.reading.client import ApiClient

ADVICE = "`runfold ship` must run on this node (RUNFOLD_SHIPPING is node, or the job is large)"


class NodeShipping:
    """One journal of this process, sent by another one. All methods may be called from any thread."""

    tells_acknowledgement = False  # of the broker

    def __init__(self, journal: Journal, address: str | None, api: Callable[[], ApiClient]) -> None:
        """
        Args:
            journal: this process's journal.
            address: of the API, for messages.
            api: gives the query API; called when something is waited for.
        """
        self.journal = journal
        self._address = address
        self._api = api
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._visible: dict[Lane, int] = {}
        self._pulse = Pulse(journal)

    def wake(self) -> None:
        """Shows the node's shipper a pulse from now on; it looks by itself for what is new."""
        if os.getpid() == self._pid:
            self._pulse.start()

    def acknowledged(self) -> dict[Lane, int]:
        """Last ordinals per lane that the API has confirmed to be visible."""
        with self._lock:
            return dict(self._visible)

    def flush(self, deadline: float, run_id: str | None = None, kind: str = "run") -> bool:
        """Waits until what was journaled before the call is visible; False at the deadline, or without an API.

        Args:
            deadline: `time.monotonic()` at which to give up.
            run_id: the run whose facts and points are waited for; None waits for everything.
            kind: what it is, where it is no run: model, dataset, ...
        """
        if os.getpid() != self._pid:
            return False
        ends = self.journal.ends() if run_id is None else self.journal.ends_of(kind, run_id)
        hidden = {lane: end for lane, end in ends.items() if end > self._visible.get(lane, 0)}
        if not hidden:
            return True
        try:
            seen = self._api().wait_for(Watermark(ordinals=hidden), max(0.0, deadline - time.monotonic()))
        except (AzureMLException, ServiceException) as away:
            notices.once(notices.away(getattr(away, "service", "API")), f"{away.message} The journal keeps everything.")
            return False
        if seen:
            with self._lock:
                for lane, end in hidden.items():
                    self._visible[lane] = max(end, self._visible.get(lane, 0))
        return seen

    def finish(self, deadline: float) -> bool:
        """After the journal was closed: the same."""
        return self.flush(deadline)

    def stop(self, deadline: float) -> None:
        """Ends the pulse."""
        self._pulse.stop()

    def left(self) -> int:
        """How many of the journal's facts and points are not known to be visible; a log counts as one."""
        return left(self.journal.ends(), self.acknowledged())

    def unsent(self) -> ServiceAwayError:
        """What a read raises when they are not visible in time."""
        return NotYetVisibleError(
            "RUNFOLD_API",
            self._address,
            f"{self.left()} facts and points of this process are not visible yet; {ADVICE}",
            "",
        )
