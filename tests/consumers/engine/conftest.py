"""Ground for tests of the engine: a sender of text, and the ledger that counts it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.consumers.engine.counting import TABLE, Ledger, Sender
from tests.services import OwnWorkspace, Services


@pytest.fixture
def send(services: Services, workspace: OwnWorkspace) -> Iterator[Sender]:
    sender = Sender(services, workspace)
    yield sender
    sender.close()


@pytest.fixture
def ledger(database: str) -> Iterator[Ledger]:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLE)
    found = Ledger(database)
    yield found
    found.connection.close()
