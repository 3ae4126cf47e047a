"""One process's conversation with one workspace: its journal, its shipper, the API, and what readers have yet to see.

There is one Session for each (process, workspace); `of` finds it, None is the workspace of offline runs. It holds what
the systems of `run/` share, so that they do no I/O of their own:

    fact, told, points      append to the journal; they return at once and never raise because a service is away
    read, flush             ask the API after it has seen what this process wrote, or raise
    settle, leave           the waiting of complete() and of the process's end, within one deadline for all of it

A writer's first fact about a run is WriterOpened. After fork the child has new journals, shippers and connections; the
parent's are left alone. A session that is pickled is the session of the process that unpickles it.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from runfold import environment, keeping, notices, patience
from runfold.decisions import Decisions
from runfold.exceptions import FlushTimeoutError, NotYetVisibleError, ServiceAwayError, UserErrorException
from runfold.journal.silent import SilentJournal
from runfold.shipper.importing import complete_before_fork
from runfold_schemas.events import WriterOpened
from runfold_schemas.watermark import Lane, Watermark, merge, parse

if TYPE_CHECKING:
    from runfold.journal.points import PointsLane
    from runfold.journal.silent import SilentLane
    from runfold.journal.writer import Journal
    from runfold.reading.client import ApiClient
    from runfold.shipper.node import NodeShipping
    from runfold.shipper.thread import ShipperThread
    from runfold_schemas.events import Event
    from runfold_schemas.settings import Settings

T = TypeVar("T")
READ_WAIT_S = 30.0  # how long a read waits for this process's own words
ASK_S = 2.0  # how long complete() asks for decisions that were left open
SHIP_IT = "`runfold ship --once` sends them."
_AFTER_ALL_OTHERS = -1_000  # priority among a worker's finalizers
STOP_S = 0.5  # how long the shipper's thread may take to stop, at the end of the process


class Forked(Protocol):
    """Who holds something that a child of fork may not use."""

    def forked(self) -> None:
        """Called in the child: let go of it."""


class Session:
    """See the module.

    :param workspace: Name in topics and tables; None for offline runs.
    :param config_file: Where settings may stand too.
    :raises UserErrorException: RUNFOLD_ATTEMPT is wrong.
    """

    def __init__(self, workspace: str | None, config_file: Path | None = None) -> None:
        self.workspace = workspace
        self.place = environment.place()
        self._config_file = config_file
        self._settings: Settings | None = None
        self._holders: weakref.WeakSet[Any] = weakref.WeakSet()
        self._begin()

    def _begin(self) -> None:
        """What each process has for itself."""
        self._lock = threading.RLock()
        self._current: Journal | SilentJournal | None = None
        self._opened: set[tuple[str, str, str]] = set()  # (writer, kind, aggregate id) that WriterOpened was said for
        self._opening: set[tuple[str, str, str]] = set()  # and for which it is being said
        self._shipper: ShipperThread | NodeShipping | None = None
        self._api: ApiClient | None = None
        self._visible: dict[Lane, int] = {}  # own lanes, as far as the API has confirmed them
        self._not_before: Watermark | None = None  # what is left of RUNFOLD_NOT_BEFORE
        self._patience = patience.Patience()
        self._ended: Journal | SilentJournal | None = None  # which the process's end has closed
        self._ender: ShipperThread | NodeShipping | None = None  # and its shipper
        self.decisions = Decisions(self)

    def __reduce__(self) -> tuple[Callable[..., Session], tuple[str | None, Path | None]]:
        return of, (self.workspace, self._config_file)

    @property
    def settings(self) -> Settings:
        """The settings, read once.

        :raises UserErrorException: One is wrong.
        """
        if self._settings is None:
            with complete_before_fork():
                from runfold_schemas.settings import Settings, SettingsError

            try:
                self._settings = Settings.load(self._config_file, workspace=self.workspace)
            except SettingsError as error:
                raise UserErrorException(str(error), inner_exception=error) from error
        return self._settings

    @property
    def api(self) -> ApiClient:
        """The query API; nothing is asked before it is used.

        :raises ServiceAwayError: RUNFOLD_API is not set.
        """
        if self._api is None:
            with complete_before_fork():
                from runfold.reading.client import ApiClient

            self._api = ApiClient(self.settings)
        return self._api

    # What goes in

    def fact(self, run_id: str, event: Callable[..., Event], **fields: Any) -> None:
        """Journals a fact about a run.

        :param event: Class of the event; envelope and `fields` are given to it. A field that must know the fact's
            ordinal, or be read under the journal's lock, is a function of the ordinal.
        :raises UserErrorException: It is too large; nothing was journaled.
        """
        self._state("run", run_id, event, fields)

    def told(self, run_id: str, event: Callable[..., Event], **fields: Any) -> tuple[Lane, int]:
        """As `fact`, and returns its lane and ordinal."""
        return self._state("run", run_id, event, fields)

    def about(self, kind: str, aggregate_id: str, event: Callable[..., Event], **fields: Any) -> tuple[Lane, int]:
        """Journals a fact about something that is no run: an experiment, model, dataset, environment or datastore.

        :returns: Its lane and ordinal.
        :raises UserErrorException: It is too large; nothing was journaled.
        """
        return self._state(kind, aggregate_id, event, fields)

    def append_log(self, run_id: str, name: str, data: bytes) -> None:
        """Journals a piece of a log's text; its stream is log/<name>, its ordinals are bytes.

        :param name: Path of the log within the run, such as user_logs/std_log.txt.
        """
        self._speaking("run", run_id).append_log(run_id, name, data, self.place.attempt)
        if self._shipper is not None:
            self._shipper.wake()

    def points(self, run_id: str) -> PointsLane | SilentLane:
        """Where points of a run go. After fork they go elsewhere: see `holds`."""
        return self._speaking("run", run_id).points(run_id)

    def holds(self, holder: Forked) -> None:
        """Registers, weakly, who must be told in a child of fork."""
        self._holders.add(holder)

    def ends(self) -> dict[Lane, int]:
        """Last ordinal of each lane that this process has journaled."""
        return self._current.ends() if self._current is not None else {}

    def ends_of(self, run_id: str) -> dict[str, int]:
        """Last ordinal of each stream of a run that this process has journaled."""
        mine = self._current.ends_of("run", run_id) if self._current is not None else {}
        return {lane.stream: end for lane, end in mine.items()}

    def watermark(self) -> str:
        """What this process has journaled so far, as a watermark's text."""
        return str(Watermark(ordinals=self.ends()))

    def spool(self) -> Path:
        """Folder of files whose upload was put off."""
        return self._journal().folder / "spool"

    def _state(
        self, kind: str, aggregate_id: str, event: Callable[..., Event], fields: Mapping[str, Any]
    ) -> tuple[Lane, int]:
        journal = self._speaking(kind, aggregate_id)
        try:
            ordinal = journal.fact(kind, aggregate_id, _stated(event, kind, aggregate_id, journal.writer_id, fields))
        except ValueError as error:  # TooLarge: each value was checked, together they are too much
            raise UserErrorException(f"{error}.", inner_exception=error) from error
        if self._shipper is not None:
            self._shipper.wake()
        return Lane("facts", kind, aggregate_id, journal.writer_id), ordinal

    def _journal(self) -> Journal | SilentJournal:
        if self._current is not None and self._current.is_open:
            return self._current
        journal = keeping.journal(self.workspace, self.settings.journals(), self._heir)
        with self._lock:
            if journal is not self._current:
                self._shipper = self._shipper_of(journal)
                self._current = journal
                _end_with_the_worker()
                if self._ended is not None:
                    notices.once("late", f"what is said at the very end is kept in {journal.folder}; {SHIP_IT}")
        return journal

    def _heir(self, run_id: str | None) -> Any:
        """Where they go on who still speak to a journal that was closed."""
        return self._journal() if run_id is None else self._speaking("run", run_id)

    def _shipper_of(self, journal: Journal | SilentJournal) -> ShipperThread | NodeShipping | None:
        if self.workspace is None or isinstance(journal, SilentJournal):
            return None
        with complete_before_fork():
            from runfold.shipper.node import NodeShipping
            from runfold.shipper.thread import ShipperThread
        if self.settings.ships_in_process(self.place.world_size):
            return ShipperThread(journal, self.settings)
        return NodeShipping(journal, self.settings.api, lambda: self.api)

    def _speaking(self, kind: str, aggregate_id: str) -> Journal | SilentJournal:
        journal = self._journal()
        if kind == "experiment":  # runs enrol there by the thousand; who they are is said about the runs
            return journal
        opened = (journal.writer_id, kind, aggregate_id)
        if opened not in self._opened:
            with self._lock:
                if opened not in self._opened and opened not in self._opening:
                    self._opening.add(opened)  # a signal handler that logs meanwhile must not say it too
                    try:
                        who = environment.introduction(self.place)
                        journal.fact(
                            kind, aggregate_id, _stated(WriterOpened, kind, aggregate_id, journal.writer_id, who)
                        )
                        self._opened.add(opened)
                    finally:
                        self._opening.discard(opened)
            if self._shipper is not None:
                self._shipper.wake()
        return journal

    # What comes out

    def read(self, ask: Callable[[ApiClient], T], not_before: str | None = None) -> T:
        """Asks the API, once it has seen all that this process wrote, and `not_before`.

        :raises ServiceAwayError: A service does not answer; the exception names it and its setting.
        """
        self.catch_up(time.monotonic() + READ_WAIT_S, not_before)
        return ask(self.api)

    def catch_up(self, deadline: float, not_before: str | None = None) -> None:
        """Waits until readers see what this process wrote.

        :param deadline: Of `time.monotonic()`.
        :raises ServiceAwayError: The broker has not taken it, or the API has not seen it, by then.
        """
        wanted = self._unseen()
        if not_before is not None:
            wanted = merge(wanted, _parsed("not_before", not_before))
        if not wanted:
            return
        if self._shipper is not None and not self._shipper.flush(deadline):
            raise self._shipper.unsent()
        if not self.api.wait_for(wanted, max(0.0, deadline - time.monotonic())):
            reason = "what this process wrote is not visible yet"
            raise NotYetVisibleError("RUNFOLD_API", self.settings.api, reason, str(wanted))
        with self._lock:
            for lane, ordinal in wanted.ordinals.items():
                self._visible[lane] = max(ordinal, self._visible.get(lane, 0))
            self._not_before = Watermark()

    def flush(self, timeout_s: float) -> None:
        """Waits until all that this process wrote is acknowledged and visible.

        :raises FlushTimeoutError: It is not, by then.
        """
        begun = time.monotonic()
        try:
            self.catch_up(begun + timeout_s)
        except ServiceAwayError as away:
            unseen = sum(end - self._visible.get(lane, 0) for lane, end in self.ends().items())
            raise FlushTimeoutError(time.monotonic() - begun, self.left(), unseen, inner_exception=away) from away

    @property
    def tells_acknowledgement(self) -> bool:
        """Whether this process learns what the broker has acknowledged; else it learns what is visible, no more."""
        return self._shipper is None or self._shipper.tells_acknowledgement

    def acknowledged(self, deadline: float, aggregate_id: str, kind: str = "run") -> bool:
        """Waits until the broker has acknowledged what was journaled of a run (model, ...); False at the deadline."""
        return self._shipper is not None and self._shipper.flush(deadline, aggregate_id, kind)

    def left(self) -> int:
        """How many facts and points the broker has not acknowledged."""
        return self._shipper.left() if self._shipper is not None else sum(self.ends().values())

    def _unseen(self) -> Watermark:
        if self._not_before is None:
            said = self.settings.not_before
            self._not_before = _parsed("RUNFOLD_NOT_BEFORE", said) if said else Watermark()
        mine = {lane: end for lane, end in self.ends().items() if end > self._visible.get(lane, 0)}
        return merge(self._not_before, Watermark(ordinals=mine))

    # How it ends

    def deadline(self) -> float:
        """Until when a wait at an end that begins now may take, of `time.monotonic()`: see `patience`."""
        return time.monotonic() + self._patience.left_s(self.settings.exit_deadline_s)

    def settle(self, deadline: float, run_id: str) -> bool:
        """As `acknowledged`, for an end; what it takes is counted."""
        if self._shipper is None:
            return False
        begun, settled = time.monotonic(), False
        try:
            settled = self._shipper.flush(deadline, run_id)
        finally:  # an interrupted wait was in vain, too
            self._patience.waited(time.monotonic() - begun, answered=settled)
        return settled

    def ask_open(self, deadline: float) -> None:
        """Asks for decisions that were left open and warns of refusals; for 2 s at most, and not past the deadline."""
        begun = time.monotonic()
        if not self.decisions.tell(min(begun + ASK_S, deadline)):
            self._patience.waited(time.monotonic() - begun, answered=False)

    def close(self) -> None:
        """The process ends: the journal's last word. Who speaks later speaks to another journal."""
        if self._current is not None:
            self._ended, self._ender = self._current, self._shipper
            self._ended.close()

    def leave(self, begun: float) -> None:
        """After `close`: a last wait for what was journaled, and one line when something stays there.

        :param begun: When the process began to end, of `time.monotonic()`.
        """
        journal, shipper = self._ended, self._ender
        if journal is None or shipper is None:
            return
        shipper.finish(begun + self._patience.left_s(self.settings.exit_deadline_s))
        left = shipper.left()
        shipper.stop(time.monotonic() + STOP_S)
        if left:
            known = "acknowledged by Kafka" if shipper.tells_acknowledgement else "known to be visible"
            notices.say(f"{left} facts and points are not {known} yet. {journal.folder} keeps them; {SHIP_IT}")

    def forked(self) -> None:
        """In a child of fork: everything begins anew."""
        self._begin()
        for holder in self._holders:
            holder.forked()


_sessions: dict[str | None, Session] = {}
_lock = threading.RLock()


def of(workspace: str | None, config_file: Path | None = None) -> Session:
    """The session of this process with a workspace.

    :param config_file: Where settings may stand too; the first caller's counts.
    """
    with _lock:
        found = _sessions.get(workspace)
        if found is None:
            if not _sessions:
                atexit.register(_leave)
            found = _sessions.setdefault(workspace, Session(workspace, config_file))
        return found


def _leave() -> None:
    begun = time.monotonic()
    sessions = list(_sessions.values())
    for each in sessions:
        _undisturbed(each.close)
    for each in sessions:
        if not _undisturbed(lambda: each.leave(begun)):  # noqa: B023 - called at once
            begun = float("-inf")  # nobody is waited for any more


_worker: int | None = None  # process id of the worker whose end we are told of


def _end_with_the_worker() -> None:
    """A process of `multiprocessing` may end by os._exit, past atexit, but not past its own finalizers."""
    global _worker
    processes = sys.modules.get("multiprocessing.process")
    if _worker == os.getpid() or processes is None or processes.parent_process() is None:
        return
    _worker = os.getpid()
    from multiprocessing.util import Finalize

    Finalize(None, _leave, exitpriority=_AFTER_ALL_OTHERS)


def _undisturbed(end: Callable[[], None]) -> bool:
    """Whether it was done without an interruption; raises nothing, since the end of a training is not ours to spoil."""
    try:
        end()
    except Exception as error:  # noqa: BLE001
        notices.say(f"the last facts stay in the journal: {error}")
    except BaseException:  # noqa: BLE001 - Ctrl-C, or a signal handler's sys.exit
        notices.say(f"interrupted; what was not sent stays in the journal, {SHIP_IT}")
        return False
    return True


def _forked() -> None:
    global _lock
    _lock = threading.RLock()
    patience.forked()
    for each in _sessions.values():
        each.forked()


os.register_at_fork(after_in_child=_forked)


def _parsed(what: str, text: str) -> Watermark:
    if not isinstance(text, str):
        raise UserErrorException(
            f"{what} must be the text of a watermark, as run.watermark() gives it; it is {text!r:.200} of type "
            f"{type(text).__name__}."
        )
    try:
        return parse(text)
    except ValueError as error:
        raise UserErrorException(f"{what}: {error}.", inner_exception=error) from error


def _stated(
    event: Callable[..., Event], kind: str, aggregate_id: str, writer_id: str, fields: Mapping[str, Any]
) -> Callable[[int], Event]:
    at_us = time.time_ns() // 1000

    def at(ordinal: int) -> Event:
        values = {name: value(ordinal) if callable(value) else value for name, value in fields.items()}
        return event(kind, aggregate_id, writer_id, ordinal, at_us, **values)

    return at
