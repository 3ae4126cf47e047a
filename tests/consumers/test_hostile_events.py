"""Whatever comes over the real topics: what cannot be folded becomes a dead letter, its neighbours are folded, and the
projector goes on.
"""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fastavro
import psycopg
import pytest
from kafka import KafkaProducer

from runfold_consumers.engine.contracts import Contracts
from runfold_consumers.engine.health import Health
from runfold_consumers.engine.loop import CONDITIONS, Loop, Options
from runfold_consumers.state.checksum import checksum
from runfold_consumers.state.projector import StateProjector
from runfold_consumers.state.rebuild import rebuild
from runfold_schemas import catalog, codec, framing, topics
from runfold_schemas.events import (
    AssetChanged,
    AssetRegistered,
    BatchDecided,
    DatasetLinked,
    ExperimentChanged,
    HeartbeatSent,
    LaneEnd,
    LogAppended,
    LossDeclared,
    MetricLogged,
    ModelChanged,
    ModelRegistered,
    OrdinalRange,
    PropertyAdded,
    RelatedDataset,
    RunStarted,
    RunSubmitted,
    Series,
    SnapshotTaken,
    StatusChanged,
    TagSet,
    WriterOpened,
)
from runfold_schemas.process_metrics import Registry
from tests.consumers.engine.counting import Running
from tests.services import OwnWorkspace, Services
from tests.waiting import until

WRITER = "0" * 32
COUNTS = {"facts": 4, "telemetry": 8}
LONGEST = "x" * (900 * 1024 - 200)


@contextmanager
def projecting(services: Services, workspace: OwnWorkspace, database: str) -> Iterator[Running]:
    """The state projector in a thread, until the block ends."""
    contracts = Contracts(services.kafka, workspace.prefix)
    projection, health = StateProjector(contracts.partition_count, contracts.lookup), Health(CONDITIONS)
    loop = Loop(
        Options(services.kafka, workspace.prefix, database), projection, health, contracts, Registry("projector-state")
    )
    one = Running(loop, projection, health)
    try:
        yield one
    finally:
        one.stop()


class Topic:
    """Puts bytes into a workspace's topics."""

    def __init__(self, services: Services, workspace: OwnWorkspace) -> None:
        self.names = topics.topics_of(*workspace)
        self._producer = KafkaProducer(bootstrap_servers=services.kafka, acks="all", max_request_size=1 << 20)

    def put(self, kind: str, value: bytes | None, key: bytes | None = b"run/r", partition: int | None = None) -> None:
        if partition is None:
            partition = 0 if kind == "contract" else topics.partition(key or b"run/r", COUNTS[kind])
        self._producer.send(self.names.named(kind), value, key, partition=partition).get(timeout=10)

    def say(self, event: Any) -> None:
        self.put(topics.topic_of(type(event).__name__), codec.encode(event), topics.key_of(event))

    def close(self) -> None:
        self._producer.close()


@pytest.fixture
def topic(services: Services, workspace: OwnWorkspace) -> Iterator[Topic]:
    found = Topic(services, workspace)
    yield found
    found.close()


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True, prepare_threshold=None) as found:
        yield found


def tag(ordinal: int, **fields: Any) -> TagSet:
    return TagSet(**{"aggregate_id": "r", "writer_id": WRITER, "ordinal": ordinal, "key": "k", "value": "v", **fields})


def points(first: int = 1, count: int = 2, **fields: Any) -> MetricLogged:
    return MetricLogged(
        **{
            "aggregate_id": "r",
            "writer_id": WRITER,
            "first_ordinal": first,
            "series": (Series("loss", None, "double", "step"),),
            "index": [0] * count,
            "step": list(range(count)),
            "time": [1.0] * count,
            "value": [0.5] * count,
            **fields,
        }
    )


def text(first: int, data: bytes, **fields: Any) -> LogAppended:
    return LogAppended("run", "r", WRITER, first, **{"name": "out", "data": data, **fields})


def beat(ttl_s: float = 60.0, **fields: Any) -> HeartbeatSent:
    return HeartbeatSent("run", "r", WRITER, ttl_s=ttl_s, **fields)


def about(event: Any) -> bytes:
    return codec.encode(event)


NO_LANE = bytes(codec.encode(tag(9))[10:])
BAD_FACTS: dict[str, tuple[bytes | None, bytes | None, int | None]] = {
    "NUL in a key": (about(tag(9, key="a\0b")), b"run/r", None),
    "NUL in a map": (about(PropertyAdded("run", "r", WRITER, 9, properties={"a": "\0"})), b"run/r", None),
    "lone surrogate": (about(tag(9, value="XYZ")).replace(b"XYZ", b"\xed\xa0\x80"), b"run/r", None),
    "ordinal 0": (about(tag(0)), b"run/r", None),
    "negative ordinal": (about(tag(-5)), b"run/r", None),
    "ordinal beyond all": (about(tag(2**63 - 1)), b"run/r", None),
    "a key of another run": (about(tag(9)), b"run/other", None),
    "no key": (about(tag(9)), None, None),
    "a partition of another key": (about(tag(9)), b"run/r", (topics.partition(b"run/r", 4) + 1) % 4),
    "garbage": (os.urandom(300), b"run/r", None),
    "one byte": (b"\xc3", b"run/r", None),
    "nothing": (b"", b"run/r", None),
    "a tombstone": (None, b"run/r", None),
    "cut short": (about(tag(9))[:-3], b"run/r", None),
    "followed by more": (about(tag(9)) + b"\0", b"run/r", None),
    "a text that is longer than all there is": (about(tag(9))[:10] + b"\xfe\xff\xff\xff\x0f" + NO_LANE, b"run/r", None),
    "a text of negative length": (about(tag(9))[:10] + b"\x01" + NO_LANE, b"run/r", None),
    "a writer that is none": (about(tag(9, writer_id="A" * 32)), b"run/r", None),
    "a kind that is none": (about(tag(9, aggregate_kind="dog")), b"dog/r", None),
    "a time beyond all": (about(tag(9, occurred_at=2**62)), b"run/r", None),
    "an attempt below 0": (about(RunStarted("run", "r", WRITER, 9, experiment="e", attempt=-1)), b"run/r", None),
    "a status with an end below 0": (
        about(StatusChanged("run", "r", WRITER, 9, lanes=[LaneEnd("facts", -1)])),
        b"run/r",
        None,
    ),
    "a loss that ends before it begins": (
        about(LossDeclared("run", "r", WRITER, 0, "points", [OrdinalRange(9, 3)])),
        b"run/r",
        None,
    ),
    "NUL in a removed tag": (
        about(ExperimentChanged("experiment", "e", WRITER, 9, removed_tags=("\0",))),
        b"experiment/e",
        None,
    ),
    "a model that is a dataset": (about(ModelRegistered("dataset", "r", WRITER, 9)), b"dataset/r", None),
    "an asset that is a run": (about(AssetChanged("run", "r", WRITER, 9)), b"run/r", None),
    "a deadline that is no number": (
        about(RunSubmitted("run", "r", WRITER, 9, respond_within_s=float("nan"))),
        b"run/r",
        None,
    ),
    "a snapshot below 0": (about(SnapshotTaken("run", "r", WRITER, 9, size=-1)), b"run/r", None),
    "a link that no index takes": (about(DatasetLinked("run", "r", WRITER, 9, name="n" * 3000)), b"run/r", None),
    "text of a log among facts": (about(text(1, b"x")), b"run/r", None),
    "a sign of life among facts": (about(beat()), b"run/r", None),
    "a decision": (about(BatchDecided("id", 0, 0, 1)), b"run/r", None),
    "points among facts": (about(points()), b"run/r", None),
}
GOOD_FACTS = (
    WriterOpened("run", "r", WRITER, 1, pid=2**62, rank=-(2**31), world_size=2**31 - 1),
    tag(2, value=LONGEST),
    tag(3, key="é\U0001f600\n'\"\\{}", value=None),
    PropertyAdded("run", "r", WRITER, 4, properties={f"p{number}": "\\N" for number in range(2_000)}),
    tag(2**40, occurred_at=253_402_300_799_999_999),
)
LONG = "".join(map(chr, random.Random(1).sample(range(0x10000, 0x110000), 256)))  # nothing makes it shorter
LONG_RUN = ("run", LONG, WRITER)
GOOD_OTHERS = (  # as long as allowed: every index takes them
    DatasetLinked(
        *LONG_RUN, 1, direction="d" * 16, name=LONG[:128], dataset_id=f"{LONG}:{10**14}", definition=LONGEST[:9999]
    ),
    SnapshotTaken(*LONG_RUN, 2, snapshot_id="é" * 128, sha256="0" * 64, size=2**63 - 1, body=b"\0" * 500_000),
    RunSubmitted(*LONG_RUN, 3, definition='{"\\": "\\n"}', respond_within_s=1e9),
    ExperimentChanged("experiment", LONG, WRITER, 1, tags={LONG: LONGEST[:99]}, removed_tags=("\\", "{}")),
    ModelRegistered("model", LONG, WRITER, 1, run_id=LONG, properties={LONG: None}, tags={LONG: '"'}),
    ModelChanged("model", LONG, WRITER, 2, version=2**63 - 1),
    ModelChanged("model", LONG, WRITER, 3, version=1, tags={LONG: "\\N"}, deleted=False),
    ModelChanged("model", LONG, WRITER, 4, version=1, datasets=(RelatedDataset(LONG[:64], f"{LONG}:{10**14}"),)),
    RunStarted("run", "longest", WRITER, 1, experiment=LONG, parent_run_id=LONG, target=LONG * 9, run_type=LONG * 9),
    AssetRegistered("datastore", LONG, WRITER, 1, definition=LONGEST),
    AssetChanged("datastore", LONG, WRITER, 2, version=-(2**63)),
)
KEY = f"run/r/{WRITER}".encode()
BAD_POINTS: dict[str, tuple[bytes | None, bytes | None, int | None]] = {
    "a series that is none": (about(points(9, index=[0, 7])), KEY, None),
    "no point": (about(points(9, 0)), KEY, None),
    "an ordinal below 1": (about(points(0)), KEY, None),
    "an ordinal beyond all": (about(points(2**63 - 1)), KEY, None),
    "a text that is not there": (about(points(9, series=(Series("s", None, "string", "step"),))), KEY, None),
    "cut short": (about(points(9))[:-1], KEY, None),
    "a fact among points": (about(tag(9)), b"run/r", None),
    "no byte": (about(text(9, b"")), KEY, None),
    "a byte below 1": (about(text(0, b"x")), KEY, None),
    "a byte beyond all": (about(text(2**63 - 1, b"x")), KEY, None),
    "a log without a name": (about(text(9, b"x", name="")), KEY, None),
    "a log whose name no index takes": (about(text(9, b"x", name="n" * 1025)), KEY, None),
    "a log with NUL in its name": (about(text(9, b"x", name="\0")), KEY, None),
    "a log under a run's key": (about(text(9, b"x")), b"run/r", None),
    "a life that never ends": (about(beat(float("inf"))), KEY, None),
    "a life that is no number": (about(beat(float("nan"))), KEY, None),
    "a sign of life with an end below 0": (about(beat(lanes=(LaneEnd("points", -1),))), KEY, None),
    "a sign of life before all": (about(beat(occurred_at=-(2**62))), KEY, None),
    "a column of a billion": (about(points(9))[:-20] + b"\xfe\xff\xff\xff\x0f" + b"\0" * 20, KEY, None),
}


def test_hostile_facts_become_dead_letters_and_their_neighbours_are_folded(
    services: Services, workspace: OwnWorkspace, database: str, topic: Topic, connection: psycopg.Connection[Any]
) -> None:
    unknown = b"\xc3\x01" + b"8 bytes." + NO_LANE
    good = iter(GOOD_FACTS)
    for place, (value, key, partition) in enumerate(BAD_FACTS.values()):
        if place % 7 == 0:
            topic.say(next(good))
        topic.put("facts", value, key, partition)
    topic.put("facts", unknown)
    topic.say(tag(5, key="last"))
    with projecting(services, workspace, database) as one:
        until(lambda: one.error or folded(connection) == len(GOOD_FACTS) + 1, 40, "the good facts")
        one.until_ready()
        letters = connection.execute(
            "SELECT kind, count(*) FROM observed.dead_letters GROUP BY kind ORDER BY kind"
        ).fetchall()
        assert letters == [("parked", 1), ("poison", len(BAD_FACTS))]
        before = checksum(database)
        rebuild(database)
        until(lambda: one.error or checksum(database) == before, 40, "the same checksum after folding again")
        assert one.error is None


def test_whatever_is_allowed_is_taken_by_every_table_and_index(
    services: Services, workspace: OwnWorkspace, database: str, topic: Topic, connection: psycopg.Connection[Any]
) -> None:
    for event in GOOD_OTHERS:
        topic.say(event)
    with projecting(services, workspace, database) as one:
        decided = "SELECT count(*) FROM state.facts"
        until(lambda: one.error or connection.execute(decided).fetchone() == (len(GOOD_OTHERS),), 40, "all of them")
        one.until_ready()
    refused = connection.execute("SELECT event, rule FROM state.facts WHERE verdict <> 'accepted' ORDER BY event")
    assert refused.fetchall() == [("AssetChanged", "unknown_version"), ("ModelChanged", "unknown_version")]
    kept = "SELECT key, kept, refused FROM state.refusals WHERE rule = 'unknown_version' ORDER BY refused"
    assert connection.execute(kept).fetchall() == [("version", "1", str(-(2**63))), ("version", "1", str(2**63 - 1))]
    assert checksum(database)


def folded(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM state.facts WHERE verdict = 'accepted'").fetchone()
    return int(row[0]) if row else 0


def test_hostile_points_become_dead_letters_and_their_neighbours_are_folded(
    services: Services, workspace: OwnWorkspace, database: str, topic: Topic, connection: psycopg.Connection[Any]
) -> None:
    topic.say(points(1))
    for value, key, partition in BAD_POINTS.values():
        topic.put("telemetry", value, key, partition)
    topic.say(points(3, time=[float("nan"), float("inf")], value=[float("-inf"), float("nan")]))
    topic.say(points(4, 3, time=[float("inf"), float("nan"), 1e300]))  # half of it was seen: it is cut
    topic.say(text(3, b"\0\xff\x80"))
    topic.say(beat(1e9, lanes=(LaneEnd('a "\\ stream', 2**62),), occurred_at=-62_135_596_800_000_000))
    topic.say(text(1, b"abcdef"))  # the middle of it was seen
    topic.say(text(1, b"x", name=LONG)._replace(aggregate_id=LONG))
    topic.say(LossDeclared("run", LONG, WRITER, stream=f"log/{LONG}", ranges=[OrdinalRange(2, 3)]))
    topic.say(beat(0.001))
    with projecting(services, workspace, database) as one:
        seen = "SELECT stream, seen::text FROM state.lanes WHERE topic_kind = 'telemetry' ORDER BY stream"
        wanted = [("log/out", "{[1,7)}"), (f"log/{LONG}", "{[1,2)}"), ("points", "{[1,7)}")]
        until(lambda: one.error or connection.execute(seen).fetchall() == wanted, 40, "all telemetry")
        until(lambda: one.error or connection.execute("SELECT 1 FROM state.claims").fetchone(), 40, "the claim")
        one.until_ready()
        count = connection.execute("SELECT count(*) FROM observed.dead_letters WHERE kind = 'poison'").fetchone()
        assert count == (len(BAD_POINTS),)
        pieces = "SELECT first_ordinal, data FROM state.logs WHERE name = %s ORDER BY first_ordinal"
        found = connection.execute(pieces, ["out"]).fetchall()
        assert found == [(1, b"ab"), (3, b"\0\xff\x80"), (6, b"f")]
        heartbeat = connection.execute("SELECT ttl_s, ends FROM state.heartbeats").fetchall()
        assert heartbeat == [(0.001, {'a "\\ stream': 2**62})]
    assert checksum(database)


def test_events_of_a_newer_release_are_folded_and_their_points_kept_as_this_release_writes_them(
    services: Services, workspace: OwnWorkspace, database: str, topic: Topic, connection: psycopg.Connection[Any]
) -> None:
    """The API and the checksum know released schemas alone; the projector has read the newer one in `contract`."""
    for event in (points(1), tag(1)):
        name = type(event).__name__
        mood = {"name": "mood", "type": "string", "default": "", "doc": "New."}
        newer = {**catalog.schema(name), "fields": [*catalog.schema(name)["fields"], mood]}
        fingerprint = catalog.fingerprint_of(catalog.canonical_form(newer))
        topic.put("contract", json.dumps(newer).encode(), topics.schema_key(fingerprint))
        body = io.BytesIO()
        record = {**event._asdict(), "mood": "good"}
        if isinstance(event, MetricLogged):
            record["series"] = [series._asdict() for series in event.series]
        fastavro.schemaless_writer(body, newer, record)
        topic.put(topics.topic_of(name), framing.frame(fingerprint, body.getvalue()), topics.key_of(event))
    topic.say(tag(1))  # again, by this release: the fields that both have are the same, so it is a plain repeat
    with projecting(services, workspace, database) as one:
        until(lambda: one.error or folded(connection) == 1, 30, "the newer fact")
        until(lambda: one.error or connection.execute("SELECT 1 FROM state.points").fetchone(), 30, "the newer points")
        one.until_ready()
        verdicts = [row[0] for row in connection.execute('SELECT verdict FROM state.facts ORDER BY "offset"')]
        assert verdicts == ["accepted", "repeated"]
        (message,) = connection.execute("SELECT message FROM state.points").fetchone() or (b"",)
        assert codec.fingerprint_of(message) == catalog.fingerprint("MetricLogged")
        assert codec.encode(codec.decode(message)) == codec.encode(points(1))
