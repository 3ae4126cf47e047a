"""What exports hold: a schema for each thing that is exported, and points as they stand in events as its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from runfold_consumers.api.arrow.points import POINTS
from runfold_consumers.api.arrow.tables import WORD, Words
from runfold_consumers.api.series.columns import CODES, Lane
from runfold_schemas.codec import TEXT_KINDS
from runfold_schemas.events import MetricLogged
from runfold_schemas.values import KINDS

_WHEN = pa.timestamp("us", tz="UTC")
_WORDS_OF = pa.map_(pa.string(), pa.string())
_METRIC = pa.struct(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("column", pa.string()),
        pa.field("points", pa.int64(), nullable=False),
        pa.field("last", pa.float64()),
        pa.field("last_text", pa.string()),
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
    ]
)
SCHEMAS: Mapping[str, pa.Schema] = {
    "points": pa.schema([*POINTS, pa.field("kind", WORD, nullable=False), pa.field("axis", WORD, nullable=False)]),
    "runs": pa.schema(
        [
            pa.field("run_id", pa.string(), nullable=False),
            pa.field("experiment", pa.string()),
            pa.field("number", pa.int64()),
            pa.field("parent_run_id", pa.string()),
            pa.field("display_name", pa.string()),
            pa.field("description", pa.string()),
            pa.field("run_type", pa.string()),
            pa.field("target", pa.string()),
            pa.field("status", pa.string()),
            pa.field("attempt", pa.int32()),
            pa.field("created_at", _WHEN),
            pa.field("started_at", _WHEN),
            pa.field("ended_at", _WHEN),
            pa.field("submitted_by", pa.string()),
            pa.field("error", pa.string()),
            pa.field("tags", _WORDS_OF),
            pa.field("properties", _WORDS_OF),
            pa.field("metrics", pa.list_(_METRIC)),
        ]
    ),
    "events": pa.schema(
        [
            pa.field("run_id", pa.string(), nullable=False),
            pa.field("partition", pa.int32(), nullable=False),
            pa.field("offset", pa.int64(), nullable=False),
            pa.field("broker_time", _WHEN, nullable=False),
            pa.field("event", pa.string()),
            pa.field("writer", pa.string()),
            pa.field("ordinal", pa.int64()),
            pa.field("verdict", pa.string(), nullable=False),
            pa.field("rule", pa.string()),
            pa.field("body", pa.string()),
            pa.field("message", pa.binary()),
        ]
    ),
    "logs": pa.schema(
        [
            pa.field("run_id", pa.string(), nullable=False),
            pa.field("log", pa.string(), nullable=False),
            pa.field("writer", pa.string(), nullable=False),
            pa.field("rank", pa.int32()),
            pa.field("attempt", pa.int32(), nullable=False),
            pa.field("first_ordinal", pa.int64(), nullable=False),
            pa.field("last_ordinal", pa.int64(), nullable=False),
            pa.field("occurred_at", _WHEN, nullable=False),
            pa.field("broker_time", _WHEN, nullable=False),
            pa.field("data", pa.binary(), nullable=False),
        ]
    ),
}
WORDS_MAX = 65_536
_TEXTUAL = [CODES[kind] for kind in TEXT_KINDS]


class PointRows:
    """Points of events, gathered to batches. Dictionaries grow over batches, to WORDS_MAX words."""

    def __init__(self) -> None:
        self.rows = 0
        self._parts: list[tuple[Any, ...]] = []
        self._texts: list[str] = []
        self._words = tuple(Words() for _ in range(6))  # run, metric, column, writer, kind, axis
        for kind in KINDS:
            self._words[4].place(kind)

    def add(self, event: MetricLogged, lane: Lane) -> None:
        """Adds the points of an event in ordinal order."""
        index = np.asarray(event.index)
        n = len(index)
        run, metric, column, writer, _, axis = self._words
        metrics = np.array([metric.place(series.name) for series in event.series], np.int32)
        columns = np.array([-1 if s.column is None else column.place(s.column) for s in event.series], np.int32)
        kinds = np.array([CODES[series.kind] for series in event.series], np.int32)[index]
        axes = np.array([axis.place(series.axis) for series in event.series], np.int32)
        value = np.array(event.value, np.float64)
        if event.texts:
            textual = np.isin(kinds, _TEXTUAL)
            value[textual] += len(self._texts)
            self._texts += event.texts
        self._parts.append(
            (
                np.full(n, run.place(event.aggregate_id), np.int32),
                metrics[index],
                columns[index],
                np.full(n, -1 if lane.rank is None else lane.rank, np.int32),
                np.full(n, lane.attempt, np.int32),
                np.full(n, writer.place(event.writer_id), np.int32),
                np.arange(event.first_ordinal, event.first_ordinal + n),
                np.asarray(event.step, np.int64),
                np.asarray(event.time, np.float64),
                value,
                kinds,
                axes[index],
            )
        )
        self.rows += n

    def taken(self) -> list[Any]:
        """The columns of the batch, which is begun anew."""
        run, metric, column, rank, attempt, writer, ordinal, step, time, value, kind, axis = (
            np.concatenate(each) for each in zip(*self._parts, strict=True)
        )
        runs, metrics, columns_, writers, kinds, axes = self._words
        textual = np.isin(kind, _TEXTUAL)
        if textual.any():
            told = zip(value.tolist(), textual.tolist(), strict=True)
            text = pa.array([self._texts[int(place)] if is_text else None for place, is_text in told], pa.string())
        else:
            text = pa.nulls(len(value), pa.string())
        self._parts, self._texts, self.rows = [], [], 0
        columns = [
            runs.column(run),
            metrics.column(metric),
            columns_.column(column, column < 0),
            pa.array(rank, pa.int32(), mask=rank < 0),
            attempt,
            writers.column(writer),
            ordinal,
            step,
            time,
            pa.array(value, pa.float64(), mask=textual | (kind == CODES["null"])),
            text,
            kinds.column(kind),
            axes.column(axis),
        ]
        for words in (runs, metrics, columns_, writers):
            words.forget(WORDS_MAX)
        return columns
