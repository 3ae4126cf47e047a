"""Points as Hypothesis draws them, and how tests look at them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from runfold_consumers.state.pieces import Piece
from runfold_schemas.codec import TEXT_KINDS, decode
from runfold_schemas.events import MetricLogged, Series

SERIES = (
    Series("loss", None, "double", "step"),
    Series("loss", None, "long", "step"),
    Series("é/val", "", "string", "row"),
    Series("é/val", None, "bigint", "ordinal"),
    Series("flag", "x", "bool", "row"),
    Series("nothing", None, "null", "ordinal"),
)
LONG = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 300))
BITS = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])  # every NaN, too
DOUBLE = st.one_of(st.floats(), BITS, st.integers(-5, 5).map(float), st.floats(width=32), st.just(-0.0))
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=4)
_VALUES: dict[str, Any] = {
    "double": DOUBLE,
    "long": st.integers(-(2**53), 2**53).map(float),
    "bool": st.sampled_from((0.0, 1.0)),
    "null": st.just(0.0),
    "string": TEXT,
    "bigint": st.integers(2**53, 2**70).map(str),
}


@st.composite
def events(draw: Any, first: int = 1, most: int = 12) -> MetricLogged:
    """One event of several series."""
    index = draw(st.lists(st.integers(0, len(SERIES) - 1), min_size=1, max_size=most))
    texts: list[str] = []
    values = []
    for which in index:
        value = draw(_VALUES[SERIES[which].kind])
        if isinstance(value, str):
            texts.append(value)
            value = float(len(texts) - 1)
        values.append(value)
    count = len(index)
    return MetricLogged(
        "run", "r", "0" * 32, first, 0, None, None, SERIES, texts, index,
        draw(st.lists(LONG, min_size=count, max_size=count)),
        draw(st.lists(DOUBLE, min_size=count, max_size=count)), values,
    )  # fmt: skip


@st.composite
def lanes(draw: Any, most: int = 6) -> list[MetricLogged]:
    """Events of one writer in ordinal order, with gaps between some."""
    found: list[MetricLogged] = []
    first = 1
    for _ in range(draw(st.integers(1, most))):
        first += draw(st.integers(0, 2))
        event = draw(events(first))
        found.append(event)
        first += len(event.index)
    return found


def bits(number: float) -> int:
    """What tells doubles apart."""
    return int(struct.unpack("<Q", struct.pack("<d", number))[0])


def of_messages(messages: Iterable[bytes]) -> list[tuple[Any, ...]]:
    """Every point in the order in which it comes: ordinal, series, step, time, value; to the bit."""
    found = []
    for message in messages:
        event = decode(message)
        assert isinstance(event, MetricLogged)
        for place, which in enumerate(event.index):
            series, value = event.series[int(which)], float(event.value[place])
            said: Any = event.texts[int(value)] if series.kind in TEXT_KINDS else bits(value)
            found.append(
                (event.first_ordinal + place, series, int(event.step[place]), bits(float(event.time[place])), said)
            )
    return found


def of_pieces(pieces: Sequence[Piece]) -> list[tuple[Any, ...]]:
    """The same of pieces, in ordinal order."""
    found = []
    for piece in pieces:
        for place, ordinal in enumerate(piece.ordinal.tolist()):
            said: Any = piece.texts[place] if piece.texts is not None else bits(piece.value[place])
            found.append((ordinal, piece.series, int(piece.step[place]), bits(piece.time[place]), said))
    return sorted(found, key=lambda point: point[0])
