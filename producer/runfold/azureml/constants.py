"""Values that scripts read from the original's modules."""

from __future__ import annotations

from runfold_schemas import statuses

VERSION = "1.61.0"
"""The release of azureml-core whose surface Runfold carries; scripts print it, and compare it."""

__version__ = VERSION


class RunStatus:
    """azureml._restclient.constants.RunStatus: the statuses by name, and what the original counts as running."""

    NOT_STARTED = statuses.NOT_STARTED
    UNAPPROVED = statuses.UNAPPROVED
    STARTING = statuses.STARTING
    PROVISIONING = statuses.PROVISIONING
    PREPARING = statuses.PREPARING
    QUEUED = statuses.QUEUED
    RUNNING = statuses.RUNNING
    PAUSING = statuses.PAUSING
    PAUSED = statuses.PAUSED
    NOT_RESPONDING = statuses.NOT_RESPONDING
    CANCEL_REQUESTED = statuses.CANCEL_REQUESTED
    FINALIZING = statuses.FINALIZING
    COMPLETED = statuses.COMPLETED
    FAILED = statuses.FAILED
    CANCELED = statuses.CANCELED

    @classmethod
    def get_running_statuses(cls) -> list[str]:
        """Statuses in which a run goes on."""
        return [status for status in statuses.STATUSES if statuses.is_running(status)]

    @classmethod
    def get_post_processing_statuses(cls) -> list[str]:
        """Statuses in which the script has ended and the run has not."""
        return [status for status in statuses.STATUSES if status in statuses.POST_PROCESSING]
