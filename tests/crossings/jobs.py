"""Submitted jobs, seen from outside: by scripts that submit them, their folders, and the API."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.stack import Stack
from tests.waiting import until

ENDED = ("Completed", "Failed", "Canceled")
SUBMIT = """
import json, os, signal, sys, threading
from runfold import Experiment, Run, Workspace
from runfold.submitting import *
workspace = Workspace.from_config()
experiment = Experiment(workspace, "submitting")
source, *words = sys.argv[1:]
"""


STUBBORN = """
import os, signal, subprocess, sys, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "1000"])
apart = subprocess.Popen(["sleep", "1000"], start_new_session=True)
print("pids", os.getpid(), child.pid, apart.pid, flush=True)
threading.Event().wait()
"""


def pids(jobs: Jobs, run_id: str) -> list[int]:
    log = jobs.folder(run_id) / "user_logs" / "std_log.txt"
    line = until(lambda: log.exists() and log.read_text().endswith("\n") and log.read_text(), 20, "the script's pids")
    return [int(word) for word in line.split()[1:]]


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Jobs:
    """Submits by scripts, and looks at the ledger from outside."""

    def __init__(self, stack: Stack, temporary: str, source: Path) -> None:
        self.stack, self.temporary, self.source = stack, temporary, source

    def submit(self, script: str, config: str = "", after: str = "", **environment: str) -> Any:
        """Writes train.py, submits it, and returns what `after` prints, else the run's id."""
        (self.source / "train.py").write_text(script)
        return self.say(
            f"run = experiment.submit(ScriptRunConfig(source, 'train.py'{', ' if config else ''}{config}))\n"
            + (after or "print(json.dumps(run.id))"),
            **environment,
        )

    def say(self, text: str, *words: str, **environment: str) -> Any:
        said = self.stack.script(SUBMIT + text, str(self.source), *words, TMPDIR=self.temporary, **environment)
        return json.loads(said.stdout.splitlines()[-1])

    def folder(self, run_id: str) -> Path:
        return Path(self.temporary) / "azureml_runs" / run_id

    def run(self, run_id: str) -> dict[str, Any]:
        return self.stack.get(f"runs/{run_id}")

    def ended(self, run_id: str, seconds: float = 40) -> dict[str, Any]:
        return until(
            lambda: (run := self.run(run_id))["status"] in ENDED and run,
            seconds,
            f"{run_id} to end",
            pause_s=0.2,
        )

    def running(self, run_id: str) -> None:
        until(lambda: self.run(run_id)["status"] == "Running", 30, f"{run_id} to run", pause_s=0.2)

    def log(self, run_id: str, name: str = "user_logs/std_log.txt") -> str:
        settings = self.stack.settings()
        import urllib3

        answer = urllib3.request(
            "GET",
            f"{settings['api']}/v1/workspaces/{settings['workspace']}/runs/{run_id}/logs/content",
            fields={"name": name},
            headers={"Authorization": f"Bearer {settings['access_token']}"},
        )
        assert answer.status == 200, answer.data
        return answer.data.decode()


def seconds_from_cancel_to_gone(jobs: Jobs, run_id: str, locally: bool) -> float:
    """Cancels from another process, and waits for the script to be gone."""
    elsewhere = "" if locally else "run._handle.record['job_folder'] = None;"
    script = jobs.stack.background(
        SUBMIT + f"run = Run.get(workspace, words[0]);{elsewhere} print('now', flush=True); run.cancel()",
        str(jobs.source),
        run_id,
        TMPDIR=jobs.temporary if locally else tempfile.gettempdir(),
    )
    assert script.stdout is not None
    assert script.stdout.readline().strip() == "now"
    stated = time.monotonic()
    process = pids(jobs, run_id)[0]
    until(lambda: not alive(process), 30, "the stubborn script to be gone")
    took = time.monotonic() - stated
    script.communicate(timeout=60)
    return took
