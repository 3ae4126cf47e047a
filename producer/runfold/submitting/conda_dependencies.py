"""`CondaDependencies`: a conda environment's specification, edited package by package."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runfold.exceptions import UserErrorException

PYTHON_DEFAULT_VERSION = "3.10.18"
SDK = "azureml-defaults"  # what the original puts into every environment; Runfold itself is there anyway
FILE_NAME = "conda_dependencies.yml"
_HEAD = (
    "# Conda environment specification. The dependencies defined in this file will\n"
    "# be automatically provisioned for runs with userManagedDependencies=False.\n"
)
_NAME = re.compile(r"\s*(?:[\w.-]+::)?([\w.-]+)")


class CondaDependencies:
    """Packages and channels of a conda environment.

    :param conda_dependencies_file_path: A conda YAML file to begin with.
    :param _underlying_structure: The same, as a dict.
    :raises UserErrorException: The file is not there, or is no conda specification.
    """

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 0
    DEFAULT_NUMBER_OF_PIP_PACKAGES = 0

    def __init__(
        self,
        conda_dependencies_file_path: str | os.PathLike[str] | None = None,
        _underlying_structure: dict[str, Any] | None = None,
    ) -> None:
        if conda_dependencies_file_path is not None and _underlying_structure is not None:
            raise UserErrorException("Give a file or a structure, not both.")
        if conda_dependencies_file_path is not None:
            self._said = _read(Path(conda_dependencies_file_path))
        elif _underlying_structure is not None:
            self._said = _checked("the structure", copy.deepcopy(_underlying_structure))
        else:
            self._said = {
                "name": "project_environment",
                "dependencies": [f"python={PYTHON_DEFAULT_VERSION}", {"pip": [SDK]}],
                "channels": ["anaconda", "conda-forge"],
            }

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: list[str] | None = None,
        conda_packages: list[str] | None = None,
        python_version: str | None = PYTHON_DEFAULT_VERSION,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """A specification of these packages.

        :param pip_indexurl: Index that pip asks.
        :param pip_packages: Packages for pip, each as pip takes it.
        :param conda_packages: Packages for conda.
        :param python_version: Version of Python.
        :param pin_sdk_version: Accepted; Runfold comes with the interpreter.
        """
        made = CondaDependencies()
        if python_version:
            made.set_python_version(python_version)
        if pip_indexurl:
            made.set_pip_index_url(pip_indexurl)
        if pip_packages is not None:
            made.remove_pip_package(SDK)
        for package in pip_packages or []:
            made.add_pip_package(package)
        for package in conda_packages or []:
            made.add_conda_package(package)
        return made

    @staticmethod
    def merge_requirements(requirements: Iterable[str]) -> list[str]:
        """Requirements with one line for each package: extras and version bounds of one name are put together.

        :param requirements: Lines of a requirements file.
        """
        merged: dict[str, tuple[str, list[str], list[str]]] = {}
        others: list[str] = []
        for line in requirements:
            found = re.fullmatch(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?\s*([<>=!~][^;]*)?\s*", line)
            if found is None:
                if line not in others:
                    others.append(line)
                continue
            name, extras, bounds = found.groups()
            _, all_extras, all_bounds = merged.setdefault(_normal(name), (name, [], []))
            for more, kept in ((extras, all_extras), (bounds, all_bounds)):
                kept += [each.strip() for each in (more or "").split(",") if each.strip() and each.strip() not in kept]
        lines = []
        for name, all_extras, all_bounds in merged.values():
            lines.append(name + (f"[{','.join(all_extras)}]" if all_extras else "") + ",".join(all_bounds))
        return lines + others

    @staticmethod
    def sdk_origin_url() -> str:
        """The index that packages come from by default."""
        return "https://" + "pypi.org/simple"

    def get_default_number_of_packages(self) -> int:
        """How many packages stand in a fresh specification by default, Python aside."""
        return self.DEFAULT_NUMBER_OF_CONDA_PACKAGES + self.DEFAULT_NUMBER_OF_PIP_PACKAGES

    # Channels

    @property
    def conda_channels(self) -> list[str]:
        """The channels."""
        return list(self._channels())

    def add_channel(self, channel: str) -> None:
        """Adds a channel."""
        if channel not in self._channels():
            self._channels().append(_text("channel", channel))

    def remove_channel(self, channel: str) -> None:
        """Takes a channel away."""
        self._said["channels"] = [each for each in self._channels() if each != channel]

    # Conda

    @property
    def conda_packages(self) -> list[str]:
        """Packages for conda, Python among them."""
        return [each for each in self._dependencies() if isinstance(each, str)]

    def add_conda_package(self, conda_package: str) -> None:
        """Adds a package for conda, in place of another version of it."""
        self.remove_conda_package(conda_package)
        self._dependencies().append(_text("conda_package", conda_package))

    def remove_conda_package(self, conda_package: str) -> None:
        """Takes a package away, whatever its version."""
        name = _name(_text("conda_package", conda_package))
        self._said["dependencies"] = [
            each for each in self._dependencies() if not isinstance(each, str) or _name(each) != name
        ]

    def get_python_version(self) -> str | None:
        """Version of Python; None where none is said."""
        for each in self.conda_packages:
            if _name(each) == "python":
                return re.sub(r"^[^=<>!~]*=*", "", each).strip() or None
        return None

    def set_python_version(self, version: str) -> None:
        """Sets the version of Python."""
        self.remove_conda_package("python")
        self._dependencies().insert(0, f"python={_text('version', version)}")

    def add_tensorflow_conda_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Adds TensorFlow for conda.

        :param core_type: cpu or gpu.
        """
        self.add_conda_package(_tensorflow(core_type) + (f"={version}" if version else ""))

    # Pip

    @property
    def pip_packages(self) -> list[str]:
        """Packages for pip."""
        return [each for each in self._pip() if not each.startswith("-")]

    @property
    def pip_options(self) -> list[str]:
        """Options of pip."""
        return [each for each in self._pip() if each.startswith("-")]

    def add_pip_package(self, pip_package: str) -> None:
        """Adds a package for pip, in place of another version of it."""
        self.remove_pip_package(pip_package)
        self._pip().append(_text("pip_package", pip_package))

    def remove_pip_package(self, pip_package: str) -> None:
        """Takes a package away, whatever its version."""
        name = _name(_text("pip_package", pip_package))
        kept = [each for each in self._pip() if each.startswith("-") or _name(each) != name]
        self._pip()[:] = kept

    def set_pip_requirements(self, pip_requirements: Iterable[str]) -> None:
        """Puts packages in place of all packages for pip; options stay."""
        self._pip()[:] = [*self.pip_options, *(_text("pip_requirements", each) for each in pip_requirements)]

    def set_pip_option(self, pip_option: str) -> None:
        """Adds an option of pip, in place of another value of it."""
        self.remove_pip_option(pip_option)
        self._pip().insert(0, pip_option)

    def remove_pip_option(self, pip_option: str) -> None:
        """Takes an option away, whatever its value."""
        name = _option(_text("pip_option", pip_option))
        self._pip()[:] = [each for each in self._pip() if not each.startswith("-") or _option(each) != name]

    def set_pip_index_url(self, index_url: str) -> None:
        """Sets the index that pip asks: the option --index-url, with or without its name."""
        given = _text("index_url", index_url)
        self.set_pip_option(given if given.startswith("-") else f"--index-url {given}")

    def add_tensorflow_pip_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Adds TensorFlow for pip.

        :param core_type: cpu or gpu.
        """
        self.add_pip_package(_tensorflow(core_type) + (f"=={version}" if version else ""))

    def add_cntk_package(self, core_type: str = "cpu") -> None:
        """Adds the Microsoft Cognitive Toolkit for pip.

        :param core_type: cpu or gpu.
        """
        self.add_pip_package("cntk-gpu" if _core(core_type) == "gpu" else "cntk")

    # As a whole

    def as_dict(self) -> dict[str, Any]:
        """The specification as a dict."""
        return copy.deepcopy(self._said)

    def serialize_to_string(self) -> str:
        """The specification as conda's YAML."""
        import yaml

        return _HEAD + yaml.safe_dump(self._said, default_flow_style=False, sort_keys=False)

    def save(self, path: str | os.PathLike[str] | None = None) -> str:
        """Writes the specification.

        :param path: The file, or a directory for conda_dependencies.yml; the current one where None.
        :returns: Path of the file.
        """
        target = Path(path) if path is not None else Path.cwd()
        if target.is_dir():
            target = target / FILE_NAME
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.serialize_to_string(), encoding="utf-8")
        return str(target)

    def save_to_file(
        self, base_directory: str | os.PathLike[str], conda_file_path: str | os.PathLike[str] | None = None
    ) -> str:
        """Writes the specification below a directory.

        :returns: Path of the file, from that directory on.
        """
        below = Path(conda_file_path) if conda_file_path is not None else Path(FILE_NAME)
        self.save(Path(base_directory) / below)
        return str(below)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CondaDependencies) and self._said == other._said

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"CondaDependencies({self._said!r})"

    def _channels(self) -> list[str]:
        found: list[str] = self._said.setdefault("channels", [])
        return found

    def _dependencies(self) -> list[Any]:
        found: list[Any] = self._said.setdefault("dependencies", [])
        return found

    def _pip(self) -> list[str]:
        for each in self._dependencies():
            if isinstance(each, dict) and "pip" in each:
                found: list[str] = each["pip"]
                return found
        made: dict[str, list[str]] = {"pip": []}
        self._dependencies().append(made)
        return made["pip"]


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        return _checked(str(path), yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserErrorException(
            f"conda specification {path} cannot be read: {error}.", inner_exception=error
        ) from error
    except yaml.YAMLError as error:
        raise UserErrorException(f"{path} is no YAML: {error}.", inner_exception=error) from error


def _checked(what: str, said: object) -> dict[str, Any]:
    if said is None:
        said = {}
    if not isinstance(said, dict) or not isinstance(said.get("dependencies") or [], list):
        raise UserErrorException(
            f"{what} is no conda specification: a mapping with `dependencies`, a list of packages, is needed; "
            f"it was {said!r:.200}."
        )
    for name in ("dependencies", "channels"):
        said[name] = list(said.get(name) or [])
    for each in said["dependencies"]:
        if isinstance(each, dict) and "pip" in each:
            each["pip"] = [str(line) for line in each["pip"] or []]
    return said


def _text(what: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UserErrorException(f"{what} is {value!r:.200}; a text such as 'numpy==1.26' is needed.")
    return value.strip()


def _name(package: str) -> str:
    found = _NAME.match(package)
    return _normal(found.group(1)) if found else package


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _option(option: str) -> str:
    return re.split(r"[\s=]", option, maxsplit=1)[0]


def _core(core_type: str) -> str:
    if core_type not in ("cpu", "gpu"):
        raise UserErrorException(f"core_type is {core_type!r:.200}; allowed are cpu and gpu.")
    return core_type


def _tensorflow(core_type: str) -> str:
    return "tensorflow-gpu" if _core(core_type) == "gpu" else "tensorflow"
