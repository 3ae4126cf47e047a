"""Metric points of one run: from a call's value to slots. `PointsLane.log` is the hot path of all Runfold.

A float or int (up to 2^53) of a known series, with or without a step, goes straight into a slot. Everything else takes
the slow path: other kinds of value, new series, a block or segment that is full.

Series are (name, column, kind, axis). Beyond SERIES_PER_RUN_MAX of them values go to one overflow series per kind and
axis.
"""

from __future__ import annotations

import itertools
import operator
from array import array
from collections.abc import Callable, Mapping, Sequence
from time import time as now
from typing import Final, NamedTuple, SupportsIndex

from runfold.journal import frames
from runfold.journal.dictionary import LaneEntry, SeriesEntry, check_name
from runfold.journal.format import LOW, POINT, SERIES_MAX, SLOT, frame
from runfold.journal.lanes import LaneTail
from runfold.journal.tail import Ended, Tail
from runfold_schemas.events import Series
from runfold_schemas.limits import (
    EXACT_INTEGER_MAX,
    METRIC_NAME_BYTES_MAX,
    OVERFLOW_SERIES,
    SERIES_PER_RUN_MAX,
    STEP_MAX,
    STEP_MIN,
    TEXT_POINT_BYTES_MAX,
)
from runfold_schemas.values import KINDS, classify

Value = tuple[str, float, "str | None"]  # kind, number, text: what `values.classify` says
Log = Callable[..., None]

_RECORD_BYTES: Final = 512 << 10  # of a list or table in one record, about

_pack_into = POINT.pack_into
_pack = POINT.pack


class PointsLane:
    """Points of one run in one journal.

    Attributes:
        log: `log(name, value, step=None)`: journals one value. Raises TypeError or ValueError for a name, value or step
            that cannot be kept, before anything is numbered; never because of the disk.
        on_mixed: called once with a metric's name when values with a step follow values without one, or the reverse.
            The two are two series. Called without any lock.
    """

    def __init__(
        self,
        tail: Tail,
        run_id: str,
        heir: Callable[[], PointsLane],
        tell: Callable[[Tail], None],
        series_max: int = SERIES_PER_RUN_MAX,
    ) -> None:
        """
        Args:
            tail: the journal's growing end.
            run_id: the run.
            heir: the same run's lane in the process's next journal; called when this one has ended.
            tell: tells the tail's notice, if there is one; called after what may have made one, without the lock.
            series_max: series of the run before the overflow series.
        """
        self.run_id = run_id
        self.on_mixed: Callable[[str], None] = _nobody
        self._tail, self._heir, self._tell, self._series_max = tail, heir, tell, series_max
        with tail.lock:
            self._lane = tail.lane(LaneEntry("points", "run", run_id))
        self._series: dict[Series, int] = {}
        self._overflow: dict[Series, int] = {}
        # What `log` looks up: names of known series of one kind, without and with the user's step.
        self._doubles: dict[str, int] = {}
        self._doubles_by_step: dict[str, int] = {}
        self._longs: dict[str, int] = {}
        self._longs_by_step: dict[str, int] = {}
        self.log: Log = _log_of(
            tail, self._lane, (self._doubles, self._doubles_by_step, self._longs, self._longs_by_step), self._log_any
        )

    def log_list(self, name: str, values: Sequence[Value]) -> None:
        """Journals values under one name with one time stamp, in order; each has its own ordinal as step."""
        moment = now()
        series = {str(kind): Series(name, None, kind, "ordinal") for kind in KINDS}
        records: list[_Record] = [_Record([], [])]
        size = 0
        for kind, number, text in values:
            if size > _RECORD_BYTES:
                records.append(_Record([], []))
                size = 0
            record = records[-1]
            record.starts.append(len(record.cells))
            record.cells.append((series[kind], number, text))
            size += SLOT + len(text or "")
        self._add_records(records, moment)

    def log_rows(self, name: str, rows: Sequence[Mapping[str, Value]]) -> None:
        """Journals rows of a table with one time stamp: a point per column, its step the ordinal of the row's first
        cell.

        A row without columns is one point without a column.
        """
        moment = now()
        records: list[_Record] = [_Record([], [])]
        size = 0
        for row in rows:
            cells: list[_Cell] = [
                (Series(name, column, kind, "row"), number, text) for column, (kind, number, text) in row.items()
            ]
            cells = cells or [(Series(name, None, "null", "row"), 0.0, None)]
            if size > _RECORD_BYTES:
                records.append(_Record([], []))
                size = 0
            record = records[-1]
            record.starts.extend([len(record.cells)] * len(cells))
            record.cells.extend(cells)
            size += sum(SLOT + len(text or "") for _, _, text in cells)
        self._add_records(records, moment)

    def _log_any(self, name: str, value: object, step: SupportsIndex | None) -> None:
        """The slow path of `log`."""
        moment = now()
        check_name("metric", name, METRIC_NAME_BYTES_MAX)
        coordinate = None if step is None else _checked_step(name, step)
        kind, number, text = classify(value)
        series = Series(name, None, kind, "ordinal" if coordinate is None else "step")
        if text is not None:
            _checked_text(name, text)
        try:
            mixed = self._add_cell((series, number, text), moment, coordinate)
        except Ended:
            self._next().log(name, value, step)
            return
        self._tell(self._tail)
        if mixed:
            self.on_mixed(name)

    def _add_cell(self, cell: _Cell, moment: float, step: int | None) -> bool:
        series, number, text = cell
        lane = self._lane
        with self._tail.lock:
            series_id, mixed = self._id_of(series)

            def build(first: int) -> array[int]:
                return _slots(series_id, first, first if step is None else step, moment, number, text)

            self._tail.append(lane, 1, build)
            self._know(series, series_id)
        return mixed

    def _add_records(self, records: Sequence[_Record], moment: float) -> None:
        for series in {cell[0] for record in records for cell in record.cells}:
            check_name("metric", series.name, METRIC_NAME_BYTES_MAX)
            if series.column is not None:
                check_name("metric", series.column, METRIC_NAME_BYTES_MAX)
        for record in records:
            for series, _, text in record.cells:
                if text is not None:
                    _checked_text(series.name, text)
        mixed: set[str] = set()
        added = 0
        try:
            with self._tail.lock:
                for record in records:
                    ids: dict[Series, int] = {}
                    for series, _, _ in record.cells:
                        if series not in ids:
                            ids[series], is_mixed = self._id_of(series)
                            mixed |= {series.name} if is_mixed else set()
                    if record.cells:
                        self._tail.append(self._lane, len(record.cells), _build_of(record, ids, moment))
                    added += 1
        except Ended:
            self._next()._add_records(records[added:], moment)
        self._tell(self._tail)
        for name in mixed:
            self.on_mixed(name)

    def _next(self) -> PointsLane:
        lane = self._heir()
        lane.on_mixed = self.on_mixed
        return lane

    def _id_of(self, series: Series) -> tuple[int, bool]:
        """The id of a series, and whether it is new and mixes axes under its name. The caller holds the lock."""
        known = self._series.get(series)
        if known is not None:
            return known, False
        if self._tail.ended:
            raise Ended
        table = self._series
        if len(table) >= self._series_max:
            series, table = Series(OVERFLOW_SERIES, None, series.kind, series.axis), self._overflow
            if series in table:
                return table[series], False
            if not table:
                self._tail.note(
                    f"run {self.run_id} has {self._series_max} metric series, the most there may be; values of "
                    f"further ones go to the series {OVERFLOW_SERIES!r}, with a step as they had it"
                )
        other = {"step": "ordinal", "ordinal": "step"}.get(series.axis)
        mixed = other is not None and series.column is None and self._has_axis(series.name, other)
        series_id = self._tail.next_series(SeriesEntry(self._lane.id, series))
        if series_id > SERIES_MAX:
            raise ValueError(f"one process can log {SERIES_MAX} series and no more")
        table[series] = series_id
        return series_id, mixed

    def _has_axis(self, name: str, axis: str) -> bool:
        return any(Series(name, None, kind, axis) in self._series for kind in KINDS)

    def _know(self, series: Series, series_id: int) -> None:
        """Lets `log` find a series, now that the dictionary's files have it."""
        if self._series.get(series) != series_id or not self._tail.dictionary.is_flushed or series.axis == "row":
            return
        if series.kind == "double":
            (self._doubles if series.axis == "ordinal" else self._doubles_by_step)[series.name] = series_id
        elif series.kind == "long":
            (self._longs if series.axis == "ordinal" else self._longs_by_step)[series.name] = series_id


_Cell = tuple[Series, float, "str | None"]


class _Record(NamedTuple):
    """Cells that are journaled at once, and for each the place of the one whose ordinal is its step."""

    cells: list[_Cell]
    starts: list[int]


_Tables = tuple[dict[str, int], dict[str, int], dict[str, int], dict[str, int]]


def _log_of(
    tail: Tail, lane: LaneTail, tables: _Tables, log_any: Callable[[str, object, SupportsIndex | None], None]
) -> Log:
    doubles, doubles_by_step, longs, longs_by_step = tables

    def log(name: str, value: object, step: SupportsIndex | None = None) -> None:
        kind = type(value)
        try:
            if kind is float:
                series = doubles[name] if step is None else doubles_by_step[name]
            elif kind is int and -EXACT_INTEGER_MAX <= value <= EXACT_INTEGER_MAX:  # type: ignore[operator]
                series = longs[name] if step is None else longs_by_step[name]
            else:
                return log_any(name, value, step)
        except (KeyError, TypeError):  # a series not seen before, or a name that is no str
            return log_any(name, value, step)
        if step is not None and (type(step) is not int or not STEP_MIN <= step <= STEP_MAX):
            return log_any(name, value, step)
        stepped = step is not None
        moment = now()
        with tail.lock:
            while True:
                # From this look to the end of the reservation no signal handler comes in between: see `tail`.
                if (slot := tail.slot) < tail.limit:
                    number = lane.last + 1
                    tail.slot = slot + SLOT
                    lane.last = number
                    at = (number, step)[stepped]  # no conditional expression: its jump would be such a place
                    try:
                        _pack_into(tail.memory, slot, at, moment, value, number & LOW, series)
                    except BaseException:
                        _pack_into(tail.memory, slot, at, moment, value, number & LOW, series)
                        raise
                    return None
                if not tail.turn():
                    break
        return log_any(name, value, step)

    return log


def _slots(series_id: int, ordinal: int, step: int, moment: float, number: float, text: str | None) -> array[int]:
    if text is None:
        return array("I", _pack(step, moment, number, ordinal & LOW, series_id))
    return frame(frames.text_point(series_id, ordinal, step, moment, text.encode()))


def _build_of(record: _Record, ids: Mapping[Series, int], moment: float) -> Callable[[int], array[int]]:
    def build(first: int) -> array[int]:
        words = array("I")
        for ordinal, (series, number, text), start in zip(
            itertools.count(first), record.cells, record.starts, strict=False
        ):
            words += _slots(ids[series], ordinal, first + start, moment, number, text)
        return words

    return build


def _checked_step(name: str, step: SupportsIndex) -> int:
    try:
        coordinate = operator.index(step)
    except TypeError:
        raise TypeError(
            f"step of metric {name!r} is a whole number, not {type(step).__name__}: {step!r:.100}"
        ) from None
    if not STEP_MIN <= coordinate <= STEP_MAX:
        raise ValueError(f"step {coordinate} of metric {name!r} is out of range; allowed is {STEP_MIN} to {STEP_MAX}")
    return coordinate


def _checked_text(name: str, text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"a value of metric {name!r} has a lone surrogate; values are valid Unicode text") from None
    if size > TEXT_POINT_BYTES_MAX or "\0" in text:
        raise ValueError(
            f"a text value of metric {name!r} has {size} bytes; allowed are {TEXT_POINT_BYTES_MAX} bytes of UTF-8 "
            "without NUL"
        )


def _nobody(name: str) -> None:
    """Nobody asked."""
