"""The fold of series: of each series of a writer in a run how many points it has, between which values, and its last.

A summary is a commutative fold: counts add up, least and greatest stay, and the last point is the one of the greatest
ordinal. So those of a batch are folded here, and Postgres folds them into what stands there by the same rules
(`put_series`); what was cut, batched or ordered otherwise folds to the same. Every point counts once: rows hold new
ordinals alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from runfold_consumers.fold.rows import SeriesRow
from runfold_schemas.codec import TEXT_KINDS
from runfold_schemas.events import MetricLogged, Series

NUMBER_KINDS = ("double", "long", "bool")
LAST_TEXT_CHARACTERS_MAX = 256
SMALL = 64  # points up to which a loop is faster than numpy

SeriesKey = tuple[str, str, str, int, str]
"""workspace, run id, series id, partition, writer id."""


class Part(NamedTuple):
    """Points that are new, all of one event: what of it is to be summarised."""

    workspace: str
    partition: int
    broker_time_us: int
    event: MetricLogged


@lru_cache(maxsize=65_536)
def series_id(name: str, column: str | None) -> str:
    """Of name and column, as a UUID's text: half of SHA-256, since both may be longer than an index allows."""
    text = name if column is None else f"{name}\0{column}"
    digest = sha256(text.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def summarise(parts: Iterable[Part]) -> dict[SeriesKey, SeriesRow]:
    """Summaries of these points alone, by key, in the order of the keys: two that write take rows in one order."""
    found: dict[SeriesKey, SeriesRow] = {}
    for part in parts:
        event: Any = part.event
        small = len(event.index) <= SMALL
        for series, row in (_small if small else _large)(event):
            key = (
                part.workspace, event.aggregate_id, series_id(series.name, series.column), part.partition,
                event.writer_id,
            )  # fmt: skip
            new = SeriesRow._make((*key, *series, *row, part.broker_time_us))
            known = found.get(key)
            found[key] = new if known is None else merged(known, new)
    return dict(sorted(found.items()))


def merged(known: SeriesRow, new: SeriesRow) -> SeriesRow:
    """The summary of the points of both, which share none."""
    last = new if new.last_ordinal > known.last_ordinal else known
    return known._replace(
        kinds=_united(known.kinds, new.kinds),
        axes=_united(known.axes, new.axes),
        points=known.points + new.points,
        nonfinite=known.nonfinite + new.nonfinite,
        min=new.min if known.min is None else known.min if new.min is None else min(known.min, new.min),
        max=new.max if known.max is None else known.max if new.max is None else max(known.max, new.max),
        last_ordinal=last.last_ordinal,
        last_kind=last.last_kind,
        last_step=last.last_step,
        last_time=last.last_time,
        last_value=last.last_value,
        last_text=last.last_text,
        broker_time=max(known.broker_time, new.broker_time),
    )


_Summary = tuple[Any, ...]
"""Of SeriesRow from `points` to `last_text`."""


def _small(event: Any) -> Iterator[tuple[Series, _Summary]]:
    """numpy on a handful of points costs more than a loop."""
    value = event.value if isinstance(event.value, list) else event.value.tolist()
    index = event.index if isinstance(event.index, list) else event.index.tolist()
    if len(index) == 1:
        yield event.series[index[0]], _of(event, event.series[index[0]], value, 0)
        return
    values: dict[int, list[float]] = {}
    last: dict[int, int] = {}
    for place, which in enumerate(index):
        if which in values:
            values[which].append(value[place])
        else:
            values[which] = [value[place]]
        last[which] = place
    for which, said in values.items():
        yield event.series[which], _of(event, event.series[which], said, last[which])


def _of(event: Any, series: Series, said: list[float], last: int) -> _Summary:
    if series.kind not in NUMBER_KINDS:
        return (len(said), 0, None, None, *_last(event, series, last))
    finite = [one for one in said if one - one == 0.0]  # neither NaN nor infinite
    if not finite:
        return (len(said), len(said), None, None, *_last(event, series, last))
    # 0.0 is added since -0.0, which equals it, would stand there or not by the order of the points.
    least, most = min(finite) + 0.0, max(finite) + 0.0
    return (len(said), len(said) - len(finite), least, most, *_last(event, series, last))


def _large(event: Any) -> Iterator[tuple[Series, _Summary]]:
    index = np.asarray(event.index)
    value = np.asarray(event.value, np.float64)
    order = np.argsort(index.astype(np.uint16) if len(event.series) < 1 << 16 else index, kind="stable")
    ordered, numbers = index[order], value[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    finite = np.isfinite(numbers)
    some = np.add.reduceat(finite.astype(np.int64), starts)
    counts = np.diff(starts, append=len(order))
    least = np.minimum.reduceat(np.where(finite, numbers, np.inf), starts) + 0.0
    most = np.maximum.reduceat(np.where(finite, numbers, -np.inf), starts) + 0.0
    lasts = order[starts + counts - 1]
    columns = (ordered[starts], counts, some, least, most, lasts)
    for which, count, finites, low, high, last in zip(*(column.tolist() for column in columns), strict=True):
        series = event.series[which]
        if series.kind not in NUMBER_KINDS:
            yield series, (count, 0, None, None, *_last(event, series, last))
        elif not finites:
            yield series, (count, count, None, None, *_last(event, series, last))
        else:
            yield series, (count, count - finites, low, high, *_last(event, series, last))


def _last(event: Any, series: Series, place: int) -> _Summary:
    value = float(event.value[place])
    text = None
    if series.kind in TEXT_KINDS:
        text = event.texts[int(value)][:LAST_TEXT_CHARACTERS_MAX].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return (
        event.first_ordinal + place, series.kind, int(event.step[place]), _plain(float(event.time[place])),
        value if series.kind in NUMBER_KINDS else None, text,
    )  # fmt: skip


def _plain(number: float) -> float:
    """One NaN: its payload means nothing, and Postgres would print it the same."""
    return math.nan if number != number else number


def _united(left: str, right: str) -> str:
    return left if left == right else ",".join(sorted({*left.split(","), *right.split(",")}))
