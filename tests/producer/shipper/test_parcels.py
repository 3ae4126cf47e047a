"""Parcels: what goes to one partition goes as one record batch, in order, and is acknowledged whole or not at all."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.record.memory_records import MemoryRecordsBuilder

from runfold.shipper.sending import BATCH_BYTES, Connection, Parcel, parcels
from runfold.shipper.troubles import Trouble
from runfold_schemas.topics import topics_of
from tests.services import OwnWorkspace, Services
from tests.waiting import until

SIZES = st.one_of(st.integers(0, 200), st.integers(100_000, 400_000), st.just(900 * 1024))


@given(st.lists(st.tuples(st.sampled_from(["facts", "telemetry"]), st.integers(0, 2), SIZES), max_size=12))
def test_a_partitions_messages_keep_their_order_and_every_parcel_fits_into_a_batch(
    messages: list[tuple[str, int, int]],
) -> None:
    given_ = [(topic, partition, b"%d" % n, bytes(size)) for n, (topic, partition, size) in enumerate(messages)]
    made = list(parcels(given_))
    for place in {(topic, partition) for topic, partition, _, _ in given_}:
        mine = [pair for parcel in made if parcel[:2] == place for pair in parcel.messages]
        assert mine == [(key, value) for topic, partition, key, value in given_ if (topic, partition) == place]
    for parcel in made:
        batch = MemoryRecordsBuilder(2, 0, BATCH_BYTES)
        assert all(batch.append(1, key, value, []) is not None for key, value in parcel.messages)


def test_a_parcel_is_acknowledged_once(services: Services, workspace: OwnWorkspace) -> None:
    connection = Connection(services.kafka, 1 << 20)
    route = connection.route(workspace.workspace, workspace.prefix)
    calls: list[int] = []
    landed = threading.Event()

    def acknowledged() -> None:
        calls.append(1)
        landed.set()

    connection.send(Parcel(route.topics.facts, 0, [(b"k", b"v")] * 1_000), acknowledged)
    assert landed.wait(10)
    assert calls == [1]
    assert connection.failure is None
    assert not connection._bytes
    connection.discard()


def test_a_topic_that_takes_no_such_batch_breaks_the_connection_and_acknowledges_nothing(
    services: Services, workspace: OwnWorkspace
) -> None:
    connection = Connection(services.kafka, 1 << 20)
    route = connection.route(workspace.workspace, workspace.prefix)
    facts = topics_of(workspace.prefix, workspace.workspace).facts
    admin = KafkaAdminClient(bootstrap_servers=services.kafka)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, facts, {"max.message.bytes": "10000"})])
    admin.close()
    calls: list[int] = []
    connection.send(Parcel(route.topics.facts, 0, [(b"k", bytes(100))] * 1_000), lambda: calls.append(1))
    until(lambda: connection.failure is not None, 15, "the refusal")
    assert isinstance(connection.failure, Trouble)
    assert calls == []
    connection.discard()
