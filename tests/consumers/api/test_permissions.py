"""The matrix: every route of the API's own document, against everybody who may come. A new route is in by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match

from runfold_consumers.api import permissions, sessions
from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.principals import SCOPES
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings
from tests.consumers.api.conftest import WORKSPACE, Api, Told, serving
from tests.consumers.api.test_document import APPLICATION, DOCUMENT, OPERATIONS
from tests.services import OwnDatabase, Services

ROUTES = [(method.upper(), path) for method, path in OPERATIONS]
OPEN = {(row.method, row.path) for row in permissions.OPEN}
ROUTED: list[Any] = [
    route
    for each in APPLICATION.router.routes
    for route in (each.original_router.routes if hasattr(each, "original_router") else [each])
    if hasattr(route, "path_format") and getattr(route, "path", "") != "/openapi.json"
]
"""As the framework finds them."""
CLOSED = [route for route in ROUTES if route not in OPEN]
UNKNOWN_PATHS = [
    ("GET", "/nowhere"),
    ("POST", "/v1/nowhere"),
    ("DELETE", "/livez/x"),
    ("GET", "/docs"),
    ("PUT", "/w/a"),
]


class Ground(NamedTuple):
    """An API, and one of everybody who may come to it."""

    api: Api
    access_tokens: dict[str, str]
    """By scope, in team-a; `other`: all scopes in team-b; `expired`, `revoked`, `unknown`."""
    cookie: str
    """Of a session with all scopes in all workspaces."""


@pytest.fixture(scope="module")
def ground(services: Services, migrated_template: str) -> Iterator[Ground]:
    store = Objects("http://127.0.0.1:1", "k", "s", "test-b")
    generous = Settings.model_construct(rate_limit="1000000/minute", rate_limit_failed="1000000/minute")
    with OwnDatabase(services, migrated_template) as (_, conninfo), serving(conninfo, store, generous) as address:

        def made(scopes: list[str], workspace: str = WORKSPACE, **more: Any) -> str:
            return create_access_token(conninfo, principal="ann", workspaces=[workspace], scopes=scopes, **more)

        tokens = {scope: made([scope]) for scope in SCOPES}
        tokens["other"] = made(list(SCOPES), "team-b")
        tokens["expired"] = made(list(SCOPES), expires_at=datetime.now(timezone.utc) - timedelta(seconds=1))
        tokens["revoked"], tokens["unknown"] = made(list(SCOPES)), "rft_unknown"
        with psycopg.connect(conninfo) as connection:
            last = "SELECT access_token_id FROM control.access_tokens ORDER BY created_at DESC LIMIT 1"
            connection.execute(
                f"UPDATE control.access_tokens SET revoked_at = now() WHERE access_token_id = ({last})".encode()
            )
        api = Api(address)
        signed_in = api.ask("POST", "/v1/session", {"access_token": made(list(SCOPES), "*")})
        yield Ground(api, tokens, signed_in.headers["Set-Cookie"].partition(";")[0])


def filled(path: str, workspace: str = WORKSPACE) -> str:
    path = path.replace("{workspace}", workspace).replace("{kind}", "dataset")
    return re.sub(
        r"\{(version|partition|offset|ordinal|attempt)\}",
        "1",
        re.sub(r"\{(?!version|partition|offset)[^}]*\}", "x", path),
    )


def scope_of(method: str, path: str) -> str | None:
    """What the contract says, told again without the table's patterns: by the prefix of the path and the method."""
    if (method, path) in OPEN:
        return None
    if path in ("/v1/session", "/v1/workspaces"):
        return ""
    if (
        "/roles" in path
        or path.startswith(("/v1/access-tokens", "/v1/audit", "/v1/sessions"))
        or path.endswith("/retry")
    ):
        return "admin"
    return "read" if method == "GET" or path.endswith(("/wait", "/series", "/sql")) else "write"


def body_of(method: str) -> Any:
    return None if method in ("GET", "DELETE") else {}


def asked(ground: Ground, who: str, method: str, path: str) -> Told:
    if path.endswith("/changes"):  # a stream that would not end: a HEAD of it is no different at the gate
        method = "HEAD"
    return ground.api.known_as(ground.access_tokens[who]).ask(method, filled(path), body_of(method))


def test_the_document_has_the_routes_and_the_table_has_no_others() -> None:
    assert len(CLOSED) >= 40
    assert {(method, route.path_format) for route in ROUTED for method in route.methods} >= set(ROUTES)
    document = {(method, re.sub(r":path\}", "}", path)) for method, path in ROUTES}
    rows = {(row.method, re.sub(r":path\}", "}", row.path)) for row in permissions.NAMED if row not in permissions.PAGE}
    assert rows - document - {("GET", "/openapi.json")} == set()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_table_says_what_the_contract_says(method: str, path: str) -> None:
    need = permissions.need(method, filled(path))
    assert need.scope == scope_of(method, path)
    assert need.workspace == (WORKSPACE if path.startswith("/v1/workspaces/") else None)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_gate_and_the_router_read_every_path_alike(method: str, path: str) -> None:
    """Whatever is written instead of a path: where the router finds a route, the gate has asked for what that needs."""
    plain = filled(path)
    parts = plain.split("/")
    written = [
        plain + end for end in ("\n", "\n\n", "\r", "\r\n", "/", "//", "\0", " ", ".", ";a", "?", "#", "\u2028", "%0A")
    ]
    written += [plain.replace("/", "//", 1), "/" + plain, plain.upper(), plain.title(), f"/x/..{plain}", f"/.{plain}"]
    for place in range(1, len(parts)):
        for odd in ("", ".", "..", "*", parts[place] + "\n", "\n" + parts[place], "%2F", parts[place].upper(), "é"):
            written.append("/".join([*parts[:place], odd, *parts[place + 1 :]]))
    for each in written:
        for said in (method, "HEAD" if method == "GET" else method.lower()):
            for route in ROUTED:
                match, child = route.matches({"type": "http", "method": said, "path": each, "headers": []})
                if match is Match.FULL and not permissions.is_of_page(filled(route.path)):
                    need = permissions.need(said, each)
                    assert need.scope == scope_of(method, route.path_format), each
                    assert need.workspace == child["path_params"].get("workspace"), each


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"]), path=st.text()
)
def test_whatever_is_asked_for_is_closed_unless_a_row_opens_it(method: str, path: str) -> None:
    need = permissions.need(method, "/" + path)
    if need.scope is None:
        assert method in ("GET", "HEAD", "POST")
        assert permissions.is_of_page("/" + path) or (method, "/" + path) in OPEN or ("GET", "/" + path) in OPEN
    elif method not in ("GET", "HEAD", "POST"):
        assert need.scope in ("write", "admin", "")


@pytest.mark.parametrize(("method", "path"), [*CLOSED, *UNKNOWN_PATHS])
def test_nobody_comes_in_without_a_good_access_token(ground: Ground, method: str, path: str) -> None:
    for stranger in (None, *(ground.access_tokens[who] for who in ("unknown", "expired", "revoked")), "x" * 5000):
        told = ground.api.known_as(stranger).ask(method, filled(path), body_of(method))
        assert (told.status, told.code) == (401, "unauthenticated"), stranger
        assert told.headers["WWW-Authenticate"] == "Bearer"
    for authorization in ("Basic YTpi", "Bearer", "bearer  ", "rft_x", f"Token {ground.access_tokens['read']}"):
        answer = ground.api._pool.request(
            method, ground.api.address + filled(path), headers={"Authorization": authorization}
        )
        assert answer.status == 401, authorization


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_an_access_token_opens_what_its_scope_names_in_its_workspace_and_nothing_else(
    ground: Ground, method: str, path: str
) -> None:
    needed = scope_of(method, path)
    for scope in SCOPES:
        told = asked(ground, scope, method, path)
        refused = told.status == 403 and b"this needs the scope" in told.data
        if path.endswith("/changes"):
            refused = told.status == 403
        elif path.startswith("/v1/sessions"):
            assert told.status == 403  # that is for administrators of all workspaces
            continue
        assert refused == (needed not in ("", scope)), (scope, told.status, told.data[:200])
        assert told.status < 500 or b'"unavailable"' in told.data  # past the gate: broker and store are not here
    if path.startswith("/v1/workspaces/"):
        told = asked(ground, "other", method, path)
        assert told.status == 403
        if not path.endswith("/changes"):
            assert told.code == "forbidden"


@pytest.mark.parametrize(("method", "path"), [route for route in CLOSED if route[0] != "GET"])
def test_a_cookie_alone_changes_nothing(ground: Ground, method: str, path: str) -> None:
    """No CSRF value, a wrong one, another session's; and whatever it says, not for a page elsewhere."""
    secret = ground.cookie.partition("=")[2]
    right = sessions.csrf_of(secret)
    for headers in (
        {},
        {"Runfold-CSRF": ""},
        {"Runfold-CSRF": right[:-1]},
        {"Runfold-CSRF": sessions.csrf_of("another")},
        {"Runfold-CSRF": right, "Sec-Fetch-Site": "cross-site"},
        {"Runfold-CSRF": right, "Sec-Fetch-Site": "same-site"},
    ):
        answer = ground.api._pool.request(
            method, ground.api.address + filled(path), headers={"Cookie": ground.cookie, **headers}
        )
        assert answer.status == 403, headers
        assert b'"csrf"' in answer.data


def test_the_probes_and_the_page_are_open_and_the_document_is_not(ground: Ground) -> None:
    api = ground.api
    assert api.ask("GET", "/livez").status == 200
    assert api.ask("GET", "/readyz").status == 200
    for path in ("/", "/sign-in", "/w/team-a/runs", "/w/team-a/runs/x%2Fy?tab=charts"):
        assert api.ask("GET", path).status in (200, 503)  # 503: the page is not built here
    assert api.ask("GET", "/openapi.json").status == 401
    reader = api.known_as(ground.access_tokens["read"])
    assert reader.ask("GET", "/openapi.json").json["info"]["title"] == DOCUMENT["info"]["title"]
    assert reader.ask("GET", "/docs").status == 404
