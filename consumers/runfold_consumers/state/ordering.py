"""A writer's points in ordinal order again, whether they stand in rows as they came or in chunks by series. Pure.

Rows come in the order of their first ordinals. What came as an event goes out as the bytes it is; of chunks, which
interleave, points are held until no later row can hold earlier ones, and become MetricLogged again. At most the points
of one merge are held, and a little more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from runfold_consumers.fold.points import moment_of
from runfold_consumers.state.chunks import Packed, unpacked
from runfold_consumers.state.pieces import Piece
from runfold_schemas.codec import encode
from runfold_schemas.events import MetricLogged, Series

POINTS_AT_ONCE = 16_384  # in one event: 330 KB and the texts
TEXT_CHARACTERS_AT_ONCE = 256 * 1024
HELD = 65_536  # points held before it is tried to let some go


class Ordering:
    """Of one lane; not to be used again after `end`."""

    def __init__(self, run_id: str, writer_id: str) -> None:
        self._run_id, self._writer_id = run_id, writer_id
        self._held: list[Piece] = []
        self._count, self._enough = 0, HELD

    def message(self, first_ordinal: int, message: bytes) -> Iterator[bytes]:
        """A row as it came, whose first ordinal is no less than those before: the framed MetricLogged that now go."""
        yield from self._until(first_ordinal)
        yield message

    def chunk(self, first_ordinal: int, chunk: Packed | Piece) -> Iterator[bytes]:
        """A chunk, the same. A piece of one will do, when that was cut; `first_ordinal` is the whole's then."""
        if self._count >= self._enough:
            yield from self._until(first_ordinal)
            self._enough = max(HELD, 2 * self._count)
        piece = chunk if isinstance(chunk, Piece) else unpacked(chunk)
        self._held.append(piece)
        self._count += len(piece.ordinal)

    def end(self) -> Iterator[bytes]:
        """There are no more rows."""
        return self._until(None)

    def _until(self, ordinal: int | None) -> Iterator[bytes]:
        """Lets go what lies before an ordinal; of None, all."""
        going, staying = self._held, list[Piece]()
        if ordinal is not None:
            going = []
            for piece in self._held:
                place = int(np.searchsorted(piece.ordinal, ordinal))
                if place:
                    going.append(piece.taken(slice(place)))
                if place < len(piece.ordinal):
                    staying.append(piece.taken(slice(place, None)))
        self._held, self._count = staying, sum(len(piece.ordinal) for piece in staying)
        if going:
            yield from (encode(event) for event in _events(self._run_id, self._writer_id, going))


def _events(run_id: str, writer_id: str, pieces: list[Piece]) -> Iterator[MetricLogged]:
    dictionary: dict[Series, int] = {}
    index = np.repeat(
        [dictionary.setdefault(piece.series, len(dictionary)) for piece in pieces], [len(p.ordinal) for p in pieces]
    )
    columns: list[Any] = [np.concatenate([piece[place] for piece in pieces]) for place in range(1, 5)]
    order = np.argsort(columns[0], kind="stable")
    ordinal, step, time, value = (column[order] for column in columns)
    index = index[order]
    texts: list[Any] | None = None
    if any(piece.texts is not None for piece in pieces):
        said = [text for p in pieces for text in (p.texts if p.texts is not None else [None] * len(p.ordinal))]
        texts = np.array(said, object)[order].tolist()
    series = list(dictionary)
    for begin, end in _cuts(ordinal, texts):
        part = slice(begin, end)
        used, own = np.unique(index[part], return_inverse=True)
        of_part = value[part]
        own_texts: list[str] = []
        if texts is not None:
            own_texts = [text for text in texts[part] if text is not None]
            textual = np.array([text is not None for text in texts[part]], bool)
            of_part = of_part.copy()
            of_part[textual] = np.arange(len(own_texts))
        yield MetricLogged(
            aggregate_id=run_id,
            writer_id=writer_id,
            first_ordinal=int(ordinal[begin]),
            occurred_at=moment_of(float(time[begin]) * 1_000_000, 0),
            series=tuple(series[which] for which in used.tolist()),
            texts=tuple(own_texts),
            index=own,
            step=step[part],
            time=time[part],
            value=of_part,
        )


def _cuts(ordinal: Any, texts: list[Any] | None) -> Iterator[tuple[int, int]]:
    """Where events begin and end: at gaps, and where one is large enough."""
    gaps = (np.flatnonzero(np.diff(ordinal) != 1) + 1).tolist()
    for begin, end in zip([0, *gaps], [*gaps, len(ordinal)], strict=True):
        start = begin
        while end - start > POINTS_AT_ONCE or texts is not None:
            stop = min(start + POINTS_AT_ONCE, end)
            if texts is not None:
                stop = _within(texts, start, stop)
            yield start, stop
            start = stop
            if start == end:
                break
        else:
            yield start, end


def _within(texts: list[Any], start: int, stop: int) -> int:
    """Up to where texts from `start` are not too long together; one at least."""
    characters = 0
    for place in range(start, stop):
        characters += len(texts[place] or "")
        if characters > TEXT_CHARACTERS_AT_ONCE and place > start:
            return place
    return stop
