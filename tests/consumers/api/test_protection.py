"""What stands between the API and the world: limits, headers, CORS, proxies, TLS. Closed unless a setting opens it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runfold_consumers.api import protecting
from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.limiting import Limits, _network
from runfold_consumers.api.serving import reload_certificate, tls_context
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings, SettingsError
from tests.consumers.api.conftest import WORKSPACE, Api, serving
from tests.services import OwnDatabase, Services

STORE = "http://store.example:9000"


@pytest.fixture(scope="module")
def conninfo(services: Services, migrated_template: str) -> Iterator[str]:
    with OwnDatabase(services, migrated_template) as (_, conninfo):
        yield conninfo


def known(address: str, conninfo: str, principal: str = "ann") -> Api:
    return Api(address, create_access_token(conninfo, principal=principal, workspaces=["*"], scopes=["read"]))


def objects() -> Objects:
    return Objects(STORE, "k", "s", "test-b")


@pytest.fixture(scope="module")
def plain(conninfo: str) -> Iterator[Api]:
    """As it is without any setting."""
    with serving(conninfo, objects()) as address:
        yield known(address, conninfo)


def test_a_principal_is_answered_so_often_and_then_told_when_to_come_back(conninfo: str) -> None:
    with serving(conninfo, objects(), Settings.model_construct(rate_limit="5/minute")) as address:
        ann, bob = known(address, conninfo), known(address, conninfo, "bob")
        other_of_ann = known(address, conninfo)
        statuses = [ann.get("").status for _ in range(3)] + [other_of_ann.get("").status for _ in range(2)]
        assert statuses == [200] * 5
        refused = other_of_ann.get("")  # counted by who asks, not by what they hold
        assert (refused.status, refused.code) == (429, "too_many")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.json["error"]["limit"] == "5 per 1 minute"
        assert bob.get("").status == 200
        assert bob.known_as(None).ask("GET", "/livez").status == 200


def test_an_address_that_guesses_is_shut_out_for_a_while_with_good_access_tokens_too(conninfo: str) -> None:
    with serving(conninfo, objects(), Settings.model_construct(rate_limit_failed="3/minute")) as address:
        ann = known(address, conninfo)
        for _ in range(5):
            assert ann.known_as(None).get("").status == 401  # who says nothing guesses nothing
        for number in range(3):
            assert ann.known_as(f"rft_guess{number}").get("").status == 401
        for access_token in ("rft_guess", ann.access_token):
            refused = ann.known_as(access_token).get("")
            assert (refused.status, refused.code) == (429, "too_many")
        assert ann.ask("POST", "/v1/session", {"access_token": "rft_x"}).status == 429


def test_addresses_of_ipv6_count_by_the_network_that_one_machine_has() -> None:
    assert _network("2001:db8:1:2:aaaa::1") == _network("2001:db8:1:2:bbbb::2") == "2001:db8:1:2::/64"
    assert _network("10.0.0.1") != _network("10.0.0.2")
    assert _network("::ffff:10.0.0.1") == "10.0.0.1"  # on a socket that takes both kinds
    assert _network(None) == _network("testclient") == "unknown"


@pytest.mark.parametrize("text", ["", "many", "5/fortnight", "5"])
def test_a_limit_that_cannot_be_read_is_refused_at_start(text: str) -> None:
    with pytest.raises(SettingsError, match="RUNFOLD_RATE_LIMIT"):
        Limits(Settings.model_construct(rate_limit=text))


def test_every_answer_carries_the_headers_that_protect_browsers(plain: Api) -> None:
    for told in (
        plain.ask("GET", "/livez"),
        plain.get(""),
        plain.get("/runs/unknown"),
        plain.known_as(None).get(""),
        plain.ask("GET", "/nowhere"),
        plain.ask("POST", "/v1/session", {}),
        plain.ask("GET", "/w/a"),
    ):
        headers = told.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in headers  # there is no TLS here
        assert "Server" not in headers
    assert plain.get("").headers["Content-Security-Policy"] == protecting.OF_ANSWERS
    assert plain.get("").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/sign-in", "/w/team-a/runs", "/assets/x.js"])
def test_the_page_may_run_and_load_its_own_files_alone(plain: Api, path: str) -> None:
    policy = dict(part.split(" ", 1) for part in plain.ask("GET", path).headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["img-src"] == f"'self' data: blob: {STORE}"
    assert policy["connect-src"] == f"'self' {STORE}"
    assert "unsafe" not in str(policy)


def test_no_page_elsewhere_may_ask_unless_a_setting_names_it(plain: Api, conninfo: str) -> None:
    def preflight(address: str, origin: str) -> Any:
        return urllib3.request(
            "OPTIONS",
            f"{address}/v1/workspaces/{WORKSPACE}",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorization",
            },
            retries=False,
        )

    closed = preflight(plain.address, "https://notebook.example")
    assert closed.status == 401
    assert "Access-Control-Allow-Origin" not in closed.headers
    setting = Settings.model_construct(cors_origins="https://notebook.example, https://other.example/")
    with serving(conninfo, objects(), setting) as address:
        opened = preflight(address, "https://notebook.example")
        assert (opened.status, opened.headers["Access-Control-Allow-Origin"]) == (200, "https://notebook.example")
        assert "Access-Control-Allow-Credentials" not in opened.headers
        assert preflight(address, "https://other.example").status == 200
        stranger = preflight(address, "https://evil.example")
        assert stranger.status == 400
        assert "Access-Control-Allow-Origin" not in stranger.headers


def test_addresses_and_headers_have_a_bound(plain: Api) -> None:
    long = plain.get("/runs", experiment="x" * 50_000)
    assert (long.status, long.code) == (414, "too_large")
    for headers in ({"X-Large": "x" * 20_000}, {f"X-{n}": "x" for n in range(120)}):
        answer = urllib3.request("GET", f"{plain.address}/livez", headers=headers)
        assert answer.status == 431
    assert urllib3.request("GET", f"{plain.address}/livez", headers={"X-Huge": "x" * 200_000}).status == 400


def test_what_a_proxy_says_about_its_client_is_believed_where_it_is_trusted(conninfo: str) -> None:
    def address_of(api: Api, conninfo: str) -> Any:
        import psycopg

        urllib3.request(
            "POST",
            f"{api.address}/v1/session",
            json={"access_token": api.access_token},
            headers={"X-Forwarded-For": "203.0.113.7"},
        )
        with psycopg.connect(conninfo) as connection:
            row = connection.execute("SELECT address FROM control.audit ORDER BY audit_id DESC LIMIT 1").fetchone()
        return row and row[0]

    with serving(conninfo, objects()) as address:
        assert address_of(known(address, conninfo), conninfo) == "127.0.0.1"
    with serving(conninfo, objects(), Settings.model_construct(trusted_proxies="127.0.0.0/8")) as address:
        assert address_of(known(address, conninfo), conninfo) == "203.0.113.7"
    with serving(conninfo, objects(), Settings.model_construct(trusted_proxies="10.0.0.1")) as address:
        assert address_of(known(address, conninfo), conninfo) == "127.0.0.1"


def certificate(folder: Path, name: str) -> dict[str, Path]:
    """A certificate of its own for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    import ipaddress

    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    files = {"tls_certificate": folder / f"{name}.crt", "tls_key": folder / f"{name}.key"}
    files["tls_certificate"].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files["tls_key"].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def test_the_api_serves_tls_of_the_least_version_that_is_set(conninfo: str, tmp_path: Path) -> None:
    files = certificate(tmp_path, "first")
    with serving(conninfo, objects(), Settings.model_construct(**files, tls_version_min="1.3")) as address:
        secure = address.replace("http://", "https://")
        pool = urllib3.PoolManager(ca_certs=str(files["tls_certificate"]), retries=False)
        told = pool.request("GET", f"{secure}/livez")
        assert (told.status, told.headers["Strict-Transport-Security"]) == (200, protecting.HSTS)
        pool.clear()  # the server would wait for an answer to its goodbye
        old = urllib3.PoolManager(
            ca_certs=str(files["tls_certificate"]), retries=False, ssl_maximum_version=ssl.TLSVersion.TLSv1_2
        )
        with pytest.raises(urllib3.exceptions.SSLError):
            old.request("GET", f"{secure}/livez")
        with pytest.raises(urllib3.exceptions.HTTPError):
            urllib3.PoolManager(retries=False, timeout=0.5).request("GET", f"{address}/livez")


def test_a_renewed_certificate_is_taken_up_and_a_broken_one_is_not(tmp_path: Path) -> None:
    settings = Settings.model_construct(**certificate(tmp_path, "served"))
    context = tls_context(settings)
    assert context is not None

    def shown() -> str:
        import socket
        import threading

        listener = socket.create_server(("127.0.0.1", 0))

        def answer() -> None:
            with listener, context.wrap_socket(listener.accept()[0], server_side=True):
                pass

        thread = threading.Thread(target=answer)
        thread.start()
        told = ssl.get_server_certificate(listener.getsockname()[:2])
        thread.join(10)
        return told

    first = shown()
    certificate(tmp_path, "served")
    assert shown() == first
    assert reload_certificate(context, settings)
    second = shown()
    assert second != first
    (tmp_path / "served.crt").write_text("broken")
    assert not reload_certificate(context, settings)
    assert shown() == second


@pytest.mark.parametrize("missing", ["tls_certificate", "tls_key"])
def test_half_of_tls_is_refused_at_start(tmp_path: Path, missing: str) -> None:
    files: dict[str, Any] = {**certificate(tmp_path, "half"), missing: None}
    with pytest.raises(SettingsError, match="both"):
        tls_context(Settings.model_construct(**files))
    other = certificate(tmp_path, "other")
    files[missing] = other[missing]
    with pytest.raises(SettingsError, match="cannot be used"):
        tls_context(Settings.model_construct(**files))
