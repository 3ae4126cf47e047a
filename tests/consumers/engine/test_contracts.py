"""A writer schema that this release does not bring is found in `contract`, and what is not there is not asked for at
every record.
"""

from __future__ import annotations

import json

from kafka import KafkaProducer

from runfold_consumers.engine.contracts import ASK_AGAIN_S, Contracts
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
