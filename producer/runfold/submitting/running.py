"""How a job's processes are started: their ranks, command and environment; and whether somebody wants them to end."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runfold_schemas import statuses

from .guard import VARIABLE
from .local import interpreter_of
from .ranks import HOST, LOG, MPI, Rank, ranks

if TYPE_CHECKING:
    from runfold.run.handle import RunHandle
    from runfold_schemas.settings import Settings

    from .job import Job

MPIRUN = "RUNFOLD_MPIRUN"
NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
ASK_S = 5.0
_SETTINGS = ("kafka", "topic_prefix", "api", "access_token", "journal", "shipping")


def handle_of(job: Job) -> RunHandle:
    """The run, as the supervisor speaks of it."""
    from runfold import session
    from runfold.run.handle import RunHandle

    config_file = None if job.config_file is None else Path(job.config_file)
    handle = RunHandle(
        session.of(job.ledger_workspace, config_file),
        job.run_id,
        experiment=job.experiment,
        parent_run_id=job.parent_run_id,
    )
    handle.target, handle.display_name, handle.known = job.target, job.display_name, True
    return handle


def ranks_of(job: Job) -> list[Rank]:
    """The job's processes, with ports that are free now."""
    if _mpirun(job) is not None:
        return [Rank(0, LOG, {}, False)]
    with ExitStack() as held:  # until all are drawn, so that none is drawn twice

        def free_port() -> int:
            drawn = held.enter_context(socket.socket())
            drawn.bind((HOST, 0))
            return int(drawn.getsockname()[1])

        return ranks(job.layout, free_port)


def command_of(job: Job, folder: Path) -> list[str]:
    """What each process runs.

    :raises ExperimentExecutionException: The interpreter is not there.
    """
    if job.command is not None:
        command = [shutil.which("bash") or "/bin/sh", "-c", job.command]
    else:
        command = [interpreter_of(job.interpreter, folder), job.script or "", *job.arguments]
    mpirun = _mpirun(job)
    return command if mpirun is None else [mpirun, "-np", str(job.layout.world_size), "--oversubscribe", *command]


def environment_of_job(job: Job, handle: RunHandle, cookie: str) -> dict[str, str]:
    """The environment of each process, its rank aside: the submitter's, what was asked for, and what says which run it
    is part of.
    """
    from runfold.azureml import children

    settings = handle.session.settings
    found = {**os.environ, **job.variables}
    found.setdefault("PYTHONUNBUFFERED", "1")  # its output is seen as it is written
    found |= children.environment(found)
    found |= {
        "RUNFOLD_WORKSPACE": job.ledger_workspace,
        "RUNFOLD_EXPERIMENT": job.experiment,
        "RUNFOLD_RUN_ID": job.run_id,
        "RUNFOLD_ATTEMPT": str(job.attempt),
        "RUNFOLD_SUBMITTED": "1",
        "AZUREML_RUN_ID": job.run_id,
        "AZUREML_ARM_SUBSCRIPTION": job.subscription_id or NO_SUBSCRIPTION,
        "AZUREML_ARM_RESOURCEGROUP": job.resource_group or "runfold",
        "AZUREML_ARM_WORKSPACE_NAME": job.workspace,
        "AZUREML_ARM_PROJECT_NAME": job.experiment,
        "AZUREML_EXPERIMENT_ID": job.experiment,
        "AZUREML_RUN_TOKEN": "runfold",
        "AZUREML_SERVICE_ENDPOINT": settings.api or "runfold",
        "AZUREML_OUTPUT_DIRECTORY": "./outputs",
        VARIABLE: cookie,
    }
    if job.parent_run_id is not None:
        found["RUNFOLD_PARENT_RUN_ID"] = job.parent_run_id
    if job.not_before:
        found["RUNFOLD_NOT_BEFORE"] = job.not_before
    if job.config_file is not None:
        found |= _said(settings)
    return found


def is_cancel_requested(handle: RunHandle, attempt: int) -> bool:
    """Asks the API whether an attempt is to end; False while it is away, or does not know the attempt yet."""
    try:
        record: Any = handle.session.api.run(handle.run_id, timeout_s=ASK_S)
    except Exception:  # noqa: BLE001 - whatever is wrong with the answer, the next one may be right
        return False
    if record["attempt"] != attempt:  # an earlier one may have been canceled
        return False
    return record["status"] in (statuses.CANCEL_REQUESTED, statuses.CANCELED) or bool(record.get("cancel_requested_at"))


def _said(settings: Settings) -> dict[str, str]:
    """Settings of a config file, which the script itself would not look into."""
    found = {}
    for name in _SETTINGS:
        value = getattr(settings, name)
        if value is not None:
            secret = getattr(value, "get_secret_value", None)
            found[f"RUNFOLD_{name.upper()}"] = str(secret() if secret is not None else value)
    return found


def _mpirun(job: Job) -> str | None:
    """The program that starts the ranks of MPI, where the job's variables or the settings ask for one."""
    if job.layout.kind != MPI:
        return None
    from runfold_schemas.settings import Settings

    asked = job.variables.get(MPIRUN) or Settings.load(job.config_file).mpirun
    if not asked:
        return None
    return shutil.which("mpirun" if asked == "1" else asked)
