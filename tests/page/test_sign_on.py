"""Signing on by an organisation's provider (oidc-provider-mock), from the button to a page with data, and out again."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from runfold_consumers.api import roles
from runfold_consumers.api.access import COMMAND
from runfold_consumers.api.audit import opened as audited
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings
from tests.consumers.api.conftest import serving
from tests.page.conftest import Filled, Open, Opened

ANN = User(sub="u-ann", claims={"email": "ann@example.com", "email_verified": True})


@pytest.fixture(scope="module")
def filled(filled: Filled) -> Iterator[Filled]:
    """The same ledger behind an API of its own that knows a provider, where Ann may read."""
    conninfo = filled.stack.environment["RUNFOLD_POSTGRES"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with run_server_in_thread(user_claims=[ANN], require_nonce=True) as provider:
        settings = Settings.model_construct(
            oidc_issuer=f"http://localhost:{provider.server_port}",
            oidc_client_id="runfold",
            oidc_client_secret=SecretStr("a secret"),
            oidc_name="Example",
            public_address=f"http://localhost:{port}",
        )
        with serving(conninfo, Objects("http://127.0.0.1:1", "k", "s", "b"), settings, port):
            with audited(conninfo) as connection:
                roles.put(connection, COMMAND, filled.workspace, "ann@example.com", ["read"])
            yield filled._replace(api=f"http://localhost:{port}")
            with audited(conninfo) as connection:
                roles.remove(connection, COMMAND, filled.workspace, "ann@example.com")


def at_the_provider(one: Opened, below: str) -> Page:
    """Who is not signed in opens a view, and presses the button."""
    one.expected = ["401"]
    one.page.route("https://cdn.jsdelivr.net/**", lambda route: route.fulfill(body="", content_type="text/css"))
    page = one.go(below)
    expect(page.get_by_role("form", name="Sign in")).to_be_visible()
    one.accessible()
    page.get_by_role("link", name="Sign in with Example").click()
    expect(page.get_by_role("heading", name="Authorize Client")).to_be_visible()
    return page


def test_the_button_leads_over_the_provider_to_where_one_wanted_and_sign_out_ends_it(
    opened: Open, filled: Filled
) -> None:
    below = "runs?q=tag.team+%3D+vision"
    page = at_the_provider(opened(signed_in=False), below)
    page.get_by_role("button", name="u-ann").click()
    page.wait_for_url(filled.address(below))
    expect(page.locator(".told")).to_contain_text("2 runs match")
    expect(page.get_by_role("grid", name="Runs")).to_contain_text("vision-0")
    cookies = page.context.cookies()
    session = next(cookie for cookie in cookies if cookie["name"] == "runfold_session")
    assert session["httpOnly"]
    page.get_by_role("button", name="Account and appearance").click()
    expect(page.get_by_role("dialog", name="Account and appearance")).to_contain_text("ann@example.com")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("form", name="Sign in")).to_be_visible()
    page.context.add_cookies(cookies)
    assert page.context.request.get(f"{filled.api}/v1/session").status == 401


def test_who_is_refused_at_the_provider_is_told_why_and_still_led_on(opened: Open, filled: Filled) -> None:
    one = opened(signed_in=False)
    page = at_the_provider(one, "experiments?name=digits")
    (state,) = parse_qs(urlsplit(page.url).query)["state"]
    # Where a provider sends who presses Deny (RFC 6749, 4.1.2.1); this one forgets the state.
    page.goto(f"{filled.api}/v1/sign-on/oidc/callback?error=access_denied&state={state}")
    page.wait_for_url(re.compile("/sign-in\\?error=refused"))
    expect(page.get_by_role("alert")).to_contain_text("refused or cancelled at the provider")
    one.accessible()
    page.get_by_role("link", name="Sign in with Example").click()
    page.get_by_role("button", name="u-ann").click()
    page.wait_for_url(filled.address("experiments?name=digits"))
    expect(page.get_by_role("grid", name="Experiments")).to_contain_text("digits")
