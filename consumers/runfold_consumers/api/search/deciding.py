"""Which rows of `state.series` decide over a metric of a run, as SQL over a row named `series`. Pure.

A run may have several rows of a metric, one for each writer and partition. Those of outsiders do not count. The least
and the greatest are over all; the last value is that of the latest attempt, in it of the latest time, then of the
greatest rank (none comes before 0) and writer: as their points are read.
"""

from __future__ import annotations

from typing import Final

from runfold_consumers.api.search.tree import Ref

COLUMN_OF: Final = {"last": "last_value", "min": "min", "max": "max"}
AGGREGATE_OF: Final = {"min": "min(series.min)", "max": "max(series.max)", "count": "sum(series.points)::float8"}
"""What is over all rows of a metric."""
INSIDE: Final = """NOT EXISTS (
    SELECT FROM state.writers AS outside
    WHERE outside.workspace = %(workspace)s AND outside.aggregate_kind = 'run' AND outside.aggregate_id = series.run_id
      AND outside.writer_id = series.writer_id AND outside.outsider
)"""
_TOLD = """coalesce((
    SELECT writers.{field} FROM state.writers
    WHERE writers.workspace = %(workspace)s AND writers.aggregate_kind = 'run' AND writers.aggregate_id = {row}.run_id
      AND writers.writer_id = {row}.writer_id
), {default})"""


def _place(row: str) -> list[str]:
    """By what the rows of a metric stand: attempt, time, rank (none first) and writer, as their points are read."""
    attempt = _TOLD.format(field="attempt", row=row, default=0)
    rank = _TOLD.format(field="rank", row=row, default=-1)
    return [attempt, f"{row}.last_time", rank, f"{row}.writer_id", f"{row}.partition"]


LATEST: Final = ", ".join(f"{part} DESC" for part in _place("series"))
"""Which of the rows of a metric has its last value."""
LATEST_TOLD: Final = (
    "coalesce(told.attempt, 0) DESC, series.last_time DESC, coalesce(told.rank, -1) DESC, series.writer_id DESC, "
    "series.partition DESC"
)
"""The same where `told` is the row of state.writers."""


def deciding(ref: Ref) -> str:
    """That no other row of the run decides over a metric's `last`, `min` or `max` than this one of `state.series`."""
    if ref.of == "last":
        beats = f"({', '.join(_place('other'))}) > ({', '.join(_place('series'))})"
    else:
        sign = "<" if ref.of == "min" else ">"
        beats = f"""other.{ref.of} {sign} series.{ref.of} OR other.{ref.of} = series.{ref.of}
            AND (other.writer_id, other.partition) < (series.writer_id, series.partition)"""
    inside = INSIDE.replace("series.", "other.")
    return f"""NOT EXISTS (
        SELECT FROM state.series AS other
        WHERE other.workspace = %(workspace)s AND other.run_id = series.run_id AND other.series_id = series.series_id
          AND (other.partition, other.writer_id) <> (series.partition, series.writer_id)
          AND ({beats}) AND {inside}
    )"""
