"""A postmaster that was killed and that nobody collected does not keep Postgres from starting again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runfold_deploy.stack import postgres
from runfold_deploy.stack.process import boot_id
from tests.waiting import until


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that has ended and whose parent, this one, has not asked for it."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, 10, "the child to end")
    yield pid
    os.waitpid(pid, 0)


@pytest.fixture
def data(tmp_path: Path, zombie: int) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "postmaster.pid").write_text(f"{zombie}\n{folder}\n")
    (tmp_path / "boot-id").write_text(boot_id())
    return folder


def test_the_lock_file_of_a_zombie_goes(data: Path) -> None:
    postgres._forget_boot(data.parent, data)
    assert not (data / "postmaster.pid").exists()


def test_it_stays_while_a_backend_works_in_the_folder(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_BACKENDS_S", 0.2)
    backend = subprocess.Popen([sys.executable, "-c", "input()"], cwd=data, stdin=subprocess.PIPE)
    try:
        postgres._forget_boot(data.parent, data)
        assert (data / "postmaster.pid").exists()
    finally:
        backend.communicate(b"\n")


def test_it_stays_while_its_process_lives(data: Path) -> None:
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n")
    postgres._forget_boot(data.parent, data)
    assert (data / "postmaster.pid").exists()
