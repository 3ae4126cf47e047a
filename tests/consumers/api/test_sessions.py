"""People at the page: they sign in, stay for a while, sign out; nobody else can use what is theirs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.cookies import SimpleCookie
from typing import Any, NamedTuple, cast

import psycopg
import pytest

from runfold_consumers.api import admission
from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.principals import Principal
from runfold_consumers.api.sessions import COOKIE
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings
from tests.consumers.api.conftest import WORKSPACE, Api, Told, serving
from tests.services import OwnDatabase, Services
from tests.waiting import until


class Browser:
    """Keeps cookies, as a browser does, and says what browsers say."""

    def __init__(self, address: str, **cookies: str) -> None:
        self.address = address
        self.cookies = dict(cookies)
        self._pool = Api(address)._pool

    def ask(self, method: str, path: str, body: Any = None, csrf: str | None = None, **headers: str) -> Told:
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if csrf is not None:
            headers["Runfold-CSRF"] = csrf
        answer = self._pool.request(
            method, self.address + path if path.startswith("/") else path, json=body, headers=headers, redirect=False
        )
        for line in answer.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return Told(answer.status, answer.headers, answer.data)

    def sign_in(self, access_token: str) -> Told:
        return self.ask("POST", "/v1/session", {"access_token": access_token})


class Ground(NamedTuple):
    address: str
    conninfo: str

    def access_token(self, *scopes: str, principal: str = "ann", workspace: str = WORKSPACE, **more: Any) -> str:
        wanted = list(scopes) or ["read", "write"]
        return create_access_token(self.conninfo, principal=principal, workspaces=[workspace], scopes=wanted, **more)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.conninfo) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
def ground(services: Services, migrated_template: str) -> Iterator[Ground]:
    store = Objects("http://127.0.0.1:1", "k", "s", "test-b")
    generous = Settings.model_construct(rate_limit_failed="1000000/minute", workspace="local")
    with OwnDatabase(services, migrated_template) as (_, conninfo), serving(conninfo, store, generous) as address:
        yield Ground(address, conninfo)


def test_an_access_token_signs_in_and_the_cookie_then_does(ground: Ground) -> None:
    browser = Browser(ground.address)
    told = browser.sign_in(ground.access_token())
    assert told.status == 200, told.data
    assert told.json["principal"] == "ann"
    assert told.json["workspaces"] == [{"workspace": WORKSPACE, "scopes": ["read", "write"]}]
    assert browser.ask("GET", "/v1/session").json == told.json
    assert browser.ask("GET", f"/v1/workspaces/{WORKSPACE}").status == 200
    waited = browser.ask("POST", f"/v1/workspaces/{WORKSPACE}/wait", {"not_before": "w1"}, csrf=told.json["csrf"])
    assert waited.status in (204, 400), waited.data  # past the gate
    assert browser.ask("POST", f"/v1/workspaces/{WORKSPACE}/wait", {"not_before": "w1"}).code == "csrf"
    assert browser.ask("GET", "/v1/workspaces/team-b").status == 403


def test_the_cookie_is_one_that_scripts_and_other_sites_cannot_use(ground: Ground) -> None:
    line = Browser(ground.address).sign_in(ground.access_token()).headers["Set-Cookie"]
    told = SimpleCookie(line)[COOKIE]
    assert (told["httponly"], told["samesite"], told["path"], told["domain"]) == (True, "lax", "/", "")
    assert len(told.value) == 43
    with psycopg.connect(ground.conninfo) as connection:
        rows = connection.execute("SELECT s::text FROM control.sessions AS s").fetchall()
    assert not [row for row in rows if told.value in row[0]]


def test_behind_tls_the_cookie_is_bound_to_host_and_tls(ground: Ground) -> None:
    store = Objects("http://127.0.0.1:1", "k", "s", "test-b")
    secure = Settings.model_construct(public_address="https://runfold.example")
    with serving(ground.conninfo, store, secure) as address:
        browser = Browser(address)
        told = browser.sign_in(ground.access_token("read"))
        assert told.headers["Set-Cookie"].startswith("__Host-runfold_session=")
        assert "; Secure" in told.headers["Set-Cookie"]
        assert told.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert browser.ask("GET", "/v1/session").status == 200
        assert (
            Browser(address, runfold_session=next(iter(browser.cookies.values()))).ask("GET", "/v1/session").status
            == 401
        )


def test_a_session_that_somebody_planted_does_not_become_mine(ground: Ground) -> None:
    """Fixation: an attacker's cookie is in the browser when its user signs in."""
    attacker = Browser(ground.address)
    attacker.sign_in(ground.access_token(principal="eve"))
    planted = attacker.cookies[COOKIE]
    for value in (planted, "chosen-by-the-attacker"):
        victim = Browser(ground.address, runfold_session=value)
        assert victim.sign_in(ground.access_token()).status == 200
        assert victim.cookies[COOKIE] != value
        assert Browser(ground.address, runfold_session=value).ask("GET", "/v1/session").status == 401


def test_signing_out_ends_it_here_and_everywhere(ground: Ground) -> None:
    browser = Browser(ground.address)
    csrf = browser.sign_in(ground.access_token()).json["csrf"]
    thief = Browser(ground.address, **browser.cookies)
    assert thief.ask("GET", "/v1/session").status == 200
    assert browser.ask("DELETE", "/v1/session").code == "csrf"
    assert browser.ask("DELETE", "/v1/session", csrf=csrf).status == 204
    assert browser.cookies == {}
    assert thief.ask("GET", "/v1/session").status == 401
    by_access_token = Api(ground.address, ground.access_token()).ask("DELETE", "/v1/session")
    assert (by_access_token.status, by_access_token.code) == (400, "invalid")


def test_what_signs_nobody_in(ground: Ground) -> None:
    expired = ground.access_token(expires_at=datetime(2026, 1, 1, tzinfo=timezone.utc))
    for wrong in ("rft_unknown", expired, "x"):
        told = Browser(ground.address).sign_in(wrong)
        assert (told.status, told.code) == (401, "unauthenticated")
        assert "Set-Cookie" not in told.headers
    elsewhere = Browser(ground.address).ask(
        "POST", "/v1/session", {"access_token": ground.access_token()}, **{"Sec-Fetch-Site": "cross-site"}
    )
    assert (elsewhere.status, elsewhere.code) == (403, "csrf")
    assert Browser(ground.address).ask("POST", "/v1/session", {"access_token": ""}).status == 400


def test_a_form_of_a_page_elsewhere_signs_nobody_in(ground: Ground) -> None:
    """What a browser sends for any page without asking first; an old one does not say where it comes from."""
    body = json.dumps({"access_token": ground.access_token()}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None):
        headers = {"Content-Type": kind} if kind else {}
        answer = Api(ground.address)._pool.request("POST", f"{ground.address}/v1/session", body=body, headers=headers)
        assert (answer.status, "Set-Cookie" in answer.headers) == (400, False), kind


def test_what_was_looked_up_before_a_revocation_is_not_remembered_after_it() -> None:
    """The answer of Postgres is under way while another request revokes."""

    async def asked() -> None:
        looking, go_on = asyncio.Event(), asyncio.Event()

        class Slow(admission.Admission):
            async def _access_token(self, key: bytes) -> Principal | None:
                looking.set()
                await go_on.wait()
                return Principal("ann", {}, None, "access-token 1")

        slow = Slow(cast(Any, None), cast(Any, None), timedelta(hours=1))
        first = asyncio.create_task(slow.by_access_token("rft_x"))
        await looking.wait()
        slow.forget_all()
        go_on.set()
        assert await first is not None
        assert not slow._cached
        assert await slow.by_access_token("rft_x") is not None
        assert len(slow._cached) == 1

    asyncio.run(asked())


def test_a_session_ends_with_time_with_idleness_and_with_its_access_token(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "CACHE_SECONDS_MAX", 0.0)

    def signed_in(**more: Any) -> Browser:
        browser = Browser(ground.address)
        assert browser.sign_in(ground.access_token(**more)).status == 200
        assert browser.ask("GET", "/v1/session").status == 200
        return browser

    latest = "(SELECT session_id FROM control.sessions ORDER BY created_at DESC LIMIT 1)"
    for change in (
        f"UPDATE control.sessions SET expires_at = now() WHERE session_id = {latest}",
        f"UPDATE control.sessions SET last_seen_at = now() - interval '2 hours' WHERE session_id = {latest}",
        f"UPDATE control.sessions SET ended_at = now() WHERE session_id = {latest}",
        "UPDATE control.access_tokens SET revoked_at = now() WHERE access_token_id ="
        f" (SELECT access_token_id FROM control.sessions WHERE session_id = {latest})",
    ):
        browser = signed_in()
        ground.execute(change)
        assert browser.ask("GET", "/v1/session").status == 401, change
    soon = datetime.fromtimestamp(datetime.now(timezone.utc).timestamp() + 1.5, timezone.utc)
    waiting = signed_in(expires_at=soon)
    until(lambda: waiting.ask("GET", "/v1/session").status == 401, 5, "the access token to expire")


def test_using_a_session_keeps_it_alive(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "CACHE_SECONDS_MAX", 0.0)
    browser = Browser(ground.address)
    browser.sign_in(ground.access_token())
    ground.execute("UPDATE control.sessions SET last_seen_at = now() - interval '1 hour' WHERE ended_at IS NULL")

    def idle_s() -> float:
        with psycopg.connect(ground.conninfo) as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM now() - last_seen_at) FROM control.sessions ORDER BY created_at DESC LIMIT 1"
            ).fetchone()
        return float(row[0]) if row else 0.0

    assert idle_s() > 3000
    assert browser.ask("GET", "/v1/session").status == 200
    until(lambda: idle_s() < 60, 10, "the use to be noted")


def test_workspaces_are_those_that_the_caller_reaches(ground: Ground) -> None:
    told = Api(ground.address, ground.access_token("read")).ask("GET", "/v1/workspaces")
    assert told.json == {"workspaces": [{"workspace": WORKSPACE, "scopes": ["read"]}]}
    ground.execute(
        "INSERT INTO state.positions (workspace, topic, partition, topic_id, next_offset)"
        " VALUES ('team-z', 't', 0, 'i', 0) ON CONFLICT DO NOTHING"
    )
    everywhere = Api(ground.address, ground.access_token("read", "admin", workspace="*")).ask("GET", "/v1/workspaces")
    assert everywhere.json["workspaces"] == [
        {"workspace": name, "scopes": ["admin", "read"]} for name in ("local", "team-z")
    ]


def test_an_administrator_sees_who_is_signed_in_and_signs_them_out(ground: Ground) -> None:
    root = Api(ground.address, ground.access_token("admin", principal="root", workspace="*"))
    browser = Browser(ground.address)
    browser.sign_in(ground.access_token(principal="mal"))
    (row,) = [one for one in root.ask("GET", "/v1/sessions").json["sessions"] if one["principal"] == "mal"]
    assert browser.cookies[COOKIE] not in str(row)
    assert root.ask("DELETE", f"/v1/sessions/{row['session_id']}").status == 204
    assert browser.ask("GET", "/v1/session").status == 401
    assert root.ask("DELETE", f"/v1/sessions/{row['session_id']}").status == 404
    acts = root.ask("GET", "/v1/audit", subject=row["session_id"]).json["audit"]
    assert [(act["action"], act["principal"]) for act in acts] == [("session.ended", "root"), ("session.begun", "mal")]
