"""What git says of a directory becomes properties; no git is no error, and no password is kept."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runfold.snapshots import git

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("AZUREML_", "GIT_"))}


def asked(*words: str, cwd: Path) -> str:
    environ = CLEAN | {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(["git", *words], cwd=cwd, env=environ, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    asked("init", "-q", "-b", "main", cwd=tmp_path)
    (tmp_path / "train.py").write_text("print(1)")
    asked("add", ".", cwd=tmp_path)
    asked("commit", "-q", "-m", "first", cwd=tmp_path)
    asked("remote", "add", "origin", "https://me:secret@example.com/team/project.git", cwd=tmp_path)
    return tmp_path


def test_both_families_of_keys(checkout: Path) -> None:
    commit = asked("rev-parse", "HEAD", cwd=checkout).strip()
    address = "https://example.com/team/project.git"
    assert git.properties(checkout, CLEAN) == {
        "azureml.git.repository_uri": address,
        "mlflow.source.git.repoURL": address,
        "azureml.git.branch": "main",
        "mlflow.source.git.branch": "main",
        "azureml.git.commit": commit,
        "mlflow.source.git.commit": commit,
    }


def test_dirty_is_told_only_when_it_is(checkout: Path) -> None:
    (checkout / "new.py").write_text("")
    assert git.properties(checkout, CLEAN)["azureml.git.dirty"] == "True"


def test_a_file_is_asked_for_as_its_directory_is(checkout: Path) -> None:
    assert git.properties(checkout / "train.py", CLEAN) == git.properties(checkout, CLEAN)


def test_a_checkout_without_branch_or_remote_says_the_rest(checkout: Path) -> None:
    asked("remote", "remove", "origin", cwd=checkout)
    asked("checkout", "-q", "--detach", cwd=checkout)
    assert set(git.properties(checkout, CLEAN)) == {"azureml.git.commit", "mlflow.source.git.commit"}


def test_without_git_there_is_nothing(tmp_path: Path) -> None:
    assert git.properties(tmp_path, CLEAN | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}) == {}
    assert git.properties(tmp_path, {"PATH": str(tmp_path)}) == {}


def test_the_environment_counts_before_git(checkout: Path) -> None:
    said = {
        "AZUREML_GIT_REPOSITORY_URI": "https://token@example.com/other?private_token=x",
        "AZUREML_GIT_BRANCH": "release",
        "AZUREML_GIT_COMMIT": "abc",
        "AZUREML_GIT_DIRTY": "False",
        "AZUREML_GIT_BUILD_ID": "7",
        "AZUREML_GIT_BUILD_URI": "https://ci.example.com/7",
    }
    assert git.properties(checkout, CLEAN | said) == {
        "azureml.git.repository_uri": "https://example.com/other",
        "mlflow.source.git.repoURL": "https://example.com/other",
        "azureml.git.branch": "release",
        "mlflow.source.git.branch": "release",
        "azureml.git.commit": "abc",
        "mlflow.source.git.commit": "abc",
        "azureml.git.dirty": "False",
        "azureml.git.build_id": "7",
        "azureml.git.build_uri": "https://ci.example.com/7",
    }


def test_a_repository_that_started_this_process_is_not_the_one_that_is_asked(checkout: Path, tmp_path: Path) -> None:
    hook = CLEAN | {"GIT_DIR": "/nowhere/.git", "GIT_WORK_TREE": "/nowhere"}
    assert git.properties(checkout, hook) == git.properties(checkout, CLEAN)


def test_git_that_hangs_holds_nobody_up(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "git").write_text("#!/bin/sh\nexec cat /dev/zero > /dev/null\n")
    (bin_ / "git").chmod(0o755)
    monkeypatch.setattr(git, "ASK_S", 0.2)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    assert git.properties(checkout, dict(os.environ)) == {}


def test_asking_leaves_no_trace_in_the_checkout(checkout: Path) -> None:
    os.utime(checkout / "train.py", (1, 1))  # git would refresh its index
    before = (checkout / ".git" / "index").read_bytes()
    git.properties(checkout, CLEAN)
    assert (checkout / ".git" / "index").read_bytes() == before


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://user:pass@host/x", "https://host/x"),
        ("http://token@host:8080/x.git", "http://host:8080/x.git"),
        ("https://user:p@ss@host/x", "https://host/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("ssh://git:pass@host/x", "ssh://git@host/x"),
        ("git@host:team/x.git", "git@host:team/x.git"),
        ("/srv/git/x.git", "/srv/git/x.git"),
        ("https://host/x?token=1#y", "https://host/x"),
    ],
)
def test_no_password_is_kept(address: str, kept: str) -> None:
    assert git.without_credentials(address) == kept
