"""A job: all that a target needs to run a submission, and the folder in which the target `local` does.

<temporary directory>/azureml_runs/             only its owner may look into it; where it is another user's, or no
                                                directory, azureml_runs_<user's number> takes its place
    <run id>/    the job folder: the source directory's files, ./outputs, ./logs, ./user_logs; the script's working
                 directory
    .runfold-job/                               what submitter, supervisor and `cancel` tell each other:
        job.json     the job (mode 0600); once claimed without values of secret variables
        claimed      made exclusively by the one supervisor that runs it, or by a submitter that gives up; holds its pid
        cancel       made by whoever wants the job to end, on this machine
        ended.json   the final status
        supervisor.log
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from runfold.exceptions import ExperimentExecutionException

from .ranks import Layout

RUNS = "azureml_runs"
CONTROL = ".runfold-job"


class Job(NamedTuple):
    """A submission, as a target runs it.

    Attributes:
        run_id, experiment, parent_run_id, attempt: The run.
        subscription_id, resource_group, workspace, ledger_workspace, config_file: Where it is stated.
        target: Name of the target, as it was asked for.
        source_directory: The files that the job gets.
        script, command, arguments: What is run: the script with its arguments, or a command line.
        interpreter: Python's; as the environment names it.
        layout: Its processes.
        variables: Environment variables that were asked for.
        max_run_duration_s: Seconds after which it is ended; None for never.
        cancel_grace_s: Seconds between SIGTERM and SIGKILL.
        outputs: Whether ./outputs and the watched directories are stored.
        watched: Directories whose growing files are followed.
        display_name: Label for people.
        not_before: Watermark of what the submitter has said.
        warnings: What the run's owner should know, as (source, message).
    """

    run_id: str
    experiment: str
    parent_run_id: str | None
    attempt: int
    subscription_id: str
    resource_group: str
    workspace: str
    ledger_workspace: str
    config_file: str | None
    target: str
    source_directory: str
    script: str | None
    command: str | None
    arguments: list[str]
    interpreter: str
    layout: Layout
    variables: dict[str, str]
    max_run_duration_s: float | None
    cancel_grace_s: float
    outputs: bool
    watched: list[str]
    display_name: str | None = None
    not_before: str | None = None
    warnings: list[tuple[str, str]] = []  # noqa: RUF012 - a NamedTuple's default, which nobody changes

    def save(self, folder: Path) -> None:
        """Writes the job into its folder."""
        control = folder / CONTROL
        control.mkdir(mode=0o700, exist_ok=True)
        said = {**self._asdict(), "layout": list(self.layout)}
        descriptor = os.open(control / "job.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(said, file, indent=1)

    @classmethod
    def load(cls, folder: Path) -> Job:
        """The job of a folder.

        :raises OSError, ValueError: There is none.
        """
        said: dict[str, Any] = json.loads((folder / CONTROL / "job.json").read_text(encoding="utf-8"))
        laid = Layout(*said["layout"])
        said["layout"] = laid._replace(final_codes=tuple(laid.final_codes))
        said["warnings"] = [(source, message) for source, message in said["warnings"]]
        return cls(**said)


def root() -> Path:
    """The directory of this user's job folders. One of another user's is never used: who owns it could exchange what
    lies in it.
    """
    usual = Path(tempfile.gettempdir()) / RUNS
    return usual if _is_ours(usual, or_nobodys=True) else usual.with_name(f"{RUNS}_{os.geteuid()}")


def folder_of(run_id: str) -> Path:
    """The folder of a run on this machine, whether it is there or not."""
    return root() / run_id


def make_folder(run_id: str) -> Path:
    """Makes the folder of a run; only its owner may look into it.

    :raises ExperimentExecutionException: It is there already, or cannot be made.
    """
    folder = folder_of(run_id)
    try:
        _make_root(folder.parent)
        folder.mkdir(mode=0o700)
    except FileExistsError as error:
        raise ExperimentExecutionException(
            f"{folder} exists: run {run_id} was submitted on this machine before. Choose another run_id, or remove the "
            "folder with ScriptRun.clean().",
            inner_exception=error,
        ) from error
    except OSError as error:
        raise ExperimentExecutionException(
            f"{folder} cannot be made: {error}. TMPDIR names the directory that it is made in.", inner_exception=error
        ) from error
    return folder


def _make_root(root: Path) -> None:
    try:
        root.mkdir(mode=0o700)
    except FileExistsError:
        if not _is_ours(root):
            raise PermissionError(f"{root} is no directory of this user's") from None
        if root.lstat().st_mode & 0o077:
            root.chmod(0o700)


def _is_ours(path: Path, *, or_nobodys: bool = False) -> bool:
    try:
        there = path.lstat()
    except FileNotFoundError:
        return or_nobodys
    return stat.S_ISDIR(there.st_mode) and there.st_uid == os.geteuid()


def claim(folder: Path) -> bool:
    """Takes the job of a folder; False where another process has. Who has claimed it runs it, or nobody does."""
    try:
        descriptor = os.open(folder / CONTROL / "claimed", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write(str(os.getpid()))
    return True


def withdraw(folder: Path) -> bool:
    """Sees to it that nobody runs a job, and removes its folder; False where a supervisor has it, which is told to end
    it.
    """
    if (folder / CONTROL).is_dir() and not claim(folder):
        request_cancel(folder)
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def forget_secrets(folder: Path) -> None:
    """Once its supervisor has read it, the file of a job holds no values of secret variables any more."""
    from .definition import without_secrets

    file = folder / CONTROL / "job.json"
    said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    said["variables"] = without_secrets({"environmentVariables": said["variables"]})[0]["environmentVariables"]
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(said, indent=1), encoding="utf-8")
    part.replace(file)


def request_cancel(folder: Path) -> bool:
    """Tells a job on this machine to end; False where there is no such job."""
    control = folder / CONTROL
    if not control.is_dir() or (control / "ended.json").exists():
        return False
    try:
        (control / "cancel").touch(mode=0o600)
    except OSError:
        return False
    return True
