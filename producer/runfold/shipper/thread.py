"""The shipper within a training process: one daemon thread that ships the process's own journal as it grows.

It costs the process an import of kafka (130 ms, in the thread), some 10 MiB, and the GIL for a few milliseconds per
16,000 points. Nothing that goes wrong in it reaches the training: each service is warned of once in a process, the
journal keeps everything, and whoever ships next (this thread, a node's shipper, `runfold ship --once`) goes on.

A forked child inherits no thread; its copy of this object does nothing. Kafka's exit hook is not used: at the end of a
process the façade calls `flush` and then `stop`, each with a deadline.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from runfold import notices
from runfold.exceptions import ServiceAwayError
from runfold.shipper.bell import Bell
from runfold.shipper.counting import left
from runfold.shipper.importing import complete_before_fork
from runfold.shipper.spool import Upload, spooled, upload_spooled
from runfold.shipper.troubles import Trouble
from runfold.shipper.turns import Turn
from runfold_schemas.watermark import Lane

if TYPE_CHECKING:
    from runfold.journal.writer import Journal
    from runfold.shipper.drain import Drain
    from runfold_schemas.settings import Settings

TIDY_S = 15.0  # how often acknowledged segments are deleted and the spool is tried
BYTES_IN_FLIGHT_MAX = 8 << 20


class ShipperThread:
    """Ships one journal of this process. All methods may be called from any thread and from signal handlers."""

    tells_acknowledgement = True  # of the broker

    def __init__(
        self,
        journal: Journal,
        settings: Callable[[], Settings] | Settings,
        upload: Upload | None = None,
        *,
        heartbeats: bool = True,
    ) -> None:
        """Starts nothing: the thread starts at the first `wake` or `flush`.

        Args:
            journal: this process's journal.
            settings: where Kafka is; a callable is asked in the thread, so that the process does not wait for pydantic.
            upload: uploads one spooled file; None finds one from the settings' API, if there is any.
            heartbeats: whether signs of life are sent for the runs that this process says are running.
        """
        self.journal = journal
        self._settings = settings
        self._upload = upload
        self._shows_life = heartbeats
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._work = Bell()  # something may be worth a turn
        self._stopping = threading.Event()
        self._settled = threading.Condition()  # the acknowledged prefix may have moved
        self._flushing = 0
        self._drain: Drain | None = None
        self._uploading: threading.Thread | None = None

    def wake(self) -> None:
        """Something was journaled that should not wait for the tail's pause. Starts the thread; never blocks, never
        raises.
        """
        if os.getpid() == self._pid:
            self._start()
            if self._drain is not None:
                self._drain.hurried = True
            self._work.ring()

    def acknowledged(self) -> dict[Lane, int]:
        """Last ordinals per lane up to which the broker has acknowledged everything; lanes of which it has nothing
        are absent.
        """
        drain = self._drain
        return dict(drain.acknowledged) if drain is not None else {}

    def flush(self, deadline: float, run_id: str | None = None, kind: str = "run") -> bool:
        """Waits until what was journaled before the call is acknowledged.

        Args:
            deadline: `time.monotonic()` at which to give up.
            run_id: the run whose facts and points are waited for; None waits for everything.
            kind: what it is, where it is no run: model, dataset, ...

        Returns:
            True when all is acknowledged; False at the deadline, after `stop` or in a forked child.
        """
        if os.getpid() != self._pid:
            return False
        called_at = time.monotonic()
        ends = self.journal.ends() if run_id is None else self.journal.ends_of(kind, run_id)
        self.wake()
        with self._settled:
            self._flushing += 1
            try:
                self._settled.wait_for(
                    lambda: self._over() or self._covers(ends, called_at), max(0.0, deadline - called_at)
                )
            finally:
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
        self._work.ring()
        with self._settled:
            self._settled.notify_all()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def left(self) -> int:
        """How many of the journal's facts and points the broker has not acknowledged; a log counts as one."""
        return left(self.journal.ends(), self.acknowledged())

    def unsent(self) -> ServiceAwayError:
        """What a read raises when they are not acknowledged in time."""
        settings = self._settings() if callable(self._settings) else self._settings
        reason = f"{self.left()} facts and points of this process are not acknowledged yet"
        return ServiceAwayError("Kafka", "RUNFOLD_KAFKA", settings.kafka, reason)

    def _over(self) -> bool:
        return self._stopping.is_set() or (self._thread is None and not self._starting.locked())

    def _covers(self, ends: dict[Lane, int], since: float) -> bool:
        drain = self._drain
        if drain is None:
            return False
        if drain.caught_up_at >= since:
            return True
        return all(drain.acknowledged.get(lane, 0) >= end for lane, end in ends.items())

    def _start(self) -> None:
        # Whoever finds the lock taken leaves it to its holder: a signal handler's own thread may be in here.
        if self._thread is not None or self._stopping.is_set() or not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="runfold-shipper", daemon=True)
                self._thread.start()
        except BaseException as error:
            if self._thread is not None and self._thread.ident is None:
                self._thread = None
            if not isinstance(error, RuntimeError):
                raise
            # No more threads may be had, or the interpreter is about to end.
            _tell(Trouble("shipper", f"no thread can be started that sends events: {error}."))
        finally:
            self._starting.release()

    def _run(self) -> None:
        try:
            self._ship()
        except Exception as error:  # noqa: BLE001 - nothing of ours may end up in the training's excepthook
            _tell(Trouble("shipper", f"the shipper thread ended: {error!r}."))
        finally:
            self._stopping.set()
            with self._settled:
                self._settled.notify_all()

    def _ship(self) -> None:
        settings = self._settings() if callable(self._settings) else self._settings
        # With -W error its deprecations would end the thread.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"kafka|importlib\.resources")
        with complete_before_fork():
            from runfold.shipper.drain import Drain
            from runfold.shipper.heartbeats import Heartbeats
            from runfold.shipper.sending import Cluster

        folder = self.journal.folder
        cluster = Cluster(settings.need("kafka"), settings.topic_prefix, bytes_in_flight_max=BYTES_IN_FLIGHT_MAX)
        turn = Turn(folder)
        turn.take()
        heartbeats = Heartbeats(settings.heartbeat_s, ends=self._ends_of) if self._shows_life else None
        drain = self._drain = Drain(folder, cluster, landed=self._work.ring, dead=lambda: False, heartbeats=heartbeats)
        tidy_at = time.monotonic() + TIDY_S
        while not (self._stopping.is_set() or drain.finished):
            try:
                pause = drain.step()
            except Trouble as trouble:
                _tell(trouble)
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
        drain.close()
        cluster.close()
        turn.give_back()

    def _ends_of(self, run_id: str) -> dict[str, int]:
        return {lane.stream: end for lane, end in self.journal.ends_of("run", run_id).items()}

    def _tidy(self, settings: Settings, workspace: str) -> None:
        from runfold.journal.folder import delete_acknowledged
        from runfold.shipper.drain import KEEP_BYTES

        delete_acknowledged(self.journal.folder, keep_bytes=KEEP_BYTES)
        if spooled(self.journal.folder) and (self._uploading is None or not self._uploading.is_alive()):
            self._uploading = threading.Thread(
                target=self._upload_spooled, args=(settings, workspace), name="runfold-uploads", daemon=True
            )
            self._uploading.start()

    def _upload_spooled(self, settings: Settings, workspace: str) -> None:
        from runfold.shipper.api import uploader

        upload = self._upload or uploader(settings, workspace)
        if upload is None:
            return
        left, error = upload_spooled(self.journal.folder, upload)
        if left:
            # The façade may have told it already: one warning a service and process.
            notices.once(notices.away("api"), f"{left} files could not be uploaded: {error}. The journal keeps them.")


def _tell(trouble: Trouble) -> None:
    about = notices.away(trouble.service)
    notices.once(about, f"{trouble} Training goes on; the journal keeps everything and is shipped later.")
