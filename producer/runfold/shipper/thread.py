"""The shipper within a training process: one daemon thread that ships the process's own journal as it grows.

It costs the process an import of kafka (130 ms, in the thread), some 10 MiB, and the GIL for a few milliseconds per
16,000 points. Nothing that goes wrong in it reaches the training: trouble is told once on the logger
`runfold.shipper`, the journal keeps everything, and whoever ships next (this thread, a node's shipper, `runfold ship
--once`) goes on.

A forked child inherits no thread; its copy of this object does nothing. Kafka's exit hook is not used: at the end of a
process the façade calls `flush` and then `stop`, each with a deadline.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from runfold import notices
from runfold.shipper.importing import complete_before_fork
from runfold.shipper.spool import Upload, spooled, upload_spooled
from runfold.shipper.troubles import Trouble, Troubles
from runfold.shipper.turns import Turn
from runfold_schemas.watermark import Lane

if TYPE_CHECKING:
    from runfold.journal.writer import Journal
    from runfold.shipper.drain import Drain
    from runfold_schemas.settings import Settings

TIDY_S = 15.0  # how often acknowledged segments are deleted and the spool is tried
BYTES_IN_FLIGHT_MAX = 8 << 20


class ShipperThread:
    """Ships one journal of this process. All methods may be called from any thread."""

    def __init__(
        self, journal: Journal, settings: Callable[[], Settings] | Settings, upload: Upload | None = None
    ) -> None:
        """Starts nothing: the thread starts at the first `wake` or `flush`.

        Args:
            journal: this process's journal.
            settings: where Kafka is; a callable is asked in the thread, so that the process does not wait for pydantic.
            upload: uploads one spooled file; None finds one from the settings' API, if there is any.
        """
        self._journal = journal
        self._settings = settings
        self._upload = upload
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._work = threading.Event()  # something may be worth a turn
        self._stopping = threading.Event()
        self._settled = threading.Condition()  # the acknowledged prefix may have moved
        self._flushing = 0
        self._drain: Drain | None = None
        self._uploading: threading.Thread | None = None
        self._troubles = Troubles("Training goes on; the journal keeps everything and is shipped later.")

    def wake(self) -> None:
        """Something was journaled that should not wait for the tail's pause. Starts the thread; never blocks, never
        raises.
        """
        if os.getpid() == self._pid:
            self._start()
            if self._drain is not None:
                self._drain.hurried = True
            self._work.set()

    def acknowledged(self) -> dict[Lane, int]:
        """Last ordinals per lane up to which the broker has acknowledged everything; lanes of which it has nothing
        are absent.
        """
        drain = self._drain
        return dict(drain.acknowledged) if drain is not None else {}

    def flush(self, deadline: float) -> bool:
        """Waits until all that was journaled before the call is acknowledged.

        Args:
            deadline: `time.monotonic()` at which to give up.

        Returns:
            True when all is acknowledged; False at the deadline, after `stop` or in a forked child.
        """
        if os.getpid() != self._pid:
            return False
        called_at = time.monotonic()
        ends = self._journal.ends()
        self.wake()
        with self._settled:
            self._flushing += 1
            self._settled.wait_for(
                lambda: self._stopping.is_set() or self._covers(ends, called_at), max(0.0, deadline - called_at)
            )
            self._flushing -= 1
        return self._covers(ends, called_at)

    def finish(self, deadline: float) -> bool:
        """After the journal was closed: waits until its last words and what is claimed for it are acknowledged too.

        Returns:
            True when all is; False at the deadline, or when the thread has ended before.
        """
        if os.getpid() != self._pid:
            return False
        self.wake()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        return self._drain is not None and self._drain.finished

    def stop(self, deadline: float) -> None:
        """Ends the thread: the checkpoint is written, what is in flight is not waited for. Harmless when repeated."""
        if os.getpid() != self._pid:
            return
        self._stopping.set()
        self._work.set()
        with self._settled:
            self._settled.notify_all()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _covers(self, ends: dict[Lane, int], since: float) -> bool:
        drain = self._drain
        if drain is None:
            return False
        if drain.caught_up_at >= since:
            return True
        return all(drain.acknowledged.get(lane, 0) >= end for lane, end in ends.items())

    def _start(self) -> None:
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._run, name="runfold-shipper", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            self._ship()
        except Exception as error:  # noqa: BLE001 - nothing of ours may end up in the training's excepthook
            self._troubles.met(Trouble("shipper", f"the shipper thread ended: {error!r}."))
        finally:
            self._stopping.set()
            with self._settled:
                self._settled.notify_all()

    def _ship(self) -> None:
        settings = self._settings() if callable(self._settings) else self._settings
        with complete_before_fork():
            from runfold.shipper.drain import Drain
            from runfold.shipper.sending import Cluster

        folder = self._journal.folder
        cluster = Cluster(settings.need("kafka"), settings.topic_prefix, bytes_in_flight_max=BYTES_IN_FLIGHT_MAX)
        turn = Turn(folder)
        turn.take()
        drain = self._drain = Drain(folder, cluster, landed=self._work.set, dead=lambda: False)
        tidy_at = time.monotonic() + TIDY_S
        while not (self._stopping.is_set() or drain.finished):
            try:
                pause = drain.step()
                if not drain.failures:
                    self._troubles.over()
            except Trouble as trouble:
                self._troubles.met(trouble)
                self._stopping.wait(drain.backoff_s)
                continue
            if self._flushing:
                with self._settled:
                    self._settled.notify_all()
            if pause and time.monotonic() >= tidy_at:
                tidy_at = time.monotonic() + TIDY_S
                self._tidy(settings, drain.home.workspace)
            if pause:
                self._work.wait(pause)
                self._work.clear()
        drain.close()
        cluster.close()
        turn.give_back()

    def _tidy(self, settings: Settings, workspace: str) -> None:
        from runfold.journal.folder import delete_acknowledged
        from runfold.shipper.drain import KEEP_BYTES

        delete_acknowledged(self._journal.folder, keep_bytes=KEEP_BYTES)
        if spooled(self._journal.folder) and (self._uploading is None or not self._uploading.is_alive()):
            self._uploading = threading.Thread(
                target=self._upload_spooled, args=(settings, workspace), name="runfold-uploads", daemon=True
            )
            self._uploading.start()

    def _upload_spooled(self, settings: Settings, workspace: str) -> None:
        from runfold.shipper.api import uploader

        upload = self._upload or uploader(settings, workspace)
        if upload is None:
            return
        left, error = upload_spooled(self._journal.folder, upload)
        if left:
            # The façade may have told it already: one warning a service and process.
            notices.once(notices.away("api"), f"{left} files could not be uploaded: {error}. The journal keeps them.")
