"""First paint of the runs page over 100,000 runs, in a real browser; runs and views of one's own stack: bench/paint.py.

    RUNFOLD_POSTGRES=... python -m bench.paint_table       an address of a role that may create databases

Makes a database of its own and drops it; an API process of its own; no broker. A time is from the navigation to the
frame after which rows with their values are on the screen, with nothing in the browser's cache: a fresh context each
time, signed in before. Median of READS, after one that warms the server.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from playwright.sync_api import Browser

from bench import databases
from bench.figures import Figure, show
from bench.series import SERVE, free_port, serving
from runfold_consumers.api.access import create_access_token
from tests.consumers.api.search.filling import WORKSPACE, fill
from tests.page.browser import launched
from tests.page.building import builder

EXPERIMENTS, RUNS_EACH = 50, 2_000
READS = 5
LIMIT_S = 1.0
CACHE = Path(".pytest_cache/d/chromium").absolute()
VIEWS = {
    "first paint of the runs page": "runs",
    "the same, sorted by a metric": "runs?sort=metric.m0.min",
    "the same, filtered by a tag": "runs?q=tag.team+%3D+vision",
}
WATCH = """
(() => {
  const look = () => {
    const rows = document.querySelectorAll(".table .rows .row:not(.absent)").length;
    if (rows < 20) return requestAnimationFrame(look);
    requestAnimationFrame(() => { document.documentElement.dataset.painted = performance.now(); });
  };
  requestAnimationFrame(look);
})();
"""


def painted_s(browser: Browser, api: str, access_token: str, below: str) -> float:
    """Seconds from the navigation to rows on the screen."""
    times = []
    for _ in range(READS + 1):
        context = browser.new_context(viewport={"width": 1440, "height": 860})
        answer = context.request.post(f"{api}/v1/session", data={"access_token": access_token})
        if not answer.ok:
            raise SystemExit(f"could not sign in: {answer.text()}")
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(f"{api}/w/{WORKSPACE}/{below}")
        painted = page.locator("html[data-painted]")
        painted.wait_for(timeout=60_000)
        times.append(float(painted.get_attribute("data-painted") or "nan") / 1_000)
        context.close()
    return statistics.median(times[1:])


def measure() -> list[Figure]:
    """Fills a database and paints."""
    builder().build(tools=True)
    runs = EXPERIMENTS * RUNS_EACH
    with databases.migrated() as conninfo, launched(CACHE) as browser:
        fill(conninfo, experiments=EXPERIMENTS, runs=RUNS_EACH, tags=10, properties=10, metrics=3)
        port = free_port()
        access_token = create_access_token(conninfo, principal="bench", workspaces=[WORKSPACE], scopes=["read"])
        with serving([sys.executable, "-c", SERVE, conninfo, str(port)], port, "/readyz"):
            return [
                Figure(
                    f"{name}, {runs:,} runs",
                    painted_s(browser, f"http://127.0.0.1:{port}", access_token, below),
                    "s",
                    LIMIT_S,
                )
                for name, below in VIEWS.items()
            ]


if __name__ == "__main__":
    sys.exit(1 if show(measure()) else 0)
