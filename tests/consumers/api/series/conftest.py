"""One database and one API for all tests here; each has a workspace of its own on them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from runfold_consumers.api.access import create_access_token
from runfold_consumers.artifacts.objects import Objects
from tests.consumers.api.conftest import Api, Ledger, Told, serving
from tests.services import OwnDatabase, Services

_numbers = itertools.count(1)


class Shared(NamedTuple):
    conninfo: str
    address: str
    access_token: str
    objects: Objects


class ApiWithin(Api):
    """The API as seen from one workspace."""

    def __init__(self, address: str, access_token: str | None, workspace: str) -> None:
        super().__init__(address, access_token)
        self.workspace = workspace

    def get(self, below: str, workspace: str | None = None, **query: Any) -> Told:
        return self.ask("GET", f"/v1/workspaces/{workspace or self.workspace}{below}", **query)


@pytest.fixture(scope="package")
def shared(services: Services, migrated_template: str) -> Iterator[Shared]:
    objects = Objects(services.s3_address, services.s3_key, services.s3_secret, "test-api")
    objects.ensure_bucket()
    with OwnDatabase(services, migrated_template) as (_, conninfo), serving(conninfo, objects) as address:
        access_token = create_access_token(conninfo, principal="ann", workspaces=["*"], scopes=["read", "write"])
        yield Shared(conninfo, address, access_token, objects)


@pytest.fixture
def workspace_name() -> str:
    return f"team-{next(_numbers)}"


@pytest.fixture
def ledger(shared: Shared, workspace_name: str) -> Ledger:
    return Ledger(shared.conninfo, workspace_name)


@pytest.fixture
def objects(shared: Shared) -> Objects:
    return shared.objects


@pytest.fixture
def api(shared: Shared, workspace_name: str) -> ApiWithin:
    return ApiWithin(shared.address, shared.access_token, workspace_name)
