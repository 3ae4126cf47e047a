"""Compare, experiments and health, in a real browser on a stack with real data."""

from __future__ import annotations

import csv
import json
import re

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Filled, Open
from tests.page.filling import CODE
from tests.waiting import until


def compared(filled: Filled, *names: str) -> str:
    return "compare?runs=" + ",".join(filled.runs[name] for name in names)


@pytest.fixture(scope="module")
def coded(filled: Filled) -> dict[str, str]:
    """Runs of real code by name: first, second (other code), again (as first), bare (no snapshot)."""
    ids: dict[str, str] = json.loads(filled.stack.script(CODE).stdout)
    filled.stack.run("ship", "--once")
    kept = [filled.stack.get(f"runs/{ids[name]}") for name in ("first", "second")]
    for run in kept:
        below = f"snapshots/{run['snapshot_id']}"
        until(lambda below=below: filled.stack.get(below)["availability"] == "available", 60, "the ZIP to be looked at")
    return ids


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


def test_the_files_that_differ_are_told_by_run_and_line_by_line(
    opened: Open, filled: Filled, coded: dict[str, str]
) -> None:
    one = opened()
    page = one.go(f"compare?runs={coded['first']},{coded['second']}")
    page.get_by_role("tab", name="Code").click()
    expect(page.get_by_text("5 of 6 files differ among 2 snapshots")).to_be_visible()
    grid = page.get_by_role("grid", name="Files that differ")
    changes = {"train.py": "changed", "old.py": "removed", "new.py": "added", "run.sh": "mode", "data.bin": "changed"}
    for path, change in changes.items():
        expect(grid.get_by_role("row").filter(has_text=path)).to_contain_text(change)
    expect(grid).not_to_contain_text("same.py")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    with download.value.path().open(newline="", encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert {path: row["change"] for path, row in rows.items()} == changes
    assert "executable" in rows["run.sh"][coded["second"]]

    page.get_by_role("searchbox", name="Search the files that differ").fill("py")
    expect(grid.get_by_role("row")).to_have_count(4)
    grid.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    lines = page.get_by_role("region", name="Lines of train.py")
    expect(lines.get_by_role("row").filter(has_text="step_20()")).to_contain_text(re.compile("removed.*step_20\\(\\)"))
    expect(lines.get_by_role("row").filter(has_text="rate=0.1")).to_contain_text("added")
    expect(lines.get_by_role("row")).to_have_count(1 + 1 + 3 + 2 + 3)  # heads, gap, before, the two, after
    expect(page.get_by_text("1 added, 1 removed")).to_be_visible()
    page.get_by_role("button", name="all lines").click()
    expect(lines.get_by_role("row")).to_have_count(1 + 41)

    page.reload()  # the address holds all of it
    expect(lines.get_by_role("row")).to_have_count(1 + 41)
    expect(grid.get_by_role("row")).to_have_count(4)
    page.get_by_label("from", exact=True).select_option(coded["second"])
    page.get_by_label("to", exact=True).select_option(coded["first"])
    expect(lines.get_by_role("row").filter(has_text="rate=0.1")).to_contain_text("removed")
    page.get_by_role("searchbox", name="Search the files that differ").fill("")
    grid.get_by_role("button", name="run.sh").click()
    expect(page.get_by_text("It is no longer executable.")).to_be_visible()
    grid.get_by_role("button", name="data.bin").click()
    expect(page.get_by_text("Bytes that are no text are not compared line by line.")).to_be_visible()


def test_code_is_told_of_more_runs_and_of_those_without(opened: Open, coded: dict[str, str]) -> None:
    names = ("first", "second", "again", "bare")
    page = opened().go("compare?tab=code&runs=" + ",".join(coded[name] for name in names))
    row = page.get_by_role("grid", name="Files that differ").get_by_role("row").filter(has_text="train.py")
    expect(row.get_by_role("gridcell")).to_have_text(
        ["train.py", "changed", "A 390 B", "B 398 B", "A 390 B", "not known"]
    )
    expect(page.get_by_text("No snapshot was kept of bare: what they ran is not known.")).to_be_visible()
    expect(page.get_by_text("5 of 6 files differ among 2 snapshots")).to_be_visible()
    page = opened().go(f"compare?tab=code&runs={coded['first']},{coded['again']}")
    expect(page.get_by_role("heading", name="The same code")).to_be_visible()
    page.get_by_role("link", name="Its files").click()
    page.get_by_role("searchbox", name="Search the code's files").fill("same")
    expect(page.get_by_text("1 of 5 files")).to_be_visible()
    page.get_by_role("button", name="same.py").click()
    expect(page.get_by_role("article")).to_contain_text("same = 1")
    page.reload()
    expect(page.get_by_role("article")).to_contain_text("same = 1")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("view", ["compare", "run"])
def test_code_is_accessible(opened: Open, coded: dict[str, str], view: str, dark: bool) -> None:
    one = opened(dark=dark)
    if view == "run":
        page = one.go(f"runs/{coded['first']}?tab=code&code=train.py")
        expect(page.get_by_role("article")).to_contain_text("step_39()")
    else:
        page = one.go(f"compare?tab=code&file=train.py&runs={coded['first']},{coded['second']}")
        expect(page.get_by_role("region", name="Lines of train.py")).to_be_visible()
    one.accessible()


def test_any_value_is_plotted_against_any_other(opened: Open, filled: Filled) -> None:
    page = opened().go(compared(filled, "vision-0", "vision-1", "speech-2", "ablation-lr 1"))
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
