"""Signing in, choosing a workspace, light and dark, and a session that runs out while one works."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Filled, Open


def test_who_is_not_signed_in_is_asked_to_and_then_led_on(opened: Open, filled: Filled) -> None:
    one = opened(signed_in=False)
    one.expected = ["401"]
    page = one.go("experiments?name=digits")
    expect(page.get_by_role("form", name="Sign in")).to_be_visible()
    page.get_by_label("Access token").fill("rft_nobody")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("unknown, expired or revoked")
    page.get_by_label("Access token").fill(filled.access_token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(filled.address("experiments?name=digits"))
    expect(page.get_by_role("grid", name="Experiments")).to_contain_text("digits")
    assert filled.access_token not in str(
        page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    )


def test_an_access_token_in_the_fragment_signs_in_once_and_leaves_the_address(opened: Open, filled: Filled) -> None:
    one = opened(signed_in=False)
    page = one.page
    page.goto(f"{filled.api}/#access_token={filled.access_token}")
    page.wait_for_url(filled.address("runs"))
    expect(page.get_by_role("grid", name="Runs")).to_be_visible()
    assert "access_token" not in page.url
    page.go_back()
    assert "access_token" not in page.url


def test_a_session_that_ends_is_renewed_in_place_and_nothing_is_lost(opened: Open, filled: Filled) -> None:
    one = opened()
    one.expected = ["401"]
    page = one.go("runs?q=tag.team+%3D+speech")
    expect(page.locator(".told")).to_contain_text("2 runs match")
    box = page.get_by_role("combobox", name="Filter runs")
    box.fill("tag.team = vision")
    page.context.clear_cookies()
    box.press("End")
    box.type(" ")  # completion asks the API, which knows nobody any more
    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Access token").fill(filled.access_token)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    expect(box).to_have_value(re.compile("^tag.team = vision *$"))
    box.press("Escape")
    box.press("Enter")
    expect(page.locator(".told")).to_contain_text("2 runs match")
    expect(page.get_by_role("grid", name="Runs")).to_contain_text("vision-0")


def test_sign_out_ends_the_session_on_the_server_too(opened: Open, filled: Filled) -> None:
    one = opened()
    one.expected = ["401"]
    page = one.go()
    expect(page.get_by_role("grid", name="Runs")).to_be_visible()
    cookies = page.context.cookies()
    page.get_by_role("button", name="Account and appearance").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("form", name="Sign in")).to_be_visible()
    page.context.add_cookies(cookies)
    assert page.context.request.get(f"{filled.api}/v1/session").status == 401


def test_the_appearance_is_the_systems_or_ones_own_and_stays(opened: Open) -> None:
    page = opened(dark=True).go()
    html = page.locator("html")
    expect(html).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Account and appearance").click()
    page.get_by_label("Appearance", exact=True).select_option("light")
    expect(html).to_have_attribute("data-theme", "light")
    page.reload()
    expect(html).to_have_attribute("data-theme", "light")


def test_back_and_forward_lead_through_the_views(opened: Open) -> None:
    page = opened().go("runs?q=tag.team+%3D+vision")
    expect(page.locator(".told")).to_contain_text("2 runs match")
    page.get_by_role("link", name="Experiments").click()
    expect(page.get_by_role("grid", name="Experiments")).to_be_visible()
    page.go_back()
    expect(page.locator(".told")).to_contain_text("2 runs match")
    page.go_forward()
    expect(page.get_by_role("grid", name="Experiments")).to_be_visible()


def test_the_first_tab_stop_skips_to_the_content(opened: Open) -> None:
    page = opened().go()
    expect(page.get_by_role("grid", name="Runs")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_workspace_that_is_not_reached_says_so(opened: Open, filled: Filled) -> None:
    one = opened(signed_in=False)
    one.expected = ["403"]
    made = one.page.context.request.post(
        f"{filled.api}/v1/access-tokens",
        headers={"Authorization": f"Bearer {filled.access_token}"},
        data={"principal": "guest", "workspaces": [filled.workspace], "scopes": ["read"], "expires_in_s": 600},
    )
    assert made.ok, made.text()
    one.page.goto(f"{filled.api}/w/of-others/runs#access_token={made.json()['access_token']}")
    expect(one.page.get_by_role("alert")).to_contain_text("of-others")


@pytest.mark.parametrize("dark", [False, True])
def test_sign_in_is_accessible(opened: Open, dark: bool) -> None:
    one = opened(signed_in=False, dark=dark)
    one.expected = ["401"]
    page = one.go()
    expect(page.get_by_role("form", name="Sign in")).to_be_visible()
    one.accessible()
