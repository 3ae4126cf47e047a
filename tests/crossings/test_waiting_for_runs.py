"""Waiting for runs: streamed logs, Ctrl-C, kernels that never end, and why a run is queued (run_api section 8.6)."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.crossings.saying import said
from tests.stack import Stack

LOGGING = """
import sys, threading
from runfold import Experiment, Workspace
from runfold.run import metrics
run = Experiment(Workspace.from_config(), "streamed").start_logging(snapshot_directory=None, outputs=False)
session = run._handle.session
session.append_log(run.id, "user_logs/std_log.txt", "first \\u00fc\\n".encode())
print(run.id, run.watermark(), flush=True)
sys.stdin.readline()
session.append_log(run.id, "user_logs/std_log.txt", b"last, cut")
metrics.warn(run._handle, "me", "take care")
run.fail("went wrong", "Mine")
"""
WAITING = """
import sys
from runfold import Run, Workspace
from runfold.exceptions import *
run = Run.get(Workspace.from_config(), sys.argv[1])
try:
    run.wait_for_completion(show_output=True, raise_on_error=sys.argv[2] == "raise")
except (ActivityFailedException, ExperimentExecutionException) as e:
    print("RAISED", type(e).__name__, e.message)
"""


def test_a_log_is_streamed_while_it_grows(stack: Stack) -> None:
    """wait_for_completion(show_output=True): the original's texts, section 8.6; logs come by name, text and file."""
    writer = stack.background(LOGGING)
    assert writer.stdout is not None
    assert writer.stdin is not None
    run_id, watermark = writer.stdout.readline().split()
    waiting = stack.background(WAITING, run_id, "show", RUNFOLD_NOT_BEFORE=watermark)
    assert waiting.stdout is not None
    lines = []
    while not lines or not lines[-1].startswith("first"):
        lines.append(waiting.stdout.readline().rstrip("\n"))
    writer.communicate("\n", timeout=60)
    rest = waiting.communicate(timeout=60)[0].splitlines()
    view = f"Web View: {stack.settings()['api']}/runs/{run_id}?wsid=/subscriptions/-/resourcegroups/-/workspaces/"
    view += stack.settings()["workspace"]
    assert lines == [
        f"RunId: {run_id}",
        view,
        "",
        "Streaming user_logs/std_log.txt",
        "=" * (len("user_logs/std_log.txt") + 10),
        "",
        "first ü",
    ]
    assert rest[:9] == [
        "last, cut",
        "",
        "Execution Summary",
        "=================",
        f"RunId: {run_id}",
        view,
        "",
        "Warnings:",
        "take care",
    ]
    assert rest[11:13] == ["Error:", "{"]
    raised = stack.script(WAITING, run_id, "raise").stdout
    assert "\nRAISED ActivityFailedException Activity Failed:\n{" in raised
    read = f"""
run = Run.get(ws, {run_id!r})
import tempfile
folder = tempfile.mkdtemp()
paths = run.get_all_logs(folder)
found = [run.get_details_with_logs()["logFiles"], [open(path).read() for path in paths],
         [path.startswith(folder) for path in paths], run.get_details()["error"]["error"]["code"]]"""
    text = "first ü\nlast, cut"
    assert said(stack, read) == [{"user_logs/std_log.txt": text}, [text], [True], "Mine"]


def test_ctrl_c_ends_the_streaming_and_not_the_run(stack: Stack) -> None:
    """Ctrl-C while the log is shown is an ExperimentExecutionException that says that the run goes on."""
    writer = stack.background(LOGGING)
    assert writer.stdout is not None
    run_id, watermark = writer.stdout.readline().split()
    text = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + WAITING
    waiting = stack.background(text, run_id, "show", RUNFOLD_NOT_BEFORE=watermark)
    assert waiting.stdout is not None
    while not waiting.stdout.readline().startswith("first"):
        pass
    waiting.send_signal(signal.SIGINT)
    out = waiting.communicate(timeout=60)[0]
    assert "RAISED ExperimentExecutionException The output streaming for the run interrupted.\nBut the run is" in out
    assert said(stack, f"found = Run.get(ws, {run_id!r}).get_status()") == "Running"
    writer.communicate("\n", timeout=60)


def test_a_process_that_never_ends_hides_nothing(stack: Stack) -> None:
    """A notebook's kernel neither flushes nor ends: what a cell said is visible by itself."""
    kernel = subprocess.Popen(
        [sys.executable, "-i", "-q"],
        env=stack.bare,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert kernel.stdin is not None
    assert kernel.stdout is not None
    try:
        kernel.stdin.write(
            "from runfold import Experiment, Workspace\n"
            "run = Experiment(Workspace.from_config(), 'cells').start_logging(snapshot_directory=None, outputs=False)\n"
            "run.log('a', 1.5)\nprint(run.id, run.watermark())\n"
        )
        kernel.stdin.flush()
        run_id, watermark = kernel.stdout.readline().split()
        read = f"found = Run.get(ws, {run_id!r}).get_metrics()"
        assert said(stack, read, RUNFOLD_NOT_BEFORE=watermark) == {"a": 1.5}
    finally:
        kernel.kill()
        kernel.communicate()


def test_why_a_run_is_queued(stack: Stack) -> None:
    """get_detailed_status: details say why while the run is Queued."""
    text = """
from runfold_schemas.events import RunStarted, RunEnrolled, StatusChanged
session, queued = run._handle.session, run.id + "-queued"
session.fact(queued, RunStarted, experiment="edges")
session.about("experiment", "edges", RunEnrolled, run_id=queued)
session.fact(queued, StatusChanged, status="Queued", reason="no machine is free")
waiting = Run(experiment, queued); first = waiting.get_detailed_status()
waiting.start(); second = waiting.get_detailed_status()
session.fact(queued, StatusChanged, status="Queued")
refused = waiting.get_status(), [each["rule"] for each in waiting.decisions()]
found = [first, second, refused]"""
    assert said(stack, text) == [
        {"status": "Queued", "details": "no machine is free"},
        {"status": "Running", "details": None},
        ("Running", ["status_transition"]),
    ]
