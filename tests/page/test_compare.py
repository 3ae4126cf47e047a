"""Compare, experiments and health, in a real browser on a stack with real data."""

from __future__ import annotations

import csv
import re

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Filled, Open


def compared(filled: Filled, *names: str) -> str:
    return "compare?runs=" + ",".join(filled.runs[name] for name in names)


def test_selected_runs_are_compared(opened: Open, filled: Filled) -> None:
    page = opened().go("runs?q=tag.team+%3D+vision")
    for name in ("vision-0", "vision-1"):
        page.get_by_role("checkbox", name=f"Select {name}").click()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    chart = page.locator(".chart[data-title='loss']")
    expect(chart).to_contain_text("vision-0")
    expect(chart).to_contain_text("vision-1")
    expect(chart).to_contain_text("240 points")


def test_only_differences_are_shown(opened: Open, filled: Filled) -> None:
    page = opened().go(compared(filled, "vision-0", "vision-1") + "&tab=differences")
    grid = page.get_by_role("grid", name="Differences")
    expect(grid).to_contain_text("azureml.git.commit")
    expect(grid.get_by_role("row").filter(has_text="lr")).to_contain_text("0.05")
    expect(grid).not_to_contain_text("same")
    expect(grid).not_to_contain_text("my key")
    expect(page.get_by_text(re.compile(r"\d+ of \d+ keys differ"))).to_be_visible()


def test_any_value_is_plotted_against_any_other(opened: Open, filled: Filled) -> None:
    page = opened().go(
        compared(filled, "vision-0", "vision-1", "speech-2", "nlp-0" if "nlp-0" in filled.runs else "speech-3")
    )
    page.get_by_role("tab", name="Scatter").click()
    page.get_by_label("x", exact=True).fill("property.lr")
    page.get_by_label("x", exact=True).press("Enter")
    page.get_by_label("y", exact=True).fill("metric.loss.min")
    page.get_by_label("y", exact=True).press("Enter")
    expect(page.get_by_role("img", name="loss min against lr: 4 of 4 runs")).to_be_visible()
    expect(page.locator(".plot circle")).to_have_count(4)
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    with download.value.path().open("rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_a_range_on_an_axis_keeps_the_runs_inside(opened: Open, filled: Filled) -> None:
    runs = compared(filled, "vision-0", "vision-1", "speech-2", "speech-3")
    page = opened().go(f"{runs}&tab=parallel&axes=property.lr,metric.loss.min")
    axis = page.get_by_role("slider", name="Range of loss min")
    expect(page.get_by_text("4 of 4 runs drawn")).to_be_visible()
    axis.focus()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_text(re.compile("2 of 4 runs in all ranges"))).to_be_visible()
    page.get_by_role("button", name="Keep these").click()
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()


def test_last_least_and_greatest_values_stand_in_a_table_and_in_csv(opened: Open, filled: Filled) -> None:
    page = opened().go(compared(filled, "vision-0", "speech-3") + "&tab=values")
    expect(page.get_by_role("grid", name="Values of the compared runs")).to_contain_text("speech-3")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    with download.value.path().open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    by_name = {row["name"]: row for row in rows}
    low, high = (next(key for key in rows[0] if re.fullmatch(rf"metric\.loss\.{what}", key)) for what in ("min", "max"))
    assert float(by_name["vision-0"][high]) == 1.0
    assert float(by_name["speech-3"][low]) > float(by_name["vision-0"][low])


def test_experiments_show_their_runs_and_lead_to_them(opened: Open) -> None:
    page = opened().go("experiments")
    grid = page.get_by_role("grid", name="Experiments")
    expect(grid.get_by_role("row").filter(has_text="digits").get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("3 Completed, 1 Failed")
    )
    page.get_by_role("link", name="ablation-lr").click()
    expect(page.locator(".told")).to_contain_text("2 runs match")


def test_health_tells_lag_positions_dead_letters_refusals_and_throughput(opened: Open, filled: Filled) -> None:
    page = opened().go("health")
    expect(page.locator(".tile").filter(has_text="Lag")).to_be_visible()
    projectors = page.locator("section", has=page.get_by_role("heading", name="Projectors"))
    expect(projectors.get_by_role("row").filter(has_text="state").first).to_contain_text("facts")
    refusals = page.locator("section", has=page.get_by_role("heading", name="Refusals")).last
    expect(refusals.get_by_role("row").filter(has_text="lr").first).to_contain_text("7")
    expect(page.get_by_role("heading", name="Throughput")).to_be_visible()
    expect(page.get_by_text("0 poison (broken records), 0 parked")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("view", ["overlays", "differences", "scatter", "parallel", "values", "experiments", "health"])
def test_the_view_is_accessible(opened: Open, filled: Filled, view: str, dark: bool) -> None:
    one = opened(dark=dark)
    page = one.go(
        view if view in ("experiments", "health") else compared(filled, "vision-0", "vision-1") + f"&tab={view}"
    )
    shown = {"overlays": ".chart", "scatter": ".plot circle", "parallel": ".axis", "health": ".tile"}
    expect(page.locator(shown.get(view, '.rows [role="row"]')).first).to_be_visible()
    one.accessible()
