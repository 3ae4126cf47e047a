"""The target `local`: copies the source directory into a job folder, and starts a supervisor that outlives its starter.

The supervisor is a process of a session of its own: neither the submitter's death nor that of its terminal reaches it.
It gets the submitter's environment without what says that the submitter itself is a job, or a rank of one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Set
from pathlib import Path

from runfold.exceptions import ExperimentExecutionException
from runfold.snapshots import ignoring

from .job import CONTROL, Job, make_folder

_JOB_PREFIXES = ("AZUREML_RUN_", "AZUREML_ARM_", "AZUREML_DATASET_", "OMPI_COMM_WORLD_", "TORCHELASTIC_")
_JOB_NAMES = frozenset(
    (
        "RUNFOLD_EXPERIMENT", "RUNFOLD_RUN_ID", "RUNFOLD_PARENT_RUN_ID", "RUNFOLD_SUBMITTED", "RUNFOLD_NOT_BEFORE",
        "RUNFOLD_JOB", "RUNFOLD_ATTEMPT", "AZUREML_SERVICE_ENDPOINT", "AZUREML_LINK_DATASET_OUTPUTS", "RANK",
        "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT",
        "TF_CONFIG", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_RESTART_COUNT",
    )
)  # fmt: skip
_FOLDERS = ("RUNFOLD_HOME", "RUNFOLD_JOURNAL", "RUNFOLD_SECRETS_DIRECTORY")
_OURS = (CONTROL, "user_logs")  # what the job's processes have said is not in the source directory


class Local:
    """Runs jobs on this machine; see the module."""

    name = "local"
    type = "local"

    def prepare(self, job: Job) -> Path:
        """Makes the job folder, with a copy of the source directory's files that are not ignored.

        :raises ExperimentExecutionException: There is no such interpreter, the folder exists, or cannot be made.
        """
        if job.script is not None:
            interpreter_of(job.interpreter, Path(job.source_directory))
        folder = make_folder(job.run_id)
        try:
            copy(Path(job.source_directory), folder, _kept_by_us())
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise ExperimentExecutionException(
                f"{job.source_directory} cannot be copied to {folder}: {error}.", inner_exception=error
            ) from error
        return folder

    def submit(self, job: Job, folder: Path | None) -> None:
        """Starts the supervisor.

        :raises ExperimentExecutionException: It cannot be started.
        """
        if folder is None:
            raise ExperimentExecutionException(f"Run {job.run_id} has no job folder on this machine.")
        job.save(folder)
        command = [sys.executable, "-m", "runfold.submitting.supervisor", str(folder)]
        environment = {**from_everywhere(outside_of_a_job(dict(os.environ))), "RUNFOLD_ATTEMPT": str(job.attempt)}
        environment["PYTHONPATH"] = os.pathsep.join(_where_we_are(environment))
        try:
            with (folder / CONTROL / "supervisor.log").open("ab") as log:
                started = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",  # -m puts the working directory before all modules
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise ExperimentExecutionException(
                f"The supervisor of run {job.run_id} cannot be started: {error}.", inner_exception=error
            ) from error
        with contextlib.suppress(RuntimeError):  # no more threads may be had: it is collected when this process ends
            threading.Thread(target=started.wait, name="runfold-reaper", daemon=True).start()


def interpreter_of(said: str, directory: Path) -> str:
    """Path of an interpreter: "python" is the one that runs this process.

    :param directory: Where a relative path begins.
    :raises ExperimentExecutionException: It is not there.
    """
    if said in ("python", ""):
        return sys.executable
    found = shutil.which(os.path.expanduser(said))  # noqa: PTH111
    if found is None and os.sep in said:
        found = shutil.which(directory / said)
    if found is None:
        raise ExperimentExecutionException(
            f"environment.python.interpreter_path is {said!r}, and no such program is there; 'python' is the one that "
            f"submits, {sys.executable}."
        )
    return str(Path(found).absolute())


def copy(source: Path, folder: Path, without: Set[Path] = frozenset()) -> None:
    """Copies what is not ignored. Links to files become files; links to directories stay links.

    :param without: Directories that are no part of it, links resolved; the folder of all jobs is none either.
    """
    without = {*without, folder.parent.resolve()}
    rules = ignoring.of(source)
    for where, directories, files in os.walk(source):
        here = Path(where)
        below = here.relative_to(source)
        prefix = "" if below == Path() else f"{below.as_posix()}/"
        kept = []
        for name in directories:
            path = here / name
            if (name in _OURS and not prefix) or rules.ignores(f"{prefix}{name}/") or path.resolve() in without:
                continue
            target = folder / below / name
            if path.is_symlink():
                inside = not os.path.isabs(path.readlink()) and path.resolve().is_relative_to(source.resolve())  # noqa: PTH117
                target.symlink_to(path.readlink() if inside else path.resolve())
                continue
            target.mkdir()
            kept.append(name)
        directories[:] = kept
        for name in files:
            path = here / name
            if (name in _OURS and not prefix) or rules.ignores(f"{prefix}{name}"):
                continue
            try:
                if path.is_file():  # no socket, pipe, or link to nothing
                    shutil.copy2(path, folder / below / name)
            except FileNotFoundError:  # it went away meanwhile
                if path.is_file():
                    raise


def _kept_by_us() -> set[Path]:
    """What Runfold itself keeps: journals grow while they are read."""
    from runfold_schemas import settings

    return {Path(each).resolve() for each in (settings.home(), os.environ.get("RUNFOLD_JOURNAL")) if each}


def outside_of_a_job(environment: dict[str, str]) -> dict[str, str]:
    """An environment without what says that its process is a job, or a rank of one."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _JOB_NAMES and not name.startswith(_JOB_PREFIXES)
    }


def from_everywhere(environment: dict[str, str]) -> dict[str, str]:
    """An environment whose folders of Runfold mean the same wherever its process works."""
    return environment | {name: os.path.abspath(environment[name]) for name in _FOLDERS if environment.get(name)}  # noqa: PTH100


def _where_we_are(environment: dict[str, str]) -> list[str]:
    """PYTHONPATH, led by where this process has found Runfold if its interpreter would not find it by itself."""
    import runfold
    import runfold_schemas

    known = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    homes = [str(Path(each.__file__ or "").resolve().parents[1]) for each in (runfold, runfold_schemas)]
    return [*dict.fromkeys(home for home in homes if home not in known), *known] if _hidden(homes) else known


def _hidden(homes: list[str]) -> bool:
    """Whether a fresh interpreter would look elsewhere: Runfold was found by a path that a script has added."""
    import site

    places = [Path(each).resolve() for each in (*site.getsitepackages(), site.getusersitepackages())]
    return not all(any(Path(home).is_relative_to(place) for place in places) for home in homes)
