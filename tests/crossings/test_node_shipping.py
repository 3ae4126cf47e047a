"""In a large job no process talks to Kafka: the node ships, and the API alone tells a script what has become of it."""

from __future__ import annotations

from tests.stack import Stack

SCRIPT = """
import sys, threading
from runfold import Experiment, Workspace
from runfold.exceptions import PropertyImmutableError
run = Experiment(Workspace.from_config(), "large").start_logging(snapshot_directory=None, outputs=False)
for i in range(1000):
    run.log("loss", float(i))
run.tag("phase", "one")
assert run.get_tags() == {"phase": "one"}
run.add_properties({"p": "1"})
try:
    run.add_properties({"p": "2"})
except PropertyImmutableError as refused:
    print(refused.kept, refused.refused)
run.flush()
assert len(run.get_metrics()["loss"]) == 1000
run.complete()
print(run.get_status(), [thread.name for thread in threading.enumerate()], "kafka" in sys.modules)
"""


def test_a_script_of_a_large_job_reads_its_own_writes_and_is_told_of_refusals(stack: Stack) -> None:
    done = stack.script(SCRIPT, RANK="3", WORLD_SIZE="501")
    assert done.stdout == "1 2\nCompleted ['MainThread', 'runfold-pulse'] False\n"
    assert done.stderr == ""
