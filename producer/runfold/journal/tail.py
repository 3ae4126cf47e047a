"""The growing end of a journal: its critical section, and what keeps it whole when a call is broken off.

Whoever appends does three things, in this order: make room, reserve (slot and ordinals move on), write. CPython runs
signal handlers and raises KeyboardInterrupt only after calls, at function entry and at jumps that are taken (3.10: also
forward ones). So the last look at the state is an `if` that is fallen through, and nothing is called from there to the
end of the reservation: it happens whole or not at all. After it the write is completed, whatever is raised, and then
the exception goes on. The lock is an RLock: a handler may append while
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
from collections.abc import Callable
from pathlib import Path
from typing import Final

from runfold.journal import frames
from runfold.journal.dictionary import DictionaryWriter, LaneEntry, SeriesEntry
from runfold.journal.format import BLOCK, HEADER, SLOT, SLOTS, WORDS, end_of, frame, index_of, segment_bytes
from runfold.journal.lanes import Deferred, LaneTail, segment_head
from runfold.journal.segments import Nowhere, Surface, allocate_one_of

RETRY_S: Final = 0.25  # between two tries to allocate while the disk is full
COMPLETIONS_MAX: Final = 100  # interruptions of one write that are outlasted
_RESERVE_SLOTS: Final = SLOTS  # kept for the closing frame

Build = Callable[[int], "array[int]"]  # the slots of a record, by its first ordinal


class Ended(Exception):
    """This journal takes no more: it was closed, or the process was forked. Go to the process's next one."""


class Tail:
    """See the module. Attributes without underscore are for `points` and `writer`."""

    # fmt: off
    __slots__ = (
        "__weakref__", "_budget_bytes", "_capacity", "_deferred", "_lane_count", "_mapped",
        "_minimum", "_next_size", "_notice", "_number", "_open_limit", "_retry_at",
        "_series_count", "_size_max", "_surface", "_unacknowledged", "busy", "dictionary",
        "dropped", "dropping", "ended", "folder", "lanes", "limit",
        "lock", "memory", "slot",
    )
    # fmt: on

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
        self._deferred: deque[Deferred] = deque()
        self._retry_at = 0.0
        self._lane_count = self._series_count = 0
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
            lane_id = self._lane_count + 1
            self._lane_count = lane_id
            lane = LaneTail(lane_id, entry)
            # Into the dictionary first: broken off here, a lane without a definition would be known.
            self.dictionary.lane(lane_id, entry)
            lane = self.lanes.setdefault(entry, lane)
        return lane

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
        if end >= surface.prepared:
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
                self._add_last_word()
            finally:
                self.busy = False
                self.limit = self._open_limit = -1
                self.ended = True
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
            record = Deferred(lane, first, count, build(first))
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
            # Each look is repeated in full and fallen through, see the module.
            if start < 0 and not self._deferred and lane.last + 1 == first:
                lane.last = first + count - 1
                lane.lost = lane.lost or first
                self.dropped += count
                return first
            surface = self._surface
            if start >= 0 and not self._deferred and lane.last + 1 == first:
                lane.last = first + count - 1
                self.slot, self._open_limit = after, limit
                try:  # not in a function of its own: its entry would be a place to be interrupted
                    self._write(surface, start, words)
                except BaseException as interruption:
                    if not self._completed(surface, start, words):
                        lane.lost = lane.lost or first
                        self.dropped += count
                        self._drop(interruption)
                    if not isinstance(interruption, OSError):
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
            OSError: it cannot be had; the old one takes no more, or is as it was.
        """
        head, told = segment_head(self._number + 1, self.lanes.values(), self._deferred)
        needed = segment_bytes(len(head) // WORDS + count + _RESERVE_SLOTS)
        fresh = self.folder / "new.seg"
        sizes = max(self._next_size, needed), max(self._minimum, needed)
        surface, size = allocate_one_of(sizes, fresh, self._mapped, self._budget_bytes - self._unacknowledged())
        try:
            self._write(surface, HEADER, head)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        # Nothing goes to the old segment any more, before anybody can see that there is a new one.
        old, end = self._surface, self.slot
        self.slot, self._capacity, self._open_limit = 0, 0, -1
        if end > 0:
            old.close_block((end - 1) // BLOCK * BLOCK, index_of(end) % SLOTS or SLOTS)
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

    def _add_last_word(self) -> None:
        while True:
            while self._deferred:
                self._write_deferred()
            words = frame(frames.closed({lane.id: lane.last for lane in list(self.lanes.values())}))
            start, after, _ = self._room(len(words) // WORDS)
            if start < 0 and self._capacity:
                # In the block kept for this. Lanes that lost something come first, should there not be room for all.
                lanes = sorted(self.lanes.values(), key=lambda lane: not lane.lost)
                fitting = SLOTS * SLOT * 3 // 4 // frames.LANE_BYTES
                words = frame(frames.closed({lane.id: lane.last for lane in lanes[:fitting]}))
                start, after = self._capacity // SLOTS * BLOCK + HEADER, self.slot
            if self._deferred:
                continue
            if start >= 0:
                self.slot = after
                self._write_last_word(start, words)
            if not self._deferred:
                return

    def _write_last_word(self, start: int, words: array[int]) -> None:
        try:
            self._write(self._surface, start, words)
        except OSError:
            return  # whoever finds the journal without its writer tells what it can
        except BaseException:
            self._completed(self._surface, start, words)
            raise


_living: weakref.WeakSet[Tail] = weakref.WeakSet()
_inherited: list[object] = []  # a child neither closes nor unmaps what is its parent's


def _abandon_all() -> None:
    for tail in list(_living):
        tail.abandon()
    _living.clear()


os.register_at_fork(after_in_child=_abandon_all)
