"""The topics of a workspace on a real broker."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, KafkaAdminClient, OffsetSpec
from typer.testing import CliRunner

from runfold_schemas import catalog, command, topics, topics_admin
from runfold_schemas.topics import Topics
from tests.services import OwnWorkspace, Services
from tests.waiting import until


@pytest.fixture
def admin(services: Services) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=services.kafka)
    yield client
    client.close()


@pytest.fixture
def away() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_a_created_workspace_is_as_its_manifest_says(services: Services, workspace: OwnWorkspace) -> None:
    assert topics_admin.check(services.kafka, workspace.prefix, workspace.workspace) == []
    contract = topics_admin.read_contract(services.kafka, _names(workspace))
    assert contract.manifest.partitions == {"facts": 4, "telemetry": 8, "decisions": 4, "contract": 1}
    assert contract.schemas == {catalog.fingerprint(name): catalog.schema(name) for name in catalog.names()}


def test_creating_again_changes_nothing(services: Services, workspace: OwnWorkspace, admin: KafkaAdminClient) -> None:
    names = _names(workspace)
    ids = topics_admin.topic_ids(services.kafka, [names.named(kind) for kind in topics.KINDS])
    again = topics_admin.create(services.kafka, workspace.prefix, workspace.workspace)
    assert again == topics_admin.read_contract(services.kafka, names).manifest
    assert topics_admin.topic_ids(services.kafka, ids) == ids
    assert len(ids) == 4
    partition = TopicPartition(names.contract, 0)
    end = admin.list_partition_offsets({partition: OffsetSpec.LATEST})[partition].offset
    assert end == len(catalog.names()) + 1  # nothing was published twice


def _names(workspace: OwnWorkspace) -> Topics:
    return Topics(workspace.prefix, workspace.workspace)


def test_partition_counts_never_change(services: Services, workspace: OwnWorkspace) -> None:
    with pytest.raises(topics_admin.TopicsError, match="facts has 4 partitions, not 5"):
        topics_admin.create(services.kafka, workspace.prefix, workspace.workspace, partitions={"facts": 5})
    assert (
        topics_admin.create(
            services.kafka, workspace.prefix, workspace.workspace, partitions={"facts": 4}, replication=1
        ).replication
        == 1
    )


def test_what_was_altered_by_hand_is_found(
    services: Services, workspace: OwnWorkspace, admin: KafkaAdminClient
) -> None:
    names = _names(workspace)
    altered = {"retention.ms": "1000", "message.timestamp.type": "CreateTime"}
    admin.alter_configs([ConfigResource("TOPIC", names.facts, altered)])
    admin.create_partitions({names.telemetry: 9})
    admin.delete_topics([names.decisions])
    producer = KafkaProducer(bootstrap_servers=services.kafka)
    producer.send(names.contract, key=b"schema/0000000000000000", value=b'"int"').get(10)
    producer.close()
    problems = "\n".join(topics_admin.check(services.kafka, workspace.prefix, workspace.workspace))
    assert f"topic {names.decisions} is missing" in problems
    assert f"topic {names.telemetry} has 9 partitions, its manifest says 8" in problems
    assert f"topic {names.facts} has retention.ms='1000'; it must be '-1'" in problems
    assert f"topic {names.facts} has message.timestamp.type='CreateTime'" in problems
    assert "schema/0000000000000000 holds no schema of that fingerprint" in problems


def test_a_lost_topic_is_created_again_with_another_id(
    services: Services, workspace: OwnWorkspace, admin: KafkaAdminClient
) -> None:
    names = _names(workspace)
    before = topics_admin.topic_ids(services.kafka, [names.decisions])
    admin.delete_topics([names.decisions])
    topics_admin.create(services.kafka, workspace.prefix, workspace.workspace)
    after = topics_admin.topic_ids(services.kafka, [names.decisions])
    assert before.keys() == after.keys()
    assert before != after


def test_a_workspace_that_was_never_created_says_how(services: Services, workspace: OwnWorkspace) -> None:
    absent = Topics(workspace.prefix, "absent")
    with pytest.raises(topics_admin.NoManifest, match="runfold topics create"):
        topics_admin.read_contract(services.kafka, absent)
    (problem,) = topics_admin.check(services.kafka, absent.prefix, absent.workspace)
    assert "runfold topics create" in problem
    assert topics_admin.topic_ids(services.kafka, [absent.facts]) == {}


def test_cluster_and_topics_have_ids(services: Services, workspace: OwnWorkspace) -> None:
    assert len(topics_admin.cluster_id(services.kafka)) > 8
    (one,) = topics_admin.topic_ids(services.kafka, [_names(workspace).facts]).values()
    assert len(one) == 36


def test_a_broker_that_is_away_is_named_with_its_setting(away: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics_admin, "ANSWER_S", 0.3)
    with pytest.raises(topics_admin.BrokerAway, match=rf"Kafka at {away} \(RUNFOLD_KAFKA\)"):
        topics_admin.cluster_id(away)


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never answers, as a frozen broker does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("broker", ["away", "silent"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda address: topics_admin.read_contract(address, Topics("p", "local"), seconds=0.5),
        lambda address: topics_admin.inspect(address, Topics("p", "local"), seconds=0.5),
    ],
    ids=["read_contract", "inspect"],
)
def test_a_broker_that_does_not_answer_costs_the_time_given_and_no_thread(
    broker: str, ask: Callable[[str], object], request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue(broker)
    before = set(threading.enumerate())
    begun = time.monotonic()
    for _ in range(3):
        with pytest.raises(topics_admin.BrokerAway, match="RUNFOLD_KAFKA"):
            ask(address)
    assert time.monotonic() - begun < 3 * (0.5 + 1.0)
    until(lambda: set(threading.enumerate()) <= before, 5, "the clients' threads to end")


def test_a_question_that_was_answered_leaves_no_thread(services: Services, workspace: OwnWorkspace) -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        topics_admin.read_contract(services.kafka, _names(workspace), seconds=5)
    until(lambda: set(threading.enumerate()) <= before, 5, "the clients' threads to end")


def test_what_would_be_folded_wrong_is_grave_and_all_else_is_not(
    services: Services, workspace: OwnWorkspace, admin: KafkaAdminClient
) -> None:
    names = _names(workspace)
    admin.alter_configs([ConfigResource("TOPIC", names.facts, {"message.timestamp.type": "CreateTime"})])
    admin.alter_configs([ConfigResource("TOPIC", names.telemetry, {"retention.ms": "1000"})])
    admin.create_partitions({names.decisions: 9})
    _, problems = topics_admin.inspect(services.kafka, names)
    assert sorted(problem.text.split()[1:4:2] for problem in problems if problem.grave) == [
        [names.decisions, "9"],
        [names.facts, "message.timestamp.type='CreateTime';"],
    ]
    (mild,) = [problem.text for problem in problems if not problem.grave and names.telemetry in problem.text]
    assert "retention.ms='1000'" in mild


def test_the_command_creates_checks_and_shows(services: Services, workspace: OwnWorkspace) -> None:
    run = CliRunner()
    where = ["--kafka", services.kafka, "--prefix", workspace.prefix, "--workspace", "by-command"]
    created = run.invoke(command.app, ["create", *where, "--partitions", "2", "--telemetry-partitions", "3", "--json"])
    assert created.exit_code == 0
    manifest = json.loads(created.stdout)["manifest"]
    assert manifest["partitions"] == {"facts": 2, "telemetry": 3, "decisions": 2, "contract": 1}
    checked = run.invoke(command.app, ["check", *where, "--json"])
    assert (checked.exit_code, json.loads(checked.stdout)["problems"]) == (0, [])
    assert "are as their manifest says" in run.invoke(command.app, ["check", *where]).stdout
    shown = run.invoke(command.app, ["show", *where]).stdout
    assert f"{workspace.prefix}.by-command.telemetry" in shown
    assert "one machine only" in shown


def test_the_command_ends_1_for_problems_2_for_usage_3_for_no_broker(
    services: Services, workspace: OwnWorkspace, away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics_admin, "ANSWER_S", 0.3)
    monkeypatch.delenv("RUNFOLD_WORKSPACE", raising=False)
    monkeypatch.setenv("RUNFOLD_HOME", "/nonexistent")
    run = CliRunner()
    where = ["--prefix", workspace.prefix]
    absent = run.invoke(command.app, ["check", *where, "--kafka", services.kafka, "--workspace", "absent"])
    assert absent.exit_code == 1
    unset = run.invoke(command.app, ["check", *where, "--kafka", services.kafka])
    assert unset.exit_code == 2
    assert "RUNFOLD_WORKSPACE is not set" in unset.stderr
    wrong = run.invoke(command.app, ["create", *where, "--kafka", services.kafka, "--workspace", "NO"])
    assert wrong.exit_code == 2
    assert "3 to 33 characters" in wrong.stderr
    nobody = run.invoke(command.app, ["check", *where, "--kafka", away, "--workspace", "absent"])
    assert nobody.exit_code == 5
    assert "RUNFOLD_KAFKA" in nobody.stderr
