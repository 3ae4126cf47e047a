"""Azure's three identifiers are mapped to a name of the ledger: by a table, the local stack, or the plain rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runfold import Workspace
from runfold.exceptions import UserErrorException


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RUNFOLD_WORKSPACE", "RUNFOLD_WORKSPACES", "RUNFOLD_KAFKA", "RUNFOLD_API"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path / "home"))


def config(folder: Path, **body: object) -> Path:
    (folder / ".azureml").mkdir(parents=True, exist_ok=True)
    said = {"subscription_id": "S-1", "resource_group": "Group", "workspace_name": "My_Workspace", **body}
    (folder / ".azureml" / "config.json").write_text(json.dumps(said))
    return folder


def stack(folder: Path, workspace: str = "local") -> None:
    (folder / "home").mkdir()
    (folder / "home" / "stack.json").write_text(json.dumps({"workspace": workspace, "kafka": "127.0.0.1:1"}))


def test_without_a_table_it_is_lower_case_with_hyphens(tmp_path: Path) -> None:
    found = Workspace.from_config(config(tmp_path))
    assert (found.name, found._ledger_name) == ("My_Workspace", "my-workspace")


@pytest.mark.parametrize(
    ("table", "ledger"),
    [
        ("my_workspace=team-a", "team-a"),
        (" MY_WORKSPACE = team-a , other=team-b", "team-a"),
        ("*=everything", "everything"),
        ("*=everything,my_workspace=team-a", "team-a"),
        ("my_workspace=team-a,group/my_workspace=team-g", "team-g"),
        ("group/my_workspace=team-g,s-1/group/my_workspace=team-s", "team-s"),
        ("s-2/group/my_workspace=team-s", "my-workspace"),
        ('{"My_Workspace": "Team_A"}', "team-a"),
    ],
)
def test_the_most_special_name_of_the_table_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, ledger: str
) -> None:
    monkeypatch.setenv("RUNFOLD_WORKSPACES", table)
    assert Workspace.from_config(config(tmp_path))._ledger_name == ledger
    assert Workspace("S-1", "Group", "My_Workspace")._ledger_name == ledger


def test_the_config_file_may_hold_the_table_and_the_environment_counts_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(tmp_path, workspaces={"my_workspace": "from-file"})
    assert Workspace.from_config(tmp_path)._ledger_name == "from-file"
    monkeypatch.setenv("RUNFOLD_WORKSPACES", "my_workspace=from-environment")
    assert Workspace.from_config(tmp_path)._ledger_name == "from-environment"


def test_a_project_file_may_hold_the_table_too(tmp_path: Path) -> None:
    scope = "/subscriptions/S/resourceGroups/G/providers/Microsoft.MachineLearningServices/workspaces/My_Workspace"
    (tmp_path / ".azureml").mkdir()
    said = {"Scope": scope, "workspaces": {"g/my_workspace": "from-project"}}
    (tmp_path / ".azureml" / "project.json").write_text(json.dumps(said))
    assert Workspace.from_config(tmp_path)._ledger_name == "from-project"


def test_on_the_local_stack_azures_workspace_is_the_stacks(tmp_path: Path) -> None:
    stack(tmp_path)
    found = Workspace.from_config(config(tmp_path))
    assert (found.name, found._ledger_name) == ("My_Workspace", "local")
    assert Workspace("", "", "my_workspace")._ledger_name == "my-workspace"  # no workspace of Azure


def test_a_ledger_elsewhere_is_not_the_local_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack(tmp_path)
    assert Workspace.from_config(config(tmp_path, kafka="kafka:9092"))._ledger_name == "my-workspace"
    config(tmp_path)
    monkeypatch.setenv("RUNFOLD_API", "https://ledger.example.com")
    assert Workspace.from_config(tmp_path)._ledger_name == "my-workspace"


def test_runfold_workspace_is_a_name_of_the_ledger_and_nothing_maps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack(tmp_path)
    monkeypatch.setenv("RUNFOLD_WORKSPACE", "mine")
    monkeypatch.setenv("RUNFOLD_WORKSPACES", "*=other")
    assert Workspace.from_config(config(tmp_path))._ledger_name == "mine"
    assert Workspace("", "", "mine")._ledger_name == "mine"  # as a job's process is told


@pytest.mark.parametrize("table", ["my_workspace", "=", "a=", "{", '{"a": 1}', "my_workspace=Nö"])
def test_a_table_that_cannot_be_read_says_what_is_allowed(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    monkeypatch.setenv("RUNFOLD_WORKSPACES", table)
    with pytest.raises(UserErrorException, match=r"RUNFOLD_WORKSPACES|has no name in topics"):
        Workspace("s", "g", "my_workspace")


def test_a_table_of_the_file_that_is_none_is_told_by_the_files_name(tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match=r"'workspaces' of .*config\.json must map names"):
        Workspace.from_config(config(tmp_path, workspaces=["a"]))
