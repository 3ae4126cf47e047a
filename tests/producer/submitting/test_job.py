"""A job's folder: what it holds, who may look into it, and who has claimed it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runfold.exceptions import ExperimentExecutionException
from runfold.submitting import job


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


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_nobody_else_may_look_into_a_job(temporary: Path) -> None:
    (temporary / "azureml_runs").mkdir(mode=0o755)
    (temporary / "azureml_runs").chmod(0o1777)
    folder = job.make_folder("r")
    assert folder == temporary / "azureml_runs" / "r"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o7777 == 0o700


def test_a_directory_of_another_user_is_not_used(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job.make_folder("r")
    monkeypatch.setattr("os.geteuid", lambda: 4321)
    own = temporary / "azureml_runs_4321"
    assert job.folder_of("r") == own / "r"
    own.mkdir()  # it is ours, not 4321's
    with pytest.raises(ExperimentExecutionException, match="no directory of this user's"):
        job.make_folder("r")


@pytest.mark.parametrize("what", ["link", "link to nothing", "file"])
def test_what_another_has_planted_is_not_used(temporary: Path, what: str) -> None:
    planted = temporary / "azureml_runs"
    if what == "file":
        planted.touch()
    else:
        planted.symlink_to(temporary if what == "link" else temporary / "nothing")
    folder = job.make_folder("r")
    assert folder == temporary / f"azureml_runs_{os.geteuid()}" / "r"


def test_a_job_that_is_withdrawn_is_run_by_nobody_or_ended_by_who_runs_it(tmp_path: Path) -> None:
    unsaved, waiting, running = tmp_path / "unsaved", tmp_path / "waiting", tmp_path / "running"
    for folder in (unsaved, waiting, running):
        folder.mkdir()
    for folder in (waiting, running):
        (folder / job.CONTROL).mkdir()
    assert job.claim(running)
    assert [job.withdraw(folder) for folder in (unsaved, waiting, running)] == [True, True, False]
    assert not unsaved.exists()
    assert not waiting.exists()
    assert (running / job.CONTROL / "cancel").exists()
    assert not job.claim(running)
