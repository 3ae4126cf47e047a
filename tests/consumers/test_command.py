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

from runfold_schemas import codec, topics
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
