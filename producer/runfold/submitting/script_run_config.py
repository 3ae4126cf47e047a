"""`ScriptRunConfig`: a script or command with all that is needed to run it."""

from __future__ import annotations

import os
from typing import Any, Final

from runfold import notices
from runfold.exceptions import UserErrorException

from .distributed import (
    DockerConfiguration,
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from .environment_definition import Environment
from .run_configuration import RunConfiguration


class ScriptRunConfig:
    """What is submitted: `experiment.submit(ScriptRunConfig("src", "train.py", ["--lr", 0.1]))`.

    :param source_directory: Directory whose files the job gets.
    :param script: Path of the script within it.
    :param arguments: Its arguments; numbers and paths are given as text.
    :param run_config: How it is run; with it, target and environment are taken from it and the parameters ignored.
    :param compute_target: Name of a target, or a ComputeTarget; local where None.
    :param environment: Environment of the job.
    :param distributed_job_config: MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration or
        ParallelTaskConfiguration.
    :param resume_from: What the script resumes from: it gets `--resume-from <path>`.
    :param max_run_duration_seconds: The job is ended after that many seconds; None for never.
    :param command: A command line, text or list, in place of script and arguments.
    :param docker_runtime_config: Container of the job.
    :raises UserErrorException: Script and command are both given, or a value is of another type.
    """

    MAX_DURATION_SECONDS_DEFAULT: Final = 2592000
    DELIM: Final = "#"

    def __init__(
        self,
        source_directory: str | os.PathLike[str] | None,
        script: str | os.PathLike[str] | None = None,
        arguments: list[Any] | None = None,
        run_config: RunConfiguration | None = None,
        _telemetry_values: object = None,
        compute_target: Any = None,
        environment: Environment | None = None,
        distributed_job_config: Any = None,
        resume_from: Any = None,
        max_run_duration_seconds: int | None = MAX_DURATION_SECONDS_DEFAULT,
        command: str | list[str] | None = None,
        docker_runtime_config: DockerConfiguration | None = None,
    ) -> None:
        if script is not None and command is not None:
            raise UserErrorException("script and command are both given; give one of them.")
        if arguments is not None and command is not None:
            raise UserErrorException("arguments go with a script; put those of a command into the command.")
        if arguments is not None and (isinstance(arguments, (str, bytes)) or not hasattr(arguments, "__iter__")):
            raise UserErrorException(
                f"arguments is {arguments!r:.200}; a list such as ['--lr', 0.1] is needed, an item for each word."
            )
        self.source_directory = _path("source_directory", source_directory) or "."
        self.script = _path("script", script)
        self.command = command
        self.arguments = list(arguments) if arguments is not None else []
        if run_config is not None:
            if not isinstance(run_config, RunConfiguration):
                raise UserErrorException(f"run_config is {run_config!r:.200}; a RunConfiguration is needed.")
            ignored = {"compute_target": compute_target, "environment": environment}
            for name in (name for name, value in ignored.items() if value is not None):
                notices.say(f"{name} is ignored, since run_config is given; set it there.")
            self.run_config = run_config
        else:
            self.run_config = RunConfiguration()
            if compute_target is not None:
                self.run_config.target = compute_target
            if environment is not None:
                if not isinstance(environment, Environment):
                    raise UserErrorException(f"environment is {environment!r:.200}; an Environment is needed.")
                self.run_config.environment = environment
        if distributed_job_config is not None:
            _distribute(self.run_config, distributed_job_config)
        if resume_from is not None:
            self.arguments += ["--resume-from", resume_from]
        if run_config is None or max_run_duration_seconds not in (None, self.MAX_DURATION_SECONDS_DEFAULT):
            self.run_config.max_run_duration_seconds = max_run_duration_seconds
        if docker_runtime_config is not None:
            if not isinstance(docker_runtime_config, DockerConfiguration):
                raise UserErrorException(
                    f"docker_runtime_config is {docker_runtime_config!r:.200}; a DockerConfiguration is needed."
                )
            self.run_config.docker = docker_runtime_config

    @property
    def identity(self) -> str:
        """What names the object in logs of the original: its class."""
        return type(self).__name__

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name != "run_config")
        return f"ScriptRunConfig({said}, target={self.run_config.target!r})"


def _path(name: str, given: object) -> str | None:
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, os.PathLike):
        return os.fsdecode(given)
    raise UserErrorException(f"{name} must be a path, it is {given!r:.200} of type {type(given).__name__}.")


def _distribute(run_config: RunConfiguration, said: object) -> None:
    if isinstance(said, MpiConfiguration):
        run_config.mpi, run_config.communicator = said, "IntelMpi"
        run_config.node_count = said.node_count
    elif isinstance(said, PyTorchConfiguration):
        run_config.pytorch, run_config.framework = said, "PyTorch"
        run_config.communicator = {"gloo": "Gloo", "mpi": "IntelMpi"}.get(said.communication_backend, "Nccl")
        run_config.node_count = said.node_count
    elif isinstance(said, TensorflowConfiguration):
        run_config.tensorflow, run_config.framework, run_config.communicator = said, "TensorFlow", "ParameterServer"
        run_config.node_count = said.worker_count + said.parameter_server_count
    elif isinstance(said, ParallelTaskConfiguration):
        run_config.paralleltask, run_config.communicator = said, "ParallelTask"
    else:
        raise UserErrorException(
            f"distributed_job_config is {said!r:.200}; allowed are MpiConfiguration, PyTorchConfiguration, "
            "TensorflowConfiguration and ParallelTaskConfiguration."
        )
