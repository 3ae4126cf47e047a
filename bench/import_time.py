"""What `from runfold import Run, Experiment, Workspace` costs above a bare interpreter, and what it loads.

python -m bench.import_time
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from bench.figures import Figure, show

ROUNDS = 15
LIMIT_MS = 60.0
IMPORT = "from runfold import Run, Experiment, Workspace"


def _wall_ms(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
    return (time.perf_counter() - began) * 1000


def measure() -> list[Figure]:
    """Medians of alternating rounds, so that both see the same noise."""
    pairs = [(_wall_ms("pass"), _wall_ms(IMPORT)) for _ in range(ROUNDS)]
    bare, loaded = (statistics.median(column) for column in zip(*pairs, strict=True))
    return [Figure("import of Run, Experiment, Workspace above bare Python", loaded - bare, "ms", LIMIT_MS)]


if __name__ == "__main__":
    sys.exit(show(measure()) > 0)
