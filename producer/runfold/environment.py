"""What the environment says about this process: the job it is part of, its place in that job, its attempt.

`place` and `job` are pure over a mapping, `os.environ` where none is given. What it does not say is None (attempt: 0),
and never guessed.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from ._version import __version__
from .exceptions import UserErrorException

# The launchers whose variables name rank and world size, the most special first.
_LAUNCHERS = (
    ("RANK", "WORLD_SIZE"),  # torchrun, and whoever follows it
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
)
# Those that say how often a job was started again.
_RESTARTS = ("SLURM_RESTART_COUNT", "TORCHELASTIC_RESTART_COUNT")
ATTEMPTS_END = 2**31
_OURS = ("RUNFOLD_WORKSPACE", "RUNFOLD_EXPERIMENT", "RUNFOLD_RUN_ID")
_AZUREML = (
    "AZUREML_RUN_ID",
    "AZUREML_ARM_SUBSCRIPTION",
    "AZUREML_ARM_RESOURCEGROUP",
    "AZUREML_ARM_WORKSPACE_NAME",
    "AZUREML_ARM_PROJECT_NAME",
    "AZUREML_RUN_TOKEN",
    "AZUREML_SERVICE_ENDPOINT",
)


class Place(NamedTuple):
    """A process's place in its job."""

    rank: int | None
    world_size: int | None
    attempt: int


class Job(NamedTuple):
    """The run that a job gave to this process.

    `supervised`: a supervisor runs it, and owns its status from the first to the last.
    `ledger_workspace`: the workspace's name in topics and tables, where its submission told both.
    """

    subscription_id: str
    resource_group: str
    workspace: str
    experiment: str
    run_id: str
    parent_run_id: str | None
    supervised: bool = False
    ledger_workspace: str | None = None


def place(environ: Mapping[str, str] = os.environ) -> Place:
    """Rank, world size and attempt.

    :raises UserErrorException: RUNFOLD_ATTEMPT is no whole number from 0. Foreign variables that are none are ignored.
    """
    attempt = _attempt(environ)
    for rank, size in _LAUNCHERS:
        if environ.get(rank):
            return Place(_whole(environ[rank]), _whole(environ.get(size, "")), attempt)
    return Place(None, None, attempt)


def _attempt(environ: Mapping[str, str]) -> int:
    """What RUNFOLD_ATTEMPT says, else the first launcher that counts its restarts.

    A job that Slurm starts again and in which torchrun starts again too sets RUNFOLD_ATTEMPT itself: two counters are
    no order.
    """
    said = environ.get("RUNFOLD_ATTEMPT")
    if said:
        attempt = _whole(said)
        if attempt is None or attempt >= ATTEMPTS_END:
            raise UserErrorException(f"RUNFOLD_ATTEMPT is {said!r}; a whole number from 0 to 2147483647 is allowed.")
        return attempt
    for name in _RESTARTS:
        counted = _whole(environ.get(name) or "")
        if counted is not None and counted < ATTEMPTS_END:
            return counted
    return 0


def job(environ: Mapping[str, str] = os.environ) -> Job | None:
    """The job around this process; None when anything that would name it is missing."""
    parent = environ.get("RUNFOLD_PARENT_RUN_ID") or None
    supervised = environ.get("RUNFOLD_SUBMITTED") == "1"
    theirs = [environ.get(name) or "" for name in _AZUREML]
    run_id, subscription, group, workspace, experiment, _, _ = theirs
    if all(environ.get(name) for name in _OURS):
        ledger, experiment, run_id = (environ[name] for name in _OURS)
        if supervised and workspace:
            return Job(subscription, group, workspace, experiment, run_id, parent, supervised, ledger)
        return Job(subscription, group, ledger, experiment, run_id, parent, supervised)
    if all(theirs):
        return Job(subscription, group, workspace, experiment, run_id, parent, supervised)
    return None


def missing(environ: Mapping[str, str] = os.environ) -> str:
    """Which variables are missing for a job, in words."""
    ours = [name for name in _OURS if not environ.get(name)]
    theirs = [name for name in _AZUREML if not environ.get(name)]
    return f"not set: {', '.join(ours)}; nor, instead of them, {', '.join(theirs)}"


def introduction(place: Place) -> dict[str, Any]:
    """What WriterOpened says of this process: claims, since nothing in a workspace proves them."""
    return {
        "actor": _user(),
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "rank": place.rank,
        "world_size": place.world_size,
        "attempt": place.attempt,
        "versions": {"python": ".".join(str(part) for part in sys.version_info[:3]), "runfold": __version__},
    }


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user without a name
        return str(os.geteuid())


def _whole(text: str) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if 0 <= number < 2**63 else None
