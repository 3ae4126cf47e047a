"""Analysts ask by SQL: they get what their workspace holds, in the form they want, and nothing else whatever they try.

Each attempt is made through POST /sql, and where that would refuse it early, once more as the role itself: whoever came
by its password would be no further.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from psycopg.conninfo import make_conninfo

from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.audit import Actor, opened
from runfold_consumers.api.sql import asking, roles
from runfold_consumers.api.sql.roles import Login
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas import events
from runfold_schemas.settings import Settings
from tests.consumers.api.conftest import WORKSPACE, Api, Ledger, Told, serving
from tests.consumers.api.saying import Saying
from tests.services import OwnDatabase, Services

OTHER = "team-b"
VIEWS = ("runs", "statuses", "tags", "properties", "metrics", "artifacts", "experiments", "events", "decisions")


@pytest.fixture(scope="module")
def told(services: Services, migrated_template: str) -> Iterator[str]:
    """A database with two workspaces, the secret of each in every kind of row; its roles are dropped afterwards."""
    with OwnDatabase(services, migrated_template) as (_, conninfo):
        for workspace, secret in ((WORKSPACE, "ours"), (OTHER, "theirs")):
            said = Saying(f"run-{secret}")
            Ledger(conninfo, workspace).say(
                said.opened(),
                said.started(f"experiment-{secret}"),
                said.tag("who", secret),
                said.properties(who=secret),
                said.properties(who=f"refused-{secret}"),
                said.logged(f"loss-{secret}", 3.0, float("nan"), 1.0),
                said.artifact(f"{secret}.bin"),
                Saying(f"experiment-{secret}", kind="experiment").fact(events.RunEnrolled, run_id=f"run-{secret}"),
                said.ended(),
            )
        yield conninfo
        for workspace in (WORKSPACE, OTHER):
            roles.forget(conninfo, workspace)


@pytest.fixture(scope="module")
def api(told: str) -> Iterator[Api]:
    objects = Objects("http://127.0.0.1:1", "k", "s", "b")
    with serving(told, objects, Settings.model_construct(sql_seconds_max=1.0)) as address:
        secret = create_access_token(told, principal="ann", workspaces=[WORKSPACE], scopes=["read"])
        yield Api(address, secret)


@pytest.fixture(scope="module")
def login(told: str) -> str:
    """Conninfo of the role of team-a itself."""
    made = roles.ensure(told, WORKSPACE, Actor("ann", "command"))
    assert made is not None
    return make_conninfo(told, user=made.role, password=made.password)


def ask(api: Api, query: str, **more: Any) -> Told:
    return api.ask("POST", f"/v1/workspaces/{WORKSPACE}/sql", {"query": query, **more})


def refused(api: Api, query: str) -> dict[str, Any]:
    answer = ask(api, query)
    assert (answer.status, answer.code) == (400, "sql"), answer.data
    error: dict[str, Any] = answer.json["error"]
    return error


def test_an_analyst_reads_the_views_of_the_workspace(api: Api) -> None:
    answer = ask(api, "select run_id, status, terminal from runs")
    assert answer.status == 200, answer.data
    assert answer.json == {
        "columns": [
            {"name": "run_id", "type": "text"},
            {"name": "status", "type": "text"},
            {"name": "terminal", "type": "bool"},
        ],
        "rows": [["run-ours", "Completed", True]],
        "n": 1,
        "truncated": False,
    }  # fmt: skip
    metric = ask(api, "select name, points, nonfinite, min, max, last from analysis.metrics")
    assert metric.json["rows"] == [["loss-ours", 3, 1, 1.0, 3.0, 1.0]]
    decided = ask(api, "select key, kept, refused, rule from decisions where run_id = 'run-ours'").json["rows"]
    assert [row[:3] for row in decided] == [["who", "ours", "refused-ours"]]
    joined = ask(api, "with t as (table tags) select r.run_id, t.value from runs r join t using (run_id); ")
    assert joined.json["rows"] == [["run-ours", "ours"]]


def test_every_view_shows_its_own_workspace_alone(api: Api) -> None:
    for view in VIEWS:
        answer = ask(api, f"select * from {view} as v")
        assert answer.status == 200, (view, answer.data)
        assert b"theirs" not in answer.data, view
        assert b"ours" in answer.data, view


def test_the_views_are_documented_in_the_database(told: str) -> None:
    with psycopg.connect(told) as connection:
        found = connection.execute(
            "SELECT relname, obj_description(oid, 'pg_class'), reloptions FROM pg_class"
            " WHERE relnamespace = 'analysis'::regnamespace AND relkind = 'v' ORDER BY relname"
        ).fetchall()
        promise = connection.execute("SELECT obj_description('analysis'::regnamespace, 'pg_namespace')").fetchone()
    assert [row[0] for row in found] == sorted(VIEWS)
    assert all(row[1] and row[2] == ["security_barrier=true"] for row in found)
    assert promise is not None
    assert promise[0].startswith("Version 1")


def test_values_come_as_json_says_them(api: Api) -> None:
    query = (
        "select 'NaN'::float8 a, '-Infinity'::float4 b, 1.50::numeric c, 9007199254740993 d, null::int e,"
        " timestamptz '2026-11-24 12:00:00.5+02' f, '{\"k\": [1]}'::jsonb g, array[1, 2] h, date '2026-01-02' i,"
        " 'infinity'::timestamptz j, e'q\"\\n' k, timestamp '2026-01-02 03:04:05' l, '\\x00ff'::bytea m"
    )
    answer = ask(api, query).json
    assert answer["rows"] == [
        ["NaN", "-Infinity", 1.5, 9007199254740993, None, "2026-11-24T10:00:00.500000Z", {"k": [1]}, "{1,2}",
         "2026-01-02",
         "infinity", 'q"\n', "2026-01-02T03:04:05.000000Z", "\\x00ff"]
    ]  # fmt: skip
    assert [column["type"] for column in answer["columns"]][6:9] == ["jsonb", "int4[]", "date"]


def test_the_same_rows_come_as_csv_and_as_arrow(api: Api) -> None:
    query = "select * from (values (1, 'a,\"b', 0.5::float8, true), (2, '', null, null)) as v (n, t, x, b)"

    def accepting(media_type: str) -> Any:
        return api._pool.request(
            "POST",
            f"{api.address}/v1/workspaces/{WORKSPACE}/sql",
            json={"query": query, "limit": 2},
            headers={"Authorization": f"Bearer {api.access_token}", "Accept": media_type},
        )

    text = accepting("text/csv")
    assert text.headers["Runfold-Truncated"] == "false"
    assert text.data.decode() == 'n,t,x,b\r\n1,"a,""b",0.5,t\r\n2,"",,\r\n'
    assert list(csv.reader(io.StringIO(text.data.decode())))[1] == ["1", 'a,"b', "0.5", "t"]
    table = pa.ipc.open_stream(accepting("application/vnd.apache.arrow.stream").data).read_all()
    assert [str(field.type) for field in table.schema] == ["int64", "string", "double", "bool"]
    assert table.to_pylist() == [
        {"n": 1, "t": 'a,"b', "x": 0.5, "b": True},
        {"n": 2, "t": "", "x": None, "b": None},
    ]
    assert accepting("image/png").status == 406


def test_rows_and_bytes_are_bounded_and_the_answer_says_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = ask(api, "select i from generate_series(1, 100000) i", limit=130).json
    assert (cut["n"], cut["truncated"], cut["rows"][-1]) == (130, True, [130])
    whole = ask(api, "select i from generate_series(1, 64) i", limit=64).json
    assert (whole["n"], whole["truncated"]) == (64, False)
    assert ask(api, "select 1", limit=10_001).status == 400
    monkeypatch.setattr(asking, "ANSWER_BYTES_MAX", 100_000)
    large = ask(api, "select repeat('x', 1000) from generate_series(1, 5000)", limit=5000).json
    assert large["truncated"]
    assert 90 <= large["n"] <= 101


def test_a_row_that_nobody_could_hold_is_refused_before_it_is_sent(api: Api) -> None:
    wide = refused(api, "select string_agg(i::text, '') from generate_series(1, 300000) i")
    assert "bytes" in wide["message"]
    assert "left(" in wide["hint"]
    for bomb in (
        "select array_fill(null::int, array[2000000])",  # 0.25 MB as it is stored, 10 MB as text
        "select array_fill(null::int, array[300000]) from generate_series(1, 9)",
        f"select {', '.join(['1e131071::numeric'] * 20)}",  # 2.6 MB of zeros
        "select array_agg(1e100000::numeric) from generate_series(1, 20)",
    ):
        assert "bytes" in refused(api, bomb)["message"], bomb
    smuggled = refused(api, "select 1) as \"runfold answer\" union all select repeat('x', 9000000) from (select 1")
    assert smuggled["sqlstate"] == "42601"


@pytest.mark.parametrize(
    ("query", "at", "message"),
    [
        ("selct 1", "selct", "syntax error"),
        ("select nme from runs", "nme", "does not exist"),
        ("select * from nowhere", "nowhere", "does not exist"),
        ("select 'é', * from runs where statu = 1", "statu ", "does not exist"),
        ("", None, None),
    ],
)
def test_an_error_points_at_its_place(api: Api, query: str, at: str | None, message: str | None) -> None:
    if at is None or message is None:
        assert ask(api, query).status == 400
        return
    error = refused(api, query)
    assert message in error["message"]
    assert error["position"] == query.index(at)
    assert error["sqlstate"].startswith("42")


NOT_A_QUERY = (
    "insert into analysis.tags values ('x')",
    "delete from control.audit",
    "update state.runs set run_type = 'x'",
    "with gone as (delete from state.runs returning *) select * from gone",
    "select * into stolen from runs",
    "create table t (i int)",
    "create temp table t (i int)",
    "drop view analysis.runs",
    "select 1; delete from state.runs",
    "explain select * from runs",
    "explain analyze select * from runs",
    "set role postgres",
    "set session authorization postgres",
    "reset all",
    "set transaction read write",
    "begin",
    "commit",
    "rollback",
    "do $$ begin perform 1; end $$",
    "copy runs to program 'id'",
    "copy (select 1) to '/tmp/x'",
    "listen runfold_state",
    "notify runfold_state, 'team-b'",
    "lock table state.runs",
    "vacuum",
    "prepare p as select 1",
    "declare c cursor with hold for select 1",
    "call pg_advisory_lock(1)",
    "grant all on schema state to public",
    "alter role current_user superuser",
    "select * from runs for update",
    "show all",
)


def test_nothing_but_a_query_is_taken_nothing_is_written_and_nothing_is_left(api: Api, told: str) -> None:
    with psycopg.connect(told) as connection:
        before = connection.execute("SELECT count(*) FROM state.runs").fetchone()
        for query in NOT_A_QUERY:
            state = refused(api, query)["sqlstate"]
            assert state in ("42601", "42501", "42P01", "25006", "0A000", "55000"), query
        assert connection.execute("SELECT count(*) FROM state.runs").fetchone() == before
        left = (
            "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'runfold_sql_%' AND datname = current_database()"
        )
        assert connection.execute(left.encode()).fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


OUT_OF_REACH = (
    "select * from control.access_tokens",
    "select * from control.sql_roles",
    "select * from control.audit",
    "select * from control.sessions",
    "select * from state.runs",
    "select * from state.facts",
    "select * from state.run_tags",
    "select * from observed.lag",
    "select * from pg_authid",
    "select * from pg_shadow",
    "select * from pg_hba_file_rules",
    "select * from pg_largeobject",
    "select * from pg_statistic",
    "select * from pg_stat_activity",
    "select * from pg_stat_user_tables",
    "select * from pg_locks",
    "select pg_read_file('/etc/passwd')",
    "select pg_read_binary_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select pg_stat_file('/etc/passwd')",
    "select lo_import('/etc/passwd')",
    "select lo_create(0)",
    "select lo_from_bytea(0, 'x')",
    "select lo_get(1)",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_lock(1)",
    "select pg_advisory_xact_lock(1920296550)",
    "select pg_notify('runfold_state', 'team-b')",
    "select pg_terminate_backend(1)",
    "select pg_cancel_backend(1)",
    "select set_config('statement_timeout', '0', false)",
    "select set_config('transaction_read_only', 'off', false)",
    "select set_config('role', 'postgres', false)",
    "select set_config('session_authorization', 'postgres', false)",
    "select pg_logical_emit_message(false, 'x', repeat('y', 1000))",
    "select pg_reload_conf()",
    "select pg_switch_wal()",
    "select pg_promote()",
    "select pg_total_relation_size('state.runs')",
    "select query_to_xml('select 1', true, true, '')",
    "select nextval('control.audit_audit_id_seq')",
    "select currval('control.audit_audit_id_seq')",
    "select pg_stat_reset()",
    "select analysis.own_workspace() from dblink('dbname=postgres', 'select 1') as t (i int)",
)


def test_nothing_else_is_in_reach(api: Api, login: str) -> None:
    with psycopg.connect(login, autocommit=True) as connection:
        for query in OUT_OF_REACH:
            assert refused(api, query)["sqlstate"] in ("42501", "42883", "0A000"), query
            with pytest.raises(psycopg.Error) as denied:
                connection.execute(query.encode())
            assert denied.value.sqlstate in ("42501", "42883", "0A000"), query


def test_no_setting_and_no_role_widens_what_is_seen(login: str) -> None:
    """As the role itself, with all that SET can do."""
    with psycopg.connect(login, autocommit=True) as connection:
        for change in (
            "SET ROLE NONE",
            "SET search_path = state, control, pg_temp",
            "SET row_security = off",
            "RESET ALL",
            "SET SESSION AUTHORIZATION DEFAULT",
        ):
            connection.execute(change.encode())
            assert connection.execute("SELECT DISTINCT value FROM analysis.tags").fetchall() == [("ours",)]
        for change in ("SET ROLE postgres", "SET ROLE runfold", "SET SESSION AUTHORIZATION runfold"):
            with pytest.raises(psycopg.Error):
                connection.execute(change.encode())
        connection.execute("SET default_transaction_read_only = off")
        for write in (
            "INSERT INTO analysis.tags VALUES ('x')",
            "CREATE TABLE analysis.t (i int)",
            "CREATE TABLE public.t (i int)",
            "CREATE TEMP TABLE t (i int)",
            "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE OR REPLACE FUNCTION analysis.own_workspace() RETURNS text LANGUAGE sql AS $$SELECT 'team-b'$$",
            "ALTER ROLE CURRENT_USER CREATEROLE",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
                connection.execute(write.encode())


def test_no_function_leaks_what_is_behind_the_barrier(api: Api, login: str) -> None:
    """Conditions that fail, or tell, on rows of others: they must never see one."""
    for view, column in (("tags", "value"), ("runs", "run_id"), ("metrics", "name"), ("events", "aggregate_id")):
        fails = f"1 / (length({column}) - length({column}))"  # no constant: that would fail when it is planned
        query = f"select count(*) from {view} where case when {column} like '%theirs%' then {fails} else 1 end = 1"
        assert ask(api, query).status == 200, view
        cast = f"select {column}::int from {view}"
        assert "theirs" not in refused(api, cast)["message"]
    with psycopg.connect(login, autocommit=True) as connection:  # EXPLAIN, which /sql does not take
        heard: list[str] = []
        connection.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
        plan = connection.execute("EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM analysis.tags").fetchall()
        assert not [line for line in map(str, [*plan, *heard]) if "theirs" in line or OTHER in line]
        assert connection.execute("SELECT count(*) FROM pg_stats WHERE schemaname = 'state'").fetchone() == (0,)


def test_what_the_role_may_call_and_read_was_looked_at(told: str, login: str) -> None:
    """By the catalogue, so that a new Postgres, view or function is looked at before it is let through."""
    with psycopg.connect(told) as connection:
        name = psycopg.conninfo.conninfo_to_dict(login)["user"]
        relations = connection.execute(
            "SELECT relnamespace::regnamespace::text || '.' || relname FROM pg_class"
            " WHERE relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND relnamespace::regnamespace::text NOT IN"
            " ('pg_catalog', 'information_schema', 'pg_toast') AND CASE WHEN relkind = 'S'"
            " THEN has_sequence_privilege(%(role)s, oid, 'USAGE, SELECT, UPDATE')"
            " ELSE has_table_privilege(%(role)s, oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
            " END",
            {"role": name},
        ).fetchall()
        assert {row[0] for row in relations} == {f"analysis.{view}" for view in VIEWS}
        schemas = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE has_schema_privilege(%s, oid, 'USAGE')", [name]
        ).fetchall()
        assert {row[0] for row in schemas} <= {"pg_catalog", "information_schema", "public", "analysis"}
        volatile = connection.execute(
            "SELECT DISTINCT proname FROM pg_proc"
            " WHERE provolatile = 'v' AND has_function_privilege(%s, oid, 'EXECUTE')"
            " AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)"
            " AND NOT 'internal'::regtype = ANY (proargtypes) ORDER BY 1",
            [name],
        ).fetchall()
        assert [row[0] for row in volatile if not LOOKED_AT.fullmatch(row[0])] == []
        attributes = connection.execute(
            "SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin"
            " FROM pg_roles WHERE rolname = %s",
            [name],
        ).fetchone()
        assert attributes == (False, False, False, False, False, False, True)
        members = "SELECT count(*) FROM pg_auth_members WHERE member = %s::regrole"
        assert connection.execute(members.encode(), [name]).fetchone() == (0,)
        assert name is not None
        assert WORKSPACE not in name


LOOKED_AT = re.compile(
    "random|random_normal|setseed|clock_timestamp|timeofday|gen_random_uuid|uuidv4|uuidv7|array_sample|array_shuffle"
    "|current_query|pg_jit_available|pg_stat_clear_snapshot|pg_stat_force_next_flush|plpgsql_.*"  # harmless
    "|pg_sleep|pg_sleep_for|pg_sleep_until"  # the timeout ends them
    "|nextval|setval|currval|lastval"  # need rights on a sequence
    "|(txid|pg)_current_.*|txid_.*|pg_xact_.*|pg_get_multixact_.*|pg_snapshot_.*|mxid_age"  # numbers of transactions
    "|pg_last_.*|pg_is_.*|pg_backend_pid|pg_blocking_pids|pg_safe_snapshot_blocking_pids|pg_isolation_test_.*"
    "|pg_collation_actual_version|pg_database_collation_actual_version|pg_import_system_collations"  # superuser
    "|brin_.*|gin_clean_pending_list|pg_(tablespace|database)_size|pg_relation_.*"  # owner, or names of files
    "|pg_(cursor|prepared_statement|prepared_xact|show_.*|get_.*|available_.*|timezone_.*|config|listening_channels)"
    "|pg_notification_queue_usage|pg_trigger_depth|pg_typeof|pg_event_trigger_.*|pg_extension_.*|pg_identify_.*"
    "|inet_.*|ts_stat|ts_debug|ts_parse|ts_rewrite|binary_upgrade_.*|pg_nextoid|pg_wal_.*|pg_control_.*|pg_partition_.*"
    "|has_.*|row_security_active|pg_sequence_.*|pg_(set|clear|restore)_.*_stats|amvalidate|currtid2?|pg_stop_making_pinned_objects"
    "|pg_describe_object|pg_options_to_table|pg_input_.*|pg_logical_slot_.*|pg_replication_.*|pg_drop_replication_slot"
    "|pg_create_.*_replication_slot|pg_copy_.*_slot|pg_sync_replication_slots"  # REPLICATION
)


def test_the_password_of_the_role_comes_into_no_log_of_the_server(told: str) -> None:
    with opened(told) as connection:
        verifier = roles._verifier(connection, Login("runfold_sql_x", "the password"))
    assert verifier.startswith("SCRAM-SHA-256$4096:")
    assert "the password" not in verifier


def test_roles_tell_their_database_and_are_dropped_after_it(services: Services, migrated_template: str) -> None:
    """Roles are of the whole server: without that they would pile up."""
    by = Actor("ann", "command")
    with OwnDatabase(services, migrated_template) as (_, gone), OwnDatabase(services, migrated_template) as (_, stays):
        for conninfo in (gone, stays):
            with psycopg.connect(conninfo) as connection:
                connection.execute(
                    "INSERT INTO state.positions (workspace, topic, partition, topic_id, next_offset)"
                    " VALUES ('team-a', 't', 0, 'i', 0)"
                )
        left, kept = roles.ensure(gone, WORKSPACE, by), roles.ensure(stays, WORKSPACE, by)
        assert left is not None
        assert kept is not None
        with psycopg.connect(gone) as connection:
            of_database = connection.execute(
                "SELECT oid::text FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        assert left.role.split("_")[2:3] == list(of_database or ())
        with opened(stays) as connection:
            assert left.role not in roles.strays(connection)
    roles.drop_strays(services.postgres)
    with opened(services.postgres) as connection:
        names = {row["rolname"] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    assert not {left.role, kept.role} & names


def test_a_query_cannot_run_long(api: Api) -> None:
    """The limit is 1 s here. None of these may hold a worker, a lock or the next query up."""
    for query in (
        "select pg_sleep(60)",
        "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b",
        "with recursive r (i) as (select 1 union all select i + 1 from r) select max(i) from r",
        "select pg_sleep(0.2) from generate_series(1, 1000)",
    ):
        begun = time.monotonic()
        error = refused(api, query)
        assert error["sqlstate"] == "57014", query
        assert "RUNFOLD_SQL_SECONDS_MAX" in error["message"]
        assert time.monotonic() - begun < 5
    assert ask(api, "select 1").json["rows"] == [[1]]


def test_the_role_is_made_once_mended_when_lost_and_only_for_workspaces_that_exist(api: Api, told: str) -> None:
    roles.forget(told, WORKSPACE)
    assert ask(api, "select 1").status == 200
    assert ask(api, "select 1").status == 200
    with psycopg.connect(told, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT action, workspace, principal FROM control.audit WHERE action = 'sql-role.made'"
        )
        assert rows.fetchall() == [("sql-role.made", WORKSPACE, "ann")] * 2  # one was made before this test
        role = connection.execute("SELECT role_name FROM control.sql_roles").fetchone()
        assert role is not None
        connection.execute(f"ALTER ROLE \"{role[0]}\" PASSWORD 'another'".encode())
    assert ask(api, "select 1").status == 200
    everywhere = create_access_token(told, principal="root", workspaces=["*"], scopes=["read"])
    unknown = api.known_as(everywhere).ask("POST", "/v1/workspaces/team-x/sql", {"query": "select 1"})
    assert (unknown.status, unknown.code) == (404, "not_found")
    with psycopg.connect(told) as connection:
        assert connection.execute("SELECT workspace FROM control.sql_roles").fetchall() == [(WORKSPACE,)]
