"""The state projector's way to its tables: known rows for the touched keys in, final rows out. Decides nothing.

A batch is a handful of statements, each for all its rows; what is empty costs no statement. Everything happens within
the caller's transaction, which holds the position rows of the partitions concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import psycopg

from runfold_consumers.fold import keys as fold_keys
from runfold_consumers.fold.changes import Changes, Known
from runfold_consumers.fold.heartbeats import HeartbeatKey
from runfold_consumers.fold.keys import Keys
from runfold_consumers.fold.lanes import LaneKey, Ranges
from runfold_consumers.fold.registry_rows import AssetRow, ExperimentRow
from runfold_consumers.fold.rows import (
    AttemptRow,
    ClaimRow,
    FactRow,
    HeartbeatRow,
    LogRow,
    PointsRow,
    RunRow,
    SeriesRow,
    WriterRow,
)
from runfold_consumers.fold.telemetry import TelemetryChanges
from runfold_consumers.state.arrays import at, multirange, numbers, ranges_of, texts, times
from runfold_consumers.state.migrating import MigrationError, migrate
from runfold_consumers.state.statements import statement

Connection = psycopg.Connection[Any]
_Literal = Callable[[Any], str]

_FACT_TYPES = ("text", "int4", "int8", "timestamptz", "text", "text", "text", "text", "int8", "bytea", "text", "text")
_POINTS_TYPES = ("text", "int4", "text", "text", "int8", "int8", "int8", "timestamptz", "bytea", "bool")
_LOG_TYPES = (
    "text", "int4", "text", "text", "text", "int8", "int8", "int8", "int4", "timestamptz", "timestamptz", "bytea"
)  # fmt: skip

_LANE: tuple[_Literal, ...] = (texts, numbers, texts, texts, texts, texts)
_WRITER: tuple[_Literal, ...] = (texts, texts, texts, texts)


def use_indexes(connection: Connection) -> None:
    """Tells the planner, for this transaction, to look keys up: right after a start it knows nothing of the tables."""
    connection.execute(statement("use_indexes"))


def read_lanes(connection: Connection, topic_kind: str, wanted: Collection[LaneKey]) -> dict[LaneKey, Ranges]:
    """What is seen in these lanes; lanes that nothing was heard of are left out."""
    found = _read(connection, "known_lanes", wanted, _LANE, topic_kind)
    return {LaneKey._make(row[:6]): ranges_of(row[6]) for row in found}


def read_known(connection: Connection, lanes: Mapping[LaneKey, Ranges], wanted: Keys) -> Known:
    """The rows of these keys."""
    known = Known(lanes=dict(lanes))
    originals = [(*lane[:5], ordinal) for lane, ordinal in wanted.originals]
    for row in _read(connection, "known_originals", originals, (*_LANE[:5], numbers)):
        known.originals[LaneKey(row[0], row[1], row[2], row[3], row[4], fold_keys.FACTS), row[5]] = row[6]
    for row in _read(connection, "known_claims", wanted.claims, _LANE):
        known.claims[LaneKey._make(row[:6])] = ClaimRow(row[6], ranges_of(row[7]), row[8])
    for row in _read(connection, "known_writers", wanted.writers, _WRITER):
        known.writers[row[:4]] = WriterRow(*row)
    for row in _read(connection, "known_runs", wanted.runs, (texts, texts)):
        known.runs[row[:2]] = RunRow(*row)
    for row in _read(connection, "known_attempts", wanted.attempts, (texts, texts, numbers)):
        known.attempts[row[:3]] = AttemptRow(*row)
    for row in _read(connection, "known_properties", wanted.properties, (texts, texts, texts)):
        known.properties[row[:3]] = row[3]
    for row in _read(connection, "known_artifacts", wanted.artifacts, (texts, texts, numbers, texts)):
        known.artifacts[row[:4]] = row[4]
    for row in _read(connection, "known_experiments", wanted.experiments, (texts, texts)):
        known.experiments[row[:2]] = ExperimentRow(*row)
    for row in _read(connection, "known_latest_attempts", wanted.latest_attempts, (texts, texts)):
        known.attempts[row[:3]] = AttemptRow(*row)
    for row in _read(connection, "known_snapshots", wanted.snapshots, (texts, texts, numbers)):
        known.snapshots[row[:3]] = row[3]
    known.dataset_links.update(_read(connection, "known_dataset_links", wanted.dataset_links, (texts,) * 5))
    known.enrollments.update(_read(connection, "known_enrollments", wanted.enrollments, (texts, texts, texts)))
    for row in _read(connection, "known_statuses", wanted.statuses, (texts, texts, numbers, texts)):
        known.statuses[row[:4]] = row[4]
    for row in _read(connection, "known_latest_statuses", wanted.latest_statuses, (texts, texts, texts)):
        known.statuses[row[:4]] = row[4]
    for row in _read(connection, "known_tags", wanted.tags, _WRITER):
        known.tags[row[:4]] = row[4]
    for row in _read(connection, "known_descriptions", wanted.descriptions, _WRITER):
        known.descriptions[row[:4]] = row[4]
    for row in _read(connection, "known_experiment_words", wanted.experiment_words, _WRITER):
        known.experiment_words[row[:4]] = row[4]
    for row in _read(connection, "known_assets", wanted.assets, (texts, texts, texts)):
        known.assets[row[:3]] = AssetRow(*row)
    for row in _read(connection, "known_definitions", wanted.definitions, (texts, texts, texts)):
        known.definitions[row[:3]] = row[3]
    for row in _read(connection, "known_asset_properties", wanted.asset_properties, (*_WRITER[:3], numbers, texts)):
        known.asset_properties[row[:5]] = row[5]
    for row in _read(connection, "known_asset_words", wanted.asset_words, (texts,) * 5):
        known.asset_words[row[:6]] = row[6]
    return known


def read_heartbeats(connection: Connection, wanted: Collection[HeartbeatKey]) -> dict[HeartbeatKey, HeartbeatRow]:
    """The last signs of life of these writers."""
    found = _read(connection, "known_heartbeats", wanted, (texts, numbers, texts, texts))
    return {row[:4]: HeartbeatRow(*row) for row in found}


def add_facts(connection: Connection, rows: Iterable[FactRow]) -> None:
    """Rows of `state.facts`, sent as they come: Postgres stores one while the fold decides the next."""
    _copy(connection, "add_facts", _FACT_TYPES, rows, [FactRow._fields.index("broker_time")])


def write(connection: Connection, changes: Changes) -> None:
    """All that a batch of facts changes, beside the facts themselves."""
    t, n, at_ = texts, numbers, times
    _write(connection, "add_refusals", changes.refusals, (t, n, n, t, t, t, t, t, n, t, t))
    write_lanes(connection, fold_keys.FACTS, changes.lanes)
    claims = [(*lane, row.closed, multirange(row.declared), row.reason) for lane, row in changes.claims.items()]
    _write(connection, "put_claims", claims, (*_LANE, n, t, t))
    _write(connection, "put_writers", changes.writers.values(), (t, t, t, t, n, t, t, n, n, n, n, t, at_, n, n))
    _write(connection, "put_runs", changes.runs.values(), (t, t, n, n, n, t, t, t, t, t, t, t, t, n, at_, t))
    _write(connection, "put_attempts", changes.attempts.values(), (t, t, n, n, at_, at_, t, n, t, n, t))
    _write(connection, "put_statuses", changes.statuses.values(), (t, t, n, t, n, n, t, t, at_))
    _write(connection, "put_tags", changes.tags.values(), (t, t, t, t, n, n, t, n))
    _write(connection, "put_descriptions", changes.descriptions.values(), (t, t, t, t, n, n, t))
    _write(connection, "add_properties", changes.properties.values(), (t, t, t, t, n, t, n))
    _write(connection, "add_corrections", changes.corrections, (t, t, n, t, t, t, t, n, at_))
    _write(connection, "add_artifacts", changes.artifacts.values(), (t, t, n, t, t, t, n, t, t, n, t, t, t, n, n, at_))
    _write(connection, "add_errors", changes.errors, (t, t, n, n, t, t, t))
    _write(connection, "add_warnings", changes.warnings, (t, t, n, n, t, t, at_))
    _write(connection, "add_submissions", changes.submissions, (t, t, n, at_, t, t, t, t, t, n))
    _write(connection, "add_cancels", changes.cancels, (t, t, n, t, t, at_))
    _write(connection, "add_snapshots", changes.snapshots.values(), (t, t, n, t, t, n, n, n, t, n, t, n, n, at_))
    _write(connection, "add_dataset_links", changes.dataset_links.values(), (t, t, t, t, t, t, n, t, t, t, t, n, n))
    _write(connection, "add_secret_reads", changes.secret_reads, (t, t, n, t, t, n, t, at_))
    _write(connection, "put_experiments", changes.experiments.values(), (t, t, n, n, n, at_))
    _write(connection, "add_enrollments", changes.enrollments.values(), (t, t, t, n, n))
    _write(connection, "put_experiment_words", changes.experiment_words.values(), (t, t, t, t, n, n, t, n))
    _write(connection, "put_assets", changes.assets.values(), (t, t, t, n, n, n, at_))
    _write(connection, "add_versions", changes.versions.values(), (t, t, t, n, n, at_, t, n, at_, t, t, t))
    _write(connection, "add_registrations", changes.registrations, (t, t, t, t, n, n))
    _write(connection, "put_asset_words", changes.asset_words.values(), (t, t, t, n, t, t, n, n, at_, t, n))
    _write(connection, "add_asset_properties", changes.asset_properties.values(), (t, t, t, n, t, t, n, t, n))


def write_telemetry(connection: Connection, changes: TelemetryChanges) -> None:
    """All that a batch of telemetry changes."""
    if changes.points:
        rows = ((*row, True) for row in changes.points)
        _copy(connection, "add_points", _POINTS_TYPES, rows, [PointsRow._fields.index("broker_time")])
        write_series(connection, changes.series.values())
    if changes.logs:
        timed = [LogRow._fields.index("broker_time"), LogRow._fields.index("occurred_at")]
        _copy(connection, "add_logs", _LOG_TYPES, changes.logs, timed)
    heartbeats = changes.heartbeats.values()
    _write(connection, "put_heartbeats", heartbeats, (texts, numbers, texts, texts, times, times, numbers, texts))
    write_lanes(connection, "telemetry", changes.lanes)


def write_series(connection: Connection, rows: Collection[SeriesRow]) -> None:
    """Folds summaries into those that stand there; rows in the order of their keys."""
    t, n = texts, numbers
    literals = (t, t, t, n, t, t, t, t, t, n, n, n, n, n, t, n, n, n, t, times)
    _write(connection, "put_series", rows, literals)


def write_lanes(connection: Connection, topic_kind: str, lanes: Mapping[LaneKey, Ranges]) -> None:
    """What is seen from now on in these lanes."""
    rows = [(*lane, multirange(seen)) for lane, seen in lanes.items()]
    _write(connection, "put_lanes", rows, (*_LANE, texts), topic_kind)


def _read(
    connection: Connection, name: str, wanted: Collection[tuple[Any, ...]], literals: Sequence[_Literal], *last: str
) -> list[tuple[Any, ...]]:
    if not wanted:
        return []
    columns = [literal(column) for literal, column in zip(literals, zip(*wanted, strict=True), strict=True)]
    return connection.execute(statement(name), (*columns, *last)).fetchall()


def _write(
    connection: Connection, name: str, rows: Collection[tuple[Any, ...]], literals: Sequence[_Literal], *first: str
) -> None:
    if rows:
        columns = [literal(column) for literal, column in zip(literals, zip(*rows, strict=True), strict=True)]
        connection.execute(statement(name), (*first, *columns))


def _copy(
    connection: Connection, name: str, types: Sequence[str], rows: Iterable[tuple[Any, ...]], timed: Sequence[int]
) -> None:
    """`timed`: columns that hold microseconds and become moments; of the first, the broker's time, neighbours mostly
    share one."""
    first, *others = timed
    last, moment = None, None
    with connection.cursor() as cursor, cursor.copy(statement(name)) as copy:
        copy.set_types(types)
        for row in rows:
            values = list(row)
            if values[first] != last:
                last, moment = values[first], at(values[first])
            values[first] = moment
            for place in others:
                values[place] = at(values[place])
            copy.write_row(values)


__all__ = [
    "Connection",
    "MigrationError",
    "add_facts",
    "migrate",
    "read_heartbeats",
    "read_known",
    "read_lanes",
    "use_indexes",
    "write",
    "write_lanes",
    "write_series",
    "write_telemetry",
]
