"""What a supervisor says about its run, from Preparing to the final status."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runfold.exceptions import AzureMLException, ServiceException
from runfold.run import files, life, outputs
from runfold_schemas import limits, statuses
from runfold_schemas.events import ErrorRecorded, RunEnrolled, RunStarted, StatusChanged, WarningRecorded

if TYPE_CHECKING:
    from runfold.run.handle import RunHandle

    from .job import Job
    from .supervisor import Outcome

OUTPUTS = "outputs"
LOGS = "user_logs"
RUN_TYPE = "azureml.scriptrun"


def preparing(handle: RunHandle, job: Job) -> None:
    """The supervisor joins the run, and says what its owner should know."""
    session, run_id, attempt = handle.session, handle.run_id, job.attempt
    session.fact(
        run_id,
        RunStarted,
        experiment=job.experiment,
        parent_run_id=job.parent_run_id,
        run_type=RUN_TYPE,
        target=job.target,
        display_name=job.display_name,
        snapshot_directory=job.source_directory,
        outputs="./outputs" if job.outputs else None,
        attempt=attempt,
    )
    session.about("experiment", job.experiment, RunEnrolled, run_id=run_id)
    session.fact(run_id, StatusChanged, attempt=attempt, status=statuses.PREPARING)
    for source, message in job.warnings:
        warn(handle, source, message)


def running(handle: RunHandle, job: Job) -> None:
    """The script is about to run."""
    handle.session.fact(handle.run_id, StatusChanged, attempt=job.attempt, status=statuses.RUNNING)


def warn(handle: RunHandle, source: str, message: str) -> None:
    """Records what stops nothing."""
    session = handle.session
    session.fact(handle.run_id, WarningRecorded, attempt=session.place.attempt, source=source, message=message)


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
        message = outcome.message.replace("\0", "\ufffd").encode("utf-8", "replace")[: limits.ERROR_MESSAGE_BYTES_MAX]
        code = outcome.code or "UserError"
        session.fact(run_id, ErrorRecorded, attempt=attempt, code=code, message=message.decode("utf-8", "ignore"))
    if outcome.status == statuses.CANCELED:
        life.end(handle, outcome.status)
        _store(handle, job, folder)
    else:
        session.fact(run_id, StatusChanged, attempt=attempt, status=statuses.FINALIZING)
        _store(handle, job, folder)
        life.end(handle, outcome.status)
    session.settle(session.deadline(), run_id)


def _store(handle: RunHandle, job: Job, folder: Path) -> None:
    """Stores outputs and logs; what cannot be stored is a warning, since the script has done its part."""
    try:
        if job.outputs and (folder / OUTPUTS).is_dir():
            outputs.track(handle, OUTPUTS)
            outputs.upload_tracked(handle)
    except (AzureMLException, ServiceException, OSError) as error:
        warn(handle, OUTPUTS, f"not all of ./outputs is stored: {getattr(error, 'message', error)}")
    watched = job.watched if job.outputs else []
    names = [name for directory in (LOGS, *watched) for name in _below(folder, directory)]
    if not names:
        return
    try:
        files.upload_files(handle, names, [str(folder / name) for name in names])
    except (AzureMLException, ServiceException, OSError) as error:
        warn(handle, LOGS, f"not all logs are stored as files: {getattr(error, 'message', error)}")


def _below(folder: Path, directory: str) -> list[str]:
    """Paths of the files below a directory of the job folder that have something in them."""
    root = (folder / directory).resolve()
    if not root.is_relative_to(folder.resolve()):
        return []
    found = (each for each in sorted(root.rglob("*")) if each.is_file() and each.stat().st_size)
    return [each.relative_to(folder.resolve()).as_posix() for each in found]
