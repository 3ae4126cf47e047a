"""clean: deletes the folder in which a submitted run ran, `<temporary directory>/azureml_runs/<run id>`."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from runfold.exceptions import AzureMLException, ExperimentExecutionException, ServiceException

from . import finding

if TYPE_CHECKING:
    from .handle import RunHandle

_FOLDER = re.compile(r"azureml_runs(_[0-9]+)?")


def clean(handle: RunHandle) -> list[str]:
    """Removes the run's folder on this machine: one line for each directory that was removed.

    :raises ExperimentExecutionException: There is none here.
    """
    folders = dict.fromkeys(path for path in (_stated(handle), _usual(handle)) if path is not None and path.is_dir())
    if not folders:
        raise ExperimentExecutionException(
            f"Nothing to clean: run {handle.run_id} has no folder on this machine, such as {_usual(handle)}. Only the "
            "machine on which a submitted run ran has one."
        )
    for folder in folders:
        shutil.rmtree(folder)
    return [f"Removed directory {folder}" for folder in folders]


def _usual(handle: RunHandle) -> Path:
    from runfold.submitting import job

    return job.folder_of(handle.run_id)


def _stated(handle: RunHandle) -> Path | None:
    """The folder that the submission names, if it can only be a run's."""
    with contextlib.suppress(AzureMLException, ServiceException):  # the folder is here, whatever service is away
        finding.refresh(handle)
    said = None if handle.record is None else handle.record.get("job_folder")
    path = Path(str(said)) if said else None
    if path is None or path.name != handle.run_id or not _FOLDER.fullmatch(path.parent.name) or not path.is_absolute():
        return None
    return path
