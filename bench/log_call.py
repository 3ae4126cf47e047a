"""What a call of `run.log` costs the training: alone, beside a busy thread, beside its own shipper; and its memory.

    python -m bench.log_call           beside the shipper needs a broker: a stack of its own is started

`run.log` as a whole, through the public class; what the timer itself costs in that process (its median, some 70 ns) is
taken off. Calls come in bursts of 20, as a training step logs them. Each scenario is a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figures import Figure, show
from tests.stack import Stack, local_stack

CALLS = 200_000
_MEASURE = """
import json, os, sys, threading, time
from runfold import Experiment, Run, Workspace
scenario, calls = sys.argv[1], int(sys.argv[2])
workspace = Workspace.from_config() if scenario == "shipper" else Workspace("s", "g", "bench")
run = Experiment(workspace, "bench").start_logging(snapshot_directory=None, outputs=False)
log, now = run.log, time.perf_counter_ns
def busy():
    x = 0
    while True:
        x += 1
if scenario == "busy":
    threading.Thread(target=busy, daemon=True).start()
if scenario == "shipper":
    run.flush()
pause = threading.Event()
for i in range(1000):
    log("loss", i * 0.5, step=i)
costs = []
for burst in range(calls // 20):
    for i in range(20):
        began = now(); log("loss", 0.25, step=i); costs.append(now() - began)
    if scenario == "shipper":
        pause.wait(0.002)  # 20 points each 2 ms: 10,000 a second
timer = []
for i in range(20000):
    began = now(); timer.append(now() - began)
own = sorted(timer)[len(timer) // 2]
costs.sort()
print(json.dumps([costs[len(costs) // 2] - own, costs[int(len(costs) * 0.99)] - own]), flush=True)
os._exit(0)
"""
_RSS = (
    "\nprint([int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmRSS')][0], flush=True)"
)
_LOGGING = """
import os
from runfold import Experiment, Workspace
run = Experiment(Workspace.from_config(), "bench").start_logging(snapshot_directory=None, outputs=False)
for i in range(100_000): run.log("loss", 0.5, step=i)
run.flush()
"""


def quantiles_us(scenario: str, environment: dict[str, str], calls: int = CALLS) -> tuple[float, float]:
    """p50 and p99 of one call, in microseconds."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, scenario, str(calls)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    p50, p99 = json.loads(done.stdout)
    return p50 / 1000, p99 / 1000


def _resident_mib(script: str, environment: dict[str, str]) -> float:
    done = subprocess.run(
        [sys.executable, "-c", script + _RSS], env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1]) / 1024


def measure(stack: Stack) -> list[Figure]:
    """All scenarios, the best of three each: what another process on the machine takes is not ours."""
    with tempfile.TemporaryDirectory() as folder:
        without = {k: v for k, v in stack.bare.items() if k != "RUNFOLD_HOME"}
        alone = without | {
            "RUNFOLD_HOME": folder,
            "RUNFOLD_JOURNAL": str(Path(folder) / "j"),
            "RUNFOLD_SHIPPING": "node",
        }
        figures = []
        for scenario, name, limit, environment, calls in (
            ("alone", "alone", 2.0, alone, CALLS),
            ("busy", "beside a busy thread", 5.0, alone, CALLS),
            ("shipper", "beside its shipper, 10,000 a second", 15.0, stack.bare, 30_000),
        ):
            p50, p99 = min((quantiles_us(scenario, environment, calls) for _ in range(3)), key=lambda q: q[1])
            figures += [Figure(f"log {name}, p50", p50, "us", 0.8), Figure(f"log {name}, p99", p99, "us", limit)]
    bare = _resident_mib("", stack.bare)
    resident = _resident_mib(_LOGGING, stack.bare)
    figures.append(Figure("memory of a logging process above bare Python", resident - bare, "MiB", 80))
    return figures


if __name__ == "__main__":
    with local_stack(Path(".pytest_cache/d/runfold-jars").absolute()) as running:
        sys.exit(show(measure(running)) > 0)
