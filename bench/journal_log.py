"""`run.log` as a whole: p50 and p99 of a call, alone and beside a busy thread; and memory above bare Python.

    python bench/journal_log.py [--calls 200000] [--unmapped]

Limits (issue 4): p50 0.8 us, p99 2 us alone, 5 us beside a busy thread. The timer's own cost is printed, not
deducted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

P50_NS, P99_NS, P99_BUSY_NS = 800, 2000, 5000


class Run:
    """What the façade adds to a log call."""

    def __init__(self, log: Callable[..., None]) -> None:
        self._log = log

    def log(self, name: str, value: float, description: str = "", step: int | None = None) -> None:
        """Logs one value."""
        self._log(name, value, step)


def quantiles(call: Callable[[int], None], calls: int) -> tuple[int, int]:
    """p50 and p99 of a call, in ns."""
    taken = [0] * calls
    for number in range(calls):
        start = perf_counter_ns()
        call(number)
        taken[number] = perf_counter_ns() - start
    taken.sort()
    return taken[calls // 2], taken[calls * 99 // 100]


def told(what: str, p50: int, p99: int, p50_max: int, p99_max: int) -> bool:
    """Prints a line with its limits, and says whether they are kept."""
    good = p50 <= p50_max and p99 <= p99_max
    mark = "ok  " if good else "MISS"
    print(f"{mark} {what:34} p50 {p50:6} ns (limit {p50_max})   p99 {p99:6} ns (limit {p99_max})")
    return good


def memory_kib(script: str) -> int:
    """Resident memory of a fresh interpreter at the end of a script."""
    tail = "\nprint([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmRSS')][0])"
    return int(subprocess.run([sys.executable, "-c", script + tail], capture_output=True, text=True, check=True).stdout)


def main() -> int:
    """Measures and prints; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument(
        "--unmapped", action="store_true", help="by system calls, as on file systems that cannot be mapped"
    )
    options = parser.parse_args()
    from runfold.journal.writer import Journal

    with tempfile.TemporaryDirectory(dir=Path.cwd()) as root:
        journal = Journal.create(Path(root), workspace="bench", mapped=not options.unmapped)
        run = Run(journal.points("run").log)
        quantiles(lambda step: run.log("loss", 0.5, step=step), 20_000)
        timer, _ = quantiles(lambda step: None, options.calls)
        print(f"     timer and loop alone               p50 {timer:6} ns")
        good = told(
            "float, step",
            *quantiles(lambda step: run.log("loss", 0.5, step=step), options.calls),
            P50_NS,
            P99_NS,
        )
        good &= told("float", *quantiles(lambda step: run.log("loss", 0.5), options.calls), P50_NS, P99_NS)
        good &= told("int, step", *quantiles(lambda step: run.log("n", step, step=step), options.calls), P50_NS, P99_NS)
        stop = threading.Event()

        def busy() -> None:
            while not stop.is_set():
                sum(range(1000))

        thread = threading.Thread(target=busy)
        thread.start()
        good &= told(
            "float, step, beside a busy thread",
            *quantiles(lambda step: run.log("loss", 0.5, step=step), options.calls),
            P99_BUSY_NS,
            P99_BUSY_NS,
        )
        stop.set()
        thread.join()
        journal.close()
        bare = memory_kib("")
        logging = memory_kib(
            "from pathlib import Path\nfrom runfold.journal.writer import Journal\n"
            f"journal = Journal.create(Path({root!r}), workspace='bench', mapped={not options.unmapped})\n"
            "log = journal.points('run').log\nfor step in range(300_000): log('loss', 0.5, step)\n"
        )
        print(f"     memory above bare Python: {(logging - bare) / 1024:.1f} MiB after 300,000 points")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
