"""The run view, in a real browser on a stack with real data: everything but the charts of metrics."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Open
from tests.page.run_data import Looking, Speaker, at_home, get
from tests.waiting import until

HOME = at_home
pytestmark = pytest.mark.timeout(400)  # the first one waits for a stack, and for all that is logged into it


def saved(page: Page, button: str, folder: Path) -> list[dict[str, str]]:
    with page.expect_download() as awaited:
        page.get_by_role("button", name=button, exact=True).click()
    path = folder / awaited.value.suggested_filename
    awaited.value.save_as(path)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_head_tells_status_times_actor_completeness_and_warnings(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}")
    head = page.locator(".run-head")
    expect(head.get_by_role("heading")).to_contain_text(re.compile(r"Everything #\d+"))
    for text in ("Completed", "Started", "Duration", "By", "everything", "vision"):
        expect(head).to_contain_text(text)
    expect(head).to_contain_text("warnings")
    page.get_by_role("button", name="Completeness").click()
    dialog = page.get_by_role("dialog", name="Completeness")
    expect(dialog).to_contain_text("All that its writers said has arrived.")
    expect(dialog.locator(".watermark")).to_contain_text("w1.")


def test_rows_and_tables_read_as_they_were_logged(opened: Open, data: Looking, tmp_path: Path) -> None:
    page = opened().go(f"runs/{data.everything}?tab=tables&table=table:errors")
    grid = page.get_by_role("grid", name="errors")
    expect(grid.get_by_role("row").nth(2)).to_contain_text("NaN")
    rows = saved(page, "CSV of errors", tmp_path)
    assert rows == [
        {"row": "1", "class": "a", "share": "0.1"},
        {"row": "2", "class": "b", "share": "NaN"},
        {"row": "3", "class": "c", "share": "0.25"},
    ]
    page.get_by_label("Show").select_option(label="speed (table)")
    expect(page.get_by_role("grid", name="speed").get_by_role("row")).to_have_count(6)


def test_chart_documents_are_drawn_and_a_broken_one_says_what_does_not_hold(
    opened: Open, data: Looking, tmp_path: Path
) -> None:
    page = opened().go(f"runs/{data.everything}?tab=tables&table=document:0:confusion")
    expect(page.get_by_text("94 of 101 right (93.1 %)")).to_be_visible()
    assert saved(page, "CSV of Confusion matrix", tmp_path)[0] == {"true \\ predicted": "cat", "cat": "50", "dog": "3"}
    with page.expect_download() as awaited:
        page.get_by_role("button", name="PNG of Confusion matrix").click()
    assert Path(awaited.value.path()).read_bytes().startswith(b"\x89PNG")
    show = page.get_by_label("Show")
    show.select_option(label="roc (accuracy table)")
    # cat at 0.5: 50 of 60 true and 10 of 40 false ones are called; dog: 30 of 40, 10 of 60
    expect(page.get_by_role("img", name=re.compile("^ROC: cat area 0.7917, dog area 0.7917"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Precision-recall: cat"))).to_be_visible()
    show.select_option(label="residuals (residuals)")
    expect(page.get_by_role("img", name="Residuals in 4 bins")).to_be_visible()
    show.select_option(label="predictions (predictions)")
    expect(page.get_by_role("img", name=re.compile("^Predictions in 2 bins"))).to_be_visible()
    show.select_option(label="broken (confusion matrix)")
    expect(page.get_by_text('matrix[0][1] is no number: "x"')).to_be_visible()


def test_images_have_a_slider_over_what_was_logged(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?tab=images")
    picture = page.locator('[data-image="samples"] img')
    expect(picture).to_be_visible()
    until(
        lambda: picture.evaluate("image => image.complete && image.naturalWidth") == 48, 15, "the picture to be loaded"
    )
    last = picture.get_attribute("src")
    slider = page.get_by_role("slider", name="Which logging of samples")
    slider.fill("1")
    expect(page.locator('[data-image="samples"]')).to_contain_text("1 of 4")
    expect(picture).not_to_have_attribute("src", last or "")
    until(lambda: picture.evaluate("image => image.complete && image.naturalWidth") == 48, 15, "the first one")


def test_files_are_a_tree_with_previews_and_a_download(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?tab=files")
    page.get_by_role("button", name=re.compile("^data.json")).click()
    expect(page.locator(".files-preview pre")).to_have_text(re.compile(r'"a": \[\s+1,\s+2\s+\]'))
    expect(page).to_have_url(re.compile("file=0:kept/deep/data.json"))
    page.get_by_role("button", name=re.compile("^rows.csv")).click()
    expect(page.get_by_role("row", name="1 x, y")).to_be_visible()
    page.get_by_role("button", name=re.compile("^notes.txt")).click()
    expect(page.locator(".files-preview pre")).to_have_text("first line")
    expect(page.locator(".files-preview")).to_contain_text("here, and of that digest")
    page.get_by_role("button", name=re.compile("^deep.")).click()
    expect(page.get_by_role("button", name=re.compile("^data.json"))).to_have_count(0)


def test_a_log_is_searched_coloured_and_its_progress_bars_are_one_line(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?tab=logs")
    log = page.get_by_role("log")
    expect(log).to_contain_text("100% done")
    expect(log).not_to_contain_text("10%50%")
    expect(log.locator(".fg1")).to_have_text("red alert")
    page.get_by_role("searchbox", name="Search in the log").fill("line 77 of")
    expect(page.locator(".log-found")).to_have_text("1 lines")
    page.keyboard.press("Enter")
    expect(log.locator('[data-hit="current"]')).to_contain_text("line 77 of the log")
    expect(page.get_by_label("follow")).not_to_be_checked()
    assert log.locator(".log-line").count() < 200  # of 2,000


def test_a_log_is_followed_as_it_grows(opened: Open, speaker: Speaker) -> None:
    page = opened().go(f"runs/{speaker.run_id}?tab=logs")
    speaker.say("say the first word")
    expect(page.get_by_role("log")).to_contain_text("the first word", timeout=20_000)
    for word in range(120):
        speaker.say(f"say word {word}")
    expect(page.get_by_role("log")).to_contain_text("word 119", timeout=20_000)


def test_children_are_a_tree_with_the_metrics_that_were_chosen(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?tab=children")
    expect(page.get_by_role("status").filter(has_text="3 children")).to_be_visible()
    page.get_by_role("button", name="Metrics").click()
    page.get_by_role("checkbox", name="score").check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("row", name=re.compile("fold 1"))).to_contain_text("0.6")
    page.get_by_role("button", name="Children of fold 1").click()
    expect(page.get_by_role("row", name=re.compile("inner"))).to_contain_text("0.9")
    expect(page).to_have_url(re.compile("metric=score.*open="))


def test_a_refused_property_shows_what_was_kept_and_what_was_refused(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?tab=properties")
    row = page.locator('[data-property="data"]')
    expect(row.locator(".property-value")).to_have_text("v7")
    expect(row).to_contain_text(re.compile("refused v8 by rule property"))


def test_a_property_is_corrected_beside_its_value(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?tab=properties")
    page.get_by_role("button", name="Correct data").click()
    page.get_by_label("What it should have been").fill("v9")
    page.get_by_label("Reason").fill("read from the wrong table")
    page.get_by_role("button", name="State the correction").click()
    row = page.locator('[data-property="data"]')
    expect(row).to_contain_text("should have been v9: read from the wrong table", timeout=20_000)
    expect(row.locator(".property-value")).to_have_text("v7")


def test_tags_are_changed_by_an_event_and_appear_by_themselves(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.ranks}")
    page.get_by_role("button", name="Add a tag").click()
    dialog = page.get_by_role("dialog", name="Tags")
    dialog.get_by_role("button", name="Another tag").click()
    dialog.get_by_label("Key of tag 1").fill("owner")
    dialog.get_by_label("Value of tag 1").fill("ada")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".run-tags .tag")).to_contain_text("ownerada", timeout=20_000)
    events = get(data.place, f"runs/{data.ranks}/events?limit=500")["timeline"]
    assert any(event["event"] == "TagSet" and event["verdict"] == "accepted" for event in events)


def test_the_timeline_tells_every_event_with_its_verdict_and_filters(
    opened: Open, data: Looking, tmp_path: Path
) -> None:
    page = opened().go(f"runs/{data.everything}?tab=events")
    expect(page.locator("table.timeline tbody tr").first).to_contain_text("WriterOpened")
    told = get(data.place, f"runs/{data.everything}/events?limit=500")["timeline"]
    expect(page.locator("table.timeline tbody tr")).to_have_count(len(told))
    page.get_by_label("Verdict").select_option("refused")
    rows = page.locator("table.timeline tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("data: kept v7, refused v8 (property)")
    kept = saved(page, "csv", tmp_path)
    assert [row["event"] for row in kept] == ["PropertyAdded"]
    assert kept[0]["offset"] == str(next(event["offset"] for event in told if event["verdict"] == "refused"))
    page.get_by_role("button", name=re.compile("^properties = ")).or_(page.locator(".says-button")).first.click()
    expect(page.locator("tr.fields")).to_be_visible()


def test_the_as_of_slider_shows_the_whole_run_as_it_was(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?tab=events")
    expect(page.locator("table.timeline tbody tr").first).to_be_visible()
    told = get(data.place, f"runs/{data.everything}/events?limit=500")["timeline"]
    started = next(event for event in told if event["event"] == "RunStarted")
    slider = page.get_by_role("slider", name="As of which event")
    expect(slider).to_be_enabled()
    expect(page.locator(".run-head")).to_contain_text("Completed")
    slider.fill("0")
    expect(page.get_by_text("Looking back")).to_be_visible()
    expect(page).to_have_url(re.compile("as_of="))
    expect(page.locator(".run-head")).to_contain_text("Running")
    expect(page.locator(".run-tags")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel run")).to_have_count(0)
    expect(page.locator("table.timeline tbody tr")).not_to_have_count(len(told))
    page.get_by_role("tab", name="Tags & properties").click()
    expect(page.get_by_text("No properties.")).to_be_visible()
    page.reload()
    page.wait_for_load_state("networkidle")  # what was refused later, and told of now, would come after the properties
    expect(page.get_by_text("Looking back")).to_be_visible()
    expect(page.get_by_text("No properties.")).to_be_visible()
    page.get_by_role("button", name="Back to now").click()
    expect(page.locator('[data-property="data"]')).to_be_visible()
    expect(page.locator(".run-head")).to_contain_text("Completed")
    page.goto(data.place.address(f"runs/{data.everything}?tab=files&as_of={started['broker_time']}"))
    expect(page.get_by_text("No files")).to_be_visible()


def test_looking_back_logs_children_and_completeness_are_told_as_they_were_and_stand_still(
    opened: Open, speaker: Speaker, data: Looking
) -> None:
    run = f"runs/{speaker.run_id}"

    def bytes_of_log(as_of: str = "") -> int:
        return sum(log["bytes"] for log in get(data.place, f"{run}/logs{as_of}")["logs"])

    def children() -> int:
        q = quote(f'parent = "{speaker.run_id}"')
        return int(get(data.place, f"search/runs?q={q}")["of"])

    def speak(word: str) -> None:
        before, there = bytes_of_log(), children()
        speaker.say(f"say the {word} word")
        speaker.say(f"child {word}")
        until(lambda: bytes_of_log() > before and children() > there, 60, f"the {word} word to be folded")

    speak("first")
    moment = get(data.place, run)["watermark"]
    speak("second")
    one = opened()
    page = one.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    one.go(f"{run}?tab=logs&as_of={quote(moment)}")
    log = page.get_by_role("log")
    expect(page.get_by_text("Looking back")).to_be_visible()
    expect(log).to_contain_text("the first word")
    speak("third")
    expect(log).not_to_contain_text("the second word")
    expect(page.get_by_label("follow")).to_have_count(0)
    one.accessible()
    page.get_by_role("tab", name="Children").click()
    expect(page.get_by_role("status").filter(has_text="1 child")).to_be_visible()
    expect(page.locator("table.children tbody tr")).to_have_text([re.compile("first")])
    one.accessible()
    page.get_by_role("tab", name="Completeness").click()
    told = get(data.place, f"{run}/completeness?as_of={quote(moment)}")["writers"]
    lane = next(lane for writer in told for lane in writer["lanes"] if lane["stream"].startswith("log/"))
    row = page.get_by_role("row").filter(has_text=lane["stream"])
    assert lane["stored"] == bytes_of_log(f"?as_of={quote(moment)}") < bytes_of_log()
    expect(row.get_by_role("cell").nth(1)).to_have_text(f"{lane['sent']:,}")
    expect(page.locator(".watermark").last).to_have_text(moment)
    expect(page.get_by_text(re.compile("as of now", re.IGNORECASE))).to_have_count(0)
    one.accessible()
    assert not [url for url in asked if "/changes" in url]  # nothing is heard of what comes now
    page.get_by_role("button", name="Back to now").click()
    page.get_by_role("tab", name="Children").click()
    expect(page.locator("table.children tbody tr")).to_have_count(3)
    speaker.say("child fourth")
    expect(page.get_by_role("row", name=re.compile("fourth"))).to_be_visible()
    page.get_by_role("tab", name="Logs").click()
    expect(log).to_contain_text("the third word")


def test_completeness_is_told_per_writer_and_stream(opened: Open, data: Looking) -> None:
    page = opened().go(f"runs/{data.everything}?tab=completeness")
    told = get(data.place, f"runs/{data.everything}/completeness")
    points = next(lane for writer in told["writers"] for lane in writer["lanes"] if lane["stream"] == "points")
    row = page.get_by_role("row").filter(has_text="points").first
    expect(row).to_contain_text(f"{points['sent']:,}")
    expect(page.locator(".completeness-tab")).to_contain_text("0 declared lost, 0 missing")


def test_a_run_is_asked_to_end_with_a_reason(opened: Open, speaker: Speaker, data: Looking) -> None:
    page = opened().go(f"runs/{speaker.run_id}")
    page.get_by_role("button", name="Cancel run").click()
    page.get_by_label("Reason (optional)").fill("diverged")
    page.get_by_role("button", name="Ask it to end").click()
    expect(page.get_by_text("cancel requested")).to_be_visible(timeout=20_000)
    events = get(data.place, f"runs/{speaker.run_id}/events?limit=500")["timeline"]
    assert any(event["event"] == "CancelRequested" for event in events)


def test_a_run_that_is_not_there_says_so(opened: Open) -> None:
    one = opened()
    one.expected = ["404"]
    page = one.go("runs/no-such-run")
    expect(page.get_by_role("heading", name="This run cannot be shown")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("no-such-run")
