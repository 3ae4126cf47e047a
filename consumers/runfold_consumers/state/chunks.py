"""Chunks: points of one series of one writer, up to 8,192 in a row of `state.chunks` (fewer where they are long texts),
column by column. Pure.

What `columns` packs, and beside that where the points came from, run by run of points that came by one source:
`rows: u32, unit: u16, bytes of the counts: u32, counts, bytes of the offsets: u32, offsets, times`, the
times being the broker's in units of that many microseconds: the broker counts milliseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from runfold_consumers.fold.series import series_id
from runfold_consumers.state.columns import (
    Integers,
    pack,
    pack_doubles,
    pack_texts,
    unpack,
    unpack_doubles,
    unpack_texts,
)
from runfold_consumers.state.pieces import Piece
from runfold_schemas.events import Series

POINTS_MAX = 8_192  # reading is as fast with more, and one that is cut in the middle is read whole
TEXT_CHARACTERS_MAX = 512 * 1024  # about; a reader holds some rows at a time
_MILLISECOND = 1_000  # microseconds
_HEAD, _SIZE = struct.Struct("<IH"), struct.Struct("<I")


class Lane(NamedTuple):
    """Whose points these are, and where they lie."""

    workspace: str
    run_id: str
    partition: int
    writer_id: str


class ChunkRow(NamedTuple):
    """A row of `state.chunks`."""

    workspace: str
    run_id: str
    partition: int
    writer_id: str
    series_id: str
    first_ordinal: int
    last_ordinal: int
    merged_first: int
    first_offset: int
    last_offset: int
    points: int
    name: str
    column_name: str | None
    kind: str
    axis: str
    ordinals: bytes
    steps: bytes
    times: bytes
    numbers: bytes
    texts: bytes | None
    sources: bytes


class Packed(NamedTuple):
    """What of a chunk is asked for to have its points; `sources` None: where they came from is not asked."""

    series: Series
    points: int
    ordinals: bytes
    steps: bytes
    times: bytes
    numbers: bytes
    texts: bytes | None
    sources: bytes | None


def chunks(lane: Lane, merged_first: int, piece: Piece) -> Iterator[ChunkRow]:
    """The rows that hold a piece, which says where its points came from; all about as long."""
    count = len(piece.ordinal)
    characters = 0 if piece.texts is None else sum(map(len, piece.texts))
    parts = min(count, max(-(-count // POINTS_MAX), -(-characters // TEXT_CHARACTERS_MAX)))
    for part in range(parts):
        yield _chunk(lane, merged_first, piece.taken(slice(part * count // parts, (part + 1) * count // parts)))


def unpacked(packed: Packed) -> Piece:
    """The points of a chunk.

    Raises:
        ValueError: its columns are none.
    """
    count = packed.points
    offset = broker_time_us = None
    try:
        if packed.sources is not None:
            offset, broker_time_us = _unpack_sources(packed.sources)
        return Piece(
            packed.series,
            unpack(packed.ordinals, count),
            unpack(packed.steps, count),
            unpack_doubles(packed.times, count),
            unpack_doubles(packed.numbers, count),
            None if packed.texts is None else unpack_texts(packed.texts, count),
            offset,
            broker_time_us,
        )
    except (struct.error, ValueError) as error:
        raise ValueError(
            f"a chunk of {count} points of {packed.series.name!r} is damaged ({error}); run `runfold rebuild`"
        ) from error


def _chunk(lane: Lane, merged_first: int, piece: Piece) -> ChunkRow:
    if piece.offset is None or piece.broker_time_us is None:
        raise ValueError(f"points of {piece.series.name!r} do not say where they came from; a chunk keeps that")
    return ChunkRow(
        *lane,
        series_id=series_id(piece.series.name, piece.series.column),
        first_ordinal=int(piece.ordinal[0]),
        last_ordinal=int(piece.ordinal[-1]),
        merged_first=merged_first,
        first_offset=int(piece.offset.min()),
        last_offset=int(piece.offset.max()),
        points=len(piece.ordinal),
        name=piece.series.name,
        column_name=piece.series.column,
        kind=piece.series.kind,
        axis=piece.series.axis,
        ordinals=pack(piece.ordinal),
        steps=pack(piece.step),
        times=pack_doubles(piece.time),
        numbers=pack_doubles(piece.value),
        texts=None if piece.texts is None else pack_texts(piece.texts),
        sources=_pack_sources(piece.offset, piece.broker_time_us),
    )


def _pack_sources(offset: Integers, broker_time_us: Integers) -> bytes:
    changed = (offset[1:] != offset[:-1]) | (broker_time_us[1:] != broker_time_us[:-1])
    starts = np.concatenate(([0], np.flatnonzero(changed) + 1))
    counts = pack(np.diff(starts, append=len(offset)))
    offsets, times = pack(offset[starts]), broker_time_us[starts]
    unit = _MILLISECOND if not (times % _MILLISECOND).any() else 1
    return b"".join(
        (_HEAD.pack(len(starts), unit), _SIZE.pack(len(counts)), counts, _SIZE.pack(len(offsets)), offsets,
         pack(times // unit))
    )  # fmt: skip


def _unpack_sources(data: bytes) -> tuple[Integers, Integers]:
    """Offset and broker time of each point."""
    rows, unit = _HEAD.unpack_from(data)
    place = _HEAD.size
    (size,) = _SIZE.unpack_from(data, place)
    counts = unpack(data, rows, place + _SIZE.size)
    place += _SIZE.size + size
    (size,) = _SIZE.unpack_from(data, place)
    offsets = unpack(data, rows, place + _SIZE.size)
    times = unpack(data, rows, place + _SIZE.size + size)
    return np.repeat(offsets, counts), np.repeat(times * unit, counts)
