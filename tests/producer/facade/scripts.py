"""Runs a training script in a process of its own, with every service away unless told otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, NamedTuple

from runfold.journal.reader import Fact, JournalReader, Points
from runfold_schemas.codec import decode

_JOB = ("RUNFOLD_", "AZUREML_", "RANK", "WORLD_SIZE", "OMPI_", "SLURM_", "PYTHONDONTWRITEBYTECODE")
# Nobody listens there: connections are refused at once.
AWAY = {
    "RUNFOLD_KAFKA": "127.0.0.1:1",
    "RUNFOLD_API": "http://127.0.0.1:1",
    "RUNFOLD_EXIT_DEADLINE_S": "1.5",
    "RUNFOLD_DECISION_WAIT_S": "1",
}
BEGIN = """
    from runfold import Experiment, Run, Workspace
    from runfold.exceptions import *
    experiment = Experiment(Workspace("s", "g", "my_workspace"), "digits")
    run = experiment.start_logging(name="first", outputs=None, snapshot_directory=None)
"""


class Ended(NamedTuple):
    """A script that has ended."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def told(self) -> list[str]:
        """Lines of Runfold on standard error."""
        return [line for line in self.stderr.splitlines() if line.startswith("runfold:")]


def ran(text: str, home: Path, **environ: str) -> Ended:
    """Runs the script `text` to its end; `home` is RUNFOLD_HOME and holds its journals."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_JOB)}
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)],
        cwd=home,
        env={**clean, "RUNFOLD_HOME": str(home), **AWAY, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)


def began(text: str, home: Path, **environ: str) -> Ended:
    """Runs a script that begins with a run, `run`."""
    return ran(textwrap.dedent(BEGIN) + textwrap.dedent(text), home, **environ)


def facts(home: Path) -> list[Any]:
    """All facts in the journals of a script, in journal order."""
    return [decode(batch.message) for batch in _batches(home) if isinstance(batch, Fact)]


def points(home: Path) -> list[tuple[str, str | None, str, int, float | str]]:
    """All points in the journals of a script: name, column, kind, step, and number or text."""
    found = []
    for batch in _batches(home):
        if isinstance(batch, Points):
            for place, series_id in enumerate(batch.ids):
                series = batch.series[series_id]
                value = batch.value[place]
                shown = batch.texts[int(value)] if series.kind in ("string", "bigint") else value
                found.append((series.name, series.column, series.kind, batch.step[place], shown))
    return found


def _batches(home: Path) -> list[object]:
    found: list[object] = []
    for folder in sorted((home / "journals").glob("*")):
        reader = JournalReader(folder)
        while batches := reader.read(final=True):
            found.extend(batches)
    return found
