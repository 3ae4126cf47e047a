"""Points column by column: from the events that carry them into pieces, one a series, and back. Pure.

A *source* is one row of `state.points`: an event, or the new part of one. Where points lie is kept with them, so that
what was folded up to an offset can be cut out of a piece exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from runfold_consumers.state.columns import Doubles, Integers
from runfold_schemas.codec import TEXT_KINDS, decode
from runfold_schemas.events import MetricLogged, Series


class Source(NamedTuple):
    """A row of points: the event's offset, the broker's time in microseconds since 1970, the framed MetricLogged."""

    offset: int
    broker_time_us: int
    message: bytes


class Piece(NamedTuple):
    """Points of one series of one writer in ordinal order; columns of one length.

    texts: of kinds string and bigint, whose `value` is 0; None for all others.
    offset, broker_time_us: where each point came from; None where nobody asked.
    """

    series: Series
    ordinal: Integers
    step: Integers
    time: Doubles
    value: Doubles
    texts: list[str] | None
    offset: Integers | None = None
    broker_time_us: Integers | None = None

    def taken(self, which: Any) -> Piece:
        """Of every column these places: a slice, a mask or numbers."""
        texts = self.texts
        if texts is not None:
            texts = texts[which] if isinstance(which, slice) else np.array(texts, object)[which].tolist()
        return Piece(
            self.series, self.ordinal[which], self.step[which], self.time[which], self.value[which], texts,
            None if self.offset is None else self.offset[which],
            None if self.broker_time_us is None else self.broker_time_us[which],
        )  # fmt: skip


def split(
    sources: Iterable[Source], wanted: Collection[tuple[str, str | None]] | None = None, *, placed: bool = True
) -> list[Piece]:
    """The points of one writer, in pieces, one a series (name, column, kind and axis).

    sources: in ordinal order, without overlap.
    wanted: only these names and columns; None: all.
    placed: whether the pieces say where each point came from.

    Raises:
        DecodeError, UnknownFingerprint: a source is no MetricLogged of this release.
    """
    dictionary: dict[Series, int] = {}
    texts: list[str] = []
    columns: list[tuple[Any, ...]] = []
    places: list[tuple[int, int, int]] = []  # points, offset, broker time
    for source in sources:
        event = decode(source.message)
        if not isinstance(event, MetricLogged):
            raise ValueError(f"state.points holds a {type(event).__name__}; run `runfold rebuild`")
        columns.append(_columns(event, dictionary, texts))
        places.append((len(event.index), source.offset, source.broker_time_us))
    if not columns:
        return []
    index, *joined_columns = (np.concatenate(column) for column in zip(*columns, strict=True))
    if placed:
        counts, *origins = np.array(places, np.int64).T
        joined_columns += [np.repeat(origin, counts) for origin in origins]
    if wanted is not None:
        keep = np.array([(series.name, series.column) in wanted for series in dictionary], bool)
        if not keep.all():
            kept = keep[index]
            index, *joined_columns = (column[kept] for column in (index, *joined_columns))
    if len(dictionary) > 1 and (index[1:] < index[:-1]).any():
        order = np.argsort(index.astype(np.uint16) if len(dictionary) < 1 << 16 else index, kind="stable")
        index, *joined_columns = (column[order] for column in (index, *joined_columns))
    bounds = np.searchsorted(index, np.arange(len(dictionary) + 1, dtype=index.dtype))
    return [
        _piece(series, slice(begin, end), texts, *joined_columns)
        for series, begin, end in zip(dictionary, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        if begin < end
    ]


def joined(pieces: Sequence[Piece]) -> Piece:
    """Pieces of one series as one, in ordinal order. They share no ordinal; all or none say where they came from."""
    if len(pieces) == 1:
        return pieces[0]
    first = pieces[0]
    columns: list[Any] = [list(column) for column in zip(*pieces, strict=True)]
    texts = None if first.texts is None else [text for said in columns[5] for text in said]
    ordinal, step, time, value = (np.concatenate(column) for column in columns[1:5])
    offset, broker_time_us = (None if column[0] is None else np.concatenate(column) for column in columns[6:])
    whole = Piece(first.series, ordinal, step, time, value, texts, offset, broker_time_us)
    if bool((whole.ordinal[1:] > whole.ordinal[:-1]).all()):
        return whole
    return whole.taken(np.argsort(whole.ordinal, kind="stable"))


def _columns(event: MetricLogged, dictionary: dict[Series, int], texts: list[str]) -> tuple[Any, ...]:
    """The event's columns, with the dictionary and the texts of all."""
    numbers = np.array([dictionary.setdefault(series, len(dictionary)) for series in event.series], np.int32)
    index, value = np.asarray(event.index), np.asarray(event.value, np.float64)
    if event.texts:
        textual = np.array([series.kind in TEXT_KINDS for series in event.series], bool)[index]
        value = value.copy()
        value[textual] += len(texts)
        texts += event.texts
    ordinal = np.arange(event.first_ordinal, event.first_ordinal + len(index), dtype=np.int64)
    return numbers[index], ordinal, np.asarray(event.step, np.int64), np.asarray(event.time, np.float64), value


def _piece(
    series: Series, part: slice, texts: Sequence[str], ordinal: Integers, step: Integers, time: Doubles,
    value: Doubles, offset: Integers | None = None, broker_time_us: Integers | None = None,
) -> Piece:  # fmt: skip
    said: npt.NDArray[np.float64] = value[part]
    own = None
    if series.kind in TEXT_KINDS:
        own = [texts[place] for place in said.astype(np.int64).tolist()]
        said = np.zeros(len(said))
    return Piece(
        series, ordinal[part], step[part], time[part], said, own,
        None if offset is None else offset[part],
        None if broker_time_us is None else broker_time_us[part],
    )  # fmt: skip
