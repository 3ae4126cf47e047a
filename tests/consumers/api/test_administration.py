"""Who gives access, takes it and looks at what was done: each within the workspaces that they administer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from runfold_consumers.access_command import app
from runfold_consumers.api import audit, noting, roles
from runfold_consumers.api.access import COMMAND, create_access_token
from runfold_consumers.api.audit import Actor
from runfold_consumers.api.noting import Notes
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings
from tests.consumers.api.conftest import WORKSPACE, Api, Told, serving
from tests.services import OwnDatabase, Services
from tests.waiting import until

ALL = ["read", "write", "admin"]


@pytest.fixture(scope="module")
def conninfo(services: Services, migrated_template: str) -> Iterator[str]:
    with OwnDatabase(services, migrated_template) as (_, conninfo):
        yield conninfo


@pytest.fixture(scope="module")
def address(conninfo: str) -> Iterator[str]:
    store = Objects("http://127.0.0.1:1", "k", "s", "test-b")
    with serving(conninfo, store, Settings.model_construct(audit_reads=True)) as address:
        yield address


def known(address: str, conninfo: str, principal: str, workspaces: list[str], scopes: list[str]) -> Api:
    secret = create_access_token(conninfo, principal=principal, workspaces=workspaces, scopes=scopes)
    return Api(address, secret)


@pytest.fixture(scope="module")
def root(address: str, conninfo: str) -> Api:
    return known(address, conninfo, "root", ["*"], ALL)


@pytest.fixture(scope="module")
def admin(address: str, conninfo: str) -> Api:
    """Administers team-a, may read there, and not write."""
    return known(address, conninfo, "ada", [WORKSPACE], ["read", "admin"])


def make(api: Api, **fields: Any) -> Told:
    body = {"principal": "bob", "workspaces": [WORKSPACE], "scopes": ["read"], **fields}
    return api.ask("POST", "/v1/access-tokens", body)


def listed(api: Api, **query: Any) -> dict[str, dict[str, Any]]:
    told = api.ask("GET", "/v1/access-tokens", **query)
    assert told.status == 200, told.data
    return {row["access_token_id"]: row for row in told.json["access_tokens"]}


def audited(api: Api, **query: Any) -> list[dict[str, Any]]:
    told = api.ask("GET", "/v1/audit", **query)
    assert told.status == 200, told.data
    rows: list[dict[str, Any]] = told.json["audit"]
    return rows


def test_an_access_token_is_shown_once_used_and_revoked(admin: Api, address: str) -> None:
    made = make(admin, expires_in_s=3600)
    assert made.status == 201
    secret, of_id = made.json["access_token"], made.json["access_token_id"]
    assert datetime.fromisoformat(made.json["expires_at"].replace("Z", "+00:00"))
    row = listed(admin)[of_id]
    assert secret not in json.dumps(row)
    assert (row["principal"], row["created_by"], row["last_used_at"]) == ("bob", "ada", None)
    bob = admin.known_as(secret)
    assert bob.get("").status == 200
    until(lambda: listed(admin)[of_id]["last_used_at"] is not None, 10, "the use to be noted")
    assert bob.get("/lag").status == 200
    assert admin.ask("DELETE", f"/v1/access-tokens/{of_id}").status == 204
    assert bob.get("").status == 401  # at once, in the process that revoked it
    assert of_id not in listed(admin)
    assert listed(admin, ended=True)[of_id]["revoked_by"] == "ada"
    again = admin.ask("DELETE", f"/v1/access-tokens/{of_id}")
    assert (again.status, again.code) == (404, "not_found")


@pytest.mark.parametrize(
    "fields",
    [
        {"workspaces": ["team-b"]},
        {"workspaces": [WORKSPACE, "team-b"]},
        {"workspaces": ["*"]},
        {"scopes": ["write"]},
        {"scopes": ["read", "write", "admin"]},
    ],
)
def test_nobody_gives_what_they_do_not_hold(admin: Api, fields: dict[str, Any]) -> None:
    told = make(admin, **fields)
    assert (told.status, told.code) == (403, "forbidden")


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": ["reed"]},
        {"scopes": []},
        {"scopes": "read"},
        {"workspaces": []},
        {"workspaces": ["A"]},
        {"principal": ""},
        {"principal": "x" * 300},
        {"principal": "a\0b"},
        {"expires_in_s": 0},
        {"expires_in_s": 10**12},
        {"expires_in_s": "soon"},
    ],
)
def test_a_wrong_access_token_is_not_made(root: Api, fields: dict[str, Any]) -> None:
    told = make(root, **fields)
    assert (told.status, told.code) == (400, "invalid"), told.data


def test_an_administrator_sees_who_reaches_their_workspace_and_revokes_what_is_theirs_alone(
    root: Api, admin: Api
) -> None:
    both = make(root, workspaces=[WORKSPACE, "team-b"]).json["access_token_id"]
    theirs = make(root, workspaces=["team-b"]).json["access_token_id"]
    seen = listed(admin)
    assert (seen[both]["workspaces"], seen[both]["elsewhere"]) == ([WORKSPACE], True)
    assert theirs not in seen
    assert sorted(listed(root)[both]["workspaces"]) == [WORKSPACE, "team-b"]
    assert admin.ask("DELETE", f"/v1/access-tokens/{both}").status == 403
    assert admin.ask("DELETE", f"/v1/access-tokens/{theirs}").status == 404
    assert root.ask("DELETE", f"/v1/access-tokens/{both}").status == 204


def test_access_tokens_come_by_pages(root: Api) -> None:
    for _ in range(3):
        make(root)
    seen, cursor = [], None
    while True:
        told = root.ask("GET", "/v1/access-tokens", limit=2, **({"cursor": cursor} if cursor else {})).json
        seen += [row["access_token_id"] for row in told["access_tokens"]]
        cursor = told["next_cursor"]
        if cursor is None:
            break
    assert seen == list(listed(root))
    assert root.ask("GET", "/v1/access-tokens", cursor="nonsense").status == 400


def test_the_last_administrator_is_not_locked_out_by_accident(database: str) -> None:
    store = Objects("http://127.0.0.1:1", "k", "s", "test-b")
    with serving(database, store) as address:
        first = known(address, database, "root", ["*"], ALL)
        (first_id,) = listed(first)
        second_id = make(first, workspaces=["*"], scopes=["admin"]).json["access_token_id"]
        assert first.ask("DELETE", f"/v1/access-tokens/{second_id}").status == 204
        make(first, workspaces=["*"], scopes=["read"])  # reads everywhere, and administers nothing
        make(first, workspaces=[WORKSPACE], scopes=ALL)  # administers one
        refused = first.ask("DELETE", f"/v1/access-tokens/{first_id}")
        assert (refused.status, refused.code) == (409, "last_admin")
        assert first.get("").status == 200
        role = first.ask("PUT", "/v1/workspaces/*/roles/group:ops", {"scopes": ALL})
        assert role.status == 200
        assert first.ask("DELETE", f"/v1/access-tokens/{first_id}").status == 409  # no provider: nobody signs on
        assert first.ask("DELETE", f"/v1/access-tokens/{first_id}?even_last_admin=true").status == 204
        assert first.get("").status == 401


def test_roles_are_given_changed_and_taken(admin: Api, root: Api) -> None:
    path = f"/v1/workspaces/{WORKSPACE}/roles/group:vision/eu"
    assert admin.ask("GET", path).status == 404
    given = admin.ask("PUT", path, {"scopes": ["read"]})
    assert given.status == 200, given.data
    assert {k: given.json[k] for k in ("workspace", "principal", "scopes", "changed_by")} == {
        "workspace": WORKSPACE, "principal": "group:vision/eu", "scopes": ["read"], "changed_by": "ada",
    }  # fmt: skip
    assert admin.ask("PUT", path, {"scopes": ["write"]}).status == 403  # they may not write themselves
    assert root.ask("PUT", path, {"scopes": ["write", "write"]}).json["scopes"] == ["write"]
    assert admin.ask("PUT", path, {"scopes": ["write", "admin"]}).status == 200  # what stands there may stay
    assert admin.ask("PUT", path, {"scopes": ["read"]}).json["scopes"] == ["read"]  # or go
    assert admin.ask("PUT", path, {"scopes": ["write"]}).status == 403
    root.ask("PUT", f"/v1/workspaces/{WORKSPACE}/roles/Ann@Example.com", {"scopes": ["read"]})
    names = [row["principal"] for row in admin.ask("GET", f"/v1/workspaces/{WORKSPACE}/roles").json["roles"]]
    assert names == ["ann@example.com", "group:vision/eu"]
    assert admin.ask("DELETE", path).status == 204
    assert admin.ask("DELETE", path).status == 404
    for wrong in (
        "/v1/workspaces/A/roles/x",
        f"/v1/workspaces/{WORKSPACE}/roles/%00",
        f"/v1/workspaces/{WORKSPACE}/roles/%20",
    ):
        assert root.ask("PUT", wrong, {"scopes": ["read"]}).status == 400, wrong
    assert admin.ask("PUT", "/v1/workspaces/*/roles/x", {"scopes": ["read"]}).status == 403
    assert admin.ask("GET", "/v1/workspaces/team-b/roles").status == 403


def test_every_administrative_act_has_its_row(root: Api, admin: Api) -> None:
    made = make(admin).json["access_token_id"]
    root.ask("PUT", f"/v1/workspaces/{WORKSPACE}/roles/sue", {"scopes": ["read"]})
    root.ask("DELETE", f"/v1/workspaces/{WORKSPACE}/roles/sue")
    admin.ask("DELETE", f"/v1/access-tokens/{made}")
    acts = [row for row in audited(root, limit=20) if row["action"] not in ("read", "session.begun")]
    told = [(row["principal"], row["action"], row["subject"], row["workspace"]) for row in acts[:4]]
    assert told == [
        ("ada", "access-token.revoked", made, WORKSPACE),
        ("root", "role.removed", "sue", WORKSPACE),
        ("root", "role.set", "sue", WORKSPACE),
        ("ada", "access-token.created", made, WORKSPACE),
    ]
    assert all(row["address"] == "127.0.0.1" and row["via"].startswith("access-token ") for row in acts[:4])
    assert acts[1]["detail"] == {"before": ["read"]}


def test_what_was_refused_leaves_no_row_and_changed_nothing(admin: Api, root: Api) -> None:
    before = audited(root, action="access-token.created", limit=1)[0]["audit_id"]
    make(admin, workspaces=["team-b"])
    admin.ask("DELETE", "/v1/access-tokens/unknown")
    assert audited(root, action="access-token.created", limit=1)[0]["audit_id"] == before


def test_the_audit_is_filtered_paged_and_shows_each_administrator_their_own(root: Api, admin: Api) -> None:
    make(root, workspaces=["team-b"])
    make(root, workspaces=["*"])
    assert {row["workspace"] for row in audited(admin, limit=1000)} == {WORKSPACE}
    assert "team-b" in {row["workspace"] for row in audited(root, limit=1000)}
    assert {row["principal"] for row in audited(root, principal="ada", limit=1000)} == {"ada"}
    assert {row["action"] for row in audited(root, action="role.set")} == {"role.set"}
    assert audited(root, to_time="2020-01-01T00:00:00Z") == []
    assert root.ask("GET", "/v1/audit", from_time="2020-01-01T00:00:00").status == 400  # which time zone?
    whole = [row["audit_id"] for row in audited(root, limit=1000, action="access-token.created")]
    paged, cursor = [], None
    while True:
        query = {"limit": 2, "action": "access-token.created", **({"cursor": cursor} if cursor else {})}
        told = root.ask("GET", "/v1/audit", **query).json
        paged += [row["audit_id"] for row in told["audit"]]
        cursor = told["next_cursor"]
        if cursor is None:
            break
    assert paged == whole == sorted(whole, reverse=True)


def test_reads_are_noted_where_it_is_switched_on(root: Api) -> None:
    root.get("/experiments", name="looked-for")

    def noted() -> list[dict[str, Any]]:
        rows = audited(root, action="read", subject=f"/v1/workspaces/{WORKSPACE}/experiments", principal="root")
        return [row for row in rows if row["detail"]["query"] == "name=looked-for"]

    until(lambda: bool(noted()), 10, "the read to be noted")
    (row,) = noted()
    assert (row["workspace"], row["detail"]["method"], row["detail"]["status"]) == (WORKSPACE, "GET", 200)


def test_notes_are_bounded_and_survive_an_outage(conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "READS_MAX", 5)

    async def noted() -> None:
        away = Notes("postgresql://127.0.0.1:1/x?connect_timeout=1")
        for number in range(8):
            away.read(Actor("eve", "test"), f"/{number}", None)
        away.used("unknown")
        await away.stop()  # Postgres is away: all is kept
        away._conninfo = conninfo
        await away.stop()
        away.read(Actor("eve", "test"), "/odd", None, query="\0")  # never can be written: it is counted instead
        await away.stop()
        away.read(Actor("eve", "test"), "/\0", "\0")
        await away.stop()

    asyncio.run(noted())
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT action, subject, detail FROM control.audit WHERE principal IN ('eve', 'runfold') ORDER BY audit_id"
        ).fetchall()
    told = [*(("read", f"/{number}") for number in range(5)), ("reads.lost", None)]
    assert [row[:2] for row in rows] == [*told, ("read", "/\ufffd"), ("reads.lost", None)]
    assert [row[2] for row in rows if row[0] == "reads.lost"] == [{"n": 3}, {"n": 1}]


def test_an_act_and_its_row_are_there_together_or_neither_is(conninfo: str) -> None:
    def half() -> None:
        with audit.opened(conninfo) as connection:
            roles.put(connection, COMMAND, "team-c", "zoe", ["read"])
            raise RuntimeError("the process dies here")

    with pytest.raises(RuntimeError):
        half()
    with audit.opened(conninfo) as connection:
        assert roles.one(connection, "team-c", "zoe") is None
        found = connection.execute("SELECT count(*) AS n FROM control.audit WHERE workspace = 'team-c'").fetchone()
    assert found == {"n": 0}


def test_the_command_gives_the_first_access_token_and_roles(
    database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("RUNFOLD_POSTGRES", database)
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, list(words))

    secret = run("create", "ops", "-w", "*", "-s", "read", "-s", "admin", "--days", "1").output.strip()
    assert secret.startswith("rft_")
    told = json.loads(run("create", "bob", "-w", WORKSPACE, "-s", "read", "--json").output)
    assert told["access_token"].startswith("rft_")
    rows = {row["principal"]: row for row in json.loads(run("list", "--json").output)}
    assert (rows["ops"]["workspaces"], rows["ops"]["created_by"]) == (["*"], "command line")
    assert "bob" in run("list").output
    last = run("revoke", rows["ops"]["access_token_id"])
    assert (last.exit_code, "even_last_admin" in last.stderr) == (1, True)
    assert run("revoke", rows["ops"]["access_token_id"], "--even-last-admin").exit_code == 0
    assert run("revoke", "unknown").exit_code == 1
    assert run("set-role", "Ann@Example.com", "-w", WORKSPACE, "-s", "read").exit_code == 0
    assert run("roles", "-w", WORKSPACE).output == f"{WORKSPACE}  ann@example.com  read\n"
    assert run("remove-role", "ann@example.com", "-w", WORKSPACE).exit_code == 0
    assert run("remove-role", "ann@example.com", "-w", WORKSPACE).exit_code == 1
    wrong = run("create", "x", "-w", "A", "-s", "read")
    assert (wrong.exit_code, "3 to 33" in wrong.stderr) == (1, True)
    with psycopg.connect(database) as connection:
        acts = connection.execute("SELECT action FROM control.audit WHERE via = 'command' ORDER BY audit_id").fetchall()
    assert [act for (act,) in acts] == [
        *("access-token.created", "access-token.created", "access-token.revoked", "role.set", "role.removed")
    ]
