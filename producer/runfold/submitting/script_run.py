"""`ScriptRun`: the run of a submitted script, as its submitter and everybody else sees it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runfold import notices
from runfold.exceptions import UserErrorException
from runfold.run import Run, finding
from runfold.run.types import SCRIPT_RUN
from runfold_schemas import statuses
from runfold_schemas.events import CancelRequested

from . import job
from .environment_definition import Environment
from .run_configuration import RunConfiguration

if TYPE_CHECKING:
    from runfold.experiment import Experiment


class ScriptRun(Run):
    """A run that a target runs.

    :param experiment: The experiment.
    :param run_id: Id of the run.
    :param directory: The project's directory, in which `get_all_logs` puts assets/<run id>.
    :param _run_config: How it was submitted; the ledger's definition where None.
    :raises RunNotFoundError: The experiment has no such run.
    """

    RUN_TYPE: Final = SCRIPT_RUN

    _directory: str | None = None
    _run_config: RunConfiguration | None = None

    def __init__(
        self,
        experiment: Experiment,
        run_id: str,
        directory: str | os.PathLike[str] | None = None,
        _run_config: RunConfiguration | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)
        self._directory = None if directory is None else os.fspath(directory)
        self._run_config = _run_config

    @property
    def source_directory(self) -> str | None:
        """The project's directory, as far as this process knows it."""
        return self._directory

    def cancel(self) -> None:
        """Asks for the end of the job: whoever runs it terminates it, kills it after a grace period, and states
        Canceled. On this machine that needs no service.
        """
        handle = self._handle
        session, record = handle.session, handle.record
        if handle.settled:
            notices.say(f"run {self.id} is {handle.status} already; there is nothing to cancel.")
        attempt = max(session.place.attempt, 0 if record is None else record["attempt"])
        session.fact(self.id, CancelRequested, attempt=attempt)
        if not handle.settled:
            handle.status = statuses.CANCEL_REQUESTED
        stated = None if record is None else record.get("job_folder")
        for folder in dict.fromkeys((job.folder_of(self.id), Path(str(stated or "/")))):
            if folder.name == self.id and job.request_cancel(folder):
                break
        session.settle(session.deadline(), self.id)


def environment_of(run: Any) -> Environment:
    """The environment that a run was submitted with.

    :raises UserErrorException: It was not submitted, or its definition names none.
    """
    config = getattr(run, "_run_config", None)
    if config is not None:
        environment: Environment = config.environment
        return environment
    definition = finding.refresh(run._handle).get("definition")
    if not definition:
        raise UserErrorException("There is no run definition or environment specified for the run.")
    said = definition.get("environment") if isinstance(definition, Mapping) else None
    if not said:
        raise UserErrorException(f"The definition of run {run.id} names no environment.")
    return Environment._of(said)
