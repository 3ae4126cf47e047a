"""`_SubmittedRun`: the run that a job gave to this process. Its final status is the job's wrapper's affair."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from runfold import notices, validation
from runfold.environment import Job
from runfold.experiment import Experiment
from runfold.workspace import Workspace
from runfold_schemas import statuses

from . import life
from .handle import RunHandle
from .run import Run
from .types import SCRIPT_RUN

if TYPE_CHECKING:
    from .datasets import InputDatasets, OutputDatasets

_shared: dict[Job, _SubmittedRun] = {}
_lock = threading.RLock()


class _SubmittedRun(Run):
    """The run of a job, one object for each in a process: complete() and fail() never set its status."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    @property
    def input_datasets(self) -> InputDatasets:
        """The job's input datasets by name: the path at which each is, or the dataset itself where it is given
        direct. Scripts may assign into it.
        """
        from . import datasets

        return datasets.input_datasets(self._handle)

    @property
    def output_datasets(self) -> OutputDatasets:
        """The job's output datasets by name."""
        from . import datasets

        return datasets.output_datasets(self._handle)

    def complete(self) -> None:  # type: ignore[override]  # the original drops _set_status here
        """Waits until the broker has what was logged; the status is the job's affair."""
        life.complete(self._handle, set_status=False)

    def fail(self, error_details: str | BaseException | None = None, error_code: str | None = None) -> None:  # type: ignore[override]
        """States what went wrong; the status is the job's affair.

        :param error_details: Text or an exception.
        :param error_code: Class of the error, UserError where None.
        """
        life.fail(self._handle, error_details, error_code, set_status=False)

    def cancel(self) -> None:
        """Does nothing but say so."""
        notices.say("cancel is not supported for submitted runs.")

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *args: Any) -> None:  # type: ignore[override]
        self.complete()


def shared(job: Job) -> _SubmittedRun:
    """The object for a job's run; the first call states that the run begins, or joins it."""
    with _lock:
        if job not in _shared:
            workspace = Workspace(
                job.subscription_id, job.resource_group, job.workspace, _ledger_name=job.ledger_workspace
            )
            experiment = Experiment(workspace, job.experiment, _create_in_cloud=False)
            handle = RunHandle(
                workspace._session,
                validation.run_id(job.run_id),
                experiment=experiment.name,
                parent_run_id=job.parent_run_id,
            )
            handle.target = None
            handle.run_type = SCRIPT_RUN if job.supervised else None
            life.begin(handle, running=not job.supervised)
            handle.known = True
            handle.status = statuses.RUNNING
            _shared[job] = _SubmittedRun._of(experiment, handle)
        return _shared[job]
