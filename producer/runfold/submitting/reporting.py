"""What is said about a submitted run: that it begins, and by its supervisor all from Preparing to the final status."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from runfold import validation
from runfold.exceptions import UserErrorException
from runfold.run import files, life, outputs
from runfold.run.types import SCRIPT_RUN
from runfold_schemas import limits, statuses
from runfold_schemas.events import ErrorRecorded, RunEnrolled, RunStarted, StatusChanged, WarningRecorded

if TYPE_CHECKING:
    from runfold.run.handle import RunHandle

    from .job import Job
    from .supervisor import Outcome

OUTPUTS = "outputs"
LOGS = "user_logs"
LOOK_S = 1.0
_PULSE = threading.Event()  # never set: its wait is the pause between two looks


def begun(handle: RunHandle, job: Job) -> None:
    """The run begins: who submits says so, and its supervisor by the same words joins it."""
    handle.session.fact(
        handle.run_id,
        RunStarted,
        experiment=job.experiment,
        parent_run_id=job.parent_run_id,
        run_type=SCRIPT_RUN,
        target=job.target,
        display_name=job.display_name,
        snapshot_directory=job.source_directory,
        outputs="./outputs" if job.outputs else None,
        attempt=job.attempt,
    )
    handle.known = True  # from here on it needs an end
    handle.session.about("experiment", job.experiment, RunEnrolled, run_id=handle.run_id)


def preparing(handle: RunHandle, job: Job) -> None:
    """The supervisor joins the run, and says what its owner should know."""
    begun(handle, job)
    handle.session.fact(handle.run_id, StatusChanged, attempt=job.attempt, status=statuses.PREPARING)
    for source, message in job.warnings:
        warn(handle, source, message)


def running(handle: RunHandle, job: Job) -> None:
    """The script is about to run."""
    handle.session.fact(handle.run_id, StatusChanged, attempt=job.attempt, status=statuses.RUNNING)


def warn(handle: RunHandle, source: str, message: str) -> None:
    """Records what stops nothing."""
    session = handle.session
    said = {"source": _text(source), "message": _text(message)}
    session.fact(handle.run_id, WarningRecorded, attempt=session.place.attempt, **said)


def ended(handle: RunHandle, job: Job, folder: Path, outcome: Outcome, left: dict[str, int]) -> None:
    """The job has ended: its error, its files, its final status. A canceled one says so before its files are stored.

    :param left: Logs whose text was not taken whole, with the bytes that are missing.
    """
    session, run_id, attempt = handle.session, handle.run_id, job.attempt
    for name, missing in left.items():
        warn(
            handle,
            name,
            f"its last {missing} bytes are in the stored file alone: they came faster than they were sent.",
        )
    if outcome.message is not None:
        code = outcome.code or "UserError"
        session.fact(run_id, ErrorRecorded, attempt=attempt, code=code, message=_text(outcome.message))
    if outcome.status == statuses.CANCELED:
        life.end(handle, outcome.status)
        _store(handle, job, folder)
    else:
        session.fact(run_id, StatusChanged, attempt=attempt, status=statuses.FINALIZING)
        _store(handle, job, folder)
        life.end(handle, outcome.status)
    session.settle(session.deadline(), run_id)


def deliver(handle: RunHandle, until: float, is_called_off: Callable[[], bool]) -> None:
    """Waits until the broker has all that was said, and no file waits for its upload: perhaps nobody else sends it.

    :param until: Of `time.monotonic()`.
    :param is_called_off: Whether this process shall end now.
    """
    session = handle.session
    while session.tells_acknowledgement and not is_called_off() and (left := until - time.monotonic()) > 0:
        sent = session.acknowledged(time.monotonic() + min(LOOK_S, left), handle.run_id) and session.left() == 0
        if sent and not any(session.spool().glob("*.json")):
            break
        _PULSE.wait(min(LOOK_S, left))


def _store(handle: RunHandle, job: Job, folder: Path) -> None:
    """Stores outputs and logs. What cannot be stored, for whatever reason, is a warning: the script has done its part,
    and its run must end.
    """
    try:
        if job.outputs and (folder / OUTPUTS).is_dir():
            outputs.track(handle, OUTPUTS)
            outputs.upload_tracked(handle)
    except Exception as error:  # noqa: BLE001
        warn(handle, OUTPUTS, f"not all of ./outputs is stored: {getattr(error, 'message', error)}")
    try:
        watched = job.watched if job.outputs else []
        names = [name for directory in (LOGS, *watched) for name in _below(folder, directory)]
        wrong = [name for name in names if not _is_storable(name)]
        if wrong:
            warn(handle, LOGS, f"{len(wrong)} logs are not stored, since files have no such names: {wrong[0]!r:.200}")
        names = [name for name in names if name not in wrong]
        if names:
            files.upload_files(handle, names, [str(folder / name) for name in names])
    except Exception as error:  # noqa: BLE001
        warn(handle, LOGS, f"not all logs are stored as files: {getattr(error, 'message', error)}")


def _below(folder: Path, directory: str) -> list[str]:
    """Paths of the files below a directory of the job folder that have something in them."""
    root = folder / directory
    if not root.resolve().is_relative_to(folder.resolve()):
        return []
    found = []
    for where, _, names in os.walk(root):
        for name in names:
            path = Path(where) / name
            with contextlib.suppress(OSError):  # it leads to nothing, or cannot be looked at
                looked = path.stat()
                if stat.S_ISREG(looked.st_mode) and looked.st_size:
                    found.append(path.relative_to(folder).as_posix())
    return sorted(found)


def _is_storable(name: str) -> bool:
    try:
        return validation.artifact_path(name) == name
    except UserErrorException:
        return False


def _text(said: str) -> str:
    """As it can be stored."""
    clean = said.replace("\0", "\ufffd").encode("utf-8", "replace")[: limits.ERROR_MESSAGE_BYTES_MAX]
    return clean.decode("utf-8", "ignore")
