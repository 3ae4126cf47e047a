"""The page where there is much: 100,000 runs, 1,000 that log, a run of 1,500 metrics, a series of 10 million points.

    RUNFOLD_POSTGRES=... python -m bench.page_scale [PART ...]     an address of a role that may create databases

Parts: paint, table, live, wide, long; all without. Makes a database of its own and drops it; an API process of its own;
no broker. Browser, API and database share the machine. A task is what keeps the page from answering a person (50 ms is
what browsers call long); frames are counted while one scrolls as fast as a page can be scrolled.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import databases
from bench.figures import Figure, show
from bench.merging import WORKSPACE as BENCH
from bench.merging import folded, merged, round_robin
from bench.painting import CACHE, CHARTS, PANELS, ROWS, Costs, Site, zoomed
from bench.series import SERVE, free_port, serving
from bench.viewers import Logged
from runfold_consumers.api.access import create_access_token
from tests.consumers.api.conftest import Ledger
from tests.consumers.api.saying import Saying
from tests.consumers.api.search.filling import WORKSPACE as MANY
from tests.consumers.api.search.filling import fill
from tests.page.browser import launched
from tests.page.building import builder

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIVE = "live"
EXPERIMENTS, RUNS_EACH = 50, 2_000
LIVE_RUNS, COMMITS, APART_S = 1_000, 80, 0.25
POINTS = 10_000_000
LIMIT_TASK_MS = 200  # a person notices from there on
LIMIT_FRAME_MS = 50
LIMIT_JUMP_S = 1.0
LIMIT_SHOWN_S = 2.5  # the page looks once a second, the ledger says so within one
LIMIT_SHARE = 50
LIMIT_GROWTH_MIB = 20
LIMIT_ZOOM_S = 2.0
LIMIT_SEARCH_MS = 200

_WATCHED = """
() => {
  window.tasks = [];
  new PerformanceObserver((list) => { for (const task of list.getEntries()) tasks.push(task.duration); })
    .observe({ type: "longtask" });
}
"""
_SCROLLED = """
async ([where, by_px]) => {
  const box = document.querySelector(where);
  const frames = [];
  let before = performance.now();
  while (box.scrollTop + box.clientHeight < box.scrollHeight - 1) {
    box.scrollTop += by_px;
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - before);
    before = performance.now();
  }
  return frames;
}
"""
_JUMPED = """
async ([where, share]) => {
  const box = document.querySelector(where);
  const began = performance.now();
  box.scrollTop = share * (box.scrollHeight - box.clientHeight);
  do await new Promise(requestAnimationFrame); while (!isReady());
  return performance.now() - began;
}
"""
_CELL = '[role=grid] .rows [role=row][aria-rowindex="2"] [aria-colindex="5"]'
_SHOWN = """
(where) => {
  window.shown = [];
  const look = () => {
    const text = document.querySelector(where)?.textContent ?? "";
    if (text !== shown.at(-1)?.[0]) shown.push([text, Date.now() / 1000]);
    requestAnimationFrame(look);
  };
  look();
}
"""
_TYPED = """
async ([text, n]) => {
  const field = document.querySelector(".control-search input");
  const began = performance.now();
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  do await new Promise(requestAnimationFrame);
  while (!document.querySelector(".controls-told").textContent.startsWith(`${n} of`) || !isReady());
  return performance.now() - began;
}
"""


def longest_ms(page: Page) -> float:
    """The longest task since `_WATCHED`, 0 where none was long; forgets it."""
    return float(page.evaluate("Math.max(0, ...tasks.splice(0))"))


def scrolled(page: Page, where: str, by_px: int, name: str) -> list[Figure]:
    """To the end of a box, so many pixels a frame."""
    page.evaluate(_WATCHED)
    frames = sorted(page.evaluate(_SCROLLED, [where, by_px]))
    return [
        Figure(f"{name}: longest task", longest_ms(page), "ms", LIMIT_TASK_MS),
        Figure(f"  frame, p95 of {len(frames):,}", frames[int(len(frames) * 0.95)], "ms", LIMIT_FRAME_MS),
    ]


def paint(site: Site) -> list[Figure]:
    """First paints."""
    many, bench = site._replace(workspace=MANY), site._replace(workspace=BENCH)
    return [
        *many.painted("runs", ROWS).figures("first paint, 100,000 runs"),
        *many.painted("runs", CHARTS).figures("first paint with charts, 100,000 runs"),
        *bench.painted("runs/run 200", PANELS).figures("first paint, run of 200 metrics"),
        *bench.painted("runs/run 1500", PANELS).figures("first paint, run of 1,500 metrics"),
    ]


def table(site: Site) -> list[Figure]:
    """Through 100,000 runs, and from one end to the other."""
    site = site._replace(workspace=MANY)
    figures = []
    with site.signed_in(ROWS) as page:
        site.go(page, "runs?charts=none")
        figures += scrolled(page, ".table", 10_000, "scroll through 100,000 runs, 10,000 px a frame")
        for share, name in ((1.0, "to the end"), (0.5, "to the middle"), (0.9, "on to 9 of 10"), (0.0, "to the head")):
            page.evaluate("tasks.length = 0")
            took = float(page.evaluate(_JUMPED, [".table", share])) / 1_000
            figures.append(Figure(f"jump {name}, rows shown", took, "s", LIMIT_JUMP_S))
            figures.append(Figure("  longest task", longest_ms(page), "ms", LIMIT_TASK_MS))
    with site.signed_in(ROWS) as page:
        asked: list[str] = []
        site.go(page, "runs?charts=none")
        page.on("request", lambda request: asked.append(request.url))
        took = float(page.evaluate(_JUMPED, [".table", 1.0])) / 1_000
        figures.append(Figure("jump to the end before anything else is loaded", took, "s", LIMIT_JUMP_S))
        figures.append(Figure("  requests", len(asked), "", 4))
        figures.append(Figure("  memory of scripts", Costs(page).heap_mib(), "MiB", 32))
    return figures


def live(site: Site, logged: Logged) -> list[Figure]:
    """1,000 runs that log, all of them four times a second, and a page that shows the first of them."""
    site = site._replace(workspace=LIVE)
    with site.signed_in(CHARTS) as page:
        site.go(page, "runs?columns=name,status,metric.loss,spark.loss")
        page.evaluate(_WATCHED)
        page.evaluate(_SHOWN, _CELL)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        costs = Costs(page)
        used, heap, began, commits = costs.main_thread_s(), costs.heap_mib(), time.monotonic(), []
        for number in range(COMMITS):
            logged.batch()
            commits.append(time.time())
            page.wait_for_timeout(max(0.0, began + (number + 1) * APART_S - time.monotonic()) * 1_000)
        page.wait_for_timeout(LIMIT_SHOWN_S * 1_000)
        lasted = time.monotonic() - began
        share = (costs.main_thread_s() - used) / lasted
        longest, shown = longest_ms(page), page.evaluate("shown")
        grown = costs.heap_mib() - heap
    first = len(logged.committed) - COMMITS + 1  # values say the how manieth commit it is
    seen = [(float(text), at) for text, at in shown if text.replace(".", "").isdigit()]
    took = [
        next((at for value, at in seen if value >= first + number), float("inf")) - at_commit
        for number, at_commit in enumerate(commits)
    ]
    name = f"{LIVE_RUNS:,} live runs"
    return [
        Figure(f"{name}: commit to shown, p50", statistics.median(took), "s", LIMIT_SHOWN_S / 2),
        Figure(f"{name}: commit to shown, the slowest", max(took), "s", LIMIT_SHOWN_S),
        Figure("  main thread", 100 * share, "%", LIMIT_SHARE),
        Figure("  longest task", longest, "ms", LIMIT_TASK_MS),
        Figure("  requests a second", len(asked) / lasted, "/s", 3),
        Figure(f"  memory, after {COMMITS} commits", grown, "MiB more", LIMIT_GROWTH_MIB),
    ]


def wide(site: Site) -> list[Figure]:
    """A run of 1,500 metrics, scrolled and searched."""
    site = site._replace(workspace=BENCH)
    with site.signed_in(PANELS) as page:
        site.go(page, "runs/run 1500")
        figures = scrolled(page, "main", 700, "scroll through 1,500 panels, 700 px a frame")
        page.evaluate("document.querySelector('main').scrollTop = 0")
        for text in ("metric 1[0-4]\\d\\d$", "^metric 77$", "7"):
            found = sum(re.search(text, f"metric {number}") is not None for number in range(1_500))
            page.evaluate("tasks.length = 0")
            took = float(page.evaluate(_TYPED, [text, found]))
            figures.append(Figure(f"search {text}, {found} charts", took, "ms", LIMIT_SEARCH_MS))
            figures.append(Figure("  longest task", longest_ms(page), "ms", LIMIT_TASK_MS))
    return figures


def long(site: Site) -> list[Figure]:
    """A series of 10 million points, drawn and zoomed into."""
    site = site._replace(workspace=BENCH)
    figures = site.painted("runs/long", PANELS).figures(f"first paint, a series of {POINTS:,} points")
    with site.signed_in(PANELS) as page:
        site.go(page, "runs/long")
        page.evaluate(_WATCHED)
        for what in ("a twentieth", "a 400th"):
            figures.append(Figure(f"zoom into {what} of it, finer points drawn", zoomed(page), "s", LIMIT_ZOOM_S))
            figures.append(Figure("  longest task", longest_ms(page), "ms", LIMIT_TASK_MS))
    return figures


def filled(conninfo: str) -> None:
    """100,000 runs, and three in a workspace of their own that have much each."""
    fill(conninfo, experiments=EXPERIMENTS, runs=RUNS_EACH, tags=10, properties=10, metrics=3)
    ledger = Ledger(conninfo, BENCH)
    for run_id, points, series in (("run 200", 20_000, 200), ("run 1500", 150_000, 1_500), ("long", POINTS, 1)):
        ledger.say(Saying(run_id, "0" * 32).started("bench"), notify=False)
        folded(conninfo, list(round_robin(run_id, points, series, 10_000)), points, 20)
    merged(conninfo)


def running(conninfo: str, workspace: str) -> Logged:
    """Runs that are ready to log, in a workspace of their own."""
    ledger, sayings = Ledger(conninfo, workspace), [Saying(f"r{run}", f"{run:032x}") for run in range(LIVE_RUNS)]
    ledger.say(*(one.started("live") for one in sayings), notify=False)
    ledger.say(*(one.status("Running") for one in sayings), notify=False)
    logged = Logged(conninfo, workspace, LIVE_RUNS)
    logged.batch()
    return logged


@contextmanager
def serving_page(conninfo: str) -> Iterator[Site]:
    """An API process over the database, and a browser beside it."""
    builder().build(tools=True)
    access_token = create_access_token(conninfo, principal="bench", workspaces=[MANY, BENCH, LIVE], scopes=["read"])
    port = free_port()
    with (
        launched(CACHE) as browser,
        serving([sys.executable, "-c", SERVE, conninfo, str(port)], port, "/readyz"),
    ):
        yield Site(browser, f"http://127.0.0.1:{port}", MANY, access_token)


def measure(parts: list[str]) -> list[Figure]:
    """The figures of these parts, of all where none is named."""
    with databases.migrated() as conninfo:
        filled(conninfo)
        with serving_page(conninfo) as site:
            all_parts: dict[str, Callable[[], list[Figure]]] = {
                "paint": lambda: paint(site),
                "table": lambda: table(site),
                "live": lambda: live(site, running(conninfo, LIVE)),
                "wide": lambda: wide(site),
                "long": lambda: long(site),
            }
            return [figure for name in parts or all_parts for figure in all_parts[name]()]


if __name__ == "__main__":
    sys.exit(1 if show(measure(sys.argv[1:])) else 0)
