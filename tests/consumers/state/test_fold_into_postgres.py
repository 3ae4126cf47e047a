"""A log folds to the same tables, however it is cut into batches, repeated or shared with another workspace."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from runfold_consumers.fold import rules
from runfold_consumers.fold.lanes import LaneKey
from runfold_consumers.fold.registry_rows import (
    AssetPropertyRow,
    AssetRow,
    AssetWordRow,
    EnrollmentRow,
    ExperimentRow,
    ExperimentWordRow,
    RegistrationRow,
    VersionRow,
)
from runfold_consumers.fold.rows import (
    ArtifactRow,
    AttemptRow,
    CancelRow,
    ClaimRow,
    CorrectionRow,
    DatasetLinkRow,
    DescriptionRow,
    ErrorRow,
    FactRow,
    HeartbeatRow,
    LogRow,
    PointsRow,
    PropertyRow,
    RefusalRow,
    RunRow,
    SecretReadRow,
    SnapshotRow,
    StatusRow,
    SubmissionRow,
    TagRow,
    WarningRow,
    WriterRow,
)
from runfold_consumers.state.arrays import EPOCH, ranges_of
from runfold_consumers.state.checksum import KEYS, LOGICAL, checksum
from tests.model import oracle
from tests.model.agreement import assert_agreement
from tests.model.tables import Tables
from tests.model.world import World

from .conftest import cut, fold

VERDICTS = {rules.ACCEPTED, rules.REFUSED, rules.REPEATED, rules.CONFLICTING, rules.SKIPPED}
RULES = {value for name, value in vars(rules).items() if name.isupper() and isinstance(value, str)} - VERDICTS
RULES -= {rules.DEAD_LETTER}  # of what no world says


@pytest.fixture
def folded(database: str, busy: World) -> str:
    fold(database, cut(busy.log.all(), seed=1))
    return database


def test_the_tables_say_what_the_model_says(folded: str, busy: World) -> None:
    m = oracle.read(busy.log.events())
    assert_agreement(stored(folded), m)
    assert {verdict for verdict, _ in m.decisions.values()} == {"accepted", "refused", "repeated", "conflicting"}
    with psycopg.connect(folded) as connection:
        broken = {rule for (rule,) in connection.execute("SELECT DISTINCT rule FROM state.refusals")}
        assert broken == RULES
        for table in (*KEYS, *LOGICAL):
            assert connection.execute(f"SELECT count(*) > 0 FROM state.{table}".encode()).fetchone() == (True,), table


def test_the_views_show_the_last_words(folded: str, busy: World) -> None:
    m = oracle.read(busy.log.events())
    with psycopg.connect(folded) as connection:
        tags = {
            (run, key): (value,)
            for run, key, value in connection.execute("SELECT run_id, key, value FROM state.run_tags")
        }
        said = {
            (field, run): value
            for run, field, value in connection.execute("SELECT run_id, field, value FROM state.run_descriptions")
        }
        status = dict(connection.execute("SELECT run_id, status FROM state.run_status").fetchall())
        fields = {
            ("experiment", experiment, field): (value,)
            for experiment, field, value in connection.execute(
                "SELECT experiment, field, value FROM state.experiment_last_words"
            )
        }
        fields |= {
            ("asset", (kind, name, version), field): (value,)
            for kind, name, version, field, value in connection.execute(
                "SELECT kind, name, version, field, value FROM state.asset_last_words"
            )
        }
    visible = {what: oracle.visible(m, what) for what, said in m.words.items() if said}
    assert tags == {
        (run, key): value for (kind, run, key), value in visible.items() if kind == "tag" and value is not None
    }
    assert said == {
        (kind, run): value for (kind, run, _), value in visible.items() if kind in ("display_name", "description")
    }
    assert fields == {
        what: value for what, value in visible.items() if what[0] in ("experiment", "asset") and value is not None
    }
    assert status == {run: oracle.status(m, run) for run in m.runs}


@pytest.mark.parametrize("seed", [2, 3])
def test_any_cut_into_batches_gives_the_same_checksum(folded: str, empty_database: str, busy: World, seed: int) -> None:
    from runfold_consumers.state.store import migrate

    migrate(empty_database)
    batches = (
        cut(busy.log.all(), seed)
        if seed == 2
        else [[raw] for raw in busy.log.all()[:300]] + cut(busy.log.all()[300:], seed)
    )
    fold(empty_database, batches)
    assert checksum(empty_database) == checksum(folded)


def test_telemetry_that_is_delivered_again_in_other_batches_changes_nothing(folded: str, busy: World) -> None:
    before = checksum(folded)
    fold(folded, cut([raw for raw in busy.log.all() if raw.topic_kind == "telemetry"], seed=9))
    assert checksum(folded) == before


def test_workspaces_do_not_mix(folded: str, busy: World) -> None:
    before = checksum(folded, "model")
    again = [[raw._replace(workspace="other") for raw in batch] for batch in cut(busy.log.all(), seed=5)]
    fold(folded, again)
    assert checksum(folded, "model") == before
    assert checksum(folded, "other") != before  # the workspace stands in every row
    with psycopg.connect(folded) as connection:
        for table in ("facts", "tags", "runs", "artifacts", "lanes"):
            query = f"SELECT count(*) FROM state.{table} GROUP BY workspace"
            one, other = (count for (count,) in connection.execute(query.encode()))
            assert one == other


def test_a_batch_may_hold_several_workspaces(database: str, busy: World) -> None:
    for kind in ("facts", "telemetry"):
        both = [
            raw._replace(workspace=name) for name in ("w-a", "w-b") for raw in busy.log.all() if raw.topic_kind == kind
        ]
        fold(database, [sorted(both, key=lambda raw: (raw.workspace, raw.partition, raw.offset))])
    m = oracle.read(busy.log.events())
    for name in ("w-a", "w-b"):
        assert_agreement(stored(database, name), m)


def stored(conninfo: str, workspace: str = "model") -> Tables:
    """The tables of Postgres in the shape that the model's checks read."""
    tables = Tables()
    all_ = tables.all
    with psycopg.connect(conninfo) as connection:

        def rows(row: Any, table: str) -> list[Any]:
            columns = ", ".join(f'"{name}"' for name in row._fields)
            found = connection.execute(
                f"SELECT {columns} FROM state.{table} WHERE workspace = %s ORDER BY 1, 2, 3".encode(), [workspace]
            )
            return [row(*map(plain, values)) for values in found]

        all_.facts = rows(FactRow, "facts")
        all_.refusals = rows(RefusalRow, "refusals")
        all_.errors = rows(ErrorRow, "errors")
        all_.warnings = rows(WarningRow, "warnings")
        all_.submissions = rows(SubmissionRow, "submissions")
        all_.cancels = rows(CancelRow, "cancels")
        all_.corrections = rows(CorrectionRow, "corrections")
        all_.secret_reads = rows(SecretReadRow, "secret_reads")
        all_.registrations = rows(RegistrationRow, "registrations")
        all_.snapshots = {row[:3]: row for row in rows(SnapshotRow, "snapshots")}
        all_.dataset_links = {row[:5]: row for row in rows(DatasetLinkRow, "dataset_links")}
        all_.experiment_words = {row[:4]: row for row in rows(ExperimentWordRow, "experiment_words")}
        all_.assets = {row[:3]: row for row in rows(AssetRow, "assets")}
        all_.versions = {row[:4]: row for row in rows(VersionRow, "versions")}
        all_.asset_words = {row[:6]: row for row in rows(AssetWordRow, "asset_words")}
        all_.asset_properties = {row[:5]: row for row in rows(AssetPropertyRow, "asset_properties")}
        tables.points = rows(PointsRow, "points")
        tables.logs = rows(LogRow, "logs")
        tables.heartbeats = {row[:4]: row for row in rows(HeartbeatRow, "heartbeats")}
        all_.writers = {row[:4]: row for row in rows(WriterRow, "writers")}
        all_.runs = {row[:2]: row for row in rows(RunRow, "runs")}
        all_.attempts = {row[:3]: row for row in rows(AttemptRow, "attempts")}
        all_.statuses = {row[:4]: row for row in rows(StatusRow, "statuses")}
        all_.tags = {row[:4]: row for row in rows(TagRow, "tags")}
        all_.descriptions = {row[:4]: row for row in rows(DescriptionRow, "descriptions")}
        all_.properties = {row[:3]: row for row in rows(PropertyRow, "properties")}
        all_.artifacts = {row[:4]: row for row in rows(ArtifactRow, "artifacts")}
        all_.experiments = {row[:2]: row for row in rows(ExperimentRow, "experiments")}
        all_.enrollments = {row[:3]: row for row in rows(EnrollmentRow, "enrollments")}
        lane = "workspace, partition, aggregate_kind, aggregate_id, writer_id, stream"
        for *key, topic_kind, seen in connection.execute(
            f"SELECT {lane}, topic_kind, seen::text FROM state.lanes WHERE workspace = %s".encode(), [workspace]
        ):
            (all_.lanes if topic_kind == "facts" else tables.telemetry_lanes)[LaneKey(*key)] = ranges_of(seen)
        for *key, closed, declared, reason in connection.execute(
            f"SELECT {lane}, closed, declared::text, reason FROM state.claims WHERE workspace = %s".encode(),
            [workspace],
        ):
            all_.claims[LaneKey(*key)] = ClaimRow(closed, ranges_of(declared), reason)
    return tables


def plain(value: Any) -> Any:
    if hasattr(value, "tzinfo"):
        return round((value - EPOCH).total_seconds() * 1_000_000)
    return json.dumps(value, sort_keys=True) if isinstance(value, (dict, list)) else value
