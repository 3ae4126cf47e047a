"""Points as rows of POINTS, folds over ranks as rows of FOLDED."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from runfold_consumers.api.arrow.tables import BATCH_ROWS, WORD, Bytes, Form, TableWriter, Words, no_texts, same
from runfold_consumers.api.series.building import Series
from runfold_consumers.api.series.columns import BIGINT, NULL, STRING, Lane, Points
from runfold_consumers.api.series.ranks import Folded

POINTS = pa.schema(
    [
        pa.field("run_id", WORD, nullable=False),
        pa.field("metric", WORD, nullable=False),
        pa.field("column", WORD),
        pa.field("rank", pa.int32()),
        pa.field("attempt", pa.int32(), nullable=False),
        pa.field("writer", WORD, nullable=False),
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("time", pa.float64(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", pa.string()),
    ]
)
FOLDED = pa.schema(
    [
        pa.field("run_id", WORD, nullable=False),
        pa.field("metric", WORD, nullable=False),
        pa.field("column", WORD),
        pa.field("attempt", pa.int32()),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("time", pa.float64(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("slowest_rank", pa.int32()),
        pa.field("ranks", pa.int32(), nullable=False),
    ]
)


class PointsWriter:
    """Points, unsampled or not, as rows of POINTS; or rows over ranks, of FOLDED."""

    def __init__(self, form: Form, metadata: Mapping[str, str], *, folded: bool) -> None:
        self._folded = folded
        self._writer = TableWriter(FOLDED if folded else POINTS, form, metadata)
        self._runs, self._metrics, self._columns, self._writers = Words(), Words(), Words(), Words()

    def series(self, series: Series, lanes: Sequence[Lane]) -> Iterator[Bytes]:
        """The bytes of a series, batch by batch."""
        for start in range(0, len(series.x), BATCH_ROWS):
            part = slice(start, start + BATCH_ROWS)
            rows = series.rows
            if isinstance(rows, Folded):
                yield self._fold(series, rows.take(part))
            elif self._folded:  # of texts there is no fold: they are left out, as the answer's metadata says
                return
            else:
                yield self.points(series.run_id, series.slot.name, series.slot.column, rows.take(part), lanes)

    def points(self, run_id: str, metric: str, column: str | None, points: Points, lanes: Sequence[Lane]) -> Bytes:
        """The bytes of one batch of points of one metric column."""
        n = len(points)
        lane = points.lane
        if len(used := points.lanes) == 1:
            one = lanes[used[0]]
            writer = self._writers.all(one.writer_id, n)
            rank, attempt = same(one.rank, n), same(one.attempt, n)
        else:
            places = np.array([self._writers.place(each.writer_id) for each in lanes], np.int32)
            ranks = np.array([-1 if each.rank is None else each.rank for each in lanes], np.int32)
            writer = self._writers.column(places[lane])
            rank = pa.array(ranks[lane], pa.int32(), mask=ranks[lane] < 0)
            attempt = np.array([each.attempt for each in lanes], np.int32)[lane]
        value, text = _values(points)
        words = (self._runs, self._metrics, self._columns, self._writers)
        return self._writer.write(
            (
                self._runs.all(run_id, n),
                self._metrics.all(metric, n),
                self._columns.all(column, n),
                rank,
                attempt,
                writer,
                points.ordinal,
                points.step,
                points.time,
                value,
                text,
            ),
            words,
        )

    def end(self, metadata: Mapping[str, str] | None = None) -> bytes:
        """The end of the stream."""
        return self._writer.end(metadata)

    def _fold(self, series: Series, rows: Folded) -> Bytes:
        n = len(rows.step)
        attempt = same(series.attempt, n)
        known = np.isnan(rows.mean)
        return self._writer.write(
            (
                self._runs.all(series.run_id, n),
                self._metrics.all(series.slot.name, n),
                self._columns.all(series.slot.column, n),
                attempt,
                rows.step,
                rows.time,
                *(pa.array(column, pa.float64(), mask=known) for column in (rows.mean, rows.least, rows.greatest)),
                pa.array(rows.slowest, pa.int64(), mask=rows.slowest < 0).cast(pa.int32()),
                rows.ranks.astype(np.int32),
            )
        )


def _values(points: Points) -> tuple[Any, Any]:
    """The columns value and text: numbers as they are (NaN is one), bools as 0 and 1; of texts and big integers the
    text, null its number."""
    n = len(points)
    odd = points.kind >= BIGINT
    if not odd.any():
        return points.value, no_texts(n)
    textual = (points.kind == BIGINT) | (points.kind == STRING)
    value = pa.array(points.value, pa.float64(), mask=textual | (points.kind == NULL))
    if not textual.any():
        return value, no_texts(n)
    texts = [
        points.texts[int(place)] if is_text else None
        for place, is_text in zip(points.value.tolist(), textual.tolist(), strict=True)
    ]
    return value, pa.array(texts, pa.string())


def about(series: Sequence[Series]) -> str:
    """What JSON tells of each series beside its columns, as JSON text for the schema's metadata."""
    return json.dumps(
        [
            {
                "run_id": one.run_id,
                "metric": one.slot.name,
                "column": one.slot.column,
                "rank": one.rank,
                "attempt": one.attempt,
                "kind": one.kind,
                "axis": one.slot.axis,
                "change": one.change,
                "n": len(one.x),
                "of": one.of,
                "marks_of": one.marks.of,
            }
            for one in series
        ],
        separators=(",", ":"),
    )
