"""One whole stack for all crossings: engines from where tests take them, our own services by `runfold up`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crossings.jobs import Jobs
from tests.services import Services
from tests.stack import Stack, stack_on


@pytest.fixture(scope="session")
def stack(services: Services, jars: Path) -> Iterator[Stack]:
    """A running stack on the session's engines, with a prefix, a database and a bucket of its own."""
    with stack_on(services, jars, "crossing") as running:
        yield running


@pytest.fixture
def temporary() -> Iterator[str]:
    """A short directory for temporary files, in which job folders are made."""
    with tempfile.TemporaryDirectory(prefix="rf-", dir="/tmp") as directory:
        yield directory


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def jobs(stack: Stack, temporary: str, source: Path) -> Jobs:
    return Jobs(stack, temporary, source)
