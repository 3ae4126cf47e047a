"""Training is never harmed: with a service away a script runs to its end, in time, with its own exit code.

Method: a stack of its own; one service is killed or frozen, a script logs all it can and leaves with exit code 3; then
the service comes back, `runfold ship --once` is run, and nothing is missing.
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack, local_stack, send_signal
from tests.waiting import until

EXIT_DEADLINE_S = 4.0
DECISION_WAIT_S = 3.0
SCRIPT = """
import json, sys, io, warnings
from runfold import Experiment, Workspace
experiment = Experiment(Workspace.from_config(), "away")
run = experiment.start_logging(run_id=sys.argv[1], snapshot_directory=None, outputs=False)
for i in range(500):
    run.log("loss", i)
run.tag("phase", "away")
run.add_properties({"p": "1"})
run.add_properties({"q": "2"})
run.upload_file("outputs/a.txt", io.BytesIO(b"some bytes"))
child = run.child_run(name="c"); child.log("x", 1); child.complete()
run.log_row("row", a=1)
run.complete()
sys.exit(3)
"""


@pytest.fixture(scope="module")
def own_stack(jars: Path) -> Iterator[Stack]:
    with local_stack(jars) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("service", ["kafka", "api", "postgres", "s3"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_script_ends_normally_while_a_service_is_away(own_stack: Stack, service: str, how: signal.Signals) -> None:
    run_id = f"away-{service}-{how.name}"
    pid = own_stack.services()[service]["pid"]
    send_signal(pid, how)
    began = time.monotonic()
    try:
        ended = own_stack.script(
            SCRIPT,
            run_id,
            check=False,
            RUNFOLD_EXIT_DEADLINE_S=str(EXIT_DEADLINE_S),
            RUNFOLD_DECISION_WAIT_S=str(DECISION_WAIT_S),
        )
        took = time.monotonic() - began
    finally:
        send_signal(pid, signal.SIGCONT)
    own_stack.run("up")
    assert ended.returncode == 3, ended.stderr
    assert took < EXIT_DEADLINE_S + 2 * DECISION_WAIT_S + 6, f"{took:.1f} s\n{ended.stderr}"
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    for setting in ("RUNFOLD_KAFKA", "RUNFOLD_API"):
        assert len(re.findall(setting, ended.stderr)) <= 1, ended.stderr

    own_stack.run("ship", "--once")
    said = own_stack.script(
        "import sys, json; from runfold import Run, Workspace; run = Run.get(Workspace.from_config(), sys.argv[1])\n"
        "print(json.dumps([run.get_metrics(recursive=True), run.get_tags(), run.get_properties(), run.get_status(),"
        "[c.id for c in run.get_children()], run.get_file_names()]))",
        run_id,
    )
    metrics, tags, properties, status, children, files = json.loads(said.stdout)
    assert metrics == {run_id: {"loss": list(range(500)), "row": {"a": 1}}, children[0]: {"x": 1}}
    assert tags == {"phase": "away"}
    assert {"p": "1", "q": "2"}.items() <= properties.items()
    assert status == "Completed"
    assert files == ["outputs/a.txt"]
    until(
        lambda: own_stack.get(f"runs/{run_id}/artifacts")["artifacts"][0]["availability"] == "available",
        60,
        "the file to be uploaded from the spool and read back",
    )
    assert own_stack.get(f"runs/{run_id}")["complete"] == "complete"


@pytest.mark.slow
def test_with_everything_away_a_script_still_ends(own_stack: Stack) -> None:
    own_stack.run("down")
    began = time.monotonic()
    ended = own_stack.script(
        SCRIPT,
        "away-all",
        check=False,
        RUNFOLD_EXIT_DEADLINE_S=str(EXIT_DEADLINE_S),
        RUNFOLD_DECISION_WAIT_S=str(DECISION_WAIT_S),
    )
    took = time.monotonic() - began
    own_stack.run("up")
    assert ended.returncode == 3, ended.stderr
    assert took < EXIT_DEADLINE_S + 2 * DECISION_WAIT_S + 6, f"{took:.1f} s\n{ended.stderr}"
    own_stack.run("ship", "--once")
    assert own_stack.get("runs/away-all")["complete"] == "complete"
