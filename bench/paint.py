"""How long until a person sees something: the runs page, runs of 200 and 1,500 metrics and of 10 million points.

    python -m bench.paint [HOME]     starts a stack of its own, or takes the running one whose RUNFOLD_HOME is named

All data is logged by the real client and read through the API by the built page, in a Chromium (tests/page/browser.py).
What painted means: bench/painting.py. The long task is the longest time in which the page does not answer while one
scrolls through all panels. Browser, API, broker, projector and database share the machine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import quote

from bench.figures import Figure, show
from bench.painting import CACHE, PANELS, ROWS, Site, zoomed
from tests.page import browser as browsers
from tests.page.building import builder
from tests.stack import Stack, local_stack
from tests.waiting import until

JARS = Path(".pytest_cache/d/runfold-jars").absolute()
LIMIT_LONG_TASK_S, LIMIT_ZOOM_S = 0.2, 1.0

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


def logged(stack: Stack, metrics: int, steps: int, name: str) -> str:
    """A run of so many metrics and steps, folded to its last point; that of an earlier measurement, if there is one."""
    query = quote(f'experiment = paint and name = "{name}" and status = Completed')
    if found := stack.get(f"search/runs?q={query}&limit=1")["runs"]:
        return str(found[0]["run_id"])
    with stack.background(LOGS, str(metrics), str(steps), name) as process:
        told, errors = process.communicate(timeout=900)
    if process.returncode:
        raise RuntimeError(f"logging {name!r} ended with {process.returncode}: {errors}")
    run_id = told.strip()
    until(lambda: stack.get(f"runs/{run_id}")["complete"] == "complete", 600, f"the run {name!r} to be folded")
    return run_id


def measure(stack: Stack) -> list[Figure]:
    """The figures of a stack."""
    settings = stack.settings()
    two_hundred = logged(stack, 200, 100, "200 metrics")
    many = logged(stack, 1_500, 20, "1,500 metrics")
    long = logged(stack, 10, 1_000_000, "10 million points")
    with browsers.launched(CACHE) as browser:
        site = Site(browser, settings["api"].rstrip("/"), settings["workspace"], settings["access_token"])
        figures = [
            *site.painted("runs", ROWS).figures("first paint, runs page"),
            *site.painted(f"runs/{two_hundred}", PANELS).figures("first paint, run of 200 metrics"),
            *site.painted(f"runs/{many}", PANELS).figures("first paint, run of 1,500 metrics"),
            *site.painted(f"runs/{long}", PANELS).figures("first paint, run of 10 million points"),
        ]
        with site.signed_in(PANELS) as page:
            site.go(page, f"runs/{many}")
            longest = float(page.evaluate(SCROLLED))
            figures.append(Figure("longest task while scrolling 1,500 panels", longest, "s", LIMIT_LONG_TASK_S))
            site.go(page, f"runs/{long}")
            figures.append(Figure("zoom into 10 million points", zoomed(page), "s", LIMIT_ZOOM_S))
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
