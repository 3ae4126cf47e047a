"""Slots to batches: series to lanes, ordinals checked, gaps told. Reads no file but the dictionary.

In a block whose CRC fits an ordinal is what the writer wrote, so a gap is a loss. In an open block a point must follow
the one before it in its lane; where slots were skipped since, it may be ahead by as many. Anything else is a flipped
record, and skipped. Frames carry a CRC of their own.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress, repeat
from typing import Any, Final, NamedTuple

from runfold.journal import frames
from runfold.journal.batches import Batch, Closed, Fact, LogText, Loss, Points
from runfold.journal.blocks import Stretch
from runfold.journal.dictionary import DictionaryReader, LaneEntry
from runfold.journal.format import BYTES_IN_SLOT, EMPTY, HEAD, LOW, MORE, SERIES_MAX, SLOTS, WORDS, body_of, slots_of
from runfold.journal.losses import DAMAGED, DISK_FULL, INTERRUPTED
from runfold.journal.position import Expected, Position
from runfold_schemas.watermark import Lane

_BEHIND: Final = 1 << 31  # low halves at least this far ahead are behind
_LANES_BY_MASK: Final = 8  # up to so many lanes a pass per lane is faster than one over all points
_FIRST: Final = Expected(1, 0)
_NAMELESS: Final = "points of a series that the dictionary does not have"


class Taken(NamedTuple):
    """Slots that were used up; and how many the next record takes when it did not lie in the stretch whole (else 0)."""

    slots: int
    needed: int


class _Columns(NamedTuple):
    ids: array[int]
    low: array[int]
    step: array[int]
    time: array[float]
    value: array[float]

    def cut(self, start: int, end: int) -> _Columns:
        return _Columns(*(column[start:end] for column in self))  # type: ignore[arg-type]

    def by_lane(self, lane_of: Mapping[int, int]) -> dict[int, _Columns]:
        """The columns of each lane, in order; lane 0 is of the series that have none."""
        of_lane: dict[int, set[int]] = {}
        for series_id in set(self.ids):
            of_lane.setdefault(lane_of.get(series_id, 0), set()).add(series_id)
        if len(of_lane) <= _LANES_BY_MASK:
            masks = {lane: list(map(ids.__contains__, self.ids)) for lane, ids in of_lane.items()}
            return {lane: self._made_of(compress(column, mask) for column in self) for lane, mask in masks.items()}
        places: dict[int, list[int]] = {lane: [] for lane in of_lane}
        for place, lane in enumerate(map(lane_of.get, self.ids, repeat(0))):
            places[lane].append(place)
        return {
            lane: self._made_of(map(column.__getitem__, chosen) for column in self) for lane, chosen in places.items()
        }

    def _made_of(self, parts: Iterable[Iterable[float]]) -> _Columns:
        columns: tuple[Any, ...] = self
        made: Any = (array(column.typecode, part) for column, part in zip(columns, parts, strict=True))
        return _Columns(*made)


_NOTHING: Final = _Columns(array("I"), array("I"), array("q"), array("d"), array("d"))


class Records:
    """What a reader knows of its lanes.

    Attributes:
        batches: what was found; the reader takes it away.
        closed: the writer's last word was found.
        has_baseline: the first segment head met tells where the lanes begin, since what was before it is acknowledged
            and deleted.
        note: called with each piece of damage, in words.
    """

    def __init__(
        self, writer_id: str, dictionary: DictionaryReader, start: Position, note: Callable[[str], None]
    ) -> None:
        self.batches: list[Batch] = []
        self.closed = start.closed
        self.has_baseline = False
        self._writer_id, self._dictionary, self._note = writer_id, dictionary, note
        self._expected = dict(start.expected)
        self._skipped, self._damaged = start.skipped, start.damaged
        self._holes = 0  # since the last slot in use; unused space unless another one follows
        self._lanes: dict[int, Lane] = {}

    def position(self, segment: int, slot: int) -> Position:
        """Where the reader is, with what these records know."""
        skipped = self._skipped + self._holes
        return Position(segment, slot, skipped, self._damaged, dict(self._expected), self.closed)

    def leave_segment(self) -> None:
        """The empty slots at a segment's end were never used."""
        self._holes = 0

    def take(self, stretch: Stretch, room: int, over: bool) -> Taken:
        """Uses up the slots of a stretch.

        Args:
            stretch: the slots.
            room: slots from the stretch's first to the segment's end: no record can be longer.
            over: nothing is appended to the segment any more.
        """
        words = stretch.words
        markers = words[WORDS - 1 :: WORDS]
        count = len(markers)
        ids = set(markers)
        if ids == {EMPTY}:
            self._add_holes(stretch, 0, count)
            return Taken(count, 0)
        if ids and EMPTY not in ids and max(ids) <= SERIES_MAX:
            self._take_points(stretch, markers, 0, count)
            return Taken(count, 0)
        at = 0
        for place in [place for place, marker in enumerate(markers) if not 0 < marker <= SERIES_MAX]:
            if place < at:
                continue
            if place > at:
                self._take_points(stretch, markers, at, place)
            marker = markers[place]
            if marker == EMPTY:
                self._add_holes(stretch, place, place + 1)
                at = place + 1
                continue
            if marker != HEAD:
                self._damage(1, f"a slot with marker {marker:#x} that begins nothing")
                at = place + 1
                continue
            end, needed = _end_of_frame(words, markers, place, room, stretch.ends_at)
            if needed:
                return Taken(place, needed)
            body = body_of(words[place * WORDS : end * WORDS], 0)
            if body is None and end == count and stretch.ends_at == "writer" and not over:
                return Taken(place, 0)  # perhaps still being written
            self._use_holes()
            found = None if body is None else frames.parse(body)
            if found is None:
                self._damage(end - place, "a torn or flipped record")
            else:
                self._take_frame(found)
            at = end
        if at < count:
            self._take_points(stretch, markers, at, count)
        return Taken(count, 0)

    def _take_points(self, stretch: Stretch, markers: array[int], start: int, end: int) -> None:
        self._use_holes()
        states = stretch.states
        first, last = (start + stretch.skew) // SLOTS, (end - 1 + stretch.skew) // SLOTS
        closed = states[first] == "closed"
        if first != last and any((state == "closed") != closed for state in states[first : last + 1]):
            border = (first + 1) * SLOTS - stretch.skew
            self._take_points(stretch, markers, start, border)
            self._take_points(stretch, markers, border, end)
            return
        piece = stretch.words[start * WORDS : end * WORDS]
        content = piece.tobytes()
        longs, doubles = array("q", content), array("d", content)
        columns = _Columns(markers[start:end], piece[WORDS - 2 :: WORDS], longs[0::4], doubles[1::4], doubles[2::4])
        lane_of = self._dictionary.lane_of
        used = set(columns.ids)
        if not used <= lane_of.keys():
            self._dictionary.refresh()
        lanes = {lane_of.get(series_id, 0) for series_id in used}
        if len(lanes) == 1 and 0 not in lanes:
            self._take_columns(lanes.pop(), columns, closed)
            return
        by_lane = columns.by_lane(lane_of)
        nameless = by_lane.pop(0, _NOTHING).ids
        if closed or all(self._follows(lane, picked.low) for lane, picked in by_lane.items()):
            for lane, picked in by_lane.items():
                self._take_columns(lane, picked, closed)
            if nameless:
                self._damage(len(nameless), _NAMELESS)
            return
        # Something is wrong in here. Slot by slot, since a flipped one bounds the gaps of those behind it in any lane.
        for place, series_id in enumerate(columns.ids):
            if series_id in lane_of:
                self._take_columns(lane_of[series_id], columns.cut(place, place + 1), closed)
            else:
                self._damage(1, _NAMELESS)

    def _follows(self, lane: int, low: array[int]) -> bool:
        """These are the very ordinals that are to come next."""
        first = self._expected.get(lane, _FIRST).ordinal & LOW
        return first + len(low) <= LOW and low == array("I", range(first, first + len(low)))

    def _take_columns(self, lane: int, columns: _Columns, closed: bool) -> None:
        """Points of one lane, in the order in which they were written."""
        low = columns.low
        expected = self._expected.get(lane, _FIRST).ordinal
        # The writer's ordinals only rise; in a closed block they are the writer's, so both ends tell all between them.
        is_row = low[0] == expected & LOW and low[-1] - low[0] == len(low) - 1
        if is_row and (closed or self._follows(lane, low)):
            self._emit(lane, expected, columns)
            return
        start = 0
        for place, ordinal in enumerate(low):
            ahead = (ordinal - expected) & LOW
            if ahead == 0:
                expected += 1
                continue
            if place > start:
                self._emit(lane, expected - (place - start), columns.cut(start, place))
            start = place
            if ahead < _BEHIND and (closed or ahead <= self._allowance(lane)):
                self._lose(lane, expected + ahead - 1)
                expected += ahead + 1
                continue
            start = place + 1
            if not closed:
                self._damage(1, f"a point of lane {lane} whose ordinal is not {expected}")
        if start < len(low):
            self._emit(lane, expected - (len(low) - start), columns.cut(start, len(low)))

    def _emit(self, lane: int, first: int, columns: _Columns) -> None:
        known = self._dictionary.series
        series = {series_id: known[series_id].series for series_id in set(columns.ids)}
        self.batches.append(
            Points(self._lane(lane), first, columns.ids, series, columns.step, columns.time, columns.value)
        )
        self._expected[lane] = Expected(first + len(columns.ids), self._skipped)

    def _take_frame(self, found: frames.Frame) -> None:
        if isinstance(found, frames.FactFrame):
            if self._is_known(found.lane) and self._is_next(found.lane, found.ordinal):
                self.batches.append(Fact(self._lane(found.lane), found.ordinal, found.message))
                self._expected[found.lane] = Expected(found.ordinal + 1, self._skipped)
        elif isinstance(found, frames.TextPoint):
            self._take_text(found)
        elif isinstance(found, frames.LogFrame):
            if found.data and self._is_known(found.lane) and self._is_next(found.lane, found.first):
                piece = LogText(self._lane(found.lane), found.first, found.data, found.time, found.attempt)
                self.batches.append(piece)
                self._expected[found.lane] = Expected(piece.last_ordinal + 1, self._skipped)
        elif isinstance(found, frames.LossFrame):
            if self._is_known(found.lane):
                self._lose(found.lane, found.last, found.reason)
        elif isinstance(found, frames.SegmentHead):
            for lane, ordinal in found.next_ordinals.items():
                if self.has_baseline:
                    self._expected[lane] = Expected(ordinal, self._skipped)
                elif self._is_known(lane):
                    self._lose(lane, ordinal - 1)
            self.has_baseline = False
        else:
            ends = {lane: last for lane, last in found.last_ordinals.items() if self._is_known(lane)}
            for lane, last in ends.items():
                self._lose(lane, last)
            self.batches.append(Closed({self._lane(lane): last for lane, last in ends.items() if last}))
            self.closed = True

    def _take_text(self, found: frames.TextPoint) -> None:
        if found.series not in self._dictionary.series:
            self._dictionary.refresh()
        entry = self._dictionary.series.get(found.series)
        if entry is None:
            self._damage(1, _NAMELESS)
            return
        if not self._is_known(entry.lane) or not self._is_next(entry.lane, found.ordinal):
            return
        lane = self._lane(entry.lane)
        last = self.batches[-1] if self.batches else None
        if not (
            isinstance(last, Points) and last.texts and last.lane == lane and last.last_ordinal + 1 == found.ordinal
        ):
            last = Points(lane, found.ordinal, array("I"), {}, array("q"), array("d"), array("d"), [])
            self.batches.append(last)
        # It was made here and nobody has it yet, so it may grow.
        last.ids.append(found.series)
        last.series[found.series] = entry.series  # type: ignore[index]
        last.step.append(found.step)
        last.time.append(found.time)
        last.value.append(float(len(last.texts)))
        last.texts.append(found.text)  # type: ignore[attr-defined]
        self._expected[entry.lane] = Expected(found.ordinal + 1, self._skipped)

    def _is_next(self, lane: int, ordinal: int) -> bool:
        """An ordinal of a lane comes now; what is missing before it is lost. False for a repeat."""
        if ordinal < self._expected.get(lane, _FIRST).ordinal:
            return False
        self._lose(lane, ordinal - 1)
        return True

    def _lose(self, lane: int, last: int, reason: str | None = None) -> None:
        """All of a lane up to `last` that was not handed out is lost."""
        first = self._expected.get(lane, _FIRST).ordinal
        if first > last:
            return
        if reason is None:
            explained = last - first < self._allowance(lane)
            reason = DAMAGED if self._damaged else INTERRUPTED if explained else DISK_FULL
        self.batches.append(Loss(self._lane(lane), first, last, reason))
        self._expected[lane] = Expected(last + 1, self._skipped)

    def _allowance(self, lane: int) -> int:
        """How many ordinals of a lane the slots may have held that were skipped since its last record."""
        slots = self._skipped - self._expected.get(lane, _FIRST).skipped
        return slots * BYTES_IN_SLOT if slots and self._lane(lane).stream.startswith("log/") else slots

    def _is_known(self, lane: int) -> bool:
        if lane not in self._dictionary.lanes:
            self._dictionary.refresh()
        if lane in self._dictionary.lanes:
            return True
        self._damage(1, f"a record of lane {lane}, which the dictionary does not have")
        return False

    def _lane(self, lane: int) -> Lane:
        found = self._lanes.get(lane)
        if found is None:
            entry = self._dictionary.lanes.get(lane, LaneEntry("points", "run", ""))
            found = self._lanes[lane] = Lane(*entry, self._writer_id)
        return found

    def _add_holes(self, stretch: Stretch, start: int, end: int) -> None:
        for place in range(start, end) if "lost" in stretch.states else ():
            if stretch.states[(place + stretch.skew) // SLOTS] == "lost":
                self._damage(1, "a slot of a block whose CRC does not fit")
                end -= 1
        self._holes += end - start

    def _use_holes(self) -> None:
        self._skipped += self._holes
        self._holes = 0

    def _damage(self, slots: int, what: str) -> None:
        self._skipped += slots
        self._damaged += slots
        self._note(what)


def _end_of_frame(words: array[int], markers: array[int], place: int, room: int, ends_at: str) -> tuple[int, int]:
    """Where the frame at a place ends; and how many slots it takes when the stretch does not hold it whole (else 0)."""
    count = slots_of(words[place * WORDS])
    end = place + count
    if markers[place + 1 : end] == _more(count - 1):
        return end, 0
    end = place + 1
    while end < len(markers) and markers[end] == MORE:
        end += 1
    # Cut off by the stretch's end, and not beyond the segment's: there may be more of it.
    if end == len(markers) and place + count <= room and ends_at != "segment":
        return end, count
    return end, 0


def _more(count: int) -> Sequence[int]:
    return array("I", [MORE]) * count
