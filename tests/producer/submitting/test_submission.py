"""What is wrong with a submission is told before anything is stated."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runfold import Experiment, Workspace
from runfold.exceptions import (
    AzureMLException,
    ComputeTargetException,
    ExperimentExecutionException,
    RunConfigurationException,
    SnapshotException,
    UserErrorException,
)
from runfold.submitting import ComputeTarget, RunConfiguration, ScriptRunConfig, job, local, submission, targets


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Experiment]:
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("RUNFOLD_") and name != "RUNFOLD_HOME"]:
        monkeypatch.delenv(name)
    yield Experiment(Workspace("", "", f"sub{os.getpid()}"), "e")
    assert not (tmp_path / "home" / "journals").exists(), "something was stated"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "train.py").write_text("print(1)")
    (tmp_path / "outside.py").write_text("print(2)")
    return folder


def _config(source: Path, **changes: Any) -> ScriptRunConfig:
    config = ScriptRunConfig(source, "train.py")
    for name, value in changes.items():
        owner, _, attribute = name.rpartition("__")
        setattr(getattr(config, owner) if owner else config, attribute, value)
    return config


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"script": "nothing.py"}, ExperimentExecutionException, "nothing.py script path doesn't exist"),
        ({"script": "../outside.py"}, ExperimentExecutionException, "outside"),
        ({"script": None}, ExperimentExecutionException, "nothing to run"),
        ({"source_directory": "/nowhere/at/all"}, ExperimentExecutionException, "/nowhere/at/all"),
        ({"run_config__target": "cpu-cluster"}, ExperimentExecutionException, "there are: local"),
        ({"arguments": [None]}, UserErrorException, "argument"),
        ({"run_config__max_run_duration_seconds": -1}, UserErrorException, "above 0"),
        ({"run_config__max_run_duration_seconds": "1h"}, UserErrorException, "above 0"),
        ({"run_config__node_count": 3}, RunConfigurationException, "distributed_job_config"),
        ({"run_config__environment_variables": {"a=b": 1}}, UserErrorException, "environment variable"),
    ],
)
def test_a_wrong_configuration_is_refused(
    experiment: Experiment, source: Path, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        submission.submit(experiment, _config(source, **changes))


@pytest.mark.parametrize("config", [None, "train.py", RunConfiguration(), object()])
def test_only_what_is_registered_can_be_submitted(experiment: Experiment, config: object) -> None:
    with pytest.raises(AzureMLException, match="ScriptRunConfig"):
        submission.submit(experiment, config)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"tags": ["a"]}, UserErrorException),
        ({"run_id": "a/b"}, UserErrorException),
        ({"run_id": 3}, UserErrorException),
        ({"_parent_run_id": ""}, UserErrorException),
        ({"display_name": 3}, UserErrorException),
    ],
)
def test_wrong_words_beside_it_are_refused(
    experiment: Experiment, source: Path, said: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        submission.submit(experiment, _config(source), **said)


def test_an_interpreter_that_is_not_there_is_refused(experiment: Experiment, source: Path) -> None:
    config = _config(source)
    config.run_config.environment.python.interpreter_path = "/no/such/python"
    with pytest.raises(ExperimentExecutionException, match="/no/such/python"):
        submission.submit(experiment, config)
    assert not job.folder_of("x").parent.exists() or list(job.folder_of("x").parent.iterdir()) == []


def test_a_run_id_is_submitted_once_on_a_machine(experiment: Experiment, source: Path) -> None:
    job.make_folder("taken")
    with pytest.raises(ExperimentExecutionException, match="clean"):
        submission.submit(experiment, _config(source), run_id="taken")


def test_a_configuration_directory_of_more_than_25_mb_is_refused(experiment: Experiment, source: Path) -> None:
    (source / ".azureml").mkdir()
    with (source / ".azureml" / "big").open("wb") as file:
        file.truncate((25 << 20) + 1)
    with pytest.raises(ExperimentExecutionException, match=r"\.azureml"):
        submission.submit(experiment, _config(source))


@pytest.mark.parametrize("grace", ["-1", "soon", "nan"])
def test_a_wrong_grace_period_is_refused(
    experiment: Experiment, source: Path, grace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNFOLD_CANCEL_GRACE_S", grace)
    with pytest.raises(UserErrorException, match="RUNFOLD_CANCEL_GRACE_S"):
        submission.submit(experiment, _config(source))


def test_a_source_directory_beyond_the_limits_of_a_snapshot_is_refused(experiment: Experiment, source: Path) -> None:
    with (source / "data.bin").open("wb") as file:
        file.truncate((300 << 20) + 1)
    with pytest.raises(SnapshotException):
        submission.submit(experiment, _config(source))
    assert not job.folder_of("x").parent.exists()


def test_further_configurations_are_submitted_by_who_registers_them(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "_submits", {})
    submission.register(dict, lambda experiment, config, tags, **more: (config, tags, more))
    assert submission.submit(experiment, {"a": 1}, {"t": "u"}, x=2) == ({"a": 1}, {"t": "u"}, {"x": 2})


def test_names_may_mean_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNFOLD_COMPUTE_ALIASES", "cpu-cluster=local, broken, gpu=nowhere")
    assert targets.get("cpu-cluster") is targets.get("local")
    assert "cpu-cluster" in targets.names()
    assert "gpu" not in targets.names()


def test_scripts_look_targets_up() -> None:
    workspace = Workspace("", "", "lookup")
    found = ComputeTarget(workspace, "local")
    assert (found.name, found.type, found.get_status()) == ("local", "local", "Succeeded")
    with pytest.raises(ComputeTargetException, match="not found"):
        ComputeTarget(workspace, "cpu-cluster")
    assert "local" in targets.compute_targets(workspace)
    config = ScriptRunConfig(".", "a.py", compute_target=found)
    assert config.run_config.target == "local"


def test_packages_provide_targets_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Moon:
        name, type = "moon", "rocket"

    class Entry:
        name, value = "moon", "package:Moon"

        def load(self) -> type:
            return Moon

    class Broken(Entry):
        name = "mars"

        def load(self) -> type:
            raise ImportError("no rocket")

    monkeypatch.setattr(targets, "_targets", {})
    monkeypatch.setattr(targets, "_looked", False)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Entry(), Broken()])
    assert targets.names() == ["local", "moon"]
    assert targets.get("moon").type == "rocket"


def test_ids_tell_experiment_and_time() -> None:
    one, other = submission.new_run_id("digits"), submission.new_run_id("digits")
    assert one.startswith("digits_")
    assert one != other
    assert len(submission.new_run_id("x" * 256)) == 256


def test_what_is_not_ignored_is_copied(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "folder"
    (source / "pkg" / "__pycache__").mkdir(parents=True)
    (source / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    folder.mkdir()
    (source / ".gitignore").write_text("__pycache__/\n*.log\n")
    for name in ("a.py", "pkg/b.py", "pkg/__pycache__/b.pyc", "x.log"):
        (source / name).write_text(name)
    (source / "link.py").symlink_to("a.py")
    (source / "gone.py").symlink_to("nothing")
    (source / "inner").symlink_to("pkg")
    (source / "outer").symlink_to("../elsewhere")
    os.mkfifo(source / "pipe")
    (source / "a.py").chmod(0o755)
    local.copy(source, folder)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert found == {".gitignore", "a.py", "pkg", "pkg/b.py", "data", "link.py", "inner", "outer"}
    assert (folder / "link.py").read_text() == "a.py"
    assert not (folder / "link.py").is_symlink()
    assert (folder / "inner").resolve() == folder / "pkg"
    assert (folder / "outer").resolve() == tmp_path / "elsewhere"
    assert os.access(folder / "a.py", os.X_OK)


def test_a_folder_inside_of_the_source_is_not_copied_into_itself(tmp_path: Path) -> None:
    folder = tmp_path / "azureml_runs" / "r"
    folder.mkdir(parents=True)
    (tmp_path / "a.py").write_text("")
    local.copy(tmp_path, folder)
    assert [p.name for p in folder.iterdir()] == ["a.py"]


def test_a_supervisor_is_no_rank_and_no_job() -> None:
    kept = local.outside_of_a_job(
        {
            "PATH": "p",
            "RANK": "1",
            "OMPI_COMM_WORLD_SIZE": "2",
            "RUNFOLD_RUN_ID": "r",
            "AZUREML_RUN_ID": "r",
            "HOME": "h",
        }
    )
    assert kept == {"PATH": "p", "HOME": "h"}


def test_a_job_comes_back_from_its_folder(tmp_path: Path) -> None:
    from runfold.submitting.ranks import Layout

    made = job.Job(
        "r", "e", None, 0, "", "", "w", "w", None, "local", "/s", "a.py", None, ["1"], "python", Layout("", 1, 1),
        {"PASSWORD": "x"}, None, 10.0, True, ["logs"], warnings=[("a", "b")],
    )  # fmt: skip
    made.save(tmp_path)
    assert job.Job.load(tmp_path) == made
    assert (tmp_path / job.CONTROL / "job.json").stat().st_mode & 0o777 == 0o600


def test_a_claimed_job_keeps_no_secret_on_disk(tmp_path: Path) -> None:
    (tmp_path / job.CONTROL).mkdir()
    file = tmp_path / job.CONTROL / "job.json"
    file.write_text('{"run_id": "r", "variables": {"DB_PASSWORD": "hunter2", "LR": "0.1"}}')
    job.forget_secrets(tmp_path)
    assert "hunter2" not in file.read_text()
    assert "0.1" in file.read_text()


def test_only_a_job_that_runs_is_told_to_end(tmp_path: Path) -> None:
    assert not job.request_cancel(tmp_path)
    (tmp_path / job.CONTROL).mkdir()
    assert job.request_cancel(tmp_path)
    (tmp_path / job.CONTROL / "ended.json").write_text("{}")
    assert not job.request_cancel(tmp_path)


def test_the_folder_of_all_runs_is_shared_safely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = job.make_folder("r")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o7777 == 0o1777
    (tmp_path / "other").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "other"))
    (tmp_path / "other" / "azureml_runs").symlink_to(tmp_path)
    with pytest.raises(ExperimentExecutionException, match="safe to share"):
        job.make_folder("r")
