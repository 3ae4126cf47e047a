"""Stacks for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.stacks import LocalStack, local_stack


@pytest.fixture(scope="session")
def jars(request: pytest.FixtureRequest) -> Path:
    """Where Kafka is kept between sessions."""
    assert request.config.cache is not None
    return request.config.cache.mkdir("runfold-jars")


@pytest.fixture
def stack(jars: Path) -> Iterator[LocalStack]:
    """A stack of this test's own, nothing started."""
    with local_stack(jars) as own:
        yield own


@pytest.fixture(scope="module")
def running(jars: Path) -> Iterator[LocalStack]:
    """A stack whose engines are up; each test leaves them up."""
    with local_stack(jars) as own:
        own.up_engines()
        yield own
