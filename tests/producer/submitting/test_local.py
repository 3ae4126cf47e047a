"""What the target `local` copies, and the environment that its supervisor gets."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from runfold.submitting import job, local
from runfold.submitting.ranks import Layout


def made(source: Path) -> job.Job:
    return job.Job(
        "r", "e", None, 0, "", "", "w", "w", None, "local", str(source), None, "true", [], "python", Layout("", 1, 1),
        {}, None, 10.0, True, [],
    )  # fmt: skip


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
            "TORCHELASTIC_RESTART_COUNT": "1",
            "AZUREML_DATASET_FILE_OUTPUTS": "o",
            "RUNFOLD_RUN_ID": "r",
            "AZUREML_RUN_ID": "r",
            "HOME": "h",
        }
    )
    assert kept == {"PATH": "p", "HOME": "h"}


def test_what_goes_away_while_it_is_copied_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, folder = tmp_path / "source", tmp_path / "folder"
    source.mkdir()
    folder.mkdir()
    for name in ("a.py", "a.py.swp"):
        (source / name).touch()
    copy2 = shutil.copy2

    def late(path: Path, target: Path) -> None:
        (source / "a.py.swp").unlink(missing_ok=True)
        copy2(path, target)

    monkeypatch.setattr("shutil.copy2", late)
    local.copy(source, folder)
    assert [path.name for path in folder.iterdir()] == ["a.py"]


def test_a_file_that_is_there_and_cannot_be_copied_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    with pytest.raises(FileNotFoundError):
        local.copy(tmp_path, tmp_path.parent / "nowhere")


def test_what_runfold_keeps_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    for name in ("home", "journals", "pkg"):
        (source / name).mkdir(parents=True)
        (source / name / "file").touch()
    monkeypatch.setenv("RUNFOLD_HOME", str(source / "home"))
    monkeypatch.setenv("RUNFOLD_JOURNAL", str(source / "journals"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = local.Local().prepare(made(source))
    assert [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*"))] == ["pkg", "pkg/file"]


@pytest.mark.parametrize("name", [job.CONTROL, "user_logs"])
def test_what_jobs_say_is_never_taken_from_the_source_directory(tmp_path: Path, name: str) -> None:
    for kind in ("file", "folder"):
        source, target = tmp_path / kind, tmp_path / f"{kind} copied"
        source.mkdir()
        target.mkdir()
        if kind == "file":
            (source / name).touch()
        else:
            (source / name).mkdir()
            (source / name / "std_log.txt").touch()
        local.copy(source, target)
        assert list(target.iterdir()) == []


def test_a_supervisor_finds_the_folders_of_its_submitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = {"RUNFOLD_HOME": "home", "RUNFOLD_JOURNAL": "/j", "RUNFOLD_API": "x", "RUNFOLD_SECRETS_DIRECTORY": ""}
    assert local.from_everywhere(said) == {**said, "RUNFOLD_HOME": str(tmp_path / "home")}
