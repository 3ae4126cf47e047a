"""`_SubmittedRun`: the run that a job gave to this process. Its final status is the job's wrapper's affair."""

from __future__ import annotations

import threading
from typing import Any

from runfold import notices, validation
from runfold.environment import Job
from runfold.experiment import Experiment
from runfold.workspace import Workspace

from . import life
from .handle import RunHandle
from .run import Run

_shared: dict[Job, _SubmittedRun] = {}
_lock = threading.RLock()


class _SubmittedRun(Run):
    """The run of a job, one object for each in a process: complete() and fail() never set its status."""

    def complete(self) -> None:  # type: ignore[override]  # the original drops _set_status here
        """Waits until the broker has what was logged; the status is the job's affair."""
        life.complete(self._handle, set_status=False)

    def fail(self, error_details: str | BaseException | None = None, error_code: str | None = None) -> None:  # type: ignore[override]
        """States what went wrong; the status is the job's affair."""
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
            workspace = Workspace(job.subscription_id, job.resource_group, job.workspace)
            experiment = Experiment(workspace, job.experiment)
            handle = RunHandle(
                workspace._session,
                validation.run_id(job.run_id),
                experiment=experiment.name,
                parent_run_id=job.parent_run_id,
            )
            handle.target = None
            life.begin(handle)
            _shared[job] = _SubmittedRun._of(experiment, handle)
        return _shared[job]
