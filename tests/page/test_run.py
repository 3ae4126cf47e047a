"""The run view, in a real browser on a stack with real data: charts."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import Open
from tests.page.run_data import Looking, Speaker, at_home

MINUS_INFINITY = "\N{MINUS SIGN}∞"
TABS = ("charts", "tables", "images", "files", "logs", "children", "properties", "events", "completeness", "code")

HOME = at_home
pytestmark = pytest.mark.timeout(400)  # the first one waits for a stack, and for all that is logged into it


def panel(page: Page, name: str) -> Locator:
    return page.locator(f'[data-metric="{name}"]').last


def drawn(page: Page, name: str) -> Locator:
    """The plot of a panel, once it is drawn."""
    plot = panel(page, name).locator(".u-over")
    plot.scroll_into_view_if_needed()
    return plot


def at(plot: Locator, share_x: float, share_y: float) -> tuple[float, float]:
    box = plot.bounding_box()
    assert box is not None
    return box["x"] + share_x * box["width"], box["y"] + share_y * box["height"]


def drag(page: Page, plot: Locator, first: float, last: float) -> None:
    page.mouse.move(*at(plot, first, 0.5))
    page.mouse.down()
    page.mouse.move(*at(plot, last, 0.52), steps=5)
    page.mouse.up()


def picture(page: Page, name: str) -> str:
    return str(panel(page, name).locator("canvas").evaluate("canvas => canvas.toDataURL()"))


def rows_of(page: Page, button: str, tmp_path: Path) -> list[dict[str, str]]:
    with page.expect_download() as awaited:
        page.get_by_role("button", name=button, exact=True).last.click()
    path = tmp_path / awaited.value.suggested_filename
    awaited.value.save_as(path)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_tab_is_accessible(opened: Open, data: Looking, dark: bool) -> None:
    one = opened(dark=dark)
    for tab in TABS:
        page = one.go(f"runs/{data.everything}?tab={tab}")
        expect(page.get_by_role("tab", selected=True)).to_be_visible()
        page.wait_for_load_state("networkidle") if tab not in ("charts",) else drawn(page, "loss").wait_for()
        one.accessible()


def test_a_panel_per_metric_says_how_many_points_of_how_many(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}")
    drawn(page, "loss").wait_for()
    expect(page.locator(".controls-told")).to_have_text("44 charts")
    expect(panel(page, "loss").locator(".chart-foot")).to_contain_text(re.compile(r"^1,0\d\d of 3,000 points"))
    expect(panel(page, "loss").locator(".chart-foot")).to_contain_text("band: min to max")
    expect(panel(page, "epoch").locator(".chart-foot")).to_contain_text("300 points")
    expect(page.get_by_role("row", name=re.compile("note from checkpoint 12"))).to_be_visible()


def test_charts_are_found_by_regular_expression_and_folded_by_prefix(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}")
    search = page.get_by_role("searchbox", name="Search charts (regular expression)")
    search.fill("^grad/.*(3|7)$")
    expect(page.locator(".controls-told")).to_have_text("8 of 44 charts")
    search.fill("loss(")
    expect(page.get_by_text("no regular expression")).to_be_visible()
    search.fill("grad")
    fold = page.get_by_role("button", name=re.compile("^grad.block1 10"))
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(page.locator('[data-metric^="grad/block1"]')).to_have_count(0)
    page.reload()
    expect(page.locator('[data-metric^="grad/block0"]')).to_have_count(10)
    expect(page.locator('[data-metric^="grad/block1"]')).to_have_count(0)


def test_only_panels_in_sight_are_asked_for_many_in_one_request(opened: Open, data: Looking) -> None:
    one = opened()
    asked: list[str] = []
    one.page.on("request", lambda request: asked.append(request.url) if "/series" in request.url else None)
    page = one.go(f"runs/{data.everything}")
    drawn(page, "loss").wait_for()
    expect(page.locator('[data-metric="grad/block3/layer9"][data-drawn]')).to_have_count(0)
    assert 1 <= len(asked) <= 3
    panel(page, "grad/block3/layer9").scroll_into_view_if_needed()
    expect(page.locator('[data-metric="grad/block3/layer9"] .u-over')).to_have_count(1)


def test_a_box_zoom_refetches_finer_data_for_all_panels_and_the_address_holds_it(opened: Open, data: Looking) -> None:
    one = opened()
    page = one.go(f"runs/{data.everything}")
    plot = drawn(page, "loss")
    with page.expect_request(re.compile(r"/series\?.*from=1\d{3}")):
        drag(page, plot, 0.4, 0.6)
    expect(page).to_have_url(re.compile(r"zoom=1\d{3}(\.\d+)?\.\.1\d{3}"))
    # A fifth of 3,000 points fits: every point of the range is here now, none outside is told.
    expect(panel(page, "loss").locator(".chart-foot")).to_have_text(re.compile(r"^(59\d|60\d) points here$"))
    assert "val/f1" in page.locator("[data-metric]").evaluate_all("all => all.map(e => e.dataset.metric)")
    page.reload()
    drawn(page, "loss").wait_for()
    expect(panel(page, "loss").locator(".chart-foot")).to_have_text(re.compile(r"^(59\d|60\d) points here$"))
    drawn(page, "loss").dblclick()
    expect(page).not_to_have_url(re.compile("zoom="))
    expect(panel(page, "loss").locator(".chart-foot")).to_contain_text("of 3,000 points")


def test_panels_may_zoom_alone(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?alone=1")
    drag(page, drawn(page, "loss"), 0.4, 0.6)
    expect(panel(page, "loss").locator(".chart-foot")).to_have_text(re.compile("points here$"))
    expect(panel(page, "epoch").locator(".chart-foot")).to_have_text("300 points")


def test_smoothing_keeps_the_raw_line_behind(opened: Open, data: Looking, tmp_path: Path) -> None:
    page = opened().go(f"runs/{data.everything}?q=^loss$")
    drawn(page, "loss").wait_for()
    raw = picture(page, "loss")
    page.get_by_label("Smoothing", exact=True).select_option("ema")
    expect(page).to_have_url(re.compile("smooth=ema:0.9"))
    expect(panel(page, "loss").locator(".chart-foot")).to_contain_text("smoothed over the points shown")
    assert picture(page, "loss") != raw
    rows = [row for row in rows_of(page, "CSV of loss", tmp_path) if row["what"] == "point"]
    assert float(rows[0]["smoothed"]) == float(rows[0]["value"])
    assert any(row["smoothed"] != row["value"] for row in rows[1:])


def test_a_log_axis_says_what_it_cannot_show(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?q=^epoch$&ylog=1")
    expect(panel(page, "epoch").locator(".chart-foot")).to_contain_text("30 values ≤ 0 have no place on the log axis")


def test_x_may_be_another_metric(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?q=^val/acc")
    drawn(page, "val/accuracy").wait_for()
    page.get_by_label("x", exact=True).first.select_option(label="epoch")
    expect(panel(page, "val/accuracy").locator(".chart-foot")).to_contain_text(
        "x is the last epoch logged at or before"
    )
    drawn(page, "val/accuracy").hover()
    expect(panel(page, "val/accuracy").locator(".chart-readout")).to_contain_text(re.compile(r"at [3-6]$"))


def test_what_is_not_finite_is_marked_on_the_line_and_told(opened: Open, data: Looking, tmp_path: Path) -> None:
    page = opened().go(f"runs/{data.everything}?q=^val/f1$")
    plot = drawn(page, "val/f1")
    expect(panel(page, "val/f1").locator(".chart-foot")).to_contain_text("3 not finite, marked")
    readout = panel(page, "val/f1").locator(".chart-readout")
    seen = set()
    for step in (500, 900, 1500):
        for share in [k / 20 for k in range(1, 20)]:
            page.mouse.move(*at(plot, step / 2990, share))
            if (text := readout.inner_text().split(" ")[0]) in ("NaN", "+∞", MINUS_INFINITY):
                seen.add(text)
                break
        page.mouse.move(*at(plot, step / 2990, 0.02))
        seen.update({readout.inner_text().split(" ")[0]} & {"+∞"})
        page.mouse.move(*at(plot, step / 2990, 0.98))
        seen.update({readout.inner_text().split(" ")[0]} & {MINUS_INFINITY})
    assert seen == {"NaN", "+∞", MINUS_INFINITY}
    values = {row["step"]: row["value"] for row in rows_of(page, "CSV of f1", tmp_path) if row["what"] == "point"}
    assert (values["500"], values["900"], values["1500"]) == ("NaN", "Infinity", "-Infinity")
    page.get_by_role("button", name="f1 as a table").click()
    expect(page.get_by_role("region", name="f1 as a table").get_by_role("row", name="500 NaN")).to_be_visible()


def test_csv_holds_what_is_shown_and_all_points_come_on_demand(opened: Open, data: Looking, tmp_path: Path) -> None:
    page = opened().go(f"runs/{data.everything}?q=^loss$")
    drawn(page, "loss").hover()
    shown = [row for row in rows_of(page, "CSV of loss", tmp_path) if row["what"] == "point"]
    every = rows_of(page, "CSV of all points of loss, unsampled", tmp_path)
    assert 900 < len(shown) < 1100
    assert [int(row["step"]) for row in every] == list(range(3000))
    assert {row["value"] for row in shown} <= {row["value"] for row in every}
    assert max(float(row["value"]) for row in shown) == max(float(row["value"]) for row in every)
    with page.expect_download() as awaited:
        page.get_by_role("button", name="PNG of loss").click()
    assert Path(awaited.value.path()).read_bytes().startswith(b"\x89PNG")


def test_keys_move_the_cursor_zoom_and_are_heard(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?q=^epoch$")
    drawn(page, "epoch").wait_for()
    group = page.get_by_role("group", name=re.compile("^epoch: over step, from 0 to 9"))
    group.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    expect(panel(page, "epoch").locator("output")).to_have_text("step 100: epoch 0")
    page.keyboard.press("End")
    expect(panel(page, "epoch").locator("output")).to_have_text("step 2,990: epoch 9")
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom=1495..2990"))
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("zoom="))


def test_ranks_are_a_band_with_the_slowest_named_and_a_way_to_each(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.ranks}")
    foot = panel(page, "loss").locator(".chart-foot")
    expect(foot).to_contain_text("band: min to max over ranks")
    expect(foot).to_contain_text(re.compile(r"slowest rank 2 \(\d+ of \d+\)"))
    foot.get_by_role("button", name="rank 2").click()
    expect(page).to_have_url(re.compile("ranks=each"))
    legend = panel(page, "loss").locator(".chart-legend li")
    expect(legend).to_have_text([re.compile(f"^rank {rank}") for rank in range(3)])


def test_hover_lights_the_same_line_in_all_charts(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.ranks}?ranks=each")
    drawn(page, "loss").wait_for()
    drawn(page, "grad").wait_for()
    expect(panel(page, "grad").locator(".chart-legend li")).to_have_count(3)
    before = picture(page, "grad")
    panel(page, "loss").locator(".chart-legend li", has_text="rank 1").hover()
    expect(panel(page, "grad").locator("li[data-lit]")).to_contain_text("rank 1")
    assert picture(page, "grad") != before
    # On the line itself: grad of rank 2 ends at the top right.
    page.mouse.move(*at(drawn(page, "grad"), 0.995, 0.06))
    expect(panel(page, "loss").locator("li[data-lit]")).to_contain_text("rank 2")


def test_attempts_are_lines_of_their_own_by_shade(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.ranks}?ranks=0")
    expect(panel(page, "loss").locator(".chart-foot")).to_contain_text(
        "60 points"
    )  # a restart does not double the curve
    page.get_by_label("Attempt").select_option("all")
    lines = panel(page, "loss").locator(".chart-legend li")
    expect(lines).to_have_count(2)
    expect(lines).to_have_text([re.compile("attempt 0"), re.compile("attempt 1")])
    colours = lines.locator("rect").evaluate_all("all => all.map(r => getComputedStyle(r).fill)")
    assert len(set(colours)) == 2
    expect(panel(page, "loss").locator(".chart-foot")).to_contain_text("80 points")  # 40 of the first, 40 of the second


def test_a_point_that_is_logged_appears_without_reload_in_the_same_chart(opened: Open, speaker: Speaker) -> None:
    page = opened().go(f"runs/{speaker.run_id}")
    drawn(page, "loss").wait_for()
    expect(panel(page, "loss").locator(".chart-foot")).to_contain_text("2 points")
    panel(page, "loss").locator("canvas").evaluate("canvas => { canvas.marked = true; window.marked = true }")
    speaker.say("point 2 0.125")
    expect(panel(page, "loss").locator(".chart-foot")).to_contain_text("3 points")
    expect(panel(page, "loss").locator(".chart-readout")).to_contain_text("0.125 at 2")
    assert panel(page, "loss").locator("canvas").evaluate("canvas => canvas.marked && window.marked")
    speaker.say("new val/late")
    expect(panel(page, "val/late").locator(".u-over")).to_be_visible()
    assert panel(page, "loss").locator("canvas").evaluate("canvas => canvas.marked && window.marked")


def test_pinned_panels_stand_first_and_stay_in_the_address(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?q=val")
    drawn(page, "val/accuracy").hover()
    page.get_by_role("button", name="Pin val/accuracy").click()
    pinned = page.get_by_role("region", name="Pinned")
    expect(pinned.locator('[data-metric="val/accuracy"]')).to_be_visible()
    page.reload()
    expect(pinned.locator('[data-metric="val/accuracy"] .u-over')).to_be_visible()
