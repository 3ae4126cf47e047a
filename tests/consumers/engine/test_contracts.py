"""A writer schema that this release does not bring is found in `contract`, and what is not there is not asked for at
every record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, KafkaAdminClient

from runfold_consumers.engine.contracts import ASK_AGAIN_S, Contracts
from runfold_consumers.engine.errors import Stop
from runfold_schemas import catalog, topics
from tests.services import OwnWorkspace, Services


def test_a_schema_that_came_later_is_learned(services: Services, workspace: OwnWorkspace) -> None:
    now = [0.0]
    contracts = Contracts(services.kafka, workspace.prefix, clock=lambda: now[0])
    name = workspace.workspace
    assert contracts.partition_count(name, "telemetry") == 8
    schema = catalog.schema("TagSet") | {"name": "TagPainted"}
    fingerprint = catalog.fingerprint_of(catalog.canonical_form(schema))
    assert not contracts.learn(name, fingerprint)
    producer = KafkaProducer(bootstrap_servers=services.kafka, acks="all")
    contract = topics.topics_of(*workspace).contract
    producer.send(contract, json.dumps(schema).encode(), topics.schema_key(fingerprint), partition=0).get(timeout=10)
    producer.close()
    assert not contracts.learn(name, fingerprint)  # asked a moment ago
    now[0] = ASK_AGAIN_S
    assert contracts.learn(name, fingerprint)
    found = contracts.lookup(name)(fingerprint)
    assert found is not None
    assert found["name"] == "TagPainted"
    assert contracts.lookup("other")(fingerprint) is None


def test_a_workspace_without_topics_has_no_manifest_yet(services: Services, workspace: OwnWorkspace) -> None:
    assert Contracts(services.kafka, workspace.prefix).manifest("nobody") is None


@pytest.fixture
def admin(services: Services) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=services.kafka)
    yield client
    client.close()


def test_topics_that_would_be_folded_wrong_stop_a_projector_at_its_start_with_the_command(
    services: Services, workspace: OwnWorkspace, admin: KafkaAdminClient
) -> None:
    facts = topics.topics_of(*workspace).facts
    admin.alter_configs([ConfigResource("TOPIC", facts, {"message.timestamp.type": "CreateTime"})])
    with pytest.raises(Stop, match=f"{facts} has message.timestamp.type='CreateTime'.*runfold topics check --prefix"):
        Contracts(services.kafka, workspace.prefix).manifest(workspace.workspace)


def test_topics_that_serve_but_are_not_as_they_must_be_are_told_with_the_command(
    services: Services, workspace: OwnWorkspace, admin: KafkaAdminClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "runfold_consumers")
    facts = topics.topics_of(*workspace).facts
    admin.alter_configs([ConfigResource("TOPIC", facts, {"retention.ms": "1000"})])
    contracts = Contracts(services.kafka, workspace.prefix)
    assert contracts.manifest(workspace.workspace) is not None
    (warning,) = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert f"topic {facts} has retention.ms='1000'" in warning["detail"]
    assert warning["command"] == f"runfold topics check --prefix {workspace.prefix} --workspace {workspace.workspace}"
    assert any("one_copy" in record.getMessage() for record in caplog.records)
