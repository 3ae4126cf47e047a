"""`rebuild` empties the fold, of one workspace or of all, and folding again gives the same checksum."""

from __future__ import annotations

import threading

import psycopg
import pytest

from runfold_consumers.state.checksum import KEYS, LOGICAL, NOT_SUMMED, checksum
from runfold_consumers.state.rebuild import TABLES, rebuild
from tests.model.world import World
from tests.waiting import until

from .conftest import cut, fold

OTHER = {  # by type: another value, of NULL too
    "text": "coalesce(\"{0}\", '') || 'x'",
    "integer": 'coalesce("{0}", 0) + 1000',
    "bigint": 'coalesce("{0}", 0) + 1000000',
    "boolean": 'NOT "{0}"',
    "double precision": 'CASE WHEN "{0}" < 1e15 THEN "{0}" + 0.5 ELSE 0 END',  # of NaN and infinity too
    "timestamp with time zone": "coalesce(\"{0}\", now()) + interval '1 microsecond'",
    "bytea": "coalesce(\"{0}\", '') || 'x'::bytea",
    "jsonb": "'{{\"other\": 1}}'",
    "int8multirange": "'{{[77,78)}}'",
    "ARRAY": "'{{other}}'",
    "uuid": "gen_random_uuid()",
}
COLUMNS = b"""
SELECT table_name, column_name, data_type FROM information_schema.columns JOIN information_schema.tables
USING (table_schema, table_name) WHERE table_schema = 'state' AND table_type = 'BASE TABLE'
AND table_name IN ('attempts', 'warnings', 'submissions', 'cancels', 'snapshots', 'dataset_links', 'secret_reads',
    'experiment_words', 'assets', 'versions', 'registrations', 'asset_words', 'asset_properties', 'logs', 'heartbeats',
    'series')
AND column_name <> 'workspace'
"""
POSITION = "INSERT INTO state.positions VALUES (%s, 't', 0, 'id', 9, NULL, NULL)"


@pytest.fixture
def two_workspaces(database: str, busy: World) -> str:
    fold(database, cut(busy.log.all(), seed=1))
    fold(database, [[raw._replace(workspace="other") for raw in batch] for batch in cut(busy.log.all(), seed=2)])
    with psycopg.connect(database) as connection:
        for workspace in ("model", "other"):
            connection.execute(POSITION, [workspace])
    return database


def test_every_table_of_state_is_emptied_and_summed(database: str) -> None:
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'state' AND table_type = 'BASE TABLE'"
        )
        assert {name for (name,) in found} == set(TABLES) == {*KEYS, *LOGICAL, "positions", "chunks"}
        for table, keys in KEYS.items():
            key = connection.execute(
                "SELECT array_agg(attname::text ORDER BY array_position(indkey::int[], attnum::int)) FROM pg_index "
                "JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) "
                "WHERE indrelid = %s::regclass AND indisprimary",
                [f"state.{table}"],
            ).fetchone()
            assert key is not None
            assert tuple(key[0]) == keys


def test_no_change_of_a_row_escapes_the_checksum(two_workspaces: str) -> None:
    unseen = {"partition", "offset", "last_ordinal", "broker_time", "occurred_at"}  # of logs: what a cut decides
    sums = [checksum(two_workspaces, "model")]
    with psycopg.connect(two_workspaces, autocommit=True) as connection:
        for table, column, kind in connection.execute(COLUMNS).fetchall():
            if (table == "logs" and column in unseen) or column in NOT_SUMMED:
                continue
            row = f"ctid = (SELECT ctid FROM state.{table} WHERE workspace = 'model' LIMIT 1)"
            connection.execute(
                f'UPDATE state.{table} SET "{column}" = {OTHER[kind].format(column)} WHERE {row}'.encode()
            )
            sums.append(checksum(two_workspaces, "model"))
            assert sums[-1] not in sums[:-1], (table, column)


def test_folding_again_gives_the_same_checksum(two_workspaces: str, busy: World) -> None:
    before = checksum(two_workspaces, "model"), checksum(two_workspaces, "other")
    assert rebuild(two_workspaces, "model") > 0
    assert checksum(two_workspaces, "model") != before[0]
    assert checksum(two_workspaces, "other") == before[1]
    with psycopg.connect(two_workspaces) as connection:
        assert connection.execute("SELECT workspace FROM state.positions").fetchall() == [("other",)]
    fold(two_workspaces, cut(busy.log.all(), seed=6))
    assert (checksum(two_workspaces, "model"), checksum(two_workspaces, "other")) == before


def test_without_a_workspace_all_go(two_workspaces: str) -> None:
    rebuild(two_workspaces)
    with psycopg.connect(two_workspaces) as connection:
        for table in TABLES:
            assert connection.execute(f"SELECT count(*) FROM state.{table}".encode()).fetchone() == (0,)


def test_it_waits_for_a_batch_that_is_being_folded_and_an_open_snapshot_keeps_its_own(two_workspaces: str) -> None:
    with psycopg.connect(two_workspaces) as projector, psycopg.connect(two_workspaces) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        runs = reader.execute("SELECT count(*) FROM state.runs").fetchone()
        projector.execute("SELECT next_offset FROM state.positions WHERE workspace = 'model' FOR UPDATE")
        thread = threading.Thread(target=rebuild, args=[two_workspaces])
        thread.start()
        with psycopg.connect(two_workspaces, autocommit=True) as watcher:
            waiting = "SELECT 1 FROM pg_locks WHERE relation = 'state.positions'::regclass AND NOT granted"
            until(lambda: watcher.execute(waiting).fetchone(), 10, "rebuild to wait for the batch")
            projector.commit()
            until(lambda: watcher.execute("SELECT count(*) FROM state.runs").fetchone() == (0,), 10, "rebuild")
        assert reader.execute("SELECT count(*) FROM state.runs").fetchone() == runs
        reader.rollback()
        thread.join(10)
    assert not thread.is_alive()
