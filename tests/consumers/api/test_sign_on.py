"""Sign-on by a real OpenID Connect provider (oidc-provider-mock), and what happens when it lies, hurries or is away."""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import urllib3
from joserfc import jwt
from joserfc.jwk import RSAKey
from oidc_provider_mock import User, run_server_in_thread
from pydantic import SecretStr

from runfold_consumers.api import principals, roles, sign_on
from runfold_consumers.api.access import COMMAND
from runfold_consumers.api.audit import opened
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings, SettingsError
from tests.consumers.api.conftest import WORKSPACE, Told, serving
from tests.consumers.api.test_sessions import Browser
from tests.services import OwnDatabase, Services

CLIENT = "runfold"
USERS = (
    User(sub="u-ann", claims={"email": "Ann@example.com", "email_verified": True, "groups": ["vision", "all"]}),
    User(sub="u-bob", claims={"email": "root@example.com", "email_verified": False, "groups": "vision"}),
    User(sub="root@example.com", claims={}),
    User(sub="group:admins", claims={"preferred_username": "mallory"}),
    User(sub="u-new", claims={"email": "new@example.com", "email_verified": True}),
)


class Ground(NamedTuple):
    address: str
    issuer: str
    conninfo: str

    def browser(self) -> Browser:
        return Browser(self.address)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with run_server_in_thread(user_claims=USERS, require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def ground(services: Services, migrated_template: str, issuer: str) -> Iterator[Ground]:
    store = Objects("http://127.0.0.1:1", "k", "s", "test-b")
    settings = settings_of(issuer)
    with OwnDatabase(services, migrated_template) as (_, conninfo), serving(conninfo, store, settings) as address:
        with opened(conninfo) as connection:
            for workspace, principal, scopes in (
                (WORKSPACE, "ann@example.com", ["read"]),
                (WORKSPACE, "group:vision", ["write"]),
                ("team-b", "u-bob", ["read"]),
                ("*", "root@example.com", ["admin"]),
                ("*", "group:admins", ["admin"]),
            ):
                roles.put(connection, COMMAND, workspace, principal, scopes)
        yield Ground(address, issuer, conninfo)


def settings_of(issuer: str, **more: Any) -> Settings:
    fields: dict[str, Any] = {
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SecretStr("a secret"),
        "oidc_name": "Example",
        "public_address": "http://localhost:8400",  # the provider sends browsers there; the test goes on by hand
        "rate_limit_failed": "100000/minute",
    }
    return Settings.model_construct(**{**fields, **more})


def begun(browser: Browser, return_to: str = "/w/team-a/runs?q=a") -> str:
    """Where the browser is sent."""
    told = browser.ask("GET", "/v1/sign-on/oidc?" + urlencode({"return_to": return_to}))
    assert told.status == 303, told.data
    return told.headers["Location"]


def agreed(url: str, subject: str) -> str:
    """What comes back when the user agrees: the path of the callback."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = urllib3.PoolManager().request(
        "POST", url, body=urlencode({"sub": subject}), headers=form, redirect=False, retries=False
    )
    assert answer.status == 302, answer.data[:500]
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def signed_on(ground: Ground, subject: str) -> tuple[Browser, Told]:
    browser = ground.browser()
    told = browser.ask("GET", agreed(begun(browser), subject))
    return browser, told


def error_of(told: Told) -> str:
    """Why the browser was sent back to the sign-in page."""
    assert told.status == 303
    parts = urlsplit(told.headers["Location"])
    assert parts.path == "/sign-in"
    assert not [line for line in told.headers.getlist("Set-Cookie") if "runfold_session" in line]
    return parse_qs(parts.query)["error"][0]


def test_the_way_to_the_provider_carries_all_that_protects_it(ground: Ground) -> None:
    assert ground.browser().ask("GET", "/v1/sign-on").json == {"oidc": {"name": "Example", "url": "/v1/sign-on/oidc"}}
    browser = ground.browser()
    url = begun(browser)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(f"{ground.issuer}/oauth2/authorize?")
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://localhost:8400/v1/sign-on/oidc/callback"
    assert asked["scope"] == "openid email profile"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    assert dict(parse_qsl(urlsplit(begun(browser)).query))["state"] != asked["state"]


def test_who_signs_on_gets_the_roles_of_subject_address_and_groups(ground: Ground) -> None:
    browser, told = signed_on(ground, "u-ann")
    assert (told.status, told.headers["Location"]) == (303, "/w/team-a/runs?q=a")
    session = browser.ask("GET", "/v1/session").json
    assert session["principal"] == "ann@example.com"
    assert session["workspaces"] == [{"workspace": WORKSPACE, "scopes": ["read", "write"]}]
    assert browser.ask("GET", f"/v1/workspaces/{WORKSPACE}").status == 200
    browser, _ = signed_on(ground, "u-bob")
    reached = {one["workspace"]: one["scopes"] for one in browser.ask("GET", "/v1/session").json["workspaces"]}
    assert reached == {"team-b": ["read"], WORKSPACE: ["write"]}


@pytest.mark.parametrize("subject", ["u-bob", "root@example.com", "group:admins"])
def test_nobody_becomes_an_administrator_by_what_they_call_themselves(ground: Ground, subject: str) -> None:
    """An address that is not verified, a subject like an address, a subject like a group."""
    browser, _ = signed_on(ground, subject)
    session = browser.ask("GET", "/v1/session").json
    assert not [one for one in session["workspaces"] if "admin" in one["scopes"]]
    assert browser.ask("GET", "/v1/access-tokens").status == 403


def test_a_role_that_changes_holds_for_sessions_that_are_open(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold_consumers.api.admission.CACHE_SECONDS_MAX", 0.0)
    browser, _ = signed_on(ground, "u-new")
    assert browser.ask("GET", "/v1/session").json["workspaces"] == []
    with opened(ground.conninfo) as connection:
        roles.put(connection, COMMAND, "team-n", "new@example.com", ["read"])
    assert browser.ask("GET", "/v1/workspaces/team-n").status == 200
    with opened(ground.conninfo) as connection:
        roles.remove(connection, COMMAND, "team-n", "new@example.com")
    assert browser.ask("GET", "/v1/workspaces/team-n").status == 403


def test_a_state_is_good_once_for_the_browser_that_began(ground: Ground) -> None:
    browser = ground.browser()
    back = agreed(begun(browser), "u-ann")
    assert error_of(ground.browser().ask("GET", back)) == "state"  # another browser: sign-in forced upon somebody
    assert error_of(browser.ask("GET", back.replace("state=", "state=x"))) == "state"
    browser.cookies.clear()
    assert error_of(browser.ask("GET", back)) == "state"
    browser = ground.browser()
    back = agreed(begun(browser), "u-ann")
    kept = dict(browser.cookies)
    assert browser.ask("GET", back).headers["Location"] == "/w/team-a/runs?q=a"
    browser.cookies = kept
    assert error_of(browser.ask("GET", back)) == "state"
    assert error_of(browser.ask("GET", sign_on.CALLBACK)) == "state"


def test_a_sign_on_that_took_too_long_is_over(ground: Ground) -> None:
    browser = ground.browser()
    back = agreed(begun(browser), "u-ann")
    with opened(ground.conninfo) as connection:
        connection.execute("UPDATE control.sign_ons SET begun_at = now() - interval '11 minutes'")
    assert error_of(browser.ask("GET", back)) == "state"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda back: back.replace("code=", "code=x"), "refused"),
        (lambda back: "?".join((back.partition("?")[0], back.partition("?")[2].replace("code=", "c="))), "refused"),
        (lambda back: back + "&error=access_denied", "refused"),
        (lambda back: back + "&iss=https%3A%2F%2Fevil.example", "not_trusted"),
    ],
)
def test_what_comes_back_changed_lets_nobody_in(ground: Ground, change: Callable[[str], str], code: str) -> None:
    browser = ground.browser()
    assert error_of(browser.ask("GET", change(agreed(begun(browser), "u-ann")))) == code


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "/a\r\nSet-Cookie: x=y",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_on(ground: Ground, target: str) -> None:
    browser = ground.browser()
    assert browser.ask("GET", agreed(begun(browser, target), "u-ann")).headers["Location"] == "/"


KEY, OTHER_KEY = RSAKey.generate_key(2048), RSAKey.generate_key(2048)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, issuer: str) -> sign_on.Provider:
    """Asks the real one for its description, and is told our key as the provider's."""
    asked = sign_on._asked

    async def told(url: str, headers: Any = None) -> dict[str, Any]:
        answer = await asked(url, headers)
        return {"keys": [KEY.as_dict(private=False)]} if url.endswith("/jwks") else answer

    monkeypatch.setattr(sign_on, "_asked", told)
    return sign_on.Provider(settings_of(issuer))


async def _checked(provider: sign_on.Provider, token: str) -> dict[str, Any]:
    return await provider._checked(await provider._discovered(), token, "the-nonce", None)


def claims(issuer: str, **change: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {"iss": issuer, "aud": CLIENT, "sub": "u", "exp": now + 300, "iat": now, "nonce": "the-nonce", **change}
    return {name: value for name, value in told.items() if value is not None}


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": ["another", "third"]},
        {"aud": None},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
)
def test_an_id_token_that_does_not_hold_lets_nobody_in(
    provider: sign_on.Provider, issuer: str, change: dict[str, Any]
) -> None:
    right = jwt.encode({"alg": "RS256"}, claims(issuer), KEY)
    assert asyncio.run(_checked(provider, right))["sub"] == "u"
    wrong = jwt.encode({"alg": "RS256"}, claims(issuer, **change), KEY)
    with pytest.raises(sign_on.SignOnError) as refused:
        asyncio.run(_checked(provider, wrong))
    assert refused.value.code == "not_trusted"


@pytest.mark.parametrize("said", [["HS256"], ["none"], [{}], 7, "RS256"])
def test_a_provider_that_signs_by_nothing_sound_lets_nobody_in(provider: sign_on.Provider, said: Any) -> None:
    token = jwt.encode({"alg": "RS256"}, claims(provider._issuer), KEY)
    with pytest.raises(sign_on.SignOnError) as refused:
        asyncio.run(provider._checked({"id_token_signing_alg_values_supported": said}, token, "the-nonce", None))
    assert refused.value.code == "not_trusted"


@pytest.mark.parametrize(
    ("claimed", "told", "address"),
    [
        ({"email": "root@example.com"}, {"email": "me@example.com", "email_verified": True}, None),
        ({"email": "root@example.com"}, {"email_verified": True}, None),
        ({"email": "me@example.com"}, {"email": "me@example.com", "email_verified": True}, "me@example.com"),
        ({}, {"email": "me@example.com", "email_verified": True}, "me@example.com"),
        ({"email_verified": True}, {"email": "root@example.com"}, None),
        ({"email": "u-root", "email_verified": True}, {}, "u-root"),
    ],
)
def test_an_address_counts_where_the_same_answer_says_that_it_is_verified(
    provider: sign_on.Provider, monkeypatch: pytest.MonkeyPatch, claimed: Any, told: Any, address: str | None
) -> None:
    async def asked(url: str, headers: Any = None) -> dict[str, Any]:
        return {"sub": "u", **told}

    monkeypatch.setattr(sign_on, "_asked", asked)
    metadata = {"userinfo_endpoint": "https://login.example/me"}
    found = provider._person(asyncio.run(provider._completed(metadata, {"sub": "u", **claimed}, "t")))
    assert found.email == address
    assert principals.role_names("u", found.email, True, []) == [
        "*",
        "u",
        *([address] if address and "@" in address else []),
    ]


def test_a_provider_that_always_names_itself_must(provider: sign_on.Provider) -> None:
    async def finished() -> None:
        (await provider._discovered())["authorization_response_iss_parameter_supported"] = True
        await provider.finish("code", "nonce", "verifier", None)

    with pytest.raises(sign_on.SignOnError) as refused:
        asyncio.run(finished())
    assert refused.value.code == "not_trusted"


def test_sign_ons_of_an_address_are_counted_before_anything_is_kept(ground: Ground, issuer: str) -> None:
    store = Objects("http://127.0.0.1:1", "k", "s", "test-b")
    with serving(ground.conninfo, store, settings_of(issuer, rate_limit_failed="3/minute")) as address:
        browser = Browser(address)
        assert [browser.ask("GET", "/v1/sign-on").status for _ in range(5)] == [200] * 5
        statuses = [browser.ask("GET", path).status for path in ("/v1/sign-on/oidc", sign_on.CALLBACK) * 2]
        assert statuses == [303, 303, 303, 429]


def test_behind_tls_a_sign_on_is_bound_to_this_host(ground: Ground, issuer: str) -> None:
    """A neighbour below the same domain could plant a plain cookie, and with it a sign-on of its own."""
    store = Objects("http://127.0.0.1:1", "k", "s", "test-b")
    secure = settings_of(issuer, public_address="https://runfold.example")
    with serving(ground.conninfo, store, secure) as address:
        line = Browser(address).ask("GET", "/v1/sign-on/oidc").headers["Set-Cookie"]
    assert line.startswith("__Host-runfold_sign_on=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(line.split("; "))
    assert "Domain" not in line


def test_a_signature_that_is_not_the_providers_lets_nobody_in(provider: sign_on.Provider, issuer: str) -> None:
    by_another = jwt.encode({"alg": "RS256"}, claims(issuer), OTHER_KEY)
    head, body, _ = jwt.encode({"alg": "RS256"}, claims(issuer), KEY).split(".")
    unsigned = f"eyJhbGciOiJub25lIn0.{body}."
    signed = f"eyJhbGciOiJIUzI1NiJ9.{body}"  # by HMAC, with the public key for a secret
    mac = hmac.new(KEY.as_pem(private=False), signed.encode(), "sha256").digest()
    by_public_key = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    for wrong in (by_another, by_public_key, unsigned, f"{head}.{body}.", "x", "", "a.b.c"):
        with pytest.raises(sign_on.SignOnError) as refused:
            asyncio.run(_checked(provider, wrong))
        assert refused.value.code == "not_trusted"


def test_a_provider_that_is_away_or_another_is_told(ground: Ground, issuer: str) -> None:
    store = Objects("http://127.0.0.1:1", "k", "s", "test-b")
    for wrong, code in (
        ("http://127.0.0.1:1", "provider_away"),
        (issuer.replace("localhost", "127.0.0.1") + "/", "not_trusted"),
    ):
        with serving(ground.conninfo, store, settings_of(wrong)) as address:
            assert error_of(Browser(address).ask("GET", "/v1/sign-on/oidc")) == code


def test_without_a_provider_there_is_no_sign_on(ground: Ground) -> None:
    with serving(ground.conninfo, Objects("http://127.0.0.1:1", "k", "s", "test-b")) as address:
        browser = Browser(address)
        assert browser.ask("GET", "/v1/sign-on").json == {"oidc": None}
        assert browser.ask("GET", "/v1/sign-on/oidc").status == 404
        assert browser.ask("GET", sign_on.CALLBACK).status == 404


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"oidc_client_id": None}, "OIDC_CLIENT_ID"),
        ({"public_address": None, "api": None}, "PUBLIC_ADDRESS"),
        ({"public_address": "http://runfold.example"}, "https"),
        ({"oidc_issuer": "http://login.example"}, "https"),
        ({"oidc_client_secret": None, "oidc_client_secret_file": "/nowhere/secret"}, "SECRET_FILE"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_start(issuer: str, change: dict[str, Any], told: str) -> None:
    fields = {name: Path(v) if name.endswith("_file") else v for name, v in change.items()}
    with pytest.raises(SettingsError, match=told):
        sign_on.Provider(settings_of(issuer, **fields))


def test_the_secret_may_stand_in_a_file(issuer: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("in a file\n")
    provider = sign_on.Provider(
        settings_of(issuer, oidc_client_secret=None, oidc_client_secret_file=tmp_path / "secret")
    )
    assert provider._client_secret == "in a file"
