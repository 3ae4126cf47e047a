"""Fewer points that still hold every extreme. Sole importer of tsdownsample.

The range of x is cut into buckets of equal width. Of each bucket that holds points the one with the least and the one
with the greatest value stay, and the first and last point of all: so at most 2 points a bucket and 2 more. Which points
stay is tsdownsample's work; the band (least and greatest value per bucket) is over all points.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from tsdownsample import MinMaxDownsampler

from runfold_consumers.api.series.columns import Floats, Places

_CHOOSING: Any = MinMaxDownsampler()  # type: ignore[no-untyped-call]  # its methods have no types


class Band(NamedTuple):
    """Least and greatest value of each bucket that holds points; x is that of the bucket's first point."""

    x: Floats
    least: Floats
    greatest: Floats


class Sampled(NamedTuple):
    """Places of the points that stay, ascending, and the band; no band where all stay."""

    places: Places
    band: Band | None


def sampled(
    x: Floats, value: Floats, buckets: int, *, least: Floats | None = None, greatest: Floats | None = None
) -> Sampled:
    """Chooses points.

    Args:
        x: ascending, finite.
        value: finite.
        buckets: at least 1; with 2 * buckets points or fewer, all stay.
        least, greatest: what the band is of, where each point is a fold itself; else the values.
    """
    n = len(x)
    if n <= 2 * buckets:
        return Sampled(np.arange(n), None)
    least, greatest = value if least is None else least, value if greatest is None else greatest
    bounds = bounds_of(x, buckets)
    starts = bounds[:-1][np.diff(bounds) > 0]
    band = Band(x[starts], np.minimum.reduceat(least, starts), np.maximum.reduceat(greatest, starts))
    return Sampled(np.union1d(_extremes(bounds, value), (0, n - 1)), band)


def every(n: int, buckets: int) -> Places:
    """Places of what has no size (texts, mixed kinds): evenly spread, the first and last among them."""
    if n <= 2 * buckets:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, 2 * buckets).astype(np.intp))


def bounds_of(x: Floats, buckets: int) -> Places:
    """Where each bucket begins among the x, ascending, and last where they end; in one where x does not change."""
    with np.errstate(over="ignore"):
        width = x[-1] - x[0]
    if np.isinf(width):  # the widest range of doubles: halved, it is no infinity
        return bounds_of(x / 2, buckets)
    inner = np.searchsorted(x, np.linspace(x[0], x[-1], buckets + 1)[1:-1])
    return np.concatenate(([0], inner, [len(x)]))


def _extremes(bounds: Places, value: Floats) -> Places:
    buckets = len(bounds) - 1
    if buckets == 1:
        return _places(_CHOOSING.downsample(value, n_out=2))
    # tsdownsample cuts [x[0], x[-1]] into equal parts itself. Given the middles of our buckets, with the ends of the
    # range as first and last x, its parts are our buckets whatever its rounding.
    middle = np.repeat(np.arange(1, 2 * buckets, 2, dtype=np.int32), np.diff(bounds))
    middle[0], middle[-1] = 0, 2 * buckets
    return _places(_CHOOSING.downsample(middle, value, n_out=2 * buckets))


def _places(chosen: Any) -> Places:
    places: Places = np.asarray(chosen, np.intp)
    return places
