"""What is wrong with a submission is told before anything is stated."""

from __future__ import annotations

import importlib.metadata
import os
import time
from collections.abc import Iterator
from operator import attrgetter
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
from runfold.journal.reader import Fact, JournalReader
from runfold.submitting import ComputeTarget, RunConfiguration, ScriptRunConfig, job, local, submission, targets
from runfold_schemas.codec import decode
from runfold_schemas.events import ErrorRecorded


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
        setattr(attrgetter(owner.replace("__", "."))(config) if owner else config, attribute, value)
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
        ({"arguments": ["x" * 600_000]}, UserErrorException, "run definition takes 60.* pass long arguments by a file"),
        ({"run_config__max_run_duration_seconds": -1}, UserErrorException, "above 0"),
        ({"run_config__max_run_duration_seconds": "1h"}, UserErrorException, "above 0"),
        ({"run_config__max_run_duration_seconds": float("nan")}, UserErrorException, "above 0"),
        ({"run_config__max_run_duration_seconds": float("inf")}, UserErrorException, "above 0"),
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


def test_what_is_not_known_is_ignored_and_told(
    experiment: Experiment, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ExperimentExecutionException):
        submission.submit(experiment, _config(source, script="nothing.py"), colour="red")
    assert "submit ignores colour" in caplog.text


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
    assert (found.name, found.type, found.provisioning_state) == ("local", "local", "Succeeded")
    status = found.get_status()
    assert (status.allocation_state, status.current_node_count, status.errors) == ("Steady", 1, None)
    assert status.serialize()["provisioningState"] == found.serialize()["provisioningState"] == "Succeeded"
    found.wait_for_completion(False, None, 20)
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


class Interrupted:
    """A target that is interrupted while it hands its job over, before or after somebody has taken it."""

    name = type = "interrupted"

    def __init__(self, taken: bool) -> None:
        self.taken = taken

    def prepare(self, made: job.Job) -> Path:
        return job.make_folder(made.run_id)

    def submit(self, made: job.Job, folder: Path | None) -> None:
        assert folder is not None
        made.save(folder)
        assert not self.taken or job.claim(folder)
        raise KeyboardInterrupt


@pytest.mark.parametrize("taken", [False, True])
def test_a_submission_that_is_interrupted_leaves_its_run_to_whoever_has_it(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    for name, value in {"HOME": tmp_path / "home", "KAFKA": "127.0.0.1:9", "SHIPPING": "node"}.items():
        monkeypatch.setenv(f"RUNFOLD_{name}", str(value))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(targets, "_targets", {"interrupted": Interrupted(taken), "local": local.Local()})
    config = _config(source, run_config__target="interrupted", run_config__history__snapshot_project=False)
    experiment = Experiment(Workspace("", "", f"sub{os.getpid()}{taken}".lower()), "e")
    with pytest.raises(KeyboardInterrupt):
        submission.submit(experiment, config, run_id="r")
    experiment.workspace._session.close()
    experiment.workspace._session.leave(time.monotonic())  # else its shipper would tell later tests of its broker
    (journal,) = (tmp_path / "home" / "journals").iterdir()
    facts = [decode(batch.message) for batch in JournalReader(journal).read(1 << 20) if isinstance(batch, Fact)]
    assert any(isinstance(fact, ErrorRecorded) for fact in facts) is not taken
    assert job.folder_of("r").exists() is taken
    assert (job.folder_of("r") / job.CONTROL / "cancel").exists() is taken
