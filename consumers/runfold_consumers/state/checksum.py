"""One hex line over the logical content of schema `state`: equal for equal logs, however these were cut or batched.

Rows count by their values in the order of their keys, not by where they lie. Points, and bytes of logs, count one by
one, in the order of their lanes' ordinals, so neither the events they came in nor the rows they stand in matter. All in
one snapshot.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from runfold_consumers.state.chunks import Packed
from runfold_consumers.state.ordering import Ordering
from runfold_schemas.codec import TEXT_KINDS, decode
from runfold_schemas.events import MetricLogged, Series

KEYS: dict[str, tuple[str, ...]] = {
    "facts": ("workspace", "partition", "offset"),
    "refusals": ("workspace", "partition", "offset", "key"),
    "lanes": ("workspace", "topic_kind", "partition", "aggregate_kind", "aggregate_id", "writer_id", "stream"),
    "claims": ("workspace", "partition", "aggregate_kind", "aggregate_id", "writer_id", "stream"),
    "writers": ("workspace", "aggregate_kind", "aggregate_id", "writer_id"),
    "runs": ("workspace", "run_id"),
    "attempts": ("workspace", "run_id", "attempt"),
    "statuses": ("workspace", "run_id", "attempt", "writer_id"),
    "tags": ("workspace", "run_id", "key", "writer_id"),
    "descriptions": ("workspace", "run_id", "field", "writer_id"),
    "properties": ("workspace", "run_id", "key"),
    "corrections": ("workspace", "run_id", "offset"),
    "artifacts": ("workspace", "run_id", "attempt", "path"),
    "errors": ("workspace", "run_id", "attempt", "offset"),
    "warnings": ("workspace", "run_id", "attempt", "offset"),
    "submissions": ("workspace", "run_id", "offset"),
    "cancels": ("workspace", "run_id", "offset"),
    "snapshots": ("workspace", "run_id", "attempt"),
    "dataset_links": ("workspace", "run_id", "direction", "name", "dataset_id"),
    "secret_reads": ("workspace", "run_id", "offset"),
    "experiments": ("workspace", "experiment"),
    "enrollments": ("workspace", "experiment", "run_id"),
    "experiment_words": ("workspace", "experiment", "field", "writer_id"),
    "assets": ("workspace", "kind", "name"),
    "versions": ("workspace", "kind", "name", "version"),
    "registrations": ("workspace", "kind", "name", "writer_id", "ordinal"),
    "asset_words": ("workspace", "kind", "name", "version", "field", "writer_id"),
    "asset_properties": ("workspace", "kind", "name", "version", "key"),
    "heartbeats": ("workspace", "partition", "run_id", "writer_id"),
    "series": ("workspace", "run_id", "series_id", "partition", "writer_id"),
    "telemetry_seconds": ("workspace", "partition", "second"),
}
"""Tables whose rows count as they are, with their keys."""

NOT_SUMMED = ("settled", "settled_last", "settled_min", "settled_max")
"""Columns that say nothing of the log: copies for an index, made when a series has come to rest."""

LOGICAL = ("points", "logs")
"""Tables that count point by point and byte by byte. `positions`, which tell how far the fold is and not what it says,
do not count."""

_SESSION = (
    b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    b"SET LOCAL TimeZone = 'UTC'",
    b"SET LOCAL DateStyle = 'ISO, YMD'",
    b"SET LOCAL bytea_output = 'hex'",
)


def checksum(conninfo: str, workspace: str | None = None) -> str:
    """The checksum, 64 hex digits.

    conninfo: libpq connection string or URL.
    workspace: only this one; None for all.
    """
    total = hashlib.sha256()
    with psycopg.connect(conninfo) as connection:
        for statement in _SESSION:
            connection.execute(statement)
        for table, keys in KEYS.items():
            total.update(table.encode() + _rows(connection, table, keys, workspace))
        total.update(b"points" + _points(connection, workspace))
        total.update(b"logs" + _logs(connection, workspace))
    return total.hexdigest()


def _rows(connection: psycopg.Connection[Any], table: str, keys: Iterable[str], workspace: str | None) -> bytes:
    """Digest of all columns of a table, by name and value, in the order of its key."""
    columns = [name for name, in connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'state' AND table_name = %s "
        "ORDER BY column_name", [table]
    ) if name not in NOT_SUMMED]  # fmt: skip
    query = sql.SQL("COPY (SELECT {} FROM {} {} ORDER BY {}) TO STDOUT").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier("state", table),
        _where(workspace),
        sql.SQL(", ").join(map(sql.Identifier, keys)),
    )
    digest = hashlib.sha256("\t".join(columns).encode())
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for block in copy:
            digest.update(block)
    return digest.digest()


def logged_points(
    connection: psycopg.Connection[Any], workspace: str | None = None
) -> Iterator[tuple[tuple[str, ...], Iterator[bytes]]]:
    """Each lane (workspace, run, writer) with its points as framed MetricLogged in ordinal order, merged or not; these
    must be read before the next lane is asked for.
    """
    query = sql.SQL(
        "SELECT workspace, run_id, writer_id, first_ordinal, message, NULL AS name, NULL AS column_name, NULL AS kind, "
        "NULL AS axis, NULL AS points, NULL AS ordinals, NULL AS steps, NULL AS times, NULL AS numbers, NULL AS texts "
        "FROM state.points {where} UNION ALL "
        "SELECT workspace, run_id, writer_id, first_ordinal, NULL, name, column_name, kind, axis, points, ordinals, "
        "steps, times, numbers, texts FROM state.chunks {where} ORDER BY workspace, run_id, writer_id, first_ordinal"
    ).format(where=_where(workspace))
    for lane, rows in _lanes(connection, "points", query, 3):
        yield lane, _in_order(lane, rows)


def _points(connection: psycopg.Connection[Any], workspace: str | None) -> bytes:
    digest = hashlib.sha256()
    for lane, messages in logged_points(connection, workspace):
        digest.update("\t".join(lane).encode() + b"\n" + lane_digest(messages))
    return digest.digest()


def _in_order(lane: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Iterator[bytes]:
    """A lane's points as messages, those in chunks too."""
    ordering = Ordering(lane[1], lane[2])
    for _, _, _, first, message, name, column, kind, axis, points, *columns in rows:
        if message is not None:
            yield from ordering.message(first, bytes(message))
        else:
            yield from ordering.chunk(first, Packed._make((Series(name, column, kind, axis), points, *columns, None)))
    yield from ordering.end()


def _logs(connection: psycopg.Connection[Any], workspace: str | None) -> bytes:
    query = sql.SQL(
        "SELECT workspace, run_id, writer_id, name, first_ordinal, attempt, data FROM state.logs {} "
        "ORDER BY workspace, run_id, writer_id, name, first_ordinal"
    ).format(_where(workspace))
    digest = hashlib.sha256()
    for lane, rows in _lanes(connection, "logs", query, 4):
        pieces = ((first, attempt, bytes(data)) for *_, first, attempt, data in rows)
        digest.update("\t".join(lane).encode() + b"\n" + log_digest(pieces))
    return digest.digest()


def _lanes(
    connection: psycopg.Connection[Any], name: str, query: sql.Composed, keys: int
) -> Iterator[tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]]:
    """Each lane with its rows in ordinal order; these must be read before the next lane is asked for.

    name: of the cursor.
    keys: how many columns, the first ones, name the lane.
    """
    with connection.cursor(name=name) as cursor:
        cursor.itersize = 500
        rows = iter(cursor.execute(query))
        row = next(rows, None)
        while row is not None:
            lane = row[:keys]

            def of_lane() -> Iterator[tuple[Any, ...]]:
                nonlocal row
                while row is not None and row[:keys] == lane:  # noqa: B023 - read before the loop goes on
                    yield row
                    row = next(rows, None)

            yield lane, of_lane()


def log_digest(pieces: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Digest of a log's bytes; the same for every way in which they may be cut into pieces.

    pieces: (first ordinal, attempt, bytes) of one lane, ascending, without overlap.
    """
    places, text = hashlib.sha256(), hashlib.sha256()
    next_place = (0, -1)
    for first, attempt, data in pieces:
        if (first, attempt) != next_place:  # after a gap, or said by another attempt
            places.update(struct.pack("<qqq", *next_place, first) + struct.pack("<q", attempt))
        next_place = (first + len(data), attempt)
        text.update(data)
    places.update(struct.pack("<qq", *next_place))
    return hashlib.sha256(places.digest() + text.digest()).digest()


def lane_digest(messages: Iterable[bytes]) -> bytes:
    """Digest of a lane's points; the same for every way in which they may be cut into messages.

    messages: framed MetricLogged of one lane, ascending, without overlap.
    """
    ordinals, series_of, steps, times, values, texts = (hashlib.sha256() for _ in range(6))
    dictionary: dict[Any, int] = {}  # series numbered as they first appear among the points: no cut changes that
    count, next_ordinal = 0, 0
    for message in messages:
        event = decode(message)
        if not isinstance(event, MetricLogged):
            raise ValueError(f"state.points holds a {type(event).__name__}; run `runfold rebuild`")
        if event.first_ordinal != next_ordinal:
            ordinals.update(struct.pack("<qq", next_ordinal, event.first_ordinal))
        next_ordinal = event.first_ordinal + len(event.index)
        count += len(event.index)
        index = np.asarray(event.index, "<i8")
        value = np.array(event.value, "<f8")
        found, first = np.unique(index, return_index=True)
        number = np.zeros(len(event.series), "<i8")
        for old in found[np.argsort(first)].tolist():
            number[old] = dictionary.setdefault(event.series[old], len(dictionary))
        textual = np.array([series.kind in TEXT_KINDS for series in event.series], bool)[index]
        for place in value[textual].tolist():
            text = event.texts[int(place)].encode()
            texts.update(len(text).to_bytes(8, "little") + text)
        value[textual] = 0.0
        series_of.update(number[index].tobytes())
        steps.update(np.asarray(event.step, "<i8").tobytes())
        times.update(np.asarray(event.time, "<f8").tobytes())
        values.update(value.tobytes())
    digest = hashlib.sha256(repr([tuple(series) for series in dictionary]).encode())
    digest.update(struct.pack("<qq", count, next_ordinal))
    for part in (ordinals, series_of, steps, times, values, texts):
        digest.update(part.digest())
    return digest.digest()


def _where(workspace: str | None) -> sql.Composable:
    return sql.SQL("") if workspace is None else sql.SQL("WHERE workspace = {}").format(sql.Literal(workspace))
