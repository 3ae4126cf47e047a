"""What benches of the page share: pages that are signed in, with nothing in the browser's cache, and what they cost.

A page is painted at the frame after which everything in sight is drawn, by its own clock, from the start of the
navigation. Beside the wall clock stands what does not depend on who else uses the machine: requests until then, and the
processor time of the page's main thread.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.figures import Figure

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

CACHE = Path(tempfile.gettempdir()) / "runfold-chromium"
TIMES = 5
LIMIT_PAINT_S = 1.0
PATIENCE_MS = 120_000

_WATCH = """
(() => {
  const inSight = (of) => [...document.querySelectorAll(of)].filter((each) => {
    const box = each.getBoundingClientRect();
    return box.top < innerHeight && box.bottom > 0 && box.width > 0;
  });
  window.isReady = () => READY;
  const look = () => {
    if (!isReady()) return requestAnimationFrame(look);
    requestAnimationFrame(() => { document.documentElement.dataset.painted = performance.now(); });
  };
  requestAnimationFrame(look);
})();
"""
PANELS = '((all) => all.length > 0 && all.every((p) => p.dataset.drawn === "true"))(inSight("[data-metric]"))'
ROWS = "((all) => all.length > 0 && all.every((r) => !r.matches(\".absent\")))(inSight('[role=grid] .rows [role=row]'))"
CHARTS = f"{ROWS} && ((all) => all.length > 0 && all.every((c) => !c.dataset.busy))(inSight('.chart-box .chart'))"
"""Rows, and the charts beside them."""


class Painted(NamedTuple):
    """What the first paint took."""

    seconds: float
    requests: int
    main_thread_s: float

    def figures(self, name: str) -> list[Figure]:
        """Beside their limits: a second, four turns of six requests, half of the second processor time."""
        return [
            Figure(name, self.seconds, "s", LIMIT_PAINT_S),
            Figure("  requests until then", self.requests, "", 24),
            Figure("  main thread until then", self.main_thread_s, "s", LIMIT_PAINT_S / 2),
        ]


class Site(NamedTuple):
    """An API with the page, and a browser beside it."""

    browser: Browser
    api: str
    workspace: str
    access_token: str

    @contextmanager
    def signed_in(self, ready: str = "true") -> Iterator[Page]:
        """An empty page of a browser that was never here; `ready` is an expression, see PANELS."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        try:
            answer = context.request.post(f"{self.api}/v1/session", data={"access_token": self.access_token})
            if not answer.ok:
                raise SystemExit(f"could not sign in: {answer.text()}")
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.add_init_script(_WATCH.replace("READY", ready))
            yield page
        finally:
            context.close()

    def go(self, page: Page, below: str) -> float:
        """Opens a view; seconds until it was painted."""
        page.goto(f"{self.api}/w/{self.workspace}/{below}", wait_until="commit")
        painted = page.locator("html[data-painted]")
        painted.wait_for(state="attached")
        return float(painted.get_attribute("data-painted") or "nan") / 1_000

    def painted(self, below: str, ready: str) -> Painted:
        """The first paint of a view: the median of TIMES, after one that warms the server."""
        found = []
        for _ in range(TIMES + 1):
            with self.signed_in(ready) as page:
                asked: list[str] = []
                page.on("request", lambda request, asked=asked: asked.append(request.url))  # type: ignore[misc]
                costs = Costs(page)
                seconds = self.go(page, below)
                found.append(Painted(seconds, len(asked), costs.main_thread_s()))
        return Painted(*(statistics.median(column) for column in zip(*found[1:], strict=True)))  # type: ignore[arg-type]


class Costs:
    """What a page costs the machine, as the browser counts it."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def main_thread_s(self) -> float:
        """Processor seconds of the main thread since the page was made."""
        return self._metric("TaskDuration")

    def heap_mib(self) -> float:
        """Memory that scripts hold, garbage collected."""
        self._session.send("HeapProfiler.collectGarbage")
        return self._metric("JSHeapUsedSize") / (1 << 20)

    def _metric(self, name: str) -> float:
        told = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in told if metric["name"] == name))


def zoomed(page: Page) -> float:
    """Seconds from a zoom into a twentieth of what is shown to finer points of it."""
    plot = page.locator("[data-metric] .u-over").first
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + 42, steps=4)
    with page.expect_response(lambda answer: "/series" in answer.url and "from=" in answer.url):
        began = page.evaluate("performance.now()")
        page.mouse.up()
    page.locator("[data-busy]").first.wait_for(state="detached")
    return (float(page.evaluate("performance.now()")) - float(began)) / 1_000
