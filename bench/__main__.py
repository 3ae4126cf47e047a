"""All figures, each beside its limit: `make bench`.

    python -m bench [--write FILE]     with --write also as a page of the docs

One stack is started for those that need one. Nothing else should run meanwhile: on a shared machine figures move by
tens of percent. Ends with 1 when a figure does not keep its limit.
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from pathlib import Path

from bench import codec, import_time, log_call, visible
from bench.figures import Figure, show
from tests.stack import local_stack

JARS = Path(".pytest_cache/d/runfold-jars").absolute()


def page(groups: dict[str, list[Figure]]) -> str:
    """The figures as a page of the docs."""
    lines = [
        "<!-- Made by `make bench`; edit what it is made from. -->\n",
        "# Figures\n",
        f"Measured {datetime.now(timezone.utc):%Y-%m-%d} on {os.cpu_count()} cores, Python "
        f"{platform.python_version()}.",
        "Logging processes, broker, projector and database share the machine. `make bench` prints them again;",
        "absolute figures move by tens of percent from run to run.\n",
    ]
    for title, figures in groups.items():
        lines += [f"## {title}\n", "| figure | measured | limit | |", "|---|---|---|---|"]
        for figure in figures:
            sign = "≥" if figure.higher_is_better else "≤"
            word = "reached" if figure.reached else "**not reached**"
            measured, limit = f"{figure.value:,.3g} {figure.unit}", f"{sign} {figure.limit:,.3g} {figure.unit}"
            lines.append(f"| {figure.name} | {measured} | {limit} | {word} |")
        lines.append("")
    return "\n".join(lines)


def main(words: list[str]) -> int:
    """Measures everything and prints it; returns how many figures do not keep their limits."""
    groups = {"Import": import_time.measure(), "Codec": codec.measure()}
    with local_stack(JARS) as stack:
        groups["A call of log"] = log_call.measure(stack)
        groups["From the call to a row"] = visible.measure(stack)
    missed = sum(show(figures) for figures in groups.values())
    if "--write" in words:
        Path(words[words.index("--write") + 1]).write_text(page(groups))
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
