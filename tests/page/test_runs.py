"""The runs view, in a real browser on a stack with real data."""

from __future__ import annotations

import csv
import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Filled, Open
from tests.page.filling import LIVE

ALL = "runs?q=tag.team+exists"  # the six of FILL; tests that log runs leave theirs
ROW = '[role="grid"][aria-label="Runs"] .rows [role="row"]'


def names(page: Page) -> list[str]:
    return [text.split("+")[0].strip() for text in page.locator(f"{ROW} a").all_inner_texts()]


def test_the_table_shows_all_runs_newest_first_with_what_was_logged(opened: Open) -> None:
    page = opened().go(ALL)
    expect(page.locator(ROW).first).to_contain_text("nlp-1")
    assert names(page) == ["nlp-1", "nlp-0", "speech-3", "speech-2", "vision-1", "vision-0"]
    expect(page.locator(".told")).to_contain_text("6 runs match")
    expect(page.locator(ROW).nth(2)).to_contain_text("Failed")
    expect(page.locator(f"{ROW} .sparkline")).to_have_count(6)


def test_a_filter_narrows_the_table_and_stands_in_the_address(opened: Open) -> None:
    page = opened().go()
    expect(page.locator(ROW).first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type('tag.team = vision or tag.team = speech and status = "Failed"')
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator(".told")).to_contain_text("3 runs match")
    assert names(page) == ["speech-3", "vision-1", "vision-0"]
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".told")).to_contain_text("3 runs match")
    expect(page.get_by_role("combobox", name="Filter runs")).to_have_value(re.compile("tag.team = vision"))


def test_a_wrong_filter_is_shown_at_its_place_with_what_was_expected(opened: Open) -> None:
    one = opened()
    one.expected = ["400"]
    page = one.go()
    box = page.get_by_role("combobox", name="Filter runs")
    box.fill("status = and tag.x")
    box.press("Escape")
    box.press("Enter")
    wrong = page.get_by_role("alert")
    expect(wrong.locator("mark")).to_have_text("a")
    expect(wrong).to_contain_text("character 9")
    expect(wrong).to_contain_text("Expected: a value")
    expect(box).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Clear the filter").click()
    expect(wrong).to_have_count(0)
    expect(page.locator(ROW).first).to_be_visible()


def test_a_filter_is_completed_from_what_runs_have(opened: Open) -> None:
    page = opened().go()
    box = page.get_by_role("combobox", name="Filter runs")
    box.click()
    suggestions = page.get_by_role("listbox", name="Suggestions")
    box.press_sequentially("tag.te")
    suggestions.get_by_role("option", name=re.compile("^tag.team")).click()
    box.press_sequentially("= vi")
    suggestions.get_by_role("option", name=re.compile("^vision")).click()
    expect(box).to_have_value("tag.team = vision ")
    box.press("Escape")
    box.press("Enter")
    expect(page.locator(".told")).to_contain_text("2 runs match")


def test_a_head_sorts_on_the_server(opened: Open) -> None:
    page = opened().go("runs?columns=name,metric.loss.min")
    page.get_by_role("button", name="loss min").click()
    expect(page.get_by_role("columnheader", name="loss min")).to_have_attribute("aria-sort", "descending")
    expect(page.locator(ROW).first).to_contain_text("speech-3")
    page.get_by_role("button", name="loss min").click()
    expect(page.locator(ROW).first).to_contain_text("-0")
    assert "sort=metric.loss.min" in page.url


def test_columns_are_chosen_ordered_and_pinned(opened: Open) -> None:
    page = opened().go(ALL)
    expect(page.locator(ROW)).to_have_count(6)
    page.get_by_role("button", name="Columns").click()
    panel = page.get_by_role("dialog", name="Columns")
    panel.get_by_role("textbox").fill('tag."my')
    panel.get_by_role("button", name=re.compile("my key")).first.click()
    panel.get_by_role("button", name='Keep tag."my key" in sight').click()
    panel.get_by_role("button", name="Remove duration_s").click()
    page.keyboard.press("Escape")
    heads = page.get_by_role("columnheader").all_inner_texts()
    assert "my key" in heads
    assert "duration" not in heads
    assert heads.index("my key") == heads.index("name") + 1
    expect(page.locator(ROW).first).to_contain_text("a b")


def test_a_column_is_resized_and_its_width_stands_in_the_address(opened: Open) -> None:
    page = opened().go(ALL)
    expect(page.locator(ROW)).to_have_count(6)
    grip = page.get_by_role("columnheader", name="status").locator(".grip")
    box = grip.bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 63, box["y"] + 5, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"widths=status:1[78]\d"))


@pytest.mark.parametrize("by", ["tag.team", "experiment"])
def test_runs_are_grouped_with_their_counts_mean_and_band(opened: Open, by: str) -> None:
    page = opened().go(f"runs?by={by}")
    rows = page.locator('[role="grid"] .rows [role="row"]')
    expect(rows).to_have_count(3 if by == "tag.team" else 2)
    vision = rows.filter(has_text="vision" if by == "tag.team" else "digits")
    expect(vision).to_contain_text("2" if by == "tag.team" else "4")
    expect(vision.get_by_role("img", name=re.compile("mean .* of (2|4) runs")).first).to_be_visible()
    expect(page.get_by_text(re.compile("mean and band over 6 of 6 runs")).first).to_be_visible()
    vision.get_by_role("button").first.click()
    expect(page.locator(".told")).to_contain_text("2 runs match" if by == "tag.team" else "4 runs match")


def test_children_are_grouped_by_their_parent(opened: Open) -> None:
    page = opened().go("runs?by=parent")
    rows = page.locator('[role="grid"] .rows [role="row"]')
    expect(rows.first).to_contain_text("3")


def test_an_eye_hides_a_run_from_the_charts_and_stands_in_the_address(opened: Open) -> None:
    page = opened().go(ALL)
    expect(page.get_by_text("6 of 6 runs drawn")).to_be_visible()
    page.get_by_role("button", name="Hide vision-0 in charts").click()
    expect(page.get_by_text("5 of 6 runs drawn")).to_be_visible()
    assert "hidden=" in page.url
    page.reload()
    expect(page.get_by_role("button", name="Show vision-0 in charts")).to_be_visible()


def test_a_run_has_one_colour_in_table_and_charts(opened: Open, filled: Filled) -> None:
    page = opened().go("runs?columns=name,spark.loss")
    row = page.locator(ROW).filter(has_text="vision-0")
    of_swatch = row.locator(".swatch").evaluate("e => getComputedStyle(e).backgroundColor")
    of_line = row.locator(".sparkline path").evaluate("e => getComputedStyle(e).stroke")
    assert of_swatch == of_line


def test_a_run_that_starts_appears_and_its_end_too(opened: Open, filled: Filled) -> None:
    page = opened().go("runs?q=name+~+live*")
    expect(page.get_by_text("No run matches")).to_be_visible()
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    process = filled.stack.background(LIVE, "live-1")
    try:
        row = page.locator(ROW).filter(has_text="live-1")
        expect(row).to_contain_text("Running", timeout=30_000)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        expect(row).to_contain_text("Completed", timeout=30_000)
    finally:
        process.communicate(timeout=60)


def test_a_view_is_saved_under_a_name_and_comes_back(opened: Open) -> None:
    page = opened().go("runs?q=tag.team+%3D+speech&columns=name,status&sort=name")
    expect(page.locator(ROW)).to_have_count(2)
    saved = page.url
    page.get_by_role("button", name="Views").click()
    page.get_by_role("textbox", name="Name of this view").fill("speech only")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(saved.split("?")[0])
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="speech only", exact=True).click()
    expect(page.locator(ROW)).to_have_count(2)
    assert page.url == saved


def test_the_table_is_saved_as_csv_with_all_rows_that_match(opened: Open) -> None:
    page = opened().go("runs?q=tag.team+in+(vision,+speech)&columns=name,tag.team,metric.loss.min")
    expect(page.locator(ROW)).to_have_count(4)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).first.click()
    with download.value.path().open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["run_id", "name", "tag.team", "metric.loss.min"]
    assert sorted(row[1] for row in rows[1:]) == ["speech-2", "speech-3", "vision-0", "vision-1"]
    assert all(float(row[3]) > 0 for row in rows[1:])


def test_the_table_is_used_by_keys_alone(opened: Open, filled: Filled) -> None:
    page = opened().go(ALL)
    expect(page.locator(ROW)).to_have_count(6)
    page.get_by_role("grid", name="Runs").focus()
    for key in ("ArrowDown", "ArrowDown", " ", "ArrowDown", " "):
        page.keyboard.press(key)
    expect(page.get_by_text("2 selected")).to_be_visible()
    expect(page.locator(ROW).nth(2)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/runs/{filled.runs['vision-0']}"))
    page.go_back()
    expect(page.get_by_text("2 selected")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("below", ["runs", "runs?by=tag.team"])
def test_the_runs_view_is_accessible(opened: Open, below: str, dark: bool) -> None:
    one = opened(dark=dark)
    page = one.go(below)
    expect(page.locator('[role="grid"] .rows [role="row"]').first).to_be_visible()
    expect(page.locator(".chart").first).to_be_visible()
    one.accessible()
