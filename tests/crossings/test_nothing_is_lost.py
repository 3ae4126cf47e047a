"""What returned is there, once: after SIGKILL, after os._exit, with two shippers on one journal."""

from __future__ import annotations

import json
import signal

from tests.stack import Stack

POINTS = 3000
LOGS = f"""
import os, signal, sys
from runfold import Experiment, Workspace
run = Experiment(Workspace.from_config(), "killed").start_logging(snapshot_directory=None, outputs=False)
for i in range({POINTS}):
    run.log("loss", i)
print(run.id, flush=True)
"""


def metrics_of(stack: Stack, run_id: str) -> object:
    said = stack.script(
        "import sys, json; from runfold import Run, Workspace;"
        "print(json.dumps(Run.get(Workspace.from_config(), sys.argv[1]).get_metrics()))",
        run_id,
    )
    return json.loads(said.stdout)


def test_sigkill_right_after_log_returned(stack: Stack) -> None:
    killed = stack.script(LOGS + "os.kill(os.getpid(), signal.SIGKILL)", check=False)
    assert killed.returncode == -signal.SIGKILL
    stack.run("ship", "--once")
    assert metrics_of(stack, killed.stdout.strip()) == {"loss": list(range(POINTS))}


def test_a_multiprocessing_child_that_leaves_by_os_exit(stack: Stack) -> None:
    said = stack.script(
        """
import multiprocessing, os
from runfold import Experiment, Workspace
run = Experiment(Workspace.from_config(), "killed").start_logging(snapshot_directory=None, outputs=False)
run.log("parent", 1)
def child():
    for i in range(1000):
        run.log("child", i)
    os._exit(0)
process = multiprocessing.get_context("fork").Process(target=child)
process.start(); process.join()
run.log("parent", 2)
run.complete()
print(run.id)
"""
    )
    stack.run("ship", "--once")
    assert metrics_of(stack, said.stdout.strip()) == {"parent": [1, 2], "child": list(range(1000))}


def test_thread_and_command_ship_the_same_journal_at_the_same_time(stack: Stack) -> None:
    writer = stack.background(
        """
import sys
from runfold import Experiment, Workspace
run = Experiment(Workspace.from_config(), "killed").start_logging(snapshot_directory=None, outputs=False)
print(run.id, flush=True)
i = 0
while not sys.stdin.closed and i < 200_000:
    run.log("loss", i); i += 1
    if i % 5000 == 0: print(i, flush=True)
run.complete()
print("done", flush=True)
"""
    )
    assert writer.stdout is not None
    run_id = writer.stdout.readline().strip()
    while writer.stdout.readline().strip() not in ("done", ""):
        if writer.poll() is None:
            stack.run("ship", "--once", "--timeout", "20", check=False)
    _, words = writer.communicate()
    assert writer.returncode == 0, words
    stack.run("ship", "--once")
    metrics = metrics_of(stack, run_id)
    assert metrics == {"loss": list(range(200_000))}
