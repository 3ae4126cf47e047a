"""The real services that tests run against, and fresh ground on them: a workspace, a database, a bucket.

Each service is taken from the first of these that has it: its address in the environment (RUNFOLD_KAFKA,
RUNFOLD_POSTGRES, RUNFOLD_S3_ADDRESS with RUNFOLD_S3_KEY and RUNFOLD_S3_SECRET), a container where a Docker engine
answers, the local stack. What was started here is stopped at the session's end; what came from the environment is left
alone. Nothing is ever skipped.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import engines


class Services(NamedTuple):
    """Addresses of the three engines."""

    kafka: str
    """Bootstrap servers, `host:port`."""
    postgres: str
    """Conninfo of a role that may create databases, connected to a maintenance database."""
    s3_address: str
    """With scheme, without a path."""
    s3_key: str
    s3_secret: str


class OwnWorkspace(NamedTuple):
    """A workspace of its own for one test; its four topics exist."""

    prefix: str
    workspace: str


_FROM_ENVIRONMENT = {
    "kafka": ("RUNFOLD_KAFKA",),
    "postgres": ("RUNFOLD_POSTGRES",),
    "s3": ("RUNFOLD_S3_ADDRESS", "RUNFOLD_S3_KEY", "RUNFOLD_S3_SECRET"),
}


@pytest.fixture(scope="session")
def jars(request: pytest.FixtureRequest) -> Path:
    """Folder that keeps Kafka between sessions, so that it is fetched once."""
    return request.config.cache.mkdir("runfold-jars")


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest, jars: Path) -> Iterator[Services]:
    """Kafka, Postgres and S3, started when the environment does not name them."""
    given = {name: os.environ[name] for names in _FROM_ENVIRONMENT.values() for name in names if os.environ.get(name)}
    missing = [engine for engine, names in _FROM_ENVIRONMENT.items() if not all(name in given for name in names)]
    with ExitStack() as stack:
        if missing:
            assert request.config.cache is not None
            capture: Any = request.config.pluginmanager.getplugin("capturemanager")
            with capture.global_and_fixture_disabled():  # whoever waits for a download sees that it is one
                given |= engines.start(missing, stack, jars)
        yield Services(
            kafka=given["RUNFOLD_KAFKA"],
            postgres=given["RUNFOLD_POSTGRES"],
            s3_address=given["RUNFOLD_S3_ADDRESS"],
            s3_key=given["RUNFOLD_S3_KEY"],
            s3_secret=given["RUNFOLD_S3_SECRET"],
        )


@contextmanager
def own_workspace(services: Services) -> Iterator[OwnWorkspace]:
    """A prefix and a workspace that nobody else uses, topics created as on the local stack; deleted afterwards."""
    from kafka.admin import KafkaAdminClient

    from runfold_schemas import topics_admin

    own = OwnWorkspace(prefix=f"test-{uuid.uuid4().hex[:12]}", workspace="local")
    topics_admin.create(services.kafka, own.prefix, own.workspace)
    yield own
    admin = KafkaAdminClient(bootstrap_servers=services.kafka)
    try:
        admin.delete_topics([topic for topic in admin.list_topics() if topic.startswith(f"{own.prefix}.")])
    finally:
        admin.close()


@pytest.fixture
def workspace(services: Services) -> Iterator[OwnWorkspace]:
    """A prefix and a workspace of the test's own."""
    with own_workspace(services) as own:
        yield own


@pytest.fixture(scope="session")
def migrated_template(services: Services) -> Iterator[str]:
    """Name of a database with all migrations applied: copying it is ten times faster than migrating again."""
    from runfold_consumers.api.sql import roles
    from runfold_consumers.state import store

    with OwnDatabase(services, None) as (name, conninfo):
        store.migrate(conninfo)
        yield name
    roles.drop_strays(services.postgres)


@pytest.fixture
def database(services: Services, migrated_template: str) -> Iterator[str]:
    """Conninfo of a fresh database with all migrations applied; dropped afterwards, connections or not."""
    with OwnDatabase(services, migrated_template) as (_, conninfo):
        yield conninfo


@pytest.fixture(scope="module")
def shared_database(services: Services, migrated_template: str) -> Iterator[str]:
    """The same for all tests of a module, each of which keeps to a workspace of its own."""
    with OwnDatabase(services, migrated_template) as (_, conninfo):
        yield conninfo


@pytest.fixture
def empty_database(services: Services) -> Iterator[str]:
    """Conninfo of a fresh database without any table; dropped afterwards."""
    with OwnDatabase(services, None) as (_, conninfo):
        yield conninfo


class OwnDatabase:
    """Creates a database, from a template or bare, for the time of a `with`: (name, conninfo)."""

    def __init__(self, services: Services, template: str | None) -> None:
        self.admin = services.postgres
        self.template = template or "template0"
        self.name = f"test_{uuid.uuid4().hex[:12]}"

    def _execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(statement.encode())

    def __enter__(self) -> tuple[str, str]:
        from psycopg.conninfo import make_conninfo

        self._execute(f'CREATE DATABASE "{self.name}" TEMPLATE "{self.template}"')
        return self.name, make_conninfo(self.admin, dbname=self.name)

    def __exit__(self, *_: object) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


@pytest.fixture
def bucket(services: Services) -> Iterator[str]:
    """Name of an empty bucket; removed afterwards with what is in it."""
    client = s3_client(services)
    name = f"test-{uuid.uuid4().hex[:12]}"
    client.make_bucket(bucket_name=name)
    yield name
    for found in client.list_objects(bucket_name=name, recursive=True):
        client.remove_object(bucket_name=name, object_name=found.object_name)
    client.remove_bucket(bucket_name=name)


def s3_client(services: Services) -> Any:
    """A minio client of the session's S3 server, for looking at what was stored."""
    from minio import Minio

    scheme, host = services.s3_address.split("://", 1)
    return Minio(endpoint=host, access_key=services.s3_key, secret_key=services.s3_secret, secure=scheme == "https")
