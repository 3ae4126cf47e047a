"""The parts of the drop-in that have no other home: RunDetails, authentication, get_run, diagnostic_log, statuses."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runfold.azureml import authentication, constants, functions, telemetry, widgets
from runfold.azureml.compute import AmlCompute
from runfold.exceptions import AuthenticationException, ComputeTargetException
from runfold.submitting.targets import ComputeTarget


class Shown:
    """A run as RunDetails reads it."""

    id = "run-1"
    display_name = None
    experiment = SimpleNamespace(name="digits")

    def get_status(self) -> str:
        return "Completed"

    def get_tags(self) -> dict[str, str | None]:
        return {"k": None, "<i>": "v"}

    def get_metrics(self) -> dict[str, Any]:
        return {"loss": [0.5, 0.25], "row": {"a": 1, "b": [1, 2]}, "empty": [], "long": "x" * 500}

    def get_children(self) -> list[Any]:
        return [SimpleNamespace(id="child-1", display_name="first", status="Failed")]


def test_run_details_prints_a_table_outside_of_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    widgets.RunDetails(Shown()).show(render_lib=None, widget_settings={"debug": False})  # type: ignore[arg-type]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:5]] == [
        ["Run"],
        ["run", "id", "run-1"],
        ["name"],
        ["experiment", "digits"],
        ["status", "Completed"],
    ]
    assert "  loss   0.25 (2 values)" in lines
    assert "  row    a: 1, b: 2 (2 values)" in lines
    assert "  child-1  Failed  first" in lines
    assert max(map(len, lines)) < 150


def test_nothing_that_is_shown_in_a_notebook_is_trusted() -> None:
    drawn = widgets.markup(widgets.RunDetails(Shown()).get_widget_data())  # type: ignore[arg-type]
    assert "tag &lt;i&gt;" in drawn
    assert "<i>" not in drawn


def test_what_is_no_run_is_told() -> None:
    with pytest.raises(TypeError, match="RunDetails shows a Run"):
        widgets.RunDetails(object())  # type: ignore[arg-type]


def test_logins_are_accepted_and_nothing_of_them_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    monkeypatch.setenv("RUNFOLD_ACCESS_TOKEN", "ours")
    made = [
        authentication.InteractiveLoginAuthentication(force=True, tenant_id="t"),
        authentication.ServicePrincipalAuthentication("t", "id", service_principal_password="secret"),
        authentication.MsiAuthentication(identity_config={"client_id": "x"}),
        authentication.AzureCliAuthentication(),
    ]
    for each in made:
        assert vars(each) == {}
        assert each.get_authentication_header() == {"Authorization": "Bearer ours"}
    monkeypatch.delenv("RUNFOLD_ACCESS_TOKEN")
    with pytest.raises(AuthenticationException, match="RUNFOLD_ACCESS_TOKEN is not set"):
        made[0].get_token()


def test_a_diagnostic_log_gets_what_is_logged_meanwhile(tmp_path: Path) -> None:
    logger = logging.getLogger("runfold")
    before = logger.level
    with functions.diagnostic_log(tmp_path, context_name="100%"):
        logger.debug("within")
    logger.warning("after")
    text = (tmp_path / "azureml.log").read_text()
    assert "|100%|runfold|DEBUG|within" in text
    assert "after" not in text
    assert logger.level == before


def test_diagnostics_go_nowhere_and_the_original_line_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.set_diagnostics_collection(send_diagnostics=True)
    assert capsys.readouterr().out == "Turning diagnostics collection on. \n"


def test_statuses_have_the_originals_names() -> None:
    status = constants.RunStatus
    assert (status.RUNNING, status.CANCEL_REQUESTED, status.NOT_RESPONDING) == (
        "Running",
        "CancelRequested",
        "NotResponding",
    )
    assert status.COMPLETED not in status.get_running_statuses()
    assert status.QUEUED in status.get_running_statuses()
    assert status.get_post_processing_statuses() == ["CancelRequested", "Finalizing"]


def test_a_cluster_is_found_by_an_alias_and_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace: Any = None
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        ComputeTarget(workspace=workspace, name="cpu-cluster")
    wanted = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=4)
    with pytest.raises(ComputeTargetException, match="RUNFOLD_COMPUTE_ALIASES=cpu-cluster=local"):
        ComputeTarget.create(workspace, "cpu-cluster", wanted)
    monkeypatch.setenv("RUNFOLD_COMPUTE_ALIASES", "cpu-cluster=local")
    assert ComputeTarget.create(workspace, "cpu-cluster", wanted).name == "cpu-cluster"
