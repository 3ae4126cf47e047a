"""The commands as processes: they fold, publish, rebuild to the same checksum, and end as they say."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from runfold_schemas import codec, topics, topics_admin
from runfold_schemas.events import ArtifactLogged, Event, PropertyAdded, RunStarted, TagSet
from tests.services import OwnWorkspace, Services
from tests.waiting import until

RUN = [sys.executable, "-c", "from runfold_consumers.command import app; app()"]
WRITER = "0" * 32


def environment(services: Services, workspace: OwnWorkspace, database: str, bucket: str) -> dict[str, str]:
    return {
        **os.environ,
        "RUNFOLD_KAFKA": services.kafka,
        "RUNFOLD_TOPIC_PREFIX": workspace.prefix,
        "RUNFOLD_POSTGRES": database,
        "RUNFOLD_S3_ADDRESS": services.s3_address,
        "RUNFOLD_S3_KEY": services.s3_key,
        "RUNFOLD_S3_SECRET": services.s3_secret,
        "RUNFOLD_S3_BUCKET": bucket,
    }


@contextmanager
def process(*arguments: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen([*RUN, *arguments], env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield started
        started.send_signal(signal.SIGTERM)
        assert started.wait(timeout=20) == 0
    finally:
        started.kill()
        started.communicate()


def line(*arguments: str, env: dict[str, str]) -> str:
    return subprocess.run(
        [*RUN, *arguments], env=env, check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


def is_ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_facts_are_folded_published_and_folded_again_to_the_same_checksum(
    services: Services, workspace: OwnWorkspace, database: str, bucket: str
) -> None:
    env = environment(services, workspace, database, bucket)
    names = topics.topics_of(*workspace)
    digest = hashlib.sha256(b"chart").hexdigest()
    events: list[Event] = [
        RunStarted("run", "a", WRITER, 1, experiment="e"),
        TagSet("run", "a", WRITER, 2, key="k", value="v"),
        PropertyAdded("run", "a", WRITER, 3, properties={"p": "first"}),
        PropertyAdded("run", "a", WRITER, 4, properties={"p": "second"}),
        ArtifactLogged("run", "a", WRITER, 5, name="chart", sha256=digest, size=5, body=b"chart"),
    ]
    producer = KafkaProducer(bootstrap_servers=services.kafka, acks="all")
    for event in events:
        key = topics.key_of(event)
        producer.send(names.facts, codec.encode(event), key, partition=topics.partition(key, 4)).get(timeout=10)
    producer.close()
    with (
        psycopg.connect(database, autocommit=True) as connection,
        process("project", "state", env=env) as state,
        process("project", "artifacts", env=env),
    ):

        def one(query: str) -> object:
            row = connection.execute(query.encode()).fetchone()
            return row and row[0]

        assert state.stderr is not None
        port = next(found for found in state.stderr if "probe_port=" in found).rsplit("=", 1)[1].strip()
        until(lambda: is_ready(port), 30, "the projector to be ready")
        until(lambda: one("SELECT count(*) FROM state.facts") == len(events), 30, "the facts")
        until(lambda: one("SELECT max(next_offset) FROM observed.published") == len(events), 30, "the decisions")
        until(lambda: one("SELECT availability FROM observed.objects") == "available", 30, "the object")
        assert one("SELECT kept || ' over ' || refused FROM state.refusals") == "first over second"
        before = line("checksum", env=env)
        line("rebuild", env=env)
        until(lambda: one("SELECT sum(next_offset) FROM state.positions") == len(events), 30, "the facts, folded again")
        assert line("checksum", env=env) == before
        assert one("SELECT sum(next_offset) FROM observed.published") == len(events)


def test_after_topics_were_made_anew_a_rebuild_with_observed_begins_with_the_log_that_is_there(
    services: Services, workspace: OwnWorkspace, database: str, bucket: str
) -> None:
    env = environment(services, workspace, database, bucket)
    names = topics.topics_of(*workspace)
    digest = hashlib.sha256(b"chart").hexdigest()

    def say(*events: Event) -> None:
        producer = KafkaProducer(bootstrap_servers=services.kafka, acks="all")
        for event in events:
            key = topics.key_of(event)
            producer.send(names.facts, codec.encode(event), key, partition=topics.partition(key, 4)).get(timeout=10)
        producer.close()

    with psycopg.connect(database, autocommit=True) as connection:

        def all_of(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query.encode()).fetchall()

        cursors = "SELECT next_offset, topic_id FROM observed.published WHERE next_offset > 0"
        say(*(TagSet("run", "a", WRITER, ordinal, key="k", value="v") for ordinal in (1, 2, 3, 4)))
        with process("project", "state", env=env), process("project", "artifacts", env=env):
            until(lambda: [row[0] for row in all_of(cursors)] == [4], 30, "the decisions")
            until(
                lambda: all_of("SELECT 1 FROM observed.positions WHERE next_offset = 4"), 30, "the artifact projector"
            )
        admin = KafkaAdminClient(bootstrap_servers=services.kafka)
        old = topics_admin.topic_ids(services.kafka, [names.facts])
        admin.delete_topics([names.facts])
        until(lambda: names.facts not in admin.list_topics(), 20, "the topic to be gone")
        admin.close()
        until(lambda: topics_admin.create(services.kafka, *workspace), 20, "the topic to be back")
        (new,) = topics_admin.topic_ids(services.kafka, [names.facts]).values()
        assert new not in old.values()
        other = "f" * 32
        say(ArtifactLogged("run", "a", other, 1, name="c", sha256=digest, size=5, body=b"chart"))
        for projector in ("state", "artifacts"):
            ended = subprocess.run([*RUN, "project", projector], env=env, capture_output=True, text=True, timeout=60)
            assert ended.returncode == 1
            assert "runfold rebuild --observed" in ended.stderr
        line("rebuild", "--observed", env=env)
        with process("project", "state", env=env), process("project", "artifacts", env=env):
            until(lambda: all_of(cursors) == [(1, new)], 30, "the decision about the new log's fact")
            until(lambda: all_of("SELECT availability FROM observed.objects") == [("available",)], 30, "the object")
            assert all_of("SELECT writer_id, verdict FROM state.facts") == [(other, "accepted")]
