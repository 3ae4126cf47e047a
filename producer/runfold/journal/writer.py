"""The journal of one process: facts, points and log text go in, with their lanes' next ordinals, and are safe from
SIGKILL.

Safe from the process's death, that is: the bytes are the kernel's when a call returns. Against the machine's death a
shipper syncs once a second.

Journal.create makes the folder, whole, under a name nobody looks at, and renames it. After a fork the child's first
append goes to a journal of its own; after `close` the process's next append does likewise (design P1: a writer that
speaks again is another writer).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from array import array
from collections.abc import Callable
from pathlib import Path

from runfold.journal import folder as folders
from runfold.journal import frames, life
from runfold.journal.dictionary import LaneEntry, check_name
from runfold.journal.format import frame
from runfold.journal.mounts import may_map
from runfold.journal.points import PointsLane
from runfold.journal.tail import Ended, Tail
from runfold_schemas.codec import encode
from runfold_schemas.events import BatchDecided, Event
from runfold_schemas.limits import ARTIFACT_PATH_BYTES_MAX, MESSAGE_BYTES_MAX, SERIES_PER_RUN_MAX
from runfold_schemas.watermark import Lane

BUDGET_BYTES = 4 << 30
FIRST_SEGMENT_BYTES = 64 << 10
SEGMENT_BYTES_MAX = 8 << 20
LOG_PIECE_BYTES = 16 << 10  # of log text in one record: what a flipped byte costs, and how long one holds the lock

_logger = logging.getLogger("runfold")


class TooLarge(ValueError):
    """A fact whose message is larger than a message may be; nothing was journaled.

    Attributes:
        size: bytes of the message.
        allowed: bytes that it may have.
    """

    def __init__(self, event: str, size: int, allowed: int) -> None:
        super().__init__(
            f"{event} takes {size} bytes as a message; allowed are {allowed}. Put large content into a file"
        )
        self.size, self.allowed = size, allowed


class Journal:
    """One writer's journal. All methods may be called from any thread and from signal handlers.

    Attributes:
        writer_id: 32 lowercase hex digits, drawn at creation.
        folder: where it is.
        workspace: whose it is; None while it is not bound to one.
    """

    def __init__(
        self,
        folder: Path,
        tail: Tail,
        workspace: str | None,
        heir: Callable[[str | None], Journal],
        series_max: int = SERIES_PER_RUN_MAX,
    ) -> None:
        """Use `create`."""
        self.folder, self.writer_id, self.workspace = folder, folder.name, workspace
        self._tail, self._next, self._series_max = tail, heir, series_max
        self._points: dict[str, PointsLane] = {}
        self._logs: dict[str, dict[str, None]] = {}  # streams of logs, by run

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        workspace: str | None,
        budget_bytes: int = BUDGET_BYTES,
        mapped: bool | None = None,
        first_segment_bytes: int = FIRST_SEGMENT_BYTES,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        series_max: int = SERIES_PER_RUN_MAX,
        heir: Callable[[str | None], Journal] | None = None,
    ) -> Journal:
        """A new journal.

        Args:
            root: folder of journals; made if it is missing.
            workspace: noted in the header; None for an offline run.
            budget_bytes: of segments that no shipper has acknowledged; at that size the journal drops, as on a full
                disk.
            mapped: store into mapped memory, or by system calls; None decides by the file system (`mounts`).
            first_segment_bytes: size of the first segment; each next one is twice as large...
            segment_bytes_max: ...up to this.
            series_max: metric series per run before the overflow series.
            heir: gives the process's next journal, when this one is asked to append after its end; it is told the run
                that is spoken of, if it is a run. None creates one with the same arguments.

        Raises:
            OSError: the folder cannot be made.
        """
        writer_id = os.urandom(16).hex()
        final, fresh = root / writer_id, root / f".{writer_id}.new"
        fresh.mkdir(parents=True)
        (fresh / "spool").mkdir()
        life.write_header(fresh, life.header_of_this_process(writer_id, workspace))
        alive = life.hold(fresh)
        tail = Tail(
            fresh,
            mapped=may_map(fresh) if mapped is None else mapped,
            budget_bytes=budget_bytes,
            first_segment_bytes=first_segment_bytes,
            segment_bytes_max=segment_bytes_max,
            unacknowledged=lambda: folders.unacknowledged_bytes(final),
        )
        life.own(final, alive)
        fresh.rename(final)
        tail.folder = final

        def another() -> Journal:
            return cls.create(
                root,
                workspace=workspace,
                budget_bytes=budget_bytes,
                mapped=mapped,
                first_segment_bytes=first_segment_bytes,
                segment_bytes_max=segment_bytes_max,
                series_max=series_max,
            )

        return cls(final, tail, workspace, heir or _Once(another), series_max)

    def fact(self, aggregate_kind: str, aggregate_id: str, event: Callable[[int], Event]) -> int:
        """Journals a fact, and returns its ordinal.

        Args:
            aggregate_kind: run, experiment or model.
            aggregate_id: its id.
            event: makes the event that has a given ordinal. It is called under the journal's lock, perhaps more than
                once, and must do nothing else. Where this journal has ended (close, fork) the fact goes to the
                process's next one, whose writer then says it.

        Raises:
            EncodeError: the event does not fit its schema. Nothing was numbered.
            TooLarge: its message is larger than MESSAGE_BYTES_MAX. Nothing was numbered.
        """
        tail = self._tail
        entry = LaneEntry("facts", aggregate_kind, aggregate_id)
        try:
            with tail.lock:
                if tail.ended:
                    raise Ended
                lane = tail.lane(entry)

                def build(ordinal: int) -> array[int]:
                    stated = event(ordinal)
                    message = encode(stated)
                    if len(message) > MESSAGE_BYTES_MAX:
                        raise TooLarge(type(stated).__name__, len(message), MESSAGE_BYTES_MAX)
                    return frame(frames.fact(lane.id, ordinal, message))

                ordinal = tail.append(lane, 1, build)
        except Ended:
            heir = self._next(aggregate_id if aggregate_kind == "run" else None)
            # The event was made for this writer; who says it is the next one.
            return heir.fact(aggregate_kind, aggregate_id, lambda ordinal: _said_by(heir.writer_id, event(ordinal)))
        _tell(tail)
        return ordinal

    def points(self, run_id: str) -> PointsLane:
        """The lane of a run's metric points; the same object each time."""
        lane = self._points.get(run_id)
        if lane is None:
            lane = PointsLane(self._tail, run_id, lambda: self._next(run_id).points(run_id), _tell, self._series_max)
            lane = self._points.setdefault(run_id, lane)
        return lane

    def append_log(self, run_id: str, name: str, data: bytes, attempt: int = 0) -> None:
        """Journals bytes of a log behind those that are there; each byte takes an ordinal of lane `log/<name>`.

        What one thread appends stays in its order. Pieces of several threads that are longer than LOG_PIECE_BYTES may
        be mixed, as they are in a pipe.

        Args:
            run_id: the run.
            name: of the log, a path such as user_logs/std_log.txt; 1 to 1,024 bytes of UTF-8.
            data: the bytes; none: nothing happens.
            attempt: which start of the job writes it.

        Raises:
            TypeError: `name` is no str or `data` no bytes. Nothing was numbered.
            ValueError: a name that is not allowed. Nothing was numbered.
        """
        check_name("log", name, ARTIFACT_PATH_BYTES_MAX)
        entry = LaneEntry(f"log/{name}", "run", run_id)
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"text of log {name!r:.100} is bytes, not {type(data).__name__}")
        content, moment, tail = bytes(data), time.time(), self._tail
        if not content:
            return
        self._logs.setdefault(run_id, {})[entry.stream] = None
        taken = 0
        try:
            while taken < len(content):
                taken = _append_piece(tail, entry, content, taken, moment, attempt)
        except Ended:
            self._next(run_id).append_log(run_id, name, content[taken:], attempt)
        _tell(tail)

    def ends(self) -> dict[Lane, int]:
        """The last ordinal of each lane, journaled or dropped."""
        lanes = list(self._tail.lanes.values())
        return {Lane(*lane.entry, self.writer_id): lane.last for lane in lanes if lane.last}

    def ends_of(self, aggregate_kind: str, aggregate_id: str) -> dict[Lane, int]:
        """The same of one aggregate's lanes."""
        logs = tuple(self._logs.get(aggregate_id, ())) if aggregate_kind == "run" else ()
        entries = (LaneEntry(stream, aggregate_kind, aggregate_id) for stream in ("facts", "points", *logs))
        lanes = [self._tail.lanes[entry] for entry in entries if entry in self._tail.lanes]
        return {Lane(*lane.entry, self.writer_id): lane.last for lane in lanes if lane.last}

    @property
    def dropped(self) -> int:
        """Facts, points and bytes of logs that were numbered and had no room to be kept. They are declared lost."""
        return self._tail.dropped

    @property
    def is_dropping(self) -> bool:
        """There is no room just now: what is journaled is numbered, counted and dropped."""
        return self._tail.dropping

    @property
    def is_open(self) -> bool:
        """It takes appends: neither closed nor inherited over a fork."""
        return not self._tail.ended

    def close(self) -> None:
        """Writes where each lane ended, and frees the life lock. A second call does nothing."""
        if self._tail.end():
            life.release(self.folder)
        _tell(self._tail)


class _Once:
    """Makes a journal by a function, once per process, and again when that one has ended."""

    def __init__(self, create: Callable[[], Journal]) -> None:
        self._create = create
        self._made: dict[int, Journal] = {}
        self._locks: dict[int, threading.RLock] = {}  # by process: a thread of the parent may hold the parent's

    def __call__(self, run_id: str | None) -> Journal:
        process = os.getpid()
        with self._locks.setdefault(process, threading.RLock()):
            made = self._made.get(process)
            if made is None or not made.is_open:
                made = self._made[process] = self._create()
            return made


def _append_piece(tail: Tail, entry: LaneEntry, content: bytes, start: int, moment: float, attempt: int) -> int:
    """Appends the next piece, and returns where the one after it begins."""
    piece = content[start : start + LOG_PIECE_BYTES]
    with tail.lock:
        if tail.ended:
            raise Ended
        lane = tail.lane(entry)
        tail.append(lane, len(piece), lambda first: frame(frames.log(lane.id, first, moment, attempt, piece)))
    return start + len(piece)


def _said_by(writer_id: str, event: Event) -> Event:
    return event if isinstance(event, BatchDecided) else event._replace(writer_id=writer_id)


def _tell(tail: Tail) -> None:
    notice = tail.take_notice()
    if notice is not None:
        _logger.warning("runfold: %s", notice)
