"""A ledger in a fresh database, folded by the state projector itself, and the API over it on a free port."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlencode

import psycopg
import pytest
import urllib3

from runfold.reading.client import ApiClient
from runfold_consumers.api.access import create_access_token
from runfold_consumers.api.app import application
from runfold_consumers.api.serving import server
from runfold_consumers.api.sql import roles
from runfold_consumers.artifacts.objects import Objects
from runfold_consumers.fold.records import RawRecord
from runfold_consumers.state.projector import StateProjector
from runfold_schemas import codec, topics
from runfold_schemas.events import Event, SnapshotTaken
from runfold_schemas.settings import Settings
from tests.consumers.api.code.zipping import zipped
from tests.consumers.api.saying import Saying
from tests.services import Services, s3_client
from tests.waiting import until

WORKSPACE = "team-a"
PARTITIONS = {"facts": 4, "telemetry": 8}
BROKER_TIME_US = 1_770_000_000_000_000
CODE = zipped({"a": b"print()\n", "r1": b""})
"""The ZIP of the snapshot "r1" that is fuzzed."""


class Ledger:
    """Says events as a broker would carry them, and folds them at once."""

    def __init__(self, conninfo: str, workspace: str = WORKSPACE) -> None:
        self.conninfo = conninfo
        self.workspace = workspace
        self._projector = StateProjector(lambda workspace, kind: PARTITIONS[kind])
        self._next: dict[tuple[str, int], int] = {}

    def topic_id(self, kind: str) -> str:
        return f"id-{self.workspace}-{kind}"

    def say(self, *events: Event, notify: bool = True) -> None:
        """Folds the events, in one transaction per topic."""
        for kind in PARTITIONS:
            raws = [self._raw(kind, event) for event in events if topics.topic_of(type(event).__name__) == kind]
            if not raws:
                continue
            raws.sort(key=lambda raw: (raw.partition, raw.offset))
            with psycopg.connect(self.conninfo) as connection:
                self._projector.apply(connection, kind, [self._projector.decode(raw) for raw in raws], [])
                for raw in raws:
                    connection.execute(
                        "INSERT INTO state.positions (workspace, topic, partition, topic_id, next_offset)"
                        " VALUES (%s, %s, %s, %s, %s)"
                        " ON CONFLICT (workspace, topic, partition) DO UPDATE SET next_offset = excluded.next_offset",
                        (self.workspace, raw.topic, raw.partition, self.topic_id(kind), raw.offset + 1),
                    )
        if notify:
            self.execute("SELECT pg_notify('runfold_state', %s)", self.workspace)

    def execute(self, statement: str, *parameters: object) -> None:
        with psycopg.connect(self.conninfo) as connection:
            connection.execute(statement.encode(), parameters)

    def _raw(self, kind: str, event: Event) -> RawRecord:
        key = topics.key_of(event)
        partition = topics.partition(key, PARTITIONS[kind])
        offset = self._next.get((kind, partition), 0)
        self._next[kind, partition] = offset + 1
        at = BROKER_TIME_US + 1000 * sum(self._next.values())
        topic = f"test.{self.workspace}.{kind}"
        return RawRecord(self.workspace, kind, topic, partition, offset, at, key, codec.encode(event))


class Told(NamedTuple):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def code(self) -> str:
        """Code of the error."""
        return str(self.json["error"]["code"])


class Api:
    """The API as a caller sees it."""

    def __init__(self, address: str, access_token: str | None = None, workspace: str = WORKSPACE) -> None:
        self.address = address
        self.access_token = access_token
        self.workspace = workspace
        self._pool = urllib3.PoolManager(maxsize=16, retries=False, timeout=40)

    def known_as(self, access_token: str | None) -> Api:
        return Api(self.address, access_token, self.workspace)

    def ask(self, method: str, url_path: str, /, body: object = None, raw: Any = None, **query: Any) -> Told:
        headers = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        if body is not None:
            raw, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if query:
            url_path += "?" + urlencode({n: str(v).lower() if isinstance(v, bool) else v for n, v in query.items()})
        answer = self._pool.request(method, self.address + url_path, body=raw, headers=headers)
        return Told(answer.status, answer.headers, answer.data)

    def get(self, below: str, workspace: str | None = None, **query: Any) -> Told:
        return self.ask("GET", f"/v1/workspaces/{workspace or self.workspace}{below}", **query)


@contextmanager
def serving(conninfo: str, objects: Objects, settings: Settings | None = None, port: int = 0) -> Iterator[str]:
    """The API over this database, for the time of the block; its address. On a free port, unless one is named."""
    running = server(application(conninfo, objects, settings), "127.0.0.1", port, settings)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started or not thread.is_alive(), 10, "the API to start")
    port = running.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def fuzzed(shared_database: str, services: Services) -> Iterator[Api]:
    """The API over a database with data and no limits of rate, known as somebody who may all."""
    store = Objects(services.s3_address, services.s3_key, services.s3_secret, "test-fuzzing")
    client = s3_client(services)
    if not client.bucket_exists(bucket_name="test-fuzzing"):
        client.make_bucket(bucket_name="test-fuzzing")
    generous = Settings.model_construct(rate_limit="1000000/minute", rate_limit_failed="1000000/minute")
    said = Saying("r1")
    Ledger(shared_database).say(
        said.opened(),
        said.started("digits"),
        said.tag("k", "v"),
        said.properties(p="1"),
        said.properties(p="2"),
        said.logged("loss", 1.0, float("nan"), 3.0),
        said.artifact("a.txt"),
        said.log("out", b"text\n"),
        said.fact(SnapshotTaken, snapshot_id="r1", sha256=sha256(CODE).hexdigest(), size=len(CODE)),
        said.ended(),
    )
    store.put(WORKSPACE, "r1", sha256(CODE).hexdigest(), CODE, None)
    secret = create_access_token(shared_database, principal="ann", workspaces=["*"], scopes=["read", "write", "admin"])
    with serving(shared_database, store, generous) as address:
        yield Api(address, secret)
    roles.forget(shared_database, WORKSPACE)


@pytest.fixture
def objects(services: Services) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, "test-api")


@pytest.fixture
def ledger(database: str) -> Ledger:
    return Ledger(database)


@pytest.fixture(scope="module")
def shared_address(shared_database: str, services: Services) -> Iterator[str]:
    """The API over the module's database."""
    objects = Objects(services.s3_address, services.s3_key, services.s3_secret, "test-api")
    with serving(shared_database, objects) as address:
        yield address


@pytest.fixture
def own_ledger(shared_database: str) -> Ledger:
    """A workspace of the test's own in the module's database."""
    return Ledger(shared_database, f"w-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def own_api(shared_address: str, own_ledger: Ledger) -> Api:
    """The module's API, known as somebody who may read and write the test's workspace."""
    known = {"principal": "ann", "workspaces": [own_ledger.workspace], "scopes": ["read", "write"]}
    return Api(shared_address, create_access_token(own_ledger.conninfo, **known), own_ledger.workspace)


@pytest.fixture
def address(database: str, objects: Objects) -> Iterator[str]:
    with serving(database, objects) as address:
        yield address


@pytest.fixture
def api(address: str, database: str) -> Api:
    """The API, known as somebody who may read and write the workspace."""
    return Api(
        address, create_access_token(database, principal="ann", workspaces=[WORKSPACE], scopes=["read", "write"])
    )


@pytest.fixture
def client(address: str, database: str) -> ApiClient:
    """The client of somebody who may read and write the workspace."""
    secret = create_access_token(database, principal="ann", workspaces=[WORKSPACE], scopes=["read", "write"])
    return ApiClient(Settings.load(api=address, access_token=secret, workspace=WORKSPACE))
