"""A process that logs: what the fault suite runs eight times at once, and kills.

    python -m tests.faults.workload PROCESS FIRST_NUMBER EXPERIMENT SHARED_RUN HISTORY

It does a run for each line of its standard input, and leaves at its end. It is an ordinary training script in the
original's style, with a pen that writes down each call before and after. Every value it logs is its own (process and
number are in it), so that a checker can tell a doubled from a repeated one. A run has metrics with and without steps,
tags, properties, a child and a file; and all processes want one property of SHARED_RUN, which one of them gets.
"""

from __future__ import annotations

import hashlib
import io
import sys
import uuid
from pathlib import Path
from typing import Any

from runfold import Experiment, Run, Workspace
from runfold.exceptions import PropertyImmutableError
from tests.faults.history import OK, REFUSED, UNKNOWN, Pen

POINTS_PER_RUN = 40


def main(process: int, first_number: int, experiment_name: str, shared_run_id: str, history: Path) -> None:
    """Runs the whole workload of one process."""
    pen = Pen(history, process, first_number)
    experiment = Experiment(Workspace.from_config(), experiment_name)
    _property(pen, Run(experiment, shared_run_id), "owner", f"process {process} at {pen.number}")
    for _ in sys.stdin:
        run_id = str(uuid.uuid4())
        step = pen.invoke("start", run_id)
        run = experiment.start_logging(run_id=run_id, snapshot_directory=None, outputs=False)
        pen.end(step)
        _metrics(pen, run, POINTS_PER_RUN)
        for word in ("warm", "hot", "done"):
            _said(pen, run, word)
        _property(pen, run, "seed", str(pen.number))
        child_id = str(uuid.uuid4())
        step = pen.invoke("child", child_id, run_id)
        child = run.child_run(name="fold", run_id=child_id)
        pen.end(step)
        _metrics(pen, child, 5)
        _complete(pen, child)
        _upload(pen, run, f"outputs/{pen.number}.txt", f"{process} {pen.number}".encode())
        _metrics(pen, run, 3)
        _complete(pen, run)


def _metrics(pen: Pen, run: Run, points: int) -> None:
    for index in range(points):
        value = float(pen.process * 10_000_000 + pen.number)
        step = pen.invoke("log", run.id, "loss", value)
        run.log("loss", value)
        pen.end(step)
        step = pen.invoke("log", run.id, "stepped", value)
        run.log("stepped", value, step=index)
        pen.end(step)


def _said(pen: Pen, run: Run, word: str) -> None:
    value = f"{word} {pen.number}"
    step = pen.invoke("tag", run.id, "phase", value)
    run.tag("phase", value)
    pen.end(step)


def _property(pen: Pen, run: Run, key: str, value: str) -> None:
    decisions = run._handle.session.decisions
    before = decisions.left_open
    step = pen.invoke("property", run.id, key, value)
    try:
        run.add_properties({key: value})
    except PropertyImmutableError:
        pen.end(step, REFUSED)
        return
    pen.end(step, UNKNOWN if decisions.left_open > before else OK)


def _upload(pen: Pen, run: Run, name: str, body: bytes) -> None:
    step = pen.invoke("upload", run.id, name, hashlib.sha256(body).hexdigest())
    run.upload_file(name, io.BytesIO(body))
    pen.end(step)


def _complete(pen: Pen, run: Run) -> None:
    step = pen.invoke("complete", run.id)
    run.complete()
    pen.end(step)


def _arguments(words: list[str]) -> dict[str, Any]:
    process, first_number, experiment_name, shared_run_id, history = words
    return {
        "process": int(process),
        "first_number": int(first_number),
        "experiment_name": experiment_name,
        "shared_run_id": shared_run_id,
        "history": Path(history),
    }


if __name__ == "__main__":
    main(**_arguments(sys.argv[1:]))
