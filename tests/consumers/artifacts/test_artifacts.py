"""What travelled in events is in the object store, what was uploaded is as the event says; and what is not, is told."""

from __future__ import annotations

import hashlib
import random
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaProducer

from runfold_consumers.artifacts import projector
from runfold_consumers.artifacts.objects import SERVICE, Found, Objects, object_key
from runfold_consumers.artifacts.projector import ArtifactProjection
from runfold_consumers.artifacts.verifying import Artifact, Rechecker, verify
from runfold_consumers.engine.contracts import Contracts
from runfold_consumers.engine.errors import Away, Stop
from runfold_consumers.engine.health import Health
from runfold_consumers.engine.loop import CONDITIONS, Loop, Options
from runfold_schemas import codec, topics
from runfold_schemas.events import ArtifactLogged, Event, ModelFile, ModelRegistered, SnapshotTaken, TagSet
from runfold_schemas.process_metrics import Registry
from tests.consumers.engine.counting import Running
from tests.consumers.engine.proxy import Proxy
from tests.services import OwnWorkspace, Services
from tests.waiting import until

RUN = "a run/with + signs"


@pytest.fixture
def objects(services: Services, bucket: str) -> Objects:
    return Objects(services.s3_address, services.s3_key, services.s3_secret, bucket)


class Artifacts(Running):
    """The artifact projector in a thread."""

    def __init__(self, services: Services, workspace: OwnWorkspace, database: str, objects: Objects) -> None:
        health = Health((*CONDITIONS, SERVICE))
        contracts = Contracts(services.kafka, workspace.prefix)
        projection = ArtifactProjection(objects, contracts.lookup)
        options = Options(services.kafka, workspace.prefix, database)
        rechecker, metrics = Rechecker(database, objects, health), Registry("projector-artifacts")
        loop = Loop(options, projection, health, contracts, metrics, (rechecker,))
        super().__init__(loop, projection, health)


class Ground:
    """Sends events of one run, and reads what was found."""

    def __init__(self, services: Services, workspace: OwnWorkspace, database: str) -> None:
        self.workspace = workspace
        self.producer = KafkaProducer(bootstrap_servers=services.kafka, acks="all")
        self.connection = psycopg.connect(database, autocommit=True)
        self.ordinal = 0

    def send(self, event: Event) -> None:
        key = topics.key_of(event)
        name = topics.topics_of(*self.workspace).facts
        self.producer.send(name, codec.encode(event), key, partition=topics.partition(key, 4)).get(timeout=10)

    def artifact(self, content: bytes, body: bytes | None, **changes: object) -> str:
        self.ordinal += 1
        digest = hashlib.sha256(content).hexdigest()
        event = ArtifactLogged(
            "run", RUN, "0" * 32, self.ordinal, name=f"{self.ordinal}", sha256=digest, size=len(content), body=body
        )
        self.send(event._replace(**changes))  # type: ignore[arg-type]
        return digest

    def found(self, sha256: str) -> tuple[str, str | None] | None:
        return self.connection.execute(
            "SELECT availability, detail FROM observed.objects WHERE run_id = %s AND sha256 = %s", [RUN, sha256]
        ).fetchone()

    def availability(self, sha256: str) -> str | None:
        found = self.found(sha256)
        return found and found[0]


@pytest.fixture
def ground(services: Services, workspace: OwnWorkspace, database: str) -> Iterator[Ground]:
    made = Ground(services, workspace, database)
    yield made
    made.producer.close()
    made.connection.close()


@pytest.fixture
def artifacts(services: Services, workspace: OwnWorkspace, database: str, objects: Objects) -> Iterator[Artifacts]:
    made = Artifacts(services, workspace, database, objects)
    yield made
    made.stop()


def test_a_body_that_travelled_in_an_event_lies_in_the_store(
    artifacts: Artifacts, ground: Ground, objects: Objects
) -> None:
    ground.send(TagSet("run", RUN, "0" * 32, 1, key="k", value="v"))
    first, empty = ground.artifact(b"a chart", b"a chart"), ground.artifact(b"", b"")
    again = ground.artifact(b"a chart", b"a chart")
    assert first == again
    until(lambda: ground.availability(first) == ground.availability(empty) == "available", 20, "both bodies")
    assert objects.read_back("local", RUN, first) == Found(7, first)
    artifacts.until_ready()


def test_a_body_that_is_not_what_its_event_says_is_not_written(
    artifacts: Artifacts, ground: Ground, objects: Objects
) -> None:
    digest = ground.artifact(b"said", b"sent")
    until(lambda: ground.availability(digest) == "mismatched", 20, "the finding")
    assert objects.size("local", RUN, digest) is None


def test_an_upload_is_read_back_and_compared(artifacts: Artifacts, ground: Ground, objects: Objects) -> None:
    right, wrong, short = b"right", b"wrong", b"short"
    for content, bytes_ in ((right, right), (wrong, b"gnorw"), (short, b"shor")):
        objects.put("local", RUN, hashlib.sha256(content).hexdigest(), bytes_, None)
    digests = [ground.artifact(content, None) for content in (right, wrong, short)]
    until(lambda: ground.found(digests[2]), 20, "the findings")
    assert [ground.availability(digest) for digest in digests] == ["available", "mismatched", "mismatched"]
    assert ground.found(digests[1]) == ("mismatched", f"sha256 of the object is {hashlib.sha256(b'gnorw').hexdigest()}")
    assert ground.found(digests[2]) == ("mismatched", "size is 4 bytes, the event says 5")


def test_what_is_missing_is_found_when_it_comes_later(artifacts: Artifacts, ground: Ground, objects: Objects) -> None:
    digest = ground.artifact(b"late", None)
    until(lambda: ground.found(digest) == ("missing", "no such object"), 20, "the miss")
    objects.put("local", RUN, digest, b"late", None)
    until(lambda: ground.availability(digest) == "available", 20, "the object to be found")


def test_a_large_upload_is_read_back_beside_the_loop(
    artifacts: Artifacts, ground: Ground, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "READ_BACK_AT_ONCE_BYTES", 3)
    content = b"large enough"
    objects.put("local", RUN, hashlib.sha256(content).hexdigest(), content, None)
    digest = ground.artifact(content, None)
    until(lambda: ground.availability(digest) == "available", 20, "the read-back")


def test_source_code_and_models_are_looked_at_too(artifacts: Artifacts, ground: Ground, objects: Objects) -> None:
    zipped, uploaded, model = b"PK inline", b"PK uploaded", b"weights"
    digests = [hashlib.sha256(each).hexdigest() for each in (zipped, uploaded, model)]
    objects.put("local", RUN, digests[1], uploaded, None)
    objects.put("local", "model/m", digests[2], model, None)
    ground.send(
        SnapshotTaken("run", RUN, "0" * 32, 1, snapshot_id="s", sha256=digests[0], size=len(zipped), body=zipped)
    )
    ground.send(SnapshotTaken("run", RUN, "0" * 32, 2, snapshot_id="t", sha256=digests[1], size=len(uploaded)))
    files = (ModelFile("m.pkl", digests[2], len(model)), ModelFile("gone", "0" * 64, 1))
    ground.send(ModelRegistered("model", "m", "0" * 32, 1, objects_run_id="model/m", files=files))
    until(lambda: ground.availability(digests[1]) == "available", 20, "the snapshots")
    assert ground.availability(digests[0]) == "available"
    assert objects.read_back("local", RUN, digests[0]) == Found(len(zipped), digests[0])

    def of_model(sha256: str) -> str | None:
        found = ground.connection.execute(
            "SELECT availability FROM observed.objects WHERE run_id = 'model/m' AND sha256 = %s", [sha256]
        ).fetchone()
        return found and found[0]

    until(lambda: of_model(digests[2]) == "available" and of_model("0" * 64) == "missing", 20, "the model")
    artifacts.until_ready()


def test_reading_a_large_object_ends_when_the_projector_does(objects: Objects) -> None:
    content = b"x" * (3 << 20)
    digest = hashlib.sha256(content).hexdigest()
    objects.put("local", RUN, digest, content, None)
    with pytest.raises(Away, match="stops"):
        verify(objects, Artifact("local", RUN, digest, len(content)), stopping=lambda: True)
    assert verify(objects, Artifact("local", RUN, digest, len(content))).availability == "available"


def test_what_was_available_stays_so_when_its_event_is_repeated(
    artifacts: Artifacts, ground: Ground, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = ground.artifact(b"content", b"content")
    until(lambda: ground.availability(digest) == "available", 20, "the finding")
    monkeypatch.setattr(projector, "READ_BACK_AT_ONCE_BYTES", 3)
    ground.connection.execute("UPDATE observed.objects SET detail = 'untouched'")
    ground.artifact(b"content", None)
    later = ground.artifact(b"later", b"later")
    until(lambda: ground.availability(later) == "available", 20, "the event after it")
    assert ground.found(digest) == ("available", "untouched")


@pytest.mark.parametrize("change", [{"sha256": "../../etc"}, {"sha256": "A" * 64}, {"size": -1}])
def test_an_artifact_that_names_no_digest_is_set_aside(
    artifacts: Artifacts, ground: Ground, change: dict[str, object]
) -> None:
    ground.artifact(b"x", b"x", **change)
    after = ground.artifact(b"after", b"after")
    until(lambda: ground.availability(after) == "available", 20, "what comes after")
    row = ground.connection.execute("SELECT count(*), min(reason) FROM observed.dead_letters").fetchone()
    assert row is not None
    assert row[0] == 1
    assert "64 lowercase hex digits" in str(row[1])


def test_a_signed_url_takes_and_gives_the_object(objects: Objects) -> None:
    content = b"by url"
    digest = hashlib.sha256(content).hexdigest()
    put = urllib.request.Request(objects.put_url("local", RUN, digest), data=content, method="PUT")
    urllib.request.urlopen(put, timeout=10).close()
    with urllib.request.urlopen(objects.get_url("local", RUN, digest), timeout=10) as answer:
        assert answer.read() == content
    assert objects.size("local", RUN, digest) == len(content)


def test_a_store_that_is_away_is_told_from_one_that_refuses(services: Services, bucket: str) -> None:
    away = Objects("http://127.0.0.1:1", "key", "secret", bucket)
    with pytest.raises(Away):
        away.size("local", RUN, "0" * 64)
    refusing = Objects(services.s3_address, services.s3_key, "not the secret", bucket)
    with pytest.raises(Stop, match="RUNFOLD_S3_SECRET"):
        refusing.read_back("local", RUN, "0" * 64)


@given(st.text(min_size=1, max_size=50), st.text(min_size=1, max_size=50))
def test_a_key_names_one_run_and_stays_below_its_workspace(one: str, other: str) -> None:
    try:
        one.encode(), other.encode()
    except UnicodeEncodeError:
        return
    key = object_key("local", one, "0" * 64)
    assert (key == object_key("local", other, "0" * 64)) == (one == other)
    parts = key.split("/")
    assert len(parts) == 3
    assert not {"", ".", ".."} & set(parts)


def test_while_the_store_is_away_readiness_says_so_and_afterwards_nothing_is_missing(
    services: Services, workspace: OwnWorkspace, database: str, bucket: str, ground: Ground
) -> None:
    parts = urlsplit(services.s3_address)
    proxy = Proxy(str(parts.hostname), int(parts.port or 80))
    through = Objects(f"http://127.0.0.1:{proxy.port}", services.s3_key, services.s3_secret, bucket)
    one = Artifacts(services, workspace, database, through)
    try:
        one.until_ready()
        proxy.cut()
        digest = ground.artifact(b"a chart", b"a chart")
        until(lambda: not one.health.ready()[0], 20, "readiness to be gone")
        assert ground.found(digest) is None
        proxy.mend()
        until(lambda: ground.availability(digest) == "available", 30, "the object after the store is back")
        one.until_ready()
    finally:
        one.stop()
        proxy.close()


def test_no_run_id_and_no_media_type_holds_up_what_comes_after(artifacts: Artifacts, ground: Ground) -> None:
    sent = [
        (run_id, ground.artifact(content := str(number).encode(), content, aggregate_id=run_id, media_type=media_type))
        for number, (run_id, media_type) in enumerate(
            [
                ("\U0001f600" * 256, "text/plain"),
                ("%" * 256, "text/plain"),
                ("..", "a\r\nX-Evil: 1"),
                ("r", "\N{SNOWMAN}"),
                ("r", "a\0b"),
                ("r", "x" * 200_000),
            ]
        )
    ]
    ground.artifact(b"x", b"x", aggregate_id="".join(random.Random(7).choices("0123456789abcdef", k=50_000)))
    last = ground.artifact(b"last", b"last")
    until(lambda: artifacts.error or ground.availability(last) == "available", 30, "the last one")
    artifacts.until_ready()
    rows = ground.connection.execute("SELECT run_id, sha256 FROM observed.objects WHERE availability = 'available'")
    assert set(sent) <= set(rows.fetchall())
    letters = ground.connection.execute("SELECT reason FROM observed.dead_letters").fetchall()
    assert [reason for (reason,) in letters if "50000 characters" not in reason] == []


def test_keys_are_short_enough_for_any_store_and_no_two_runs_share_one() -> None:
    ids = (
        "é" * 256,
        "é" * 255 + "e",
        "=",
        "a" * 256,
        "%" * 256,
        "=" + hashlib.sha256(("é" * 256).encode()).hexdigest(),
    )
    keys = [object_key("w" * 33, run_id, "0" * 64) for run_id in ids]
    assert len(set(keys)) == len(ids)
    assert all(len(key) <= 1_024 and key.isascii() for key in keys)
