"""One whole stack for all crossings: engines from where tests take them, our own services by `runfold up`."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crossings.jobs import Jobs
from tests.services import Services
from tests.stack import Stack, local_stack


@pytest.fixture(scope="session")
def stack(services: Services, jars: Path) -> Iterator[Stack]:
    """A running stack on the session's engines, with a prefix, a database and a bucket of its own."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    own = f"crossing{uuid.uuid4().hex[:8]}"
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{own}"'.encode())
    engines = {
        "RUNFOLD_KAFKA": services.kafka,
        "RUNFOLD_POSTGRES": make_conninfo(services.postgres, dbname=own),
        "RUNFOLD_S3_ADDRESS": services.s3_address,
        "RUNFOLD_S3_KEY": services.s3_key,
        "RUNFOLD_S3_SECRET": services.s3_secret,
        "RUNFOLD_S3_BUCKET": own,
        "RUNFOLD_TOPIC_PREFIX": own,
    }
    with local_stack(jars, **engines) as running:
        yield running
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{own}" WITH (FORCE)'.encode())


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
