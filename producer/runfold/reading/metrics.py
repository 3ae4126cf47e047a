"""Metric events to what `get_metrics` returns (run_api section 8.2, design section 7). Pure, and without numpy.

One scalar reads as the bare value, several as a list in logging order; a one-element list as its element. A row reads
as `{column: value}`, several rows as `{column: [values]}` with None where a row lacks the column, rows without any
column as `{}`. A column (or a scalar series) whose first value is a float turns all its numbers into floats; one
whose first `log_list` call mixes int and float does too; everything else comes back as it was logged. A name that
carries both scalars and rows reads as rows, the scalars standing in a column of that name, as the original kept them.
An image or chart reads as the `aml://` address of the first one logged in the latest attempt that logged it; points
of the same name win over it.

Order: within a writer by ordinal, always. Across writers by the running maximum of each writer's clock over its whole
lane, ties by (rank, writer): so two metrics logged side by side stay aligned. Where points carry the user's step, the
latest attempt wins per (name, rank, step); within an attempt nothing is hidden, and points without a step are all
shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, repeat
from typing import Any, NamedTuple, TypeAlias

from runfold_schemas.events import MetricLogged

Scalar: TypeAlias = "float | int | str | bool | None"
Value: TypeAlias = "Scalar | list[Scalar] | dict[str, Scalar] | dict[str, list[Scalar]]"


class Writer(NamedTuple):
    """What ordering and attempts need to know of one writer of a run."""

    rank: int | None = None  # None: the process was not part of a distributed job
    attempt: int = 0


class Chart(NamedTuple):
    """An image or a chart document: an artifact of the run that stands under a metric's name."""

    metric_name: str
    path: str
    attempt: int = 0
    occurred_at: str = ""  # ISO 8601 UTC; sorts as text
    writer_id: str = ""
    ordinal: int = 0


class RunMetadata(NamedTuple):
    """What comes beside the events of one run: its writers by id, and its charts."""

    writers: Mapping[str, Writer] = {}
    charts: Sequence[Chart] = ()


def by_run(
    events: Iterable[MetricLogged],
    runs: Mapping[str, RunMetadata],
    *,
    name: str | None = None,
    rank: int | None = None,
    attempt: int | None = None,
) -> dict[str, dict[str, Value]]:
    """Metrics of several runs, `{run_id: {name: value}}`, in the order of `runs`; a run without metrics is left out."""
    events_of: dict[str, list[MetricLogged]] = {}
    for event in events:
        events_of.setdefault(event.aggregate_id, []).append(event)
    found = {}
    for run_id in [*runs, *(events_of.keys() - runs.keys())]:
        metadata = runs.get(run_id, RunMetadata())
        metrics = of_run(run_id, events_of.get(run_id, ()), metadata, name=name, rank=rank, attempt=attempt)
        if metrics:
            found[run_id] = metrics
    return found


def of_run(
    run_id: str,
    events: Iterable[MetricLogged],
    metadata: RunMetadata = RunMetadata(),  # noqa: B008 an immutable value
    *,
    name: str | None = None,
    rank: int | None = None,
    attempt: int | None = None,
) -> dict[str, Value]:
    """Metrics of one run, `{name: value}`, charts last.

    `events` may come in any order; their ordinals within a writer must not overlap (the projector sees to it). `name`
    keeps one metric; `rank` and `attempt` keep what writers of that rank and attempt logged, None keeps all.
    """
    lanes = _lanes(events, metadata.writers, rank, attempt)
    points = _Points()
    for place, (writer_id, lane) in enumerate(lanes):
        points.add_lane(place, metadata.writers.get(writer_id, Writer()), lane, timed=len(lanes) > 1)
    order = points.visible(points.merged())
    metrics = {metric: _shape(collected) for metric, collected in points.collected(order, name).items()}
    for chart in sorted(metadata.charts, key=lambda c: (-c.attempt, c.occurred_at, c.writer_id, c.ordinal)):
        chosen = name in (None, chart.metric_name) and attempt in (None, chart.attempt)
        of_rank = rank is None or metadata.writers.get(chart.writer_id, Writer()).rank == rank
        if chosen and of_rank:
            metrics.setdefault(chart.metric_name, f"aml://artifactId/ExperimentRun/dcid.{run_id}/{chart.path}")
    return metrics


def _lanes(
    events: Iterable[MetricLogged], writers: Mapping[str, Writer], rank: int | None, attempt: int | None
) -> list[tuple[str, list[MetricLogged]]]:
    """Events by writer, writers by (rank, id) with those of no rank first, events by ordinal."""
    by_writer: dict[str, list[MetricLogged]] = {}
    for event in events:
        by_writer.setdefault(event.writer_id, []).append(event)

    def asked(writer: Writer) -> bool:
        return rank in (None, writer.rank) and attempt in (None, writer.attempt)

    def place(writer_id: str) -> tuple[int, str]:
        claimed = writers.get(writer_id, Writer()).rank
        return (-1 if claimed is None else claimed, writer_id)

    chosen = sorted((w for w in by_writer if asked(writers.get(w, Writer()))), key=place)
    return [(w, sorted(by_writer[w], key=lambda event: event.first_ordinal)) for w in chosen]


class _Slot(NamedTuple):
    """A series without its kind: what a point is filed under."""

    name: str
    column: str | None
    axis: str


class _Collected(NamedTuple):
    """All visible points of one metric name, in order."""

    scalars: list[Scalar]
    cells: list[tuple[tuple[int, int] | None, str | None, Scalar]]  # (row, column, value); row None: a scalar


class _Points:
    """Points of a run as parallel columns: one pass in, one merge, one pass out. Plain lists beat objects 20 to 1
    here.
    """

    def __init__(self) -> None:
        self.slots: list[_Slot] = []
        self._slot_of: dict[_Slot, int] = {}
        self.slot: list[int] = []
        self.value: list[Scalar] = []
        self.step: list[int] = []
        self.time: list[float] = []  # running maximum within the lane; kept only where lanes are merged
        self.lanes: list[tuple[int, Writer, int]] = []  # (place, writer, number of points)

    def add_lane(self, place: int, writer: Writer, lane: Sequence[MetricLogged], *, timed: bool) -> None:
        before, latest = len(self.slot), float("-inf")
        for event in lane:
            slots = [self._register(_Slot(s.name, s.column, s.axis)) for s in event.series]
            index = _plain(event.index)
            if len(slots) == 1:
                self.slot.extend(repeat(slots[0], len(index)))
            else:
                self.slot.extend([slots[i] for i in index])
            self.value.extend(_values(event, index))
            self.step.extend(_plain(event.step))
            if timed:
                running = accumulate(_plain(event.time), max, initial=latest)
                next(running)
                self.time.extend(running)
                latest = self.time[-1] if self.time else latest
        self.lanes.append((place, writer, len(self.slot) - before))

    def _register(self, slot: _Slot) -> int:
        known = self._slot_of.get(slot)
        if known is None:
            known = self._slot_of[slot] = len(self.slots)
            self.slots.append(slot)
        return known

    def merged(self) -> Sequence[int]:
        """Places of all points in reading order. Lanes stand by (rank, writer) and each ascends, so a stable sort by
        time is the merge.
        """
        if not self.time:
            return range(len(self.slot))
        return sorted(range(len(self.slot)), key=self.time.__getitem__)

    def visible(self, order: Sequence[int]) -> Sequence[int]:
        """`order` without stepped points that a later attempt of the same rank logged again."""
        stepped = [slot.axis == "step" for slot in self.slots]
        if len({writer.attempt for _, writer, size in self.lanes if size}) < 2 or not any(stepped):
            return order
        rank_and_attempt = [(w.rank, w.attempt) for _, w, size in self.lanes for _ in range(size)]
        latest: dict[tuple[str, int | None, int], int] = {}
        for i, slot in enumerate(self.slot):
            if stepped[slot]:
                rank, attempt = rank_and_attempt[i]
                key = (self.slots[slot].name, rank, self.step[i])
                if attempt > latest.get(key, -1):
                    latest[key] = attempt

        def wins(i: int) -> bool:
            if not stepped[self.slot[i]]:
                return True
            rank, attempt = rank_and_attempt[i]
            return latest[self.slots[self.slot[i]].name, rank, self.step[i]] == attempt

        return [i for i in order if wins(i)]

    def collected(self, order: Sequence[int], only: str | None) -> dict[str, _Collected]:
        """The points of `order` by metric name."""
        rowed = {slot.name for slot in self.slots if slot.axis == "row"}
        scalars: list[list[Scalar]] = [[] for _ in self.slots]
        of_name: dict[str, _Collected] = {}
        for i, slot in enumerate(self.slots):
            scalars[i] = of_name.setdefault(slot.name, _Collected([], [])).scalars
        if len(self.slots) == 1 and not rowed:
            scalars[0].extend([self.value[i] for i in order] if not isinstance(order, range) else self.value)
        elif not rowed:
            appends = [collected.append for collected in scalars]
            for i in order:
                appends[self.slot[i]](self.value[i])
        else:
            lane_of = [place for place, _, size in self.lanes for _ in range(size)]
            for i in order:
                name, column, axis = self.slots[self.slot[i]]
                if name not in rowed:
                    scalars[self.slot[i]].append(self.value[i])
                elif axis == "row":
                    of_name[name].cells.append(((lane_of[i], self.step[i]), column, self.value[i]))
                else:
                    of_name[name].cells.append((None, name, self.value[i]))
        return {
            name: collected
            for name, collected in of_name.items()
            if only in (None, name) and (collected.scalars or collected.cells)
        }


def _values(event: MetricLogged, index: Sequence[int]) -> Sequence[Scalar]:
    """The points' values as Python values."""
    values = _plain(event.value)
    restores = [_restore(series.kind, event.texts) for series in event.series]
    if all(restore is None for restore in restores):
        return values
    if len(restores) == 1 and restores[0] is not None:
        return list(map(restores[0], values))
    return [
        value if (restore := restores[place]) is None else restore(value)
        for place, value in zip(index, values)  # noqa: B905 equal by the schema; strict= costs
    ]


def _restore(kind: str, texts: Sequence[str]) -> Callable[[float], Scalar] | None:
    """From the column's number to the value; None where the number is the value. Agrees with
    `runfold_schemas.values.restore`.
    """
    if kind == "double":
        return None
    if kind == "long":
        return int
    if kind == "bool":
        return bool
    if kind == "null":
        return lambda number: None
    if kind == "string":
        return lambda number: texts[int(number)]
    if kind == "bigint":
        return lambda number: int(texts[int(number)])
    raise ValueError(f"a series has the kind {kind!r}; known here are double, long, bigint, string, bool and null")


def _plain(column: Any) -> list[Any]:
    """A column as a list of Python numbers: it may be a list, array, memoryview or numpy array."""
    tolist = getattr(column, "tolist", None)
    return tolist() if tolist is not None else list(column)


def _shape(collected: _Collected) -> Value:
    """One metric's points to what `get_metrics` shows of it."""
    if collected.cells:
        return _rows(collected)
    values = collected.scalars
    if type(values[0]) is float:
        values = _as_floats(values)
    return values[0] if len(values) == 1 else values


def _rows(collected: _Collected) -> Value:
    """Cells to columns. Rows stand in the order of their first cell, columns too."""
    place_of: dict[tuple[int, int], int] = {}
    rows = 0
    columns: dict[str, dict[int, Scalar]] = {}
    for row, column, value in collected.cells:
        place = rows if row is None else place_of.setdefault(row, rows)
        rows += place == rows
        if column is not None:
            columns.setdefault(column, {})[place] = value
    if rows == 1:
        return {column: cells[0] for column, cells in columns.items()}
    table = {}
    for column, cells in columns.items():
        values = [cells.get(place) for place in range(rows)]
        table[column] = _as_floats(values) if type(next(iter(cells.values()))) is float else values
    return table


def _as_floats(values: list[Scalar]) -> list[Scalar]:
    """Numbers to floats, as a column declared double reads; what is no number stays, and so does an int beyond a
    float's range.
    """

    def as_float(value: Scalar) -> Scalar:
        if value is None or isinstance(value, (str, float)):
            return value
        try:
            return float(value)
        except OverflowError:
            return value

    return [value if type(value) is float else as_float(value) for value in values]
