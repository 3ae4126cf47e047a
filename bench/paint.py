"""How long until a person sees something: the runs page, runs of 200 and 1,500 metrics and of 10 million points.

    python -m bench.paint [HOME]     starts a stack of its own, or takes the running one whose RUNFOLD_HOME is named

All data is logged by the real client and read through the API by the built page, in a Chromium (tests/page/browser.py).
Painted means: from the start of the navigation (an empty cache) to the first frame after which everything in sight is
drawn, the median of five; the long task is the longest time in which the page does not answer while one scrolls through
all panels. Browser, API, broker, projector and database share the machine.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from bench.figures import Figure, show
from tests.page import browser as browsers
from tests.page.building import builder
from tests.stack import Stack, local_stack
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

JARS = Path(".pytest_cache/d/runfold-jars").absolute()
TIMES = 5
LIMIT_PAINT_S, LIMIT_LONG_TASK_S, LIMIT_ZOOM_S = 1.0, 0.2, 1.0

LOGS = """
import math, sys
from runfold import Experiment, Workspace
metrics, steps, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
run = Experiment(Workspace.from_config(), "paint").start_logging(snapshot_directory=None, display_name=name)
names = [f"block{m // 20}/metric{m % 20}" for m in range(metrics)]
log = run.log
for step in range(steps):
    value = math.sin(step / 50) + step / steps
    for name in names:
        log(name, value, step=step)
run.flush(timeout_seconds=300)
run.complete()
print(run.id)
"""

# Time of the first frame in which no panel in sight waits any more, by the page's own clock.
PAINTED = """
() => new Promise((resolve) => {
  const look = () => {
    const places = [...document.querySelectorAll(`WHAT`)];
    const inSight = (box) => box.top < innerHeight && box.bottom > 0;
    const sight = places.filter((p) => inSight(p.getBoundingClientRect()));
    const ready = sight.length > 0 && sight.every((p) => READY);
    if (!ready) return requestAnimationFrame(look);
    requestAnimationFrame(() => resolve(performance.now() / 1000));
  };
  look();
})
"""
PANELS = PAINTED.replace("WHAT", "[data-metric]").replace("READY", 'p.dataset.drawn === "true"')
ROWS = PAINTED.replace("WHAT", '[role="grid"] .rows [role="row"]').replace("READY", "p.textContent.trim() !== ''")

SCROLLED = """
async () => {
  let longest = 0;
  const observer = new PerformanceObserver((list) => {
    for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
  });
  observer.observe({ type: "longtask" });
  const main = document.querySelector("main");
  for (let top = 0; top < main.scrollHeight; top += 700) {
    main.scrollTop = top;
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  observer.disconnect();
  return longest / 1000;
}
"""


class Place(NamedTuple):
    """Where the page is."""

    stack: Stack
    address: str
    access_token: str


def painted(context: BrowserContext, address: str, ready: str) -> float:
    """Seconds from the navigation to everything in sight, the median of some."""
    took = []
    for _ in range(TIMES):
        page = context.new_page()
        page.goto(address, wait_until="commit")
        took.append(float(page.evaluate(ready)))
        page.close()
    return statistics.median(took)


def zoomed(page: Page) -> float:
    """Seconds from a zoom into a thousandth of a run to the finer points of it."""
    page.evaluate(PANELS)
    plot = page.locator("[data-metric] .u-over").first
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + 42, steps=4)
    began = page.evaluate("performance.now() / 1000")
    page.mouse.up()
    page.locator("[data-metric] .chart-foot").first.get_by_text("here").wait_for()
    page.locator("[data-busy]").first.wait_for(state="detached")
    return float(page.evaluate("performance.now() / 1000")) - float(began)


def logged(place: Place, metrics: int, steps: int, name: str) -> str:
    """A run of so many metrics and steps, folded to its last point; that of an earlier measurement, if there is one."""
    query = quote(f'experiment = paint and name = "{name}" and status = Completed')
    if found := place.stack.get(f"search/runs?q={query}&limit=1")["runs"]:
        return str(found[0]["run_id"])
    with place.stack.background(LOGS, str(metrics), str(steps), name) as process:
        told, errors = process.communicate(timeout=900)
    if process.returncode:
        raise RuntimeError(f"logging {name!r} ended with {process.returncode}: {errors}")
    run_id = told.strip()
    until(lambda: place.stack.get(f"runs/{run_id}")["complete"] == "complete", 600, f"the run {name!r} to be folded")
    return run_id


def measure(stack: Stack) -> list[Figure]:
    """The figures of a stack."""
    settings = stack.settings()
    place = Place(stack, f"{settings['api'].rstrip('/')}/w/{settings['workspace']}/runs", settings["access_token"])
    two_hundred = logged(place, 200, 100, "200 metrics")
    many = logged(place, 1_500, 20, "1,500 metrics")
    long = logged(place, 10, 1_000_000, "10 million points")
    with browsers.launched(Path(tempfile.gettempdir()) / "runfold-chromium") as browser:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.request.post(settings["api"].rstrip("/") + "/v1/session", data={"access_token": place.access_token})
        figures = [
            Figure("first paint, runs page", painted(context, place.address, ROWS), "s", LIMIT_PAINT_S),
            Figure(
                "first paint, run of 200 metrics",
                painted(context, f"{place.address}/{two_hundred}", PANELS), "s", LIMIT_PAINT_S,
            ),
            Figure(
                "first paint, run of 1,500 metrics",
                painted(context, f"{place.address}/{many}", PANELS), "s", LIMIT_PAINT_S,
            ),
            Figure(
                "first paint, run of 10 million points",
                painted(context, f"{place.address}/{long}", PANELS), "s", LIMIT_PAINT_S,
            ),
        ]  # fmt: skip
        page = context.new_page()
        page.goto(f"{place.address}/{many}")
        page.evaluate(PANELS)
        figures.append(
            Figure("longest task while scrolling 1,500 panels", float(page.evaluate(SCROLLED)), "s", LIMIT_LONG_TASK_S)
        )
        page.goto(f"{place.address}/{long}")
        figures.append(Figure("zoom into 10 million points", zoomed(page), "s", LIMIT_ZOOM_S))
        context.close()
    return figures


def main(words: list[str]) -> int:
    """Prints the figures; returns how many do not keep their limits."""
    builder().build()
    if words:
        home = Path(words[0])
        return show(measure(Stack(home, dict(os.environ) | {"RUNFOLD_HOME": str(home)})))
    with local_stack(JARS) as stack:
        return show(measure(stack))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
