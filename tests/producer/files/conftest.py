"""A real API and object store for transfers, and a whole stack for what scripts do with files."""

from __future__ import annotations

import pytest

from runfold.reading.client import ApiClient
from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.routes import uploads as routes
from runfold_consumers.artifacts import objects as store
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.settings import Settings
from tests.consumers.api.conftest import WORKSPACE, address, ledger
from tests.crossings.conftest import stack
from tests.services import Services

__all__ = ["address", "ledger", "stack"]
PART_BYTES = 5 << 20  # the least that S3 takes


@pytest.fixture
def objects(services: Services, bucket: str) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, bucket)


@pytest.fixture
def client(address: str, database: str) -> ApiClient:
    """The API's client, as somebody who may read and write."""
    token = create_access_token(database, principal="ann", workspaces=[WORKSPACE], scopes=["read", "write"])
    return ApiClient(Settings.load(api=address, access_token=token, workspace=WORKSPACE))


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger than 5 MiB goes in parts of that size."""
    monkeypatch.setattr(routes, "SINGLE_BYTES_MAX", PART_BYTES)
    monkeypatch.setattr(store, "PART_BYTES_MIN", PART_BYTES)
