"""What an environment asks for and the target `local` does not provide is told; private wheels are kept for jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold import Workspace
from runfold.exceptions import UserErrorException
from runfold.submitting import CondaDependencies, DockerConfiguration, Environment, RunConfiguration, packages


def wanting(*pip_packages: str) -> RunConfiguration:
    return RunConfiguration(conda_dependencies=CondaDependencies.create(pip_packages=list(pip_packages)))


def test_packages_that_are_not_installed_are_told_by_name() -> None:
    named = ["no-such-package[extra]==1", "nowhere @ https://a.test/nowhere.whl"]
    config = wanting("pytest>=1", *named, "https://a.test/x.whl", "azureml-core")
    ((source, message),) = packages.warnings(config, "python")
    assert source == "environment"
    assert "installs none: no-such-package, nowhere. Install them" in message


def test_of_very_many_the_first_are_told() -> None:
    ((_, message),) = packages.warnings(wanting(*(f"nowhere-{n}" for n in range(25))), "python")
    assert "nowhere-19 and 5 more." in message


def test_packages_of_an_interpreter_that_others_care_for_are_not_looked_up() -> None:
    config = wanting("no-such-package")
    assert packages.warnings(config, "/usr/bin/python3") == []
    config.environment.python.user_managed_dependencies = True
    assert packages.warnings(config, "python") == []


def test_a_container_is_not_used_and_that_is_told() -> None:
    config = wanting("pytest")
    config.docker = DockerConfiguration(use_docker=True)
    assert [source for source, _ in packages.warnings(config, "python")] == ["docker"]


def test_a_private_wheel_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path / "home"))
    workspace, wheel = Workspace("", "", "wheels"), tmp_path / "ours-1-py3-none-any.whl"
    wheel.write_bytes(b"one")
    address = Environment.add_private_pip_wheel(workspace, wheel)
    kept = tmp_path / "home" / "wheels" / "wheels" / wheel.name
    assert (address, kept.read_bytes()) == (kept.as_uri(), b"one")
    with pytest.raises(UserErrorException, match="or say exist_ok=True"):
        Environment.add_private_pip_wheel(workspace, wheel)
    assert Environment.add_private_pip_wheel(workspace, wheel, exist_ok=True) == address
    wheel.write_bytes(b"two")
    with pytest.raises(UserErrorException, match="another version"):
        Environment.add_private_pip_wheel(workspace, wheel, exist_ok=True)
    assert kept.read_bytes() == b"one"
    with pytest.raises(UserErrorException, match="is no wheel"):
        Environment.add_private_pip_wheel(workspace, tmp_path)
