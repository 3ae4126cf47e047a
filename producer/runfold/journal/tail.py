"""The growing end of a journal: its critical section, and what keeps it whole when a call is broken off.

Whoever appends does three things, in this order: make room, reserve (slot and ordinals move on), write. CPython runs
signal handlers and raises KeyboardInterrupt only after calls, at function entry and at backward jumps; from the last
look at the state to the end of the reservation there is none of these, so it happens whole or not at all. After it the
write is completed, whatever is raised, and then the exception goes on. The lock is an RLock: a handler may append while
its own thread is in here.

  fast    `points` alone: reserve and one `pack_into`; a handler finds the point not begun or written. Allowed where
          `slot < limit`; `limit` is -1 whenever it is not.
  slow    everything else, by `append`. While it is `busy`, a handler's append takes its ordinals, is kept in `deferred`
          with its bytes, and is written before anything that is numbered later. So in each lane the order in the file
          is the order of ordinals.
  drop    no new segment can be had: ordinals move on, nothing is written. The next segment that can be allocated begins
          with what was dropped. The last block of each segment is kept for the closing frame, so the end can be told.
  ended   closed, or inherited over a fork: `append` raises Ended, and the caller goes to the process's next journal.

Nothing here tells anybody anything while the lock is held; `take_notice` gives the line that should be told.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from runfold.journal import frames
from runfold.journal.dictionary import DictionaryWriter, LaneEntry, SeriesEntry
from runfold.journal.format import BLOCK, HEADER, SLOT, SLOTS, WORDS, end_of, frame, index_of, segment_bytes
from runfold.journal.losses import DISK_FULL
from runfold.journal.segments import Nowhere, Surface, allocate

RETRY_S: Final = 0.25  # between two tries to allocate while the disk is full
COMPLETIONS_MAX: Final = 100  # interruptions of one write that are outlasted
_RESERVE_SLOTS: Final = SLOTS  # kept for the closing frame

Build = Callable[[int], "array[int]"]  # the slots of a record, by its first ordinal


class Ended(Exception):
    """This journal takes no more: it was closed, or the process was forked. Go to the process's next one."""


class LaneTail:
    """One lane: its id in the dictionary, its last ordinal, and the first one of those that were dropped (else 0)."""

    __slots__ = ("entry", "id", "last", "lost")

    def __init__(self, lane_id: int, entry: LaneEntry) -> None:
        self.id, self.entry, self.last, self.lost = lane_id, entry, 0, 0


class _Deferred:
    """A record that a signal handler appended: numbered, not yet written."""

    __slots__ = ("after", "count", "first", "lane", "start", "words")

    def __init__(self, lane: LaneTail, first: int, count: int, words: array[int]) -> None:
        self.lane, self.first, self.count, self.words = lane, first, count, words
        self.start = self.after = -1  # its place, once it has one


class Tail:
    """See the module. Attributes without underscore are for `points` and `writer`."""

    __slots__ = (
        "__weakref__",
        "_budget_bytes",
        "_capacity",
        "_deferred",
        "_mapped",
        "_minimum",
        "_next_size",
        "_notice",
        "_number",
        "_open_limit",
        "_retry_at",
        "_series_count",
        "_size_max",
        "_surface",
        "_unacknowledged",
        "busy",
        "dictionary",
        "dropped",
        "dropping",
        "ended",
        "folder",
        "lanes",
        "limit",
        "lock",
        "memory",
        "slot",
    )

    def __init__(
        self,
        folder: Path,
        *,
        mapped: bool,
        budget_bytes: int,
        first_segment_bytes: int,
        segment_bytes_max: int,
        unacknowledged: Callable[[], int],
    ) -> None:
        self.folder, self._mapped, self._budget_bytes, self._unacknowledged = (
            folder,
            mapped,
            budget_bytes,
            unacknowledged,
        )
        self._minimum = self._next_size = first_segment_bytes
        self._size_max = max(segment_bytes_max, first_segment_bytes)
        self._surface: Surface = Nowhere()
        self._number = 0
        self._capacity = 0  # slots of the segment that records may take
        self._open_limit = -1  # end of the block that `slot` is in
        self._deferred: deque[_Deferred] = deque()
        self._retry_at = 0.0
        self._series_count = 0
        self._notice: str | None = None
        self.lock = threading.RLock()
        self.slot = 0  # byte offset in the segment of the next slot
        self.limit = -1  # a point may go to `slot` without more ado while that is below
        self.memory = self._surface.memory
        self.busy = self.ended = self.dropping = False
        self.dropped = 0  # records, ever
        self.dictionary = DictionaryWriter(folder)
        self.lanes: dict[LaneEntry, LaneTail] = {}
        _living.add(self)

    def lane(self, entry: LaneEntry) -> LaneTail:
        """The lane of that name, begun if it is new. The caller holds the lock."""
        lane = self.lanes.get(entry)
        if lane is None:
            lane = LaneTail(len(self.lanes) + 1, entry)
            # setdefault: a handler may have begun it since.
            if self.lanes.setdefault(entry, lane) is lane:
                self.dictionary.lane(lane.id, entry)
        return self.lanes[entry]

    def next_series(self, entry: SeriesEntry) -> int:
        """An id for a new series. The caller holds the lock."""
        series_id = self._series_count + 1
        self._series_count = series_id
        self.dictionary.series(series_id, entry)
        return series_id

    def note(self, notice: str) -> None:
        """Keeps a line for the user until `take_notice`."""
        self._notice = notice

    def append(self, lane: LaneTail, count: int, build: Build) -> int:
        """Appends a record that takes `count` ordinals, and returns the first. `build` makes its slots and has no
        effects.

        A record that cannot be written is dropped with its ordinals; that is told by `take_notice`.

        Raises:
            Ended: nothing was numbered.
        """
        with self.lock:
            if self.ended:
                raise Ended
            if self.busy:
                return self._defer(lane, count, build)
            try:
                self.busy, self.limit = True, -1
                first = self._add(lane, count, build)
                while self._deferred:
                    self._write_deferred()
                return first
            except BaseException:
                for _ in range(COMPLETIONS_MAX):
                    try:
                        while self._deferred:
                            self._write_deferred()
                        break
                    except BaseException:  # noqa: BLE001 - the first one goes on, below
                        continue
                raise
            finally:
                self.busy = False
                self.limit = -1 if self._deferred else self._open_limit

    def turn(self) -> bool:
        """Goes on to the next block, so that `slot` is below `limit`; False when that needs `append`.

        The caller holds the lock. A handler that comes in between may turn the block itself, and even fill the next
        one.
        """
        end = self.slot
        if self.busy or self.limit != end or end // BLOCK * SLOTS >= self._capacity:
            return False
        surface = self._surface
        surface.close_block(end - BLOCK, SLOTS)
        surface.prepare(end)
        if self.slot == end:
            self.slot = end + HEADER
            self.limit = self._open_limit = end + BLOCK
        return True

    def end(self) -> bool:
        """Writes the writer's last word, and takes no more.

        False when it had ended, or when a signal handler asks for it in the middle of an append: then it stays open,
        and whoever finds it without its writer speaks for it.
        """
        with self.lock:
            if self.ended or self.busy:
                return False
            self.limit = -1
            if self.dropping:
                self._retry_at = 0.0
            self.busy = True
            try:
                while self._deferred:
                    self._write_deferred()
                self._add_last_word()
            finally:
                self.busy = False
                self.limit = self._open_limit = -1
                self.ended = True
            self._surface.close()
            self._surface = Nowhere()
            self.memory = self._surface.memory
            self.dictionary.close()
            return True

    def take_notice(self) -> str | None:
        """A line for the user, once; to be told without the lock."""
        notice, self._notice = self._notice, None
        return notice

    def abandon(self) -> None:
        """In a forked child: forgets the journal without touching it. Another thread's lock is of no concern here."""
        _inherited.append((self._surface, self.dictionary))
        self.dictionary.abandon()
        self.lock = threading.RLock()
        self.limit = self._open_limit = -1
        self.ended, self.busy = True, False
        self._surface, self._capacity = Nowhere(), sys.maxsize
        self.memory = self._surface.memory
        self._deferred = deque()
        self._notice = None

    def _defer(self, lane: LaneTail, count: int, build: Build) -> int:
        while True:
            first = lane.last + 1
            record = _Deferred(lane, first, count, build(first))
            if lane.last + 1 == first:
                # The exception of a nested handler comes after append's return, so both happen or neither.
                lane.last = first + count - 1
                self._deferred.append(record)
                return first

    def _add(self, lane: LaneTail, count: int, build: Build) -> int:
        while True:
            while self._deferred:
                self._write_deferred()
            first = lane.last + 1
            words = build(first)
            start, after, limit = self._room(len(words) // WORDS)
            if self._deferred:
                continue
            # From here to the reservation nothing is called, see the module.
            if start < 0:
                lane.lost = lane.lost or first
                lane.last = first + count - 1
                self.dropped += count
                return first
            surface = self._surface
            lane.last = first + count - 1
            self.slot, self._open_limit = after, limit
            try:
                self._write(surface, start, words)
            except BaseException as interruption:
                if not self._completed(surface, start, words):
                    lane.lost = lane.lost or first
                    self.dropped += count
                    self._drop(interruption)
                if isinstance(interruption, OSError):
                    return first
                raise
            return first

    def _write_deferred(self) -> None:
        record = self._deferred[0]
        if record.start < 0:
            start, after, limit = self._room(len(record.words) // WORDS)
            if start < 0:
                record.lane.lost = record.lane.lost or record.first
                self.dropped += record.count
                del self._deferred[0]
                return
            record.start = start
            self.slot, self._open_limit = after, limit
        try:
            self._write(self._surface, record.start, record.words)
        except OSError as error:
            record.lane.lost = record.lane.lost or record.first
            self._drop(error)
        del self._deferred[0]

    def _completed(self, surface: Surface, start: int, words: array[int]) -> bool:
        for _ in range(COMPLETIONS_MAX):
            try:
                self._write(surface, start, words)
                return True
            except OSError:
                return False
            except BaseException:  # noqa: BLE001 - a storm of interrupts; the first one goes on when this is done
                continue
        return False

    def _write(self, surface: Surface, start: int, words: array[int]) -> None:
        """Writes slots from an offset on, over block headers; closes the blocks that it leaves behind."""
        taken, offset, total = 0, start, len(words)
        while taken < total:
            piece = words[taken : taken + (BLOCK - offset % BLOCK) // 4]
            surface.write(offset, piece)
            taken += len(piece)
            offset += 4 * len(piece)
            if taken < total:
                surface.close_block(offset - BLOCK, SLOTS)
                offset += HEADER

    def _room(self, count: int) -> tuple[int, int, int]:
        """Where a record of so many slots goes: its offset, the offset behind it, the end of its last block; or -1s."""
        try:
            if not self.dictionary.is_flushed:
                self.dictionary.flush()
            if self.dropping and time.monotonic() < self._retry_at:
                return -1, -1, -1
            index = index_of(self.slot)
            if self.dropping or index + count > self._capacity:
                self._next_segment(count)
                index = index_of(self.slot)
            elif self.slot % BLOCK == 0:
                self._surface.close_block(self.slot - BLOCK, SLOTS)
        except OSError as error:
            self._drop(error)
            return -1, -1, -1
        start = self.slot + HEADER if self.slot % BLOCK == 0 else self.slot
        after = end_of(index + count)
        return start, after, -(-after // BLOCK) * BLOCK if self._mapped else -1

    def _drop(self, error: BaseException) -> None:
        self._retry_at = time.monotonic() + RETRY_S
        if not self.dropping:
            self._notice = (
                f"the journal {self.folder} takes no more ({error}); what is logged is dropped, counted and "
                f"declared lost until there is room again"
            )
        self.dropping, self._open_limit = True, -1

    def _next_segment(self, count: int) -> None:
        """Opens a segment that has room for so many slots more.

        Raises:
            OSError: it cannot be had; the old one is as it was.
        """
        head, told = self._segment_head()
        needed = segment_bytes(len(head) // WORDS + count + _RESERVE_SLOTS)
        fresh = self.folder / "new.seg"
        surface, size = self._allocated(fresh, needed)
        try:
            self._write(surface, HEADER, head)
        except OSError:
            surface.close()
            fresh.unlink(missing_ok=True)
            raise
        old, end = self._surface, self.slot
        # Nothing goes to the old segment any more, before anybody can see that there is a new one.
        self.slot, self._capacity, self._open_limit = 0, 0, -1
        if end > 0:
            used = index_of(end) % SLOTS or SLOTS
            old.close_block((end - 1) // BLOCK * BLOCK, used)
        number = self._number + 1
        self._number = number
        if self.ended:  # forked in a signal handler just now: the folder is the parent's
            raise Ended
        fresh.rename(self.folder / f"{number:08d}.seg")
        after = end_of(len(head) // WORDS)
        self._surface, self.memory = surface, surface.memory
        self.slot, self._capacity = after, size // BLOCK * SLOTS - _RESERVE_SLOTS
        self._next_size = min(2 * size, self._size_max)
        for lane in told:
            lane.lost = 0
        if self.dropping:
            self._notice = f"the journal {self.folder} has room again; {self.dropped} records were dropped so far"
        self.dropping = False
        # The fields above are set without a call in between them up to here; an old segment may go now.
        old.close()
        if after % BLOCK == 0:
            surface.close_block(after - BLOCK, SLOTS)

    def _segment_head(self) -> tuple[array[int], list[LaneTail]]:
        """The first frames of the next segment, and the lanes whose losses they tell."""
        lanes = list(self.lanes.values())
        # A deferred record has its ordinals already and comes behind this head.
        waiting: dict[int, int] = {}
        for record in list(self._deferred):
            waiting.setdefault(record.lane.id, record.first)
        following = {lane.id: waiting.get(lane.id, lane.last + 1) for lane in lanes}
        words = frame(
            frames.segment_head(self._number + 1, {**following, **{lane.id: lane.lost for lane in lanes if lane.lost}})
        )
        told = [lane for lane in lanes if lane.lost]
        for lane in told:
            words += frame(frames.loss(lane.id, lane.lost, following[lane.id] - 1, DISK_FULL))
        return words, told

    def _allocated(self, path: Path, needed: int) -> tuple[Surface, int]:
        wanted = max(self._next_size, needed)
        least = max(self._minimum, needed)
        room = self._budget_bytes - self._unacknowledged()
        if least > room:
            raise OSError(
                f"its budget of {self._budget_bytes} bytes is reached; a shipper that acknowledges makes room, "
                "a larger budget too"
            )
        for size in dict.fromkeys((wanted if wanted <= room else least, least)):
            try:
                return allocate(path, size, self._mapped), size
            except OSError:
                if size == least:
                    raise
        raise AssertionError("unreachable: the least size returns or raises")

    def _add_last_word(self) -> None:
        ordinals = {lane.id: lane.last for lane in self.lanes.values()}
        words = frame(frames.closed(ordinals))
        start, after, _ = self._room(len(words) // WORDS)
        if start < 0:
            # In the block kept for this. The lanes that lost something come first, should there not be room for all.
            lanes = sorted(self.lanes.values(), key=lambda lane: not lane.lost)
            fitting = (SLOTS * SLOT - 2 * SLOT) // frames.LANE_BYTES * 7 // 8
            words = frame(frames.closed({lane.id: lane.last for lane in lanes[:fitting]}))
            start = self._capacity // SLOTS * BLOCK + HEADER
            if not self._capacity:
                return
        else:
            self.slot = after
        try:
            self._write(self._surface, start, words)
        except BaseException as interruption:
            self._completed(self._surface, start, words)
            if not isinstance(interruption, OSError):
                raise


_living: weakref.WeakSet[Tail] = weakref.WeakSet()
_inherited: list[object] = []  # a child neither closes nor unmaps what is its parent's


def _abandon_all() -> None:
    for tail in _inherited_tails():
        tail.abandon()


def _inherited_tails() -> Iterator[Tail]:
    yield from list(_living)
    _living.clear()


os.register_at_fork(after_in_child=_abandon_all)
