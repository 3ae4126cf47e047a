"""The connection: schemas before their use, partitions as the manifest says, topics that are still the same ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, KafkaAdminClient

from runfold.journal.writer import Journal
from runfold.shipper import sending
from runfold.shipper.sending import Cluster, Connection
from runfold.shipper.thread import ShipperThread
from runfold.shipper.troubles import Trouble
from runfold_schemas import catalog, topics_admin
from runfold_schemas.settings import Settings
from runfold_schemas.topics import topics_of
from tests.producer.shipper.ledger import read
from tests.services import OwnWorkspace, Services
from tests.waiting import until


@pytest.fixture
def connection(services: Services) -> Iterator[Connection]:
    connection = Connection(services.kafka, 1 << 20)
    yield connection
    connection.discard()


def test_a_schema_is_put_into_contract_before_its_first_use_and_only_when_absent(
    connection: Connection, services: Services, workspace: OwnWorkspace
) -> None:
    route = connection.route(workspace.workspace, workspace.prefix)
    future: dict[str, object] = {
        "type": "record",
        "name": "runfold.TagMoved",
        "fields": [{"name": "to", "type": "string", "default": ""}],
    }
    fingerprint = catalog.fingerprint_of(catalog.canonical_form(future))
    asked: list[bytes] = []

    def schema() -> dict[str, object]:
        asked.append(fingerprint)
        return future

    connection.announce(route, catalog.fingerprint("TagSet"), schema)
    assert asked == [], "released schemas are there from the topics' creation"
    for _ in range(2):
        connection.announce(route, fingerprint, schema)
    assert asked == [fingerprint]
    names = topics_of(workspace.prefix, workspace.workspace)
    assert topics_admin.read_contract(services.kafka, names).schemas[fingerprint] == future


def test_with_another_number_of_partitions_nothing_is_sent(
    connection: Connection, services: Services, workspace: OwnWorkspace
) -> None:
    names = topics_of(workspace.prefix, workspace.workspace)
    admin = KafkaAdminClient(bootstrap_servers=services.kafka)
    admin.create_partitions({names.facts: 5})
    admin.close()
    with pytest.raises(Trouble, match=f"{names.facts} has 5 partitions, its manifest says 4: keys have moved") as met:
        until(lambda: connection.route(workspace.workspace, workspace.prefix) is None, 10, "a refusal")
    assert met.value.service == "topics"


def test_topics_that_do_not_keep_the_brokers_time_are_sent_nothing(
    connection: Connection, services: Services, workspace: OwnWorkspace
) -> None:
    names = topics_of(workspace.prefix, workspace.workspace)
    admin = KafkaAdminClient(bootstrap_servers=services.kafka)
    admin.alter_configs([ConfigResource("TOPIC", names.facts, {"message.timestamp.type": "CreateTime"})])
    admin.close()
    with pytest.raises(Trouble, match="must be 'LogAppendTime', so nothing is sent") as met:
        connection.route(workspace.workspace, workspace.prefix)
    assert met.value.service == "topics"


def test_a_connection_that_broke_is_replaced_after_a_pause(services: Services) -> None:
    cluster = Cluster(services.kafka, "x")
    first = cluster.connection()
    assert cluster.connection() is first
    first.discard()
    with pytest.raises(Trouble):
        cluster.connection()

    def replaced() -> bool:
        try:
            return cluster.connection() is not first
        except Trouble:
            return False

    until(replaced, 5, "a new connection")
    cluster.close()


def test_topics_that_were_made_anew_get_the_journal_from_its_beginning(
    tmp_path: Path, services: Services, workspace: OwnWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "METADATA_AGE_S", 0.3)
    journal = Journal.create(tmp_path, workspace=workspace.workspace)
    shipper = ShipperThread(
        journal, Settings.model_construct(kafka=services.kafka, topic_prefix=workspace.prefix, api=None)
    )
    for step in range(100):
        journal.points("r").log("loss", 1.0, step)
    assert shipper.flush(time.monotonic() + 20)
    names = topics_of(workspace.prefix, workspace.workspace)
    admin = KafkaAdminClient(bootstrap_servers=services.kafka)
    admin.delete_topics([names.facts, names.telemetry, names.decisions, names.contract])
    until(lambda: names.contract not in admin.list_topics(), 10, "the topics to go")
    admin.close()
    topics_admin.create(services.kafka, workspace.prefix, workspace.workspace)
    journal.points("r").log("loss", 1.0, 100)
    until(lambda: len(read(services, workspace).points("r").get(journal.writer_id, {})) == 101, 40, "all 101 points")
    shipper.stop(time.monotonic() + 5)
    journal.close()
