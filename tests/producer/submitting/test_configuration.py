"""Configuration classes: defaults are the original's, files come back as they were, wrong values are told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runfold.exceptions import UserErrorException
from runfold.submitting import (
    CondaDependencies,
    DockerConfiguration,
    Environment,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    ScriptRunConfig,
    TensorflowConfiguration,
)


def test_a_run_configuration_begins_as_the_originals() -> None:
    config = RunConfiguration()
    plain = {
        "script": None,
        "command": "",
        "arguments": [],
        "framework": "Python",
        "communicator": "None",
        "max_run_duration_seconds": None,
        "node_count": 1,
        "priority": None,
        "data_references": {},
        "data": {},
        "datacaches": [],
        "output_data": {},
        "services": {},
        "source_directory_data_store": None,
        "auto_cluster_compute_specification": None,
        "credential_passthrough": False,
        "target": "local",
    }
    assert {name: getattr(config, name) for name in plain} == plain
    assert config.environment.name == "default-environment"
    assert config.history.directories_to_watch == ["logs"]
    assert (config.history.output_collection, config.history.snapshot_project) == (True, True)
    assert config.pytorch.communication_backend == "nccl"
    assert config.docker.shm_size == "2g"
    assert config.spark.configuration["spark.yarn.maxAppAttempts"] == 1


def test_an_environment_begins_as_the_originals() -> None:
    environment = Environment("e")
    assert environment.environment_variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
    assert environment.python.interpreter_path == "python"
    assert environment.python.user_managed_dependencies is False
    assert environment.docker.platform.os == "Linux"
    assert environment.spark.precache_packages is True
    assert (environment.version, environment.r, environment.asset_id) == (None, None, None)


def test_an_attribute_that_is_not_there_cannot_be_set() -> None:
    environment = Environment("e")
    with pytest.raises(AttributeError, match="conda_dependencies"):
        environment.python.conda_dependency = CondaDependencies()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("config", "framework", "communicator", "nodes"),
    [
        (MpiConfiguration(2, 3), "Python", "IntelMpi", 3),
        (PyTorchConfiguration("Gloo", 4, 2), "PyTorch", "Gloo", 2),
        (PyTorchConfiguration(), "PyTorch", "Nccl", 1),
        (TensorflowConfiguration(3, 1), "TensorFlow", "ParameterServer", 4),
    ],
)
def test_a_distributed_configuration_sets_framework_and_communicator(
    config: Any, framework: str, communicator: str, nodes: int
) -> None:
    run_config = ScriptRunConfig(".", "t.py", distributed_job_config=config).run_config
    assert (run_config.framework, run_config.communicator, run_config.node_count) == (framework, communicator, nodes)


def test_with_a_run_config_target_and_environment_are_its_own(caplog: pytest.LogCaptureFixture) -> None:
    mine = RunConfiguration()
    mine.target = "elsewhere"
    config = ScriptRunConfig(".", "t.py", run_config=mine, compute_target="local", environment=Environment("e"))
    assert config.run_config.target == "elsewhere"
    assert config.run_config.environment.name == "default-environment"
    assert "compute_target is ignored" in caplog.text
    assert "environment is ignored" in caplog.text


def test_a_script_run_config_has_the_originals_attributes() -> None:
    config = ScriptRunConfig(".", "train.py", ["--a", 1])
    assert (config.source_directory, config.script, config.command, config.arguments) == (
        ".",
        "train.py",
        None,
        ["--a", 1],
    )
    assert config.run_config.max_run_duration_seconds == 2592000
    config.run_config.environment = Environment("mine")
    assert config.run_config.environment.name == "mine"
    assert ScriptRunConfig(".", "a.py", ["b"], resume_from="c").arguments == ["b", "--resume-from", "c"]


@pytest.mark.parametrize(
    "made",
    [
        lambda: ScriptRunConfig(".", "a.py", command="b"),
        lambda: ScriptRunConfig(".", arguments=["a"], command="b"),
        lambda: ScriptRunConfig(".", "a.py", arguments="--lr 1"),  # type: ignore[arg-type]
        lambda: ScriptRunConfig(".", "a.py", run_config="local"),  # type: ignore[arg-type]
        lambda: ScriptRunConfig(".", "a.py", environment="e"),  # type: ignore[arg-type]
        lambda: ScriptRunConfig(".", "a.py", distributed_job_config=3),
        lambda: ScriptRunConfig(".", "a.py", compute_target=3),
        lambda: ScriptRunConfig(".", "a.py", docker_runtime_config=True),  # type: ignore[arg-type]
        lambda: RunConfiguration(framework="Fortran"),
        lambda: RunConfiguration(communicator="pigeon"),
        lambda: MpiConfiguration(0),
        lambda: MpiConfiguration(1, "two"),  # type: ignore[arg-type]
        lambda: PyTorchConfiguration("smoke"),
        lambda: PyTorchConfiguration(process_count=-1),
        lambda: TensorflowConfiguration(True),
        lambda: Environment.from_pip_requirements("e", "nowhere.txt"),
        lambda: Environment.from_conda_specification("e", "nowhere.yml"),
        lambda: Environment.from_dockerfile("e", "nowhere"),
        lambda: Environment.load_from_directory("nowhere"),
        lambda: RunConfiguration.load("nowhere"),
        lambda: RunConfiguration.load(".", "nothing"),
        lambda: RunConfiguration.delete(".", "nothing"),
        lambda: CondaDependencies("nowhere.yml"),
        lambda: CondaDependencies(_underlying_structure=[1]),  # type: ignore[arg-type]
        lambda: CondaDependencies().add_pip_package(3),  # type: ignore[arg-type]
        lambda: CondaDependencies().add_tensorflow_pip_package("tpu"),
    ],
)
def test_what_is_wrong_is_told_at_once(made: Any) -> None:
    with pytest.raises(UserErrorException):
        made()


@pytest.mark.parametrize("name", [None, 3, Path("e")])
def test_the_name_of_an_environment_is_text(name: Any) -> None:
    with pytest.raises(TypeError):
        Environment(name)


@pytest.mark.parametrize("apart", [False, True])
def test_a_run_configuration_comes_back_from_its_file(tmp_path: Path, apart: bool) -> None:
    config = RunConfiguration("train.py", ["--lr", 0.1], framework="pytorch", communicator="nccl")
    config.environment = Environment("mine")
    config.environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["torch==2.1"])
    config.environment_variables = {"A": "b"}
    config.history.directories_to_watch = ["logs", "tb"]
    config.target = "cluster"
    config.save(tmp_path, "gpu", separate_environment_yaml=apart)
    assert (tmp_path / ".azureml" / "conda_dependencies.yml").exists() == apart
    back = RunConfiguration.load(tmp_path, "gpu")
    assert back._document() == config._document()
    assert (back.framework, back.communicator) == ("PyTorch", "Nccl")
    RunConfiguration.delete(tmp_path, "gpu")
    assert not (tmp_path / ".azureml" / "gpu.runconfig").exists()
    back.save()  # where it came from
    assert (tmp_path / ".azureml" / "gpu.runconfig").exists()


def test_files_may_spell_names_as_python_does(tmp_path: Path) -> None:
    (tmp_path / "my.yml").write_text("node_count: 2\nenvironment:\n  python:\n    interpreter_path: /p\nwhat: 1\n")
    config = RunConfiguration.load(tmp_path / "my.yml")
    assert (config.node_count, config.environment.python.interpreter_path) == (2, "/p")


def test_a_run_configuration_is_written_to_a_file_of_any_name(tmp_path: Path) -> None:
    config = RunConfiguration("a.py")
    config.save(tmp_path / "my.yml")
    assert RunConfiguration.load(tmp_path / "my.yml").script == "a.py"


def test_a_docker_configuration_does_not_share_its_default() -> None:
    first = DockerConfiguration()
    first.arguments.append("--gpus=all")
    assert DockerConfiguration().arguments == []


def test_an_environment_comes_back_from_its_folder(tmp_path: Path) -> None:
    environment = Environment.from_dockerfile("d", "FROM scratch\nRUN x")
    environment.environment_variables = {"A": "1"}
    environment.python.conda_dependencies = CondaDependencies.create(conda_packages=["numpy"])
    environment.save_to_directory(tmp_path / "e")
    with pytest.raises(UserErrorException, match="overwrite"):
        environment.save_to_directory(tmp_path / "e")
    environment.save_to_directory(tmp_path / "e", overwrite=True)
    back = Environment.load_from_directory(tmp_path / "e")
    assert back._document() == environment._document()
    assert back.docker.base_dockerfile == "FROM scratch\nRUN x"


def test_a_clone_shares_nothing() -> None:
    environment = Environment("a")
    copied = environment.clone("b")
    copied.environment_variables["X"] = "1"
    assert copied.python.conda_dependencies is not None
    copied.python.conda_dependencies.add_pip_package("x")
    assert (copied.name, copied.version) == ("b", None)
    assert "X" not in environment.environment_variables
    assert environment.python.conda_dependencies is not None
    assert "x" not in environment.python.conda_dependencies.pip_packages


def test_requirements_become_packages_of_pip(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("# a comment\nnumpy==1.26 # pinned\n\n--extra-index-url https://x.test/simple\nscipy\n")
    environment = Environment.from_pip_requirements("e", file, "23.1")
    packages = environment.python.conda_dependencies
    assert packages is not None
    assert packages.pip_packages == ["numpy==1.26", "scipy"]
    assert packages.pip_options == ["--extra-index-url https://x.test/simple"]
    assert "pip=23.1" in packages.conda_packages


def test_an_image_without_packages_manages_its_own() -> None:
    environment = Environment.from_docker_image("i", "ubuntu:22.04")
    assert environment.docker.base_image == "ubuntu:22.04"
    assert environment.python.user_managed_dependencies is True


def test_a_registry_password_is_in_no_document() -> None:
    environment = Environment("e")
    environment.docker.base_image_registry.password = "hunter2"
    assert "hunter2" not in repr(environment)
