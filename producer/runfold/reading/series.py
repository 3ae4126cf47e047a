"""Metrics as series: what there is of a run, and points of many series of many runs at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, TypedDict, cast

from runfold.exceptions import NotYetVisibleError

from .asking import TIMEOUT_S, TRANSFER_TIMEOUT_S, Asking, run_path
from .transport import Answer

SUMMARY_PAGE = 1000


class MetricSummary(TypedDict):
    """A metric of a run, by column where it is a table's; numbers that are not finite are texts, see `nonfinite`."""

    name: str
    column: str | None
    kind: str
    axis: str
    points: int
    last: Any
    min: float | str | None
    max: float | str | None
    last_step: int | None
    last_time: str | None
    nonfinite: int
    writers: int


class MetricSummaries(TypedDict):
    """A page of metrics of a run."""

    metrics: list[MetricSummary]
    n: int
    of: int
    next_cursor: str | None
    watermark: str


class Mark(TypedDict):
    """Where a series is NaN, Infinity or -Infinity."""

    x: float
    value: str


class Band(TypedDict):
    """Least and greatest value at each `x`: of the bucket, or of the ranks."""

    x: list[float]
    min: list[float | None]
    max: list[float | None]


class SeriesRecord(TypedDict, total=False):
    """Points of one series: `n` here, `of` all. `value` is null where it is not finite; `marks` names these.

    `step` and `time` are there where nothing was left out.
    """

    run_id: str
    metric: str
    column: str | None
    rank: int | None
    attempt: int
    kind: str
    axis: str
    n: int
    of: int
    x: list[float]
    value: list[Any]
    step: list[int]
    time: list[float]
    band: Band | None
    slowest_rank: list[int | None] | None
    marks: list[Mark]
    marks_of: int


class SeriesPage(TypedDict):
    """Series, and the cursor from which on to ask for what came since."""

    series: list[SeriesRecord]
    cursor: str
    watermark: str


class AllSeries(Asking):
    """Summaries and points of metrics."""

    def metric_summaries(
        self,
        run_id: str,
        *,
        prefix: str | None = None,
        regex: str | None = None,
        as_of: str | None = None,
        cursor: str | None = None,
        limit: int = SUMMARY_PAGE,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> MetricSummaries:
        """A page of a run's metrics by name: last, least and greatest value, and how many points.

        :param prefix: Of their names.
        :param regex: That their names must match.
        :param as_of: A watermark or a broker time, ISO 8601: as it was folded up to there.
        :raises RunNotFoundError: There is no such run.
        """
        query = {"prefix": prefix, "regex": regex, "as_of": as_of, "cursor": cursor, "limit": limit}
        return cast(MetricSummaries, self._get(f"{run_path(run_id)}/metrics/summary", query, not_before, timeout_s))

    def all_metric_summaries(self, run_id: str, *, timeout_s: float = TIMEOUT_S) -> Iterator[MetricSummary]:
        """As `metric_summaries`, page after page to the last."""
        cursor: str | None = None
        while True:
            page = self.metric_summaries(run_id, cursor=cursor, timeout_s=timeout_s)
            yield from page["metrics"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def series(
        self,
        run_ids: Sequence[str],
        metrics: Sequence[str],
        *,
        rank: int | None = None,
        attempt: int | str | None = None,
        fold: str = "none",
        buckets: int = 0,
        x: str = "step",
        first: float | None = None,
        last: float | None = None,
        after: str | None = None,
        as_of: str | None = None,
        not_before: str | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> SeriesPage:
        """Points of metrics of runs.

        :param run_ids: Up to 200 runs.
        :param metrics: Up to 500 names; a column of a table as JSON, `["name", "column"]`.
        :param rank: Of this rank alone.
        :param attempt: Of this one, or `all`; else the latest that wrote the step.
        :param fold: `none`, or `ranks`: the mean over the ranks, with a band.
        :param buckets: How many points are wanted at most, extremes kept; 0 for all points.
        :param x: step, time, relative (seconds since the run's start) or ordinal.
        :param first: Least x.
        :param last: Greatest x.
        :param after: The cursor of an earlier answer: only what came since.
        :param as_of: As of `metric_summaries`.
        """
        body = {
            "run_id": list(run_ids),
            "metric": list(metrics),
            "rank": rank,
            "attempt": attempt,
            "fold": fold,
            "buckets": buckets,
            "x": x,
            "from": first,
            "to": last,
            "after": after,
            "as_of": as_of,
        }
        if not_before is not None and not self.wait(not_before, timeout_s):  # what is folded stays folded
            reason = "what was asked for is not visible yet"
            raise NotYetVisibleError("RUNFOLD_API", None, reason, not_before)
        return cast(
            SeriesPage,
            self._transport.ask(
                self._path("/series"),
                body={name: value for name, value in body.items() if value is not None},
                deadline=time.monotonic() + timeout_s,
                use=Answer.json,
            ),
        )
