"""First paint of the runs page over 100,000 runs, in a real browser; runs and views of one's own stack: bench/paint.py.

    RUNFOLD_POSTGRES=... python -m bench.paint_table       an address of a role that may create databases

Makes a database of its own and drops it; an API process of its own; no broker. What painted means: bench/painting.py.
"""

from __future__ import annotations

import sys

from bench import databases
from bench.figures import Figure, show
from bench.painting import CACHE, ROWS, Site
from bench.series import SERVE, free_port, serving
from runfold_consumers.api.access import create_access_token
from tests.consumers.api.search.filling import WORKSPACE, fill
from tests.page.browser import launched
from tests.page.building import builder

EXPERIMENTS, RUNS_EACH = 50, 2_000
VIEWS = {
    "first paint of the runs page": "runs",
    "the same, sorted by a metric": "runs?sort=metric.m0.min",
    "the same, filtered by a tag": "runs?q=tag.team+%3D+vision",
}


def measure() -> list[Figure]:
    """Fills a database and paints."""
    builder().build(tools=True)
    runs = EXPERIMENTS * RUNS_EACH
    with databases.migrated() as conninfo, launched(CACHE) as browser:
        fill(conninfo, experiments=EXPERIMENTS, runs=RUNS_EACH, tags=10, properties=10, metrics=3)
        port = free_port()
        access_token = create_access_token(conninfo, principal="bench", workspaces=[WORKSPACE], scopes=["read"])
        site = Site(browser, f"http://127.0.0.1:{port}", WORKSPACE, access_token)
        with serving([sys.executable, "-c", SERVE, conninfo, str(port)], port, "/readyz"):
            return [
                figure
                for name, below in VIEWS.items()
                for figure in site.painted(below, ROWS).figures(f"{name}, {runs:,} runs")
            ]


if __name__ == "__main__":
    sys.exit(1 if show(measure()) else 0)
