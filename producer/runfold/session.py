"""One process's conversation with one workspace: its journal, its shipper, the API, and what readers have yet to see.

There is one Session for each (process, workspace); `of` finds it, None is the workspace of offline runs. It holds what
the systems of `run/` share, so that they do no I/O of their own:

    fact, told, points      append to the journal; they return at once and never raise because a service is away
    read, flush             ask the API after it has seen what this process wrote, or raise
    settle, leave           the waiting of complete() and of the process's end, within one deadline for all of it

A writer's first fact about a run is WriterOpened. After fork the child has new journals, shippers and connections; the
parent's are left alone.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from runfold import environment, notices
from runfold.decisions import Decisions
from runfold.exceptions import FlushTimeoutError, NotYetVisibleError, ServiceAwayError, UserErrorException
from runfold.journal import process
from runfold_schemas.events import WriterOpened
from runfold_schemas.watermark import Lane, Watermark, merge, parse

if TYPE_CHECKING:
    from runfold.journal.points import PointsLane
    from runfold.journal.writer import Journal
    from runfold.reading.client import ApiClient
    from runfold.shipper.thread import ShipperThread
    from runfold_schemas.events import Event
    from runfold_schemas.settings import Settings

T = TypeVar("T")
OFFLINE_BYTES_MAX = 256 << 20  # of an offline journal, which may never be shipped
READ_WAIT_S = 30.0  # how long a read waits for this process's own words
ASK_S = 2.0  # how long complete() asks for decisions that were left open
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
        self._root: Path | None = None
        self._holders: weakref.WeakSet[Any] = weakref.WeakSet()
        self._begin()

    def _begin(self) -> None:
        """What each process has for itself."""
        self._lock = threading.RLock()
        self._opened: set[tuple[str, str]] = set()  # (writer, run id) that WriterOpened was said for
        self._shipper: ShipperThread | None = None
        self._api: ApiClient | None = None
        self._visible: dict[Lane, int] = {}  # own lanes, as far as the API has confirmed them
        self._not_before: Watermark | None = None  # what is left of RUNFOLD_NOT_BEFORE
        self._waited_s = 0.0  # of the exit deadline, in vain
        self.decisions = Decisions(self)

    @property
    def settings(self) -> Settings:
        """The settings, read once.

        :raises UserErrorException: One is wrong.
        """
        if self._settings is None:
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
        self._state("run", run_id, run_id, event, fields)

    def told(self, run_id: str, event: Callable[..., Event], **fields: Any) -> tuple[Lane, int]:
        """As `fact`, and returns its lane and ordinal."""
        return self._state("run", run_id, run_id, event, fields)

    def about_experiment(self, experiment: str, by: str, event: Callable[..., Event], **fields: Any) -> None:
        """Journals a fact about an experiment that a run of this process is in."""
        self._state("experiment", experiment, by, event, fields)

    def points(self, run_id: str) -> PointsLane:
        """Where points of a run go. After fork they go elsewhere: see `holds`."""
        return self._speaking(run_id).points(run_id)

    def holds(self, holder: Forked) -> None:
        """Registers, weakly, who must be told in a child of fork."""
        self._holders.add(holder)

    def ends(self) -> dict[Lane, int]:
        """Last ordinal of each lane that this process has journaled."""
        return self._journal().ends() if self._opened else {}

    def watermark(self) -> str:
        """What this process has journaled so far, as a watermark's text."""
        return str(Watermark(ordinals=self.ends()))

    def spool(self) -> Path:
        """Folder of files whose upload was put off."""
        return self._journal().folder / "spool"

    def _state(
        self, kind: str, aggregate_id: str, run_id: str, event: Callable[..., Event], fields: Mapping[str, Any]
    ) -> tuple[Lane, int]:
        journal = self._speaking(run_id)
        try:
            ordinal = journal.fact(kind, aggregate_id, _stated(event, kind, aggregate_id, journal.writer_id, fields))
        except ValueError as error:  # TooLarge: each value was checked, together they are too much
            raise UserErrorException(f"{error}.", inner_exception=error) from error
        if self._shipper is not None:
            self._shipper.wake()
        return Lane("facts", kind, aggregate_id, journal.writer_id), ordinal

    def _journal(self) -> Journal:
        limits = {"budget_bytes": OFFLINE_BYTES_MAX} if self.workspace is None else {}
        if self._root is None:
            self._root = self.settings.journals()
            try:
                return process.current(self.workspace, self._root, **limits)
            except OSError as error:  # the training goes on all the same
                self._root = Path(tempfile.gettempdir()) / f"runfold-journals-{os.geteuid()}"
                notices.once("journal", f"no journal can be made ({error}); it is kept below {self._root} instead.")
        return process.current(self.workspace, self._root, **limits)

    def _speaking(self, run_id: str) -> Journal:
        journal = self._journal()
        opened = (journal.writer_id, run_id)
        if opened not in self._opened:
            with self._lock:
                if opened not in self._opened:
                    self._opened.add(opened)  # at first: a signal handler that logs meanwhile must not say it too
                    said = environment.introduction(self.place)
                    journal.fact("run", run_id, _stated(WriterOpened, "run", run_id, journal.writer_id, said))
                    if self._shipper is None and self.workspace is not None:
                        from runfold.shipper.thread import ShipperThread

                        self._shipper = ShipperThread(journal, self.settings)
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
            raise ServiceAwayError(
                "Kafka",
                "RUNFOLD_KAFKA",
                self.settings.kafka,
                f"{self.left()} facts and points of this process are not acknowledged yet",
            )
        if not self.api.wait(str(wanted), max(0.0, deadline - time.monotonic())):
            raise NotYetVisibleError(
                "RUNFOLD_API", self.settings.api, "what this process wrote is not visible yet", str(wanted)
            )
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

    def acknowledged(self, deadline: float) -> bool:
        """Waits until the broker has acknowledged all that was journaled so far; False at the deadline."""
        return self._shipper is not None and self._shipper.flush(deadline)

    def left(self) -> int:
        """How many facts and points the broker has not acknowledged."""
        return _left(self._shipper, self.ends())

    def _unseen(self) -> Watermark:
        if self._not_before is None:
            said = self.settings.not_before
            self._not_before = _parsed("RUNFOLD_NOT_BEFORE", said) if said else Watermark()
        mine = {lane: end for lane, end in self.ends().items() if end > self._visible.get(lane, 0)}
        return merge(self._not_before, Watermark(ordinals=mine))

    # How it ends

    @property
    def patience_s(self) -> float:
        """What is left of the exit deadline, which is one for the whole process."""
        return max(0.0, self.settings.exit_deadline_s - self._waited_s)

    def settle(self) -> bool:
        """Waits until the broker has acknowledged all, within what is left of the exit deadline.

        What was waited in vain is not waited again, by the next complete() or at the exit; an answer makes it good.
        """
        if self._shipper is None:
            return False
        begun = time.monotonic()
        settled = self._shipper.flush(begun + self.patience_s)
        self._waited_s = 0.0 if settled else self._waited_s + time.monotonic() - begun
        return settled

    def ask_open(self) -> None:
        """Asks for decisions that were left open and warns of refusals; for 2 s at most, and of the exit deadline."""
        begun = time.monotonic()
        if not self.decisions.tell(begun + min(ASK_S, self.patience_s)):
            self._waited_s += time.monotonic() - begun

    def leave(self) -> None:
        """The end of the process: the last words, a last wait, and one line when something stays in the journal."""
        if not self._opened:
            return
        journal, shipper = self._journal(), self._shipper
        journal.close()
        if shipper is None:
            return
        deadline = time.monotonic() + self.patience_s
        shipper.finish(deadline)
        left = _left(shipper, journal.ends())
        shipper.stop(time.monotonic() + STOP_S)
        if left:
            notices.say(
                f"{left} facts and points are not acknowledged by Kafka yet. {journal.folder} keeps them; "
                "`runfold ship --once` sends them."
            )

    def forked(self) -> None:
        """In a child of fork: everything begins anew."""
        self._begin()
        for holder in self._holders:
            holder.forked()


_sessions: dict[str | None, Session] = {}
_lock = threading.Lock()


def of(workspace: str | None, config_file: Path | None = None) -> Session:
    """The session of this process with a workspace.

    :param config_file: Where settings may stand too; the first caller's counts.
    """
    with _lock:
        found = _sessions.get(workspace)
        if found is None:
            if not _sessions:
                atexit.register(_leave)
            found = _sessions[workspace] = Session(workspace, config_file)
        return found


def _leave() -> None:
    for each in list(_sessions.values()):
        try:
            each.leave()
        except KeyboardInterrupt:
            notices.say("interrupted; what was not sent stays in the journal, `runfold ship --once` sends it.")
        except Exception as error:  # noqa: BLE001 - the end of a training is not ours to spoil
            notices.say(f"the last facts stay in the journal: {error}")


def _forked() -> None:
    global _lock
    _lock = threading.Lock()
    for each in _sessions.values():
        each.forked()


os.register_at_fork(after_in_child=_forked)


def _left(shipper: ShipperThread | None, ends: Mapping[Lane, int]) -> int:
    acknowledged = shipper.acknowledged() if shipper is not None else {}
    return sum(max(0, end - acknowledged.get(lane, 0)) for lane, end in ends.items())


def _parsed(what: str, text: str) -> Watermark:
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
