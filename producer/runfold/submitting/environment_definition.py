"""`Environment`: where a script runs, as a value; registering and finding it is `environment_registry`'s affair."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runfold import notices
from runfold.exceptions import UserErrorException

from .conda_dependencies import FILE_NAME as CONDA_FILE_NAME
from .conda_dependencies import CondaDependencies
from .elements import Element
from .sections import (
    ContainerRegistry,
    DatabricksSection,
    DockerBuildContext,
    DockerSection,
    PythonSection,
    SparkSection,
)

if TYPE_CHECKING:
    from runfold.workspace import Workspace

_FILE_NAME = "azureml_environment.json"
_DOCKERFILE_NAME = "BaseDockerfile"


class Environment(Element):
    """Interpreter, packages, image and environment variables of a job.

    :param name: The name.
    :raises TypeError: It is no text.

    Attributes:
        version: Version of a registered one, as text; else None.
        python, docker, spark, databricks: The sections.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(
                f"name of an Environment must be a str, it was {name!r:.200} of type {type(name).__name__}."
            )
        self.name = name
        self.version: str | None = None
        self._environment_variables: dict[str, Any] = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
        self.python = PythonSection()
        self.docker = DockerSection()
        self.spark = SparkSection()
        self.databricks = DatabricksSection()
        self.inferencing_stack_version: str | None = None
        self.r: object = None
        self.asset_id: str | None = None
        self._done()

    @property
    def environment_variables(self) -> dict[str, Any]:
        """Variables that the job gets; those of a run configuration go before them."""
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, value: Mapping[str, Any] | None) -> None:
        self._environment_variables = dict(value or {})

    # Made of

    @staticmethod
    def from_conda_specification(name: str, file_path: str | os.PathLike[str]) -> Environment:
        """The environment that a conda YAML file describes.

        :raises UserErrorException: The file cannot be read, or is no conda specification.
        """
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str | os.PathLike[str], pip_version: str | None = None
    ) -> Environment:
        """The environment that a requirements file describes.

        :param pip_version: Version of pip; conda's where None.
        :raises UserErrorException: The file cannot be read.
        """
        made = Environment(name)
        packages = CondaDependencies()
        if pip_version:
            packages.add_conda_package(f"pip={pip_version}")
        packages.set_pip_requirements(_requirements(file_path))
        made.python.conda_dependencies = packages
        return made

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: ContainerRegistry | None = None,
        conda_specification: str | os.PathLike[str] | None = None,
        pip_requirements: str | os.PathLike[str] | None = None,
    ) -> Environment:
        """The environment that an image is, with packages where a file names some.

        :raises UserErrorException: Both files are given, or one cannot be read.
        """
        made = Environment(name)
        made.docker.base_image = image
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return _with_packages(made, conda_specification, pip_requirements)

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str | os.PathLike[str],
        conda_specification: str | os.PathLike[str] | None = None,
        pip_requirements: str | os.PathLike[str] | None = None,
    ) -> Environment:
        """The environment that a Dockerfile describes.

        :param dockerfile: Its path, or its text.
        :raises UserErrorException: Both other files are given, or one cannot be read.
        """
        made = Environment(name)
        made.docker.base_image = None
        made.docker.base_dockerfile = _text_of(dockerfile)
        return _with_packages(made, conda_specification, pip_requirements)

    @staticmethod
    def from_docker_build_context(name: str, docker_build_context: DockerBuildContext) -> Environment:
        """The environment that a folder with a Dockerfile describes."""
        made = Environment(name)
        made.docker.base_image = None
        made.docker.build_context = docker_build_context
        made.python.user_managed_dependencies = True
        return made

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Environment | None:
        """The environment that `conda env export` describes; None, and a warning, where conda cannot tell."""
        import shutil
        import subprocess

        conda = os.environ.get("CONDA_EXE") or shutil.which("conda")
        if conda is None:
            notices.say(f"environment {conda_environment_name!r} cannot be exported: conda is not installed.")
            return None
        asked = [conda, "env", "export", "--no-builds", "--name", conda_environment_name]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode:
            notices.say(f"environment {conda_environment_name!r} cannot be exported: {done.stderr.strip()[:500]}")
            return None
        import yaml

        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(_underlying_structure=yaml.safe_load(done.stdout))
        return made

    def clone(self, new_name: str) -> Environment:
        """A copy under another name, not registered yet."""
        made = Environment(new_name)
        for each, value in self.__dict__.items():
            if each not in ("name", "version", "asset_id"):
                made.__dict__[each] = copy.deepcopy(value)
        return made

    # In a folder

    def save_to_directory(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Writes it as files that people can read and edit.

        :raises UserErrorException: The directory exists, and `overwrite` is False.
        """
        folder = Path(path)
        if folder.exists() and not overwrite:
            raise UserErrorException(f"{folder} exists; choose another directory, or say overwrite=True.")
        folder.mkdir(parents=True, exist_ok=True)
        document = self._document()
        packages = self.python.conda_dependencies
        if packages is not None:
            packages.save(folder / CONDA_FILE_NAME)
            document["python"]["condaDependencies"] = None
            document["python"]["condaDependenciesFile"] = CONDA_FILE_NAME
        if self.docker.base_dockerfile:
            (folder / _DOCKERFILE_NAME).write_text(self.docker.base_dockerfile, encoding="utf-8")
            document["docker"]["baseDockerfile"] = _DOCKERFILE_NAME
        (folder / _FILE_NAME).write_text(json.dumps(document, indent=4), encoding="utf-8")

    @staticmethod
    def load_from_directory(path: str | os.PathLike[str]) -> Environment:
        """What `save_to_directory` has written.

        :raises UserErrorException: It is not there, or cannot be read.
        """
        folder = Path(path)
        try:
            document = json.loads((folder / _FILE_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserErrorException(
                f"{folder / _FILE_NAME} cannot be read: {error}. Environment.save_to_directory writes it.",
                inner_exception=error,
            ) from error
        file_name = document.get("python", {}).get("condaDependenciesFile")
        if file_name:
            document["python"]["condaDependencies"] = CondaDependencies(folder / file_name).as_dict()
            document["python"]["condaDependenciesFile"] = None
        if document.get("docker", {}).get("baseDockerfile") == _DOCKERFILE_NAME:
            document["docker"]["baseDockerfile"] = _text_of(folder / _DOCKERFILE_NAME)
        return Environment._of(document)

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> Environment:
        return cls(str(document.get("name") or "environment"))._fill(document)

    # In a workspace

    def register(self, workspace: Workspace) -> Environment:
        """Keeps it as a version of its name; the same definition again is the same version.

        :returns: The registered one.
        """
        from . import environment_registry

        return environment_registry.register(self, workspace)

    @staticmethod
    def get(workspace: Workspace, name: str, version: str | None = None, label: str | None = None) -> Environment:
        """A registered environment, fetched; the latest version where neither version nor label is given.

        :raises UserErrorException: Version and label are given, or there is none.
        """
        from . import environment_registry

        return environment_registry.get(workspace, name, version, label)

    @staticmethod
    def list(workspace: Workspace) -> dict[str, Environment]:
        """The latest version of each registered environment by name, fetched."""
        from . import environment_registry

        return environment_registry.listed(workspace)

    @staticmethod
    def label(workspace: Workspace, name: str, version: str, labels: Any) -> None:
        """Puts labels on a version; each is on one version at a time."""
        from . import environment_registry

        environment_registry.label(workspace, name, version, labels)

    @staticmethod
    def add_private_pip_wheel(workspace: Workspace, file_path: str | os.PathLike[str], exist_ok: bool = False) -> str:
        """Keeps a wheel on this machine, for conda dependencies to name.

        :param exist_ok: Whether a wheel of that name may be there already.
        :returns: Its address, for `CondaDependencies.add_pip_package`.
        :raises UserErrorException: It is no wheel, or one of that name is there with other content.
        """
        from . import environment_registry

        return environment_registry.add_private_pip_wheel(workspace, file_path, exist_ok)

    def __str__(self) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return json.dumps(self._document(), indent=4, default=str)


def _with_packages(
    made: Environment,
    conda_specification: str | os.PathLike[str] | None,
    pip_requirements: str | os.PathLike[str] | None,
) -> Environment:
    if conda_specification is not None and pip_requirements is not None:
        raise UserErrorException("Give conda_specification or pip_requirements, not both.")
    if conda_specification is not None:
        made.python.conda_dependencies = CondaDependencies(conda_specification)
    elif pip_requirements is not None:
        packages = CondaDependencies()
        packages.set_pip_requirements(_requirements(pip_requirements))
        made.python.conda_dependencies = packages
    else:
        made.python.user_managed_dependencies = True
    return made


def _requirements(path: str | os.PathLike[str]) -> list[str]:
    lines = (line.split(" #")[0].strip() for line in _read(Path(path)).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _text_of(given: str | os.PathLike[str]) -> str:
    """The text that was given, or of the file that was."""
    if isinstance(given, str) and ("\n" in given or not Path(given).is_file()):
        if "\n" not in given and not given.lstrip().upper().startswith("FROM "):
            raise UserErrorException(f"{given!r:.200} is neither a Dockerfile's path nor its text.")
        return given
    return _read(Path(given))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserErrorException(f"{path} cannot be read: {error}.", inner_exception=error) from error
