"""`runfold ship`: one process that ships all journals of a node, for as long as it runs.

It finds journals under one folder, new ones within a second. A journal whose own process ships it (`turns`) is left
to that process until it ends. Orphans (killed processes, children that left by `os._exit`) are shipped to their end
and spoken for. A few threads serve any number of journals, one connection serves all threads. Journals that are bound
to no workspace are looked at again and again, since `runfold ship --once` may bind them at any time.

For processes whose journals it ships it also sends the signs of life, as long as they show a pulse (`pulse`).

It also uploads what waits in spools, and deletes segments of this host: a day after their acknowledgement, or earlier
when they take more room than allowed.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

from runfold.journal import folder as journals
from runfold.shipper import api
from runfold.shipper.drain import KEEP_BYTES, Drain, Unbound
from runfold.shipper.heartbeats import Heartbeats
from runfold.shipper.pulse import is_felt
from runfold.shipper.sending import Cluster
from runfold.shipper.spool import spooled, upload_spooled
from runfold.shipper.troubles import Trouble, Troubles, log
from runfold.shipper.turns import Turn
from runfold_schemas import process_metrics
from runfold_schemas.process_metrics import Registry
from runfold_schemas.settings import Settings

SCAN_S = 0.5
TIDY_S = 60.0
SPOOL_S = 5.0
UNBOUND_S = 2.0
THREADS = 4
IDLE_TURNS_PER_SECOND_MAX = 1000  # over all journals: many that are idle are each looked at less often
BYTES_IN_FLIGHT_MAX = 32 << 20
KEEP_S = 24 * 3600.0


class _Entry:
    """One journal that is being shipped."""

    def __init__(self, drain: Drain, turn: Turn) -> None:
        self.drain = drain
        self.turn = turn


class NodeShipper:
    """Ships everything under a folder until `stop`."""

    def __init__(self, root: Path, settings: Settings) -> None:
        """Starts nothing yet.

        Raises:
            SettingsError: RUNFOLD_KAFKA is not set.
        """
        self._root = root
        self._settings = settings
        self._cluster = Cluster(settings.need("kafka"), settings.topic_prefix, bytes_in_flight_max=BYTES_IN_FLIGHT_MAX)
        self._troubles = Troubles("It is tried again and again; the journals keep everything.")
        self._stopping = threading.Event()
        self._entries: dict[Path, _Entry] = {}
        self._finished: set[Path] = set()
        self._unbound: dict[Path, float] = {}  # looked at again when
        self._due: list[tuple[float, int, _Entry]] = []
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._scanned_at = 0.0
        self._told: set[Path] = set()
        self._begun = time.monotonic()
        self._metrics: Registry | None = None

    def run(self) -> None:
        """Ships until `stop` is called, from another thread or a signal handler."""
        self._root.mkdir(parents=True, exist_ok=True)
        threads = [threading.Thread(target=self._serve, name=f"ship-{n}", daemon=True) for n in range(THREADS)]
        threads.append(threading.Thread(target=self._every, args=(SPOOL_S, self._upload), name="uploads", daemon=True))
        threads.append(threading.Thread(target=self._every, args=(TIDY_S, self._tidy), name="tidy", daemon=True))
        for thread in threads:
            thread.start()
        self._every(SCAN_S, self._scan)
        with self._ready:
            self._ready.notify_all()
        for thread in threads[:THREADS]:
            thread.join(5.0)
        for entry in list(self._entries.values()):
            entry.drain.close()
            entry.turn.give_back()
        self._cluster.close()

    def stop(self) -> None:
        """Ends `run`: checkpoints are written, what is in flight is sent again by whoever ships next."""
        self._stopping.set()

    def live(self) -> tuple[bool, dict[str, str]]:
        """For /livez: the folder is watched."""
        told = f"{len(self._entries)} journals are shipped, {len(self._finished)} are done"
        return self._scanned_at > time.monotonic() - 60.0, {"detail": told}

    def ready(self) -> tuple[bool, dict[str, str]]:
        """For /readyz: the folder is watched, and nothing keeps events from the broker."""
        live, told = self.live()
        trouble = self._troubles.open()
        return live and not trouble, told | ({"in the way": ", ".join(trouble)} if trouble else {})

    def measure(self, metrics: Registry) -> None:
        """Lets the process metrics of the shipper be asked here."""

        def behind_s() -> float:
            now = time.monotonic()
            return max((now - max(drain.caught_up_at, self._begun) for drain in self._drains()), default=0.0)

        for state, count in (
            ("shipped", lambda: len(self._entries)),
            ("done", lambda: len(self._finished)),
            ("unbound", lambda: len(self._unbound)),
        ):
            metrics.ask(process_metrics.JOURNALS, count, state)
        metrics.ask(process_metrics.BEHIND, behind_s)
        metrics.ask(process_metrics.IN_THE_WAY, lambda: len(self._troubles.open()))
        metrics.ask(
            process_metrics.UNACKNOWLEDGED,
            lambda: sum(journals.unacknowledged_bytes(drain.folder) for drain in self._drains()),
        )
        self._metrics = metrics

    def _drains(self) -> list[Drain]:
        return [entry.drain for entry in list(self._entries.values())]

    def _every(self, seconds: float, what: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                what()
            except Exception as error:  # noqa: BLE001 - one bad journal or a full disk must not end the service
                self._troubles.met(Trouble(what.__name__.strip("_"), f"{what.__name__.strip('_')} failed: {error!r}."))
            self._stopping.wait(seconds)

    def _scan(self) -> None:
        """Takes up journals that are new, free again, or bound by now."""
        there = set(journals.journals(self._root))
        self._finished &= there
        now = time.monotonic()
        for folder in sorted(there - self._finished):
            if folder in self._entries or self._unbound.get(folder, 0.0) > now:
                continue
            try:
                self._take_up(folder)
            except Unbound:
                self._unbound[folder] = now + UNBOUND_S
            except (OSError, ValueError) as error:
                self._unbound[folder] = now + UNBOUND_S
                self._tell(folder, error)
        self._unbound = {folder: at for folder, at in self._unbound.items() if folder in there}
        self._scanned_at = now

    def _take_up(self, folder: Path) -> None:
        heartbeats = Heartbeats(self._settings.heartbeat_s, lambda: is_felt(folder))
        drain = Drain(folder, self._cluster, heartbeats=heartbeats)
        turn = Turn(folder)
        if turn.take():
            self._entries[folder] = entry = _Entry(drain, turn)
            self._again(entry, 0.0)

    def _tell(self, folder: Path, error: Exception) -> None:
        if folder not in self._told:
            self._told.add(folder)
            log.warning("runfold: journal %s cannot be shipped: %s", folder, error, extra={"writer_id": folder.name})

    def _again(self, entry: _Entry, pause: float) -> None:
        with self._ready:
            heapq.heappush(self._due, (time.monotonic() + pause, next(self._order), entry))
            self._ready.notify()

    def _next(self) -> _Entry | None:
        """The entry whose turn it is; waits for it. None when stopping."""
        with self._ready:
            while not self._stopping.is_set():
                wait = self._due[0][0] - time.monotonic() if self._due else SCAN_S
                if wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._ready.wait(min(wait, SCAN_S))
            return None

    def _serve(self) -> None:
        while (entry := self._next()) is not None:
            drain = entry.drain
            sent = drain.sent
            try:
                pause = drain.step()
                if self._metrics is not None and drain.sent > sent:
                    self._metrics.count(process_metrics.SENT, by=drain.sent - sent)
                if pause:
                    pause = max(pause, len(self._entries) / IDLE_TURNS_PER_SECOND_MAX)
                if drain.failures == 0 and drain.sent:
                    self._troubles.over()
            except Trouble as trouble:
                self._troubles.met(trouble)
                pause = drain.backoff_s
                if not drain.folder.exists():
                    drain.finished = True
            if drain.finished:
                self._retire(entry)
            else:
                self._again(entry, pause)

    def _retire(self, entry: _Entry) -> None:
        entry.drain.close()
        entry.turn.give_back()
        self._finished.add(entry.drain.folder)
        self._entries.pop(entry.drain.folder, None)

    def _upload(self) -> None:
        for folder in journals.journals(self._root):
            if self._stopping.is_set() or not spooled(folder):
                continue
            try:
                upload = api.uploader(self._settings, Drain(folder, self._cluster).home.workspace)
            except (Unbound, OSError, ValueError):
                continue
            if upload is None:
                return
            left, error = upload_spooled(folder, upload)
            if error is not None:
                self._troubles.met(Trouble("api", f"{left} files of journal {folder.name} are not uploaded: {error}."))
                return

    def _tidy(self) -> None:
        for folder in journals.journals(self._root):
            journals.delete_acknowledged(folder, keep_s=KEEP_S, keep_bytes=KEEP_BYTES)
            if folder in self._finished and not spooled(folder) and _age_s(folder / "checkpoint") > KEEP_S:
                journals.remove(folder)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
