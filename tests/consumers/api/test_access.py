"""Access tokens: kept as a hash, ended in time, in no log; and bodies that nobody should wait for.

Which route needs what is `test_permissions`'s."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import psycopg
import pytest

from runfold_consumers.api import admission, gate
from runfold_consumers.api.access import create_access_token, revoke_access_token
from runfold_consumers.artifacts.objects import Objects
from tests.consumers.api.conftest import WORKSPACE, Api, serving
from tests.services import OwnDatabase, Services
from tests.waiting import until


@pytest.fixture(scope="module")
def database(services: Services, migrated_template: str) -> Iterator[str]:
    """One for all of these."""
    with OwnDatabase(services, migrated_template) as (_, conninfo):
        yield conninfo


@pytest.fixture(scope="module")
def address(database: str) -> Iterator[str]:
    with serving(database, Objects("http://127.0.0.1:1", "k", "s", "b")) as address:
        yield address


def test_an_access_token_is_kept_as_its_hash_alone(database: str) -> None:
    secret = create_access_token(database, principal="kept", workspaces=["*"], scopes=["read"])
    assert secret.startswith("rft_")
    assert len(secret) == 4 + 43
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT hash, t::text FROM control.access_tokens AS t WHERE principal = 'kept'"
        ).fetchall()
    assert [row[0] for row in rows] == [hashlib.sha256(secret.encode()).digest()]
    assert secret not in rows[0][1]


def test_an_expired_access_token_is_refused_at_once_and_a_revoked_one_soon(
    api: Api, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(timezone.utc)

    def made(expires_at: datetime | None) -> Api:
        return api.known_as(
            create_access_token(
                database, principal="ann", workspaces=[WORKSPACE], scopes=["read"], expires_at=expires_at
            )
        )

    assert made(now - timedelta(seconds=1)).get("").status == 401
    assert made(now + timedelta(hours=1)).get("").status == 200
    soon = made(datetime.now(timezone.utc) + timedelta(seconds=0.7))
    assert soon.get("").status == 200
    until(lambda: soon.get("").status == 401, 3, "a remembered access token to expire")

    monkeypatch.setattr(admission, "CACHE_SECONDS_MAX", 0.2)
    revoked = made(None)
    assert revoked.get("").status == 200
    assert revoked.access_token is not None
    assert revoke_access_token(database, revoked.access_token)
    assert not revoke_access_token(database, revoked.access_token)
    until(lambda: revoked.get("").status == 401, 3, "a revocation to hold")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"scopes": ["reed"]}, "reed"),
        ({"scopes": []}, "none given"),
        ({"scopes": "read"}, "list of scopes"),
        ({"workspaces": []}, "workspaces"),
        ({"principal": ""}, "principal"),
        ({"expires_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 that is what is refused
    ],
)
def test_a_wrong_access_token_is_not_made(database: str, fields: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        create_access_token(database, **{"principal": "ann", "workspaces": ["*"], "scopes": ["read"], **fields})  # type: ignore[arg-type]


def test_a_body_that_does_not_come_is_not_waited_for_long(
    api: Api, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "BODY_SECONDS_MAX", 0.3)
    with socket.create_connection(address.removeprefix("http://").split(":"), timeout=10) as slow:  # type: ignore[arg-type]
        slow.sendall(
            f"POST /v1/workspaces/{WORKSPACE}/wait HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.access_token}\r\n"
            'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"not'.encode()
        )
        answer = b"".join(iter(lambda: slow.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"too_slow"' in answer


def test_no_access_token_comes_into_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    assert api.access_token is not None
    for caller in (api, api.known_as("rft_wrong")):
        caller.get("/runs", tags="{", cursor="\0", not_before="w1.x")
        caller.get("/runs/a", wait_s="nan")
    secrets = (api.access_token, "rft_wrong")
    ours = [record for record in caplog.records if not record.name.startswith(("urllib3", "asyncio"))]
    assert not [record for record in ours if any(secret in record.getMessage() for secret in secrets)]


def test_a_large_body_is_refused_before_it_is_read(api: Api) -> None:
    path = f"/v1/workspaces/{WORKSPACE}/wait"
    large = b'{"not_before": "' + b"x" * (1 << 20) + b'"}'
    told = api.ask("POST", path, raw=large)
    assert (told.status, told.code) == (413, "too_large")
    told = api.ask("POST", path, raw=iter([large[:600_000], large[600_000:]]))  # chunked: no length is told before
    assert (told.status, told.code) == (413, "too_large")
