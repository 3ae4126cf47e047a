"""Points as parallel numpy columns: all points of one (metric, column, axis) of a run, over all of its lanes.

Kinds and texts stand as in an event (`runfold_schemas.values`): `kind` is a code per point, an index into KINDS;
`value` of a string or bigint is its text's place in `texts`. `lane` is an index into the run's lanes, which stand by
(rank, writer), those of no rank first. `clock` is the running maximum of the writer's time over its whole lane, which
orders points across writers; `time` is what the writer said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runfold_schemas.values import KINDS, Value, restore

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Places = NDArray[np.intp]
DOUBLE, LONG, BIGINT, STRING, BOOL, NULL = range(len(KINDS))
CODES: Mapping[str, int] = {kind: code for code, kind in enumerate(KINDS)}
_TEXTUAL = (BIGINT, STRING)


class Lane(NamedTuple):
    """What order and attempts need of a writer of a run."""

    writer_id: str
    rank: int | None = None
    attempt: int = 0


class Slot(NamedTuple):
    """A series without its kind: what a point is filed under."""

    name: str
    column: str | None
    axis: str


@dataclass(frozen=True)
class Points:
    """Points of one slot. All arrays have one length; rows stand by (lane, ordinal) until they are put in order."""

    lane: NDArray[np.int32]
    ordinal: Integers
    step: Integers
    time: Floats
    clock: Floats
    value: Floats
    kind: NDArray[np.uint8]
    texts: Sequence[str] = ()

    def __len__(self) -> int:  # of the points, not of the columns
        return len(self.ordinal)

    def take(self, places: Any) -> Points:
        """The points at these places (indices, a mask or a slice), in that order."""
        return Points(
            self.lane[places],
            self.ordinal[places],
            self.step[places],
            self.time[places],
            self.clock[places],
            self.value[places],
            self.kind[places],
            self.texts,
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that occur, in the order of KINDS."""
        if not len(self):
            return ()
        first = self.kind[0]
        if (self.kind == first).all():
            return (KINDS[first],)
        return tuple(KINDS[code] for code in np.unique(self.kind))

    @property
    def lanes(self) -> list[int]:
        """The lanes that have points here, ascending."""
        if not len(self):
            return []
        if self.lane[0] == self.lane[-1] and (self.lane == self.lane[0]).all():
            return [int(self.lane[0])]
        return list(np.flatnonzero(np.bincount(self.lane)).tolist())

    @property
    def numeric(self) -> bool:
        """Whether every point is a float or an int that a double holds: what can be folded and downsampled by value."""
        return set(self.kinds) <= {"double", "long"}

    def values(self) -> list[Value]:
        """The values as they were logged; NaN and ±inf as floats."""
        kinds = self.kinds
        if kinds == ("double",):
            return list(self.value.tolist())
        if kinds == ("long",):
            return list(self.value.astype(np.int64).tolist())
        told = []
        for code, number in zip(self.kind.tolist(), self.value.tolist(), strict=True):
            told.append(restore(KINDS[code], number, self.texts[int(number)] if code in _TEXTUAL else None))
        return told


def joined(parts: Sequence[Points]) -> Points:
    """Points of one slot from several reads, as one; the parts stand by (lane, ordinal)."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return EMPTY
    texts: list[str] = []
    values = []
    for part in parts:
        value = part.value
        if part.texts:
            textual = np.isin(part.kind, _TEXTUAL)
            value = np.where(textual, value + len(texts), value)
            texts.extend(part.texts)
        values.append(value)
    return Points(
        np.concatenate([part.lane for part in parts]),
        np.concatenate([part.ordinal for part in parts]),
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.clock for part in parts]),
        np.concatenate(values),
        np.concatenate([part.kind for part in parts]),
        texts,
    )


EMPTY = Points(
    np.empty(0, np.int32),
    np.empty(0, np.int64),
    np.empty(0, np.int64),
    np.empty(0),
    np.empty(0),
    np.empty(0),
    np.empty(0, np.uint8),
)
