"""One hex line over the logical content of schema `state`: equal for equal logs, however these were cut or batched.

Rows count by their values in the order of their keys, not by where they lie. Points count one by one, in the order of
their lanes' ordinals, so neither the events they came in nor the rows they stand in matter. All in one snapshot.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from runfold_schemas.codec import TEXT_KINDS, decode
from runfold_schemas.events import MetricLogged

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
    "artifacts": ("workspace", "run_id", "attempt", "path"),
    "errors": ("workspace", "run_id", "attempt", "offset"),
    "experiments": ("workspace", "experiment"),
    "enrollments": ("workspace", "experiment", "run_id"),
}
"""Tables whose rows count as they are, with their keys. `points` counts point by point; `positions`, which tell how far
the fold is and not what it says, do not count."""

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
    return total.hexdigest()


def _rows(connection: psycopg.Connection[Any], table: str, keys: Iterable[str], workspace: str | None) -> bytes:
    """Digest of all columns of a table, by name and value, in the order of its key."""
    columns = [name for name, in connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'state' AND table_name = %s "
        "ORDER BY column_name", [table]
    )]  # fmt: skip
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


def _points(connection: psycopg.Connection[Any], workspace: str | None) -> bytes:
    digest = hashlib.sha256()
    for lane, messages in _lanes(connection, workspace):
        digest.update("\t".join(lane).encode() + b"\n" + lane_digest(messages))
    return digest.digest()


def _lanes(
    connection: psycopg.Connection[Any], workspace: str | None
) -> Iterator[tuple[tuple[str, ...], Iterator[bytes]]]:
    """Each lane of points with its messages in ordinal order; these must be read before the next lane is asked for."""
    query = sql.SQL(
        "SELECT workspace, run_id, writer_id, message FROM state.points {} "
        "ORDER BY workspace, run_id, writer_id, first_ordinal"
    ).format(_where(workspace))
    with connection.cursor(name="points") as cursor:
        cursor.itersize = 500
        rows = iter(cursor.execute(query))
        row = next(rows, None)
        while row is not None:
            lane = row[:3]

            def messages() -> Iterator[bytes]:
                nonlocal row
                while row is not None and row[:3] == lane:  # noqa: B023 - read before the loop goes on
                    yield bytes(row[3])
                    row = next(rows, None)

            yield lane, messages()


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
