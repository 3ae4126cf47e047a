"""Workspace.from_config finds what the original finds, RUNFOLD_WORKSPACE before it, and the local stack without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runfold import Experiment, Workspace
from runfold.exceptions import UserErrorException


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RUNFOLD_WORKSPACE", raising=False)
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path / "home"))


def config(file: Path, **body: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"subscription_id": "s", "resource_group": "g", **body}))
    return file


def test_the_nearest_file_of_the_first_folder_wins(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    config(deep / "config.json", workspace_name="plain")
    assert Workspace.from_config(deep).name == "plain"
    config(deep / "aml_config" / "config.json", workspace_name="older")
    assert Workspace.from_config(deep).name == "older"
    config(tmp_path / ".azureml" / "config.json", workspace_name="far")  # the folder counts before the distance
    assert Workspace.from_config(deep).name == "far"
    config(tmp_path / "a" / ".azureml" / "config.json", workspace_name="near")
    found = Workspace.from_config(str(deep))
    assert (found.name, found.subscription_id, found.resource_group) == ("near", "s", "g")


def test_the_current_directory_is_where_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config(tmp_path / ".azureml" / "config.json", workspace_name="here")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert Workspace.from_config().name == "here"


def test_a_file_can_be_named(tmp_path: Path) -> None:
    assert Workspace.from_config(config(tmp_path / "mine.json", workspace_name="named")).name == "named"
    assert Workspace.from_config(tmp_path, _file_name="mine.json").name == "named"


def test_a_legacy_project_file_is_understood(tmp_path: Path) -> None:
    scope = "/subscriptions/S/resourceGroups/G/providers/Microsoft.MachineLearningServices/workspaces/old"
    (tmp_path / "aml_config").mkdir()
    (tmp_path / "aml_config" / "project.json").write_text(json.dumps({"Id": "x", "Scope": scope}))
    found = Workspace.from_config(tmp_path)
    assert (found.name, found.subscription_id, found.resource_group) == ("old", "S", "G")


def test_anybodys_config_json_is_passed_over(tmp_path: Path) -> None:
    config(tmp_path / "model" / "config.json", hidden_size=768)
    config(tmp_path / "config.json", workspace_name="above")
    assert Workspace.from_config(tmp_path / "model").name == "above"


def test_the_environment_counts_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config(tmp_path / "config.json", workspace_name="file")
    monkeypatch.setenv("RUNFOLD_WORKSPACE", "environment")
    found = Workspace.from_config(tmp_path)
    assert (found.name, found.subscription_id) == ("environment", "s")


def test_without_any_file_it_is_the_local_stacks(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "stack.json").write_text(json.dumps({"workspace": "local", "kafka": "127.0.0.1:1"}))
    (tmp_path / "empty").mkdir()
    assert Workspace.from_config(tmp_path / "empty").name == "local"


def test_without_anything_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match=r"Start one with `runfold up`, or set RUNFOLD_WORKSPACE\."):
        Workspace.from_config(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"workspace_name": 7}'])
def test_a_broken_file_is_told_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "config.json").write_text(text)
    with pytest.raises(UserErrorException, match=r"\.azureml/config\.json"):
        Workspace.from_config(tmp_path)
    with pytest.raises(UserErrorException, match="neither a config file nor a directory"):
        Workspace.from_config(tmp_path / "nowhere")


def test_what_is_written_is_found(tmp_path: Path) -> None:
    Workspace("s", "g", "my_Workspace").write_config(str(tmp_path))
    found = Workspace.from_config(tmp_path)
    assert repr(found) == "Workspace.create(name='my_Workspace', subscription_id='s', resource_group='g')"


def test_an_experiment_is_a_name_in_a_workspace() -> None:
    workspace = Workspace("s", "g", "wsp")
    experiment = Experiment(name="e1", workspace=workspace)
    assert (experiment.name, experiment.id, experiment.workspace) == ("e1", "e1", workspace)
    assert str(experiment) == repr(experiment) == "Experiment(Name: e1,\nWorkspace: wsp)"
