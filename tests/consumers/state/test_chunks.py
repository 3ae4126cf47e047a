"""What is packed into chunks comes out to the bit, in as few bytes as promised, and in ordinal order again."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold_consumers.state.checksum import lane_digest
from runfold_consumers.state.chunks import POINTS_MAX, ChunkRow, Lane, Packed, chunks, unpacked
from runfold_consumers.state.columns import (
    pack,
    pack_doubles,
    pack_texts,
    unpack,
    unpack_doubles,
    unpack_texts,
)
from runfold_consumers.state.ordering import Ordering
from runfold_consumers.state.pieces import Piece, Source, joined, split
from runfold_schemas.codec import encode
from runfold_schemas.events import MetricLogged, Series

from .points import DOUBLE, LONG, TEXT, lanes, of_messages, of_pieces

LANE = Lane("w", "r", 3, "0" * 32)
HEAD_BYTES = 17


def packed(row: ChunkRow) -> Packed:
    series = Series(row.name, row.column_name, row.kind, row.axis)
    return Packed(series, row.points, row.ordinals, row.steps, row.times, row.numbers, row.texts, row.sources)


def sources(events: list[MetricLogged]) -> list[Source]:
    return [Source(7 * place, 1_000_000 + 1_001 * place, encode(event)) for place, event in enumerate(events)]


@given(st.lists(LONG, min_size=1, max_size=40))
def test_whole_numbers_come_back(numbers: list[int]) -> None:
    assert unpack(pack(np.array(numbers, np.int64)), len(numbers)).tolist() == numbers


@given(st.lists(DOUBLE, min_size=1, max_size=40))
def test_doubles_come_back_to_the_bit(doubles: list[float]) -> None:
    column = np.array(doubles, np.float64)
    assert unpack_doubles(pack_doubles(column), len(doubles)).tobytes() == column.tobytes()


@given(st.lists(TEXT, min_size=1, max_size=20))
def test_texts_come_back(texts: list[str]) -> None:
    assert unpack_texts(pack_texts(texts), len(texts)) == texts


@pytest.mark.parametrize(
    ("numbers", "bytes_each"),
    [
        (range(5, 80_005, 8), 0),
        (range(0, -(2**62), -(2**58)), 0),
        ([10**15 + i * i % 250 for i in range(10_000)], 1),
        ([10**15 + 40 * i + i * i % 39 for i in range(10_000)], 1),
        ([10**15 + 900 * i + i * i % 899 for i in range(10_000)], 2),
    ],
)
def test_regular_columns_take_no_room_and_others_as_little_as_is_exact(numbers: Any, bytes_each: int) -> None:
    assert len(pack(np.array(numbers, np.int64))) - HEAD_BYTES <= bytes_each * len(numbers)


def test_single_floats_that_were_widened_take_four_bytes() -> None:
    chance = random.Random(1)
    column = np.array([chance.random() for _ in range(1_000)], np.float32).astype(np.float64)
    assert len(pack_doubles(column)) == 4 * 1_000 + 1


@pytest.mark.parametrize("data", [b"", b"\x05", b"\x09" + bytes(16), b"\x01" + bytes(16), b"\x00"])
def test_bytes_that_are_no_column_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no column"):
        unpack(data, 9)
    with pytest.raises(ValueError, match=r"no column|bytes"):
        unpack_doubles(data, 9)


@given(lanes())
def test_a_chunk_holds_every_point_and_where_it_came_from(events: list[MetricLogged]) -> None:
    said = sources(events)
    pieces = split(said)
    assert of_pieces(pieces) == of_messages(source.message for source in said)
    back = [unpacked(packed(row)) for piece in pieces for row in chunks(LANE, 1, piece)]
    assert of_pieces(back) == of_pieces(pieces)
    came = {e.first_ordinal + i: (s.offset, s.broker_time_us) for e, s in zip(events, said, strict=True)
            for i in range(len(e.index))}  # fmt: skip
    for piece in back:
        assert piece.offset is not None
        assert piece.broker_time_us is not None
        for ordinal, *place in zip(piece.ordinal.tolist(), piece.offset, piece.broker_time_us, strict=True):
            assert came[ordinal] == tuple(place)


@given(lanes(), st.data())
def test_pieces_join_in_ordinal_order_however_they_were_parted(events: list[MetricLogged], data: Any) -> None:
    said = sources(events)
    parts = [split([source]) for source in data.draw(st.permutations(said))]
    by_series: dict[Series, list[Piece]] = {}
    for piece in (piece for part in parts for piece in part):
        by_series.setdefault(piece.series, []).append(piece)
    assert of_pieces([joined(found) for found in by_series.values()]) == of_pieces(split(said))
    for found in by_series.values():
        assert (np.diff(joined(found).ordinal) > 0).all()


@given(lanes(), st.data())
def test_merged_or_not_points_come_in_ordinal_order_with_one_digest(events: list[MetricLogged], data: Any) -> None:
    said = sources(events)
    merged = data.draw(st.sets(st.integers(0, len(events) - 1)))
    rows: list[tuple[int, Any]] = [
        (e.first_ordinal, s.message) for i, (e, s) in enumerate(zip(events, said, strict=True)) if i not in merged
    ]
    pieces = split([said[i] for i in sorted(merged)])
    rows += [(row.first_ordinal, packed(row)) for piece in pieces for row in chunks(LANE, 1, piece)]
    ordering, out = Ordering("r", LANE.writer_id), list[bytes]()
    for first, row in sorted(rows, key=lambda one: one[0]):
        out += ordering.message(first, row) if isinstance(row, bytes) else ordering.chunk(first, row)
    out += ordering.end()
    whole = [source.message for source in said]
    assert of_messages(out) == of_messages(whole)
    assert lane_digest(out) == lane_digest(whole)


def test_a_wanted_series_is_picked_out_and_its_rows_are_cut_evenly() -> None:
    count = 3 * POINTS_MAX + 1
    names = (Series("a"), Series("b"))
    event = MetricLogged(
        "run", "r", "0" * 32, 1, 0, None, None, names, (), [i % 2 for i in range(2 * count)],
        list(range(2 * count)), [0.0] * 2 * count, [0.5] * 2 * count,
    )  # fmt: skip
    (piece,) = split([Source(0, 0, encode(event))], [("b", None)])
    rows = list(chunks(LANE, 1, piece))
    assert piece.series.name == "b"
    assert [row.points for row in rows] == [6144, 6144, 6144, 6145]
    assert sum(len(column) for row in rows for column in row[15:19]) < 4 * 100  # all regular


def test_many_held_points_go_in_events_of_bounded_size() -> None:
    """Chunks of 20 interleaved series, and texts too long for one event."""
    series = [Series(f"m{i}") for i in range(19)] + [Series("t", None, "string")]
    count = 100_000
    said = ["x" * 40_000 if i % 10_000 == 0 else "" for i in range(count // 20)]
    event = MetricLogged(
        "run", "r", "0" * 32, 1, 0, None, None, series, said, [i % 20 for i in range(count)], [0] * count,
        [0.0] * count, [float(i // 20) for i in range(count)],
    )  # fmt: skip
    rows = [row for piece in split([Source(0, 0, encode(event))]) for row in chunks(LANE, 1, piece)]
    ordering, out = Ordering("r", LANE.writer_id), list[bytes]()
    for row in sorted(rows, key=lambda row: row.first_ordinal):
        out += ordering.chunk(row.first_ordinal, packed(row))
    out += ordering.end()
    assert of_messages(out) == of_messages([encode(event)])
    assert max(map(len, out)) < 900 * 1024
