"""How submitted jobs end when somebody or something interferes: each run has an end, or is called NotResponding."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.crossings.jobs import ENDED, SUBMIT, Jobs
from tests.waiting import until

FOREVER = "import threading; print('pids', flush=True); threading.Event().wait()\n"
STEPS = {
    "before anything": "runfold.submitting.submission._state",
    "after it began": "runfold.run.snapshots.take",
    "after it was submitted": "runfold.submitting.local.Local.submit",
    "before its supervisor": "subprocess.Popen",
}


@pytest.mark.parametrize(
    "step",
    # Without a submission the run is missed by its heartbeats, as the node's shipper says them: for 120 s.
    [pytest.param(step, marks=pytest.mark.slow if step == "after it began" else ()) for step in STEPS],
)
def test_a_submitter_that_is_killed_at_any_step_leaves_a_run_that_ends_or_none(jobs: Jobs, step: str) -> None:
    (jobs.source / "train.py").write_text("print(1)")
    run_id = f"killed-{os.urandom(4).hex()}"
    home, _, name = STEPS[step].rpartition(".")
    holder = f"operator.attrgetter({home.removeprefix('runfold.')!r})(runfold)" if "." in home else home
    submitter = jobs.stack.background(
        SUBMIT
        + "import operator, subprocess, runfold, runfold.submitting.local, runfold.run.snapshots\n"
        + f"setattr({holder}, {name!r}, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))\n"
        + "experiment.submit(ScriptRunConfig(source, 'train.py'), run_id=words[0])",
        str(jobs.source),
        run_id,
        TMPDIR=jobs.temporary,
        RUNFOLD_HEARTBEAT_S="1",
    )
    _, told = submitter.communicate(timeout=60)
    assert submitter.returncode == -signal.SIGKILL, told

    def found() -> str:
        runs: list[dict[str, str]] = jobs.stack.get("runs?experiment=submitting&limit=1000")["runs"]
        return next((run["status"] for run in runs if run["run_id"] == run_id), "none")

    if step == "before anything":
        assert found() == "none"
    else:
        until(lambda: found() == "NotResponding", 180, f"{run_id} to be called NotResponding", pause_s=0.5)
    assert not (jobs.folder(run_id) / "user_logs").exists()


def test_an_interactive_run_that_is_never_completed_is_missed_and_may_be_completed_later(jobs: Jobs) -> None:
    run_id = jobs.say(
        "run = experiment.start_logging(snapshot_directory=None, outputs=False)\nprint(json.dumps(run.id))",
        RUNFOLD_HEARTBEAT_S="1",
    )
    until(lambda: jobs.run(run_id)["status"] == "NotResponding", 180, "the watchdog to speak", pause_s=0.5)
    jobs.say("Run.get(workspace, words[0]).complete(); print(1)", run_id)
    assert jobs.ended(run_id)["status"] == "Completed"


def test_an_attempt_that_was_canceled_does_not_cancel_the_next(jobs: Jobs) -> None:
    run_id = f"again-{os.urandom(4).hex()}"
    submit = f"print(json.dumps(experiment.submit(ScriptRunConfig(source, 'train.py'), run_id={run_id!r}).id))"
    (jobs.source / "train.py").write_text(FOREVER)
    jobs.say(submit)
    jobs.running(run_id)
    jobs.say("run = Run.get(workspace, words[0]); run.cancel(); run.cancel(); run.wait_for_completion(); run.clean()\n"
             "print(1)", run_id)  # fmt: skip
    assert jobs.run(run_id)["status"] == "Canceled"
    (jobs.source / "train.py").write_text("import threading; threading.Event().wait(5)")
    jobs.say(submit, RUNFOLD_ATTEMPT="1")
    until(lambda: jobs.run(run_id)["attempt"] == 1, 30, "the second attempt")
    assert jobs.ended(run_id)["status"] == "Completed"


def test_a_job_that_ends_while_it_is_canceled_ends_once(jobs: Jobs) -> None:
    run_id = jobs.submit("import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + FOREVER)
    jobs.running(run_id)
    folder = jobs.folder(run_id)
    canceling = [
        threading.Thread(target=jobs.say, args=("Run.get(workspace, words[0]).cancel(); print(1)", run_id))
        for _ in range(2)
    ]
    for thread in canceling:
        thread.start()
    assert jobs.ended(run_id)["status"] == "Canceled"
    for thread in canceling:
        thread.join()
    assert json.loads((folder / ".runfold-job" / "ended.json").read_text())["status"] == "Canceled"
    assert jobs.run(run_id)["status"] == "Canceled"


def test_a_child_is_canceled_alone(jobs: Jobs) -> None:
    (jobs.source / "train.py").write_text(FOREVER)
    parent, child, other = jobs.say(
        "parent = experiment.start_logging(snapshot_directory=None, outputs=False)\n"
        "child, other = (parent.submit_child(ScriptRunConfig(source, 'train.py')) for _ in range(2))\n"
        "child.cancel(); child.wait_for_completion(); print(json.dumps([parent.id, child.id, other.id]))\n"
        "parent.complete()"
    )
    assert jobs.run(child)["status"] == "Canceled"
    assert jobs.ended(parent)["status"] == "Completed"
    assert jobs.run(other)["status"] not in ENDED
    jobs.say("Run.get(workspace, words[0]).cancel(); print(1)", other)
    assert jobs.ended(other)["status"] == "Canceled"


def test_who_waits_for_a_job_sees_it_whole(jobs: Jobs) -> None:
    run_id, complete = jobs.submit(
        "from runfold import Run\nrun = Run.get_context()\nfor n in range(1000): run.log('x', n)\nprint('end')",
        after="run.tag('mine'); run.wait_for_completion(wait_post_processing=True)\n"
        "print(json.dumps([run.id, run.completeness()['complete']]))",
    )
    assert complete == "complete", jobs.stack.get(f"runs/{run_id}/completeness")


def test_a_line_without_end_and_bytes_that_are_no_text_are_kept(jobs: Jobs) -> None:
    run_id = jobs.submit(
        "import sys\nsys.stdout.buffer.write(b'x' * (10 << 20) + b'\\n' + bytes(range(256)) + b'no end')\n"
    )
    assert jobs.ended(run_id)["status"] == "Completed"
    (log,) = (each for each in jobs.stack.get(f"runs/{run_id}/logs")["logs"] if each["name"] == "user_logs/std_log.txt")
    assert log["bytes"] == (10 << 20) + 1 + 256 + 6


def test_a_job_folder_may_be_read_by_its_owner_alone(jobs: Jobs) -> None:
    run_id = jobs.submit("print(1)")
    jobs.ended(run_id)
    folder = jobs.folder(run_id)
    assert [path.stat().st_mode & 0o777 for path in (folder.parent, folder)] == [0o700, 0o700]
    assert Path(folder / ".runfold-job" / "job.json").stat().st_mode & 0o777 == 0o600
