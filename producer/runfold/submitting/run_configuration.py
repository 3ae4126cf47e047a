"""`RunConfiguration`: how a script is run: target, environment, processes, what is kept."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runfold.config_file import FOLDERS
from runfold.exceptions import UserErrorException

from .conda_dependencies import FILE_NAME, CondaDependencies
from .distributed import (
    DockerConfiguration,
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from .elements import Element, one_of
from .environment_definition import Environment
from .sections import (
    AmlComputeConfiguration,
    DataReferenceConfiguration,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    SparkConfiguration,
)
from .targets import LOCAL

DEFAULT_ENVIRONMENT = "default-environment"
FRAMEWORKS = ("Python", "PySpark", "CNTK", "TensorFlow", "PyTorch")
COMMUNICATORS = ("None", "ParameterServer", "OpenMpi", "IntelMpi", "Gloo", "Nccl", "ParallelTask")
_SUFFIX = ".runconfig"


class RunConfiguration(Element):
    """How a script is run.

    :param script: Path of the script within the source directory.
    :param arguments: Its arguments.
    :param framework: Python, PySpark, CNTK, TensorFlow or PyTorch.
    :param communicator: None, ParameterServer, OpenMpi, IntelMpi, Gloo, Nccl or ParallelTask.
    :param conda_dependencies: Packages of its environment.
    :param command: A command line, in place of script and arguments.
    :raises UserErrorException: Framework or communicator is unknown.
    """

    _WIRE = {"pytorch": "pyTorch", "paralleltask": "parallelTask", "amlcompute": "amlCompute"}  # noqa: RUF012
    _HIDDEN = ("_path", "_name")

    def __init__(
        self,
        script: str | None = None,
        arguments: list[Any] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        _history_enabled: bool | None = None,
        _path: str | None = None,
        _name: str | None = None,
        command: str | list[str] | None = None,
    ) -> None:
        self.script = script
        self.command: str | list[str] = command if command is not None else ""
        self.arguments: list[Any] = list(arguments) if arguments is not None else []
        self._target = LOCAL
        self.framework = one_of("framework", framework or "Python", FRAMEWORKS)
        self.communicator = one_of("communicator", communicator or "None", COMMUNICATORS)
        self.max_run_duration_seconds: int | None = None
        self.node_count = 1
        self.priority: int | None = None
        self.environment = Environment(DEFAULT_ENVIRONMENT)
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        self._environment_variables: dict[str, Any] = {}
        self.history = HistoryConfiguration()
        if _history_enabled is not None:
            self.history.output_collection = bool(_history_enabled)
        self.spark = SparkConfiguration()
        self.docker = DockerConfiguration()
        self.hdi = HdiConfiguration()
        self.tensorflow = TensorflowConfiguration()
        self.mpi = MpiConfiguration()
        self.pytorch = PyTorchConfiguration()
        self.paralleltask = ParallelTaskConfiguration()
        self.data_references: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.datacaches: list[Any] = []
        self.output_data: dict[str, Any] = {}
        self.amlcompute = AmlComputeConfiguration()
        self.kubernetescompute = KubernetesComputeConfiguration()
        self.services: dict[str, Any] = {}
        self.source_directory_data_store: str | None = None
        self.auto_cluster_compute_specification: dict[str, Any] | None = None
        self.credential_passthrough = False
        self._path = _path
        self._name = _name
        self._done()

    @property
    def target(self) -> str:
        """Name of the compute target; a ComputeTarget may be set."""
        return self._target

    @target.setter
    def target(self, value: Any) -> None:
        name = value if isinstance(value, str) else getattr(value, "name", None)
        if not isinstance(name, str) or not name:
            raise UserErrorException(f"target is {value!r:.200}; a target's name or a ComputeTarget is needed.")
        self._target = name

    @property
    def environment_variables(self) -> dict[str, Any]:
        """Variables that the job gets, before those of its environment."""
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, value: Mapping[str, Any] | None) -> None:
        self._environment_variables = dict(value or {})

    @property
    def auto_prepare_environment(self) -> bool:
        """Deprecated in the original, where it is always True; setting it does nothing."""
        return True

    @auto_prepare_environment.setter
    def auto_prepare_environment(self, value: object) -> None:
        """Accepted, as in the original."""

    # In a file

    def save(
        self,
        path: str | os.PathLike[str] | None = None,
        name: str | None = None,
        separate_environment_yaml: bool = False,
    ) -> None:
        """Writes it as `<path>/.azureml/<name>.runconfig`, or to the file `path` where no name is given.

        :param path: Directory of the project; where it was loaded from, or the current one, where None.
        :param name: Name of the file; the name it was loaded by, or the target, where None and `path` is a directory.
        :param separate_environment_yaml: Whether the packages go to a file of their own beside it.
        """
        import yaml

        base = Path(path if path is not None else self._path or ".")
        if name is None and (base.is_dir() or path is None):
            name = self._name or self.target
        file = base if name is None else _folder(base) / f"{name}{_SUFFIX}"
        file.parent.mkdir(parents=True, exist_ok=True)
        document = self._document()
        packages = self.environment.python.conda_dependencies
        if separate_environment_yaml and packages is not None:
            packages.save(file.parent / FILE_NAME)
            document["environment"]["python"]["condaDependencies"] = None
            document["environment"]["python"]["condaDependenciesFile"] = f"{file.parent.name}/{FILE_NAME}"
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    @staticmethod
    def load(path: str | os.PathLike[str], name: str | None = None) -> RunConfiguration:
        """What `save` has written, or the original.

        :param path: Directory of the project, or the file.
        :param name: Name of the file, without .runconfig; None where `path` is the file.
        :raises UserErrorException: It is not there, or cannot be read.
        """
        import yaml

        file = _found(Path(path), name)
        try:
            document = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise UserErrorException(f"{file} cannot be read: {error}.", inner_exception=error) from error
        if not isinstance(document, dict):
            raise UserErrorException(f"{file} is no run configuration: a YAML mapping is needed.")
        made = RunConfiguration._of(document)
        made._path, made._name = str(path), name
        named = (document.get("environment") or {}).get("python", {}).get("condaDependenciesFile")
        if named:
            for base in (Path(path) if Path(path).is_dir() else file.parent.parent, file.parent):
                if (base / named).is_file():
                    made.environment.python.conda_dependencies = CondaDependencies(base / named)
                    made.environment.python.conda_dependencies_file = None
                    break
            else:
                raise UserErrorException(f"{file} names {named} for its packages, and that is not there.")
        return made

    @staticmethod
    def delete(path: str | os.PathLike[str], name: str) -> None:
        """Deletes a file that `save` has written.

        :raises UserErrorException: It is not there.
        """
        _found(Path(path), name).unlink()

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> RunConfiguration:
        return cls()._fill(document)

    def _taken(self, name: str, said: Any) -> Any:
        if name in ("framework", "communicator"):
            return one_of(name, said or _ALLOWED[name][0], _ALLOWED[name])
        if name == "data_references":
            return {
                key: DataReferenceConfiguration()._fill(each) if isinstance(each, Mapping) else each
                for key, each in (said or {}).items()
            }
        return copy.deepcopy(said)

    def __repr__(self) -> str:
        import json

        return json.dumps(self._document(), indent=4, default=str)


_ALLOWED = {"framework": FRAMEWORKS, "communicator": COMMUNICATORS}


def _folder(base: Path) -> Path:
    return next((base / each for each in FOLDERS if (base / each).is_dir()), base / FOLDERS[0])


def _found(path: Path, name: str | None) -> Path:
    candidates = [path] if name is None else [path / folder / f"{name}{_SUFFIX}" for folder in (*FOLDERS, "")]
    for each in candidates:
        if each.is_file():
            return each
    raise UserErrorException(f"there is no run configuration at {', '.join(map(str, candidates))}.")
