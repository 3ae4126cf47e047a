"""A log that is not the one that was folded stops the projector loudly, with the command that helps (design P9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from runfold_consumers.engine.errors import LogMismatch
from runfold_consumers.engine.poll import Partition
from runfold_consumers.engine.positions import Position, check_bounds, check_last, digest
from runfold_consumers.fold.records import RawRecord
from runfold_schemas import topics, topics_admin
from tests.consumers.engine.counting import Ledger, Sender, running
from tests.services import OwnWorkspace, Services
from tests.waiting import until

RAW = RawRecord("w", "facts", "p.w.facts", 0, 6, 1_000, b"run/a", b"value")
AT = Partition("p.w.facts", 0)


@pytest.fixture
def admin(services: Services) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=services.kafka)
    yield client
    client.close()


def folded(services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger) -> TopicPartition:
    sent = send("1", "2", "3")
    with running(services, workspace, database):
        until(lambda: ledger.values() == ["1", "2", "3"], 20, "the records")
    return TopicPartition(sent[0].topic, sent[0].partition)


def stopped(services: Services, workspace: OwnWorkspace, database: str) -> LogMismatch:
    with running(services, workspace, database) as one:
        error = one.until_stopped()
    assert isinstance(error, LogMismatch)
    assert "runfold rebuild" in str(error)
    return error


def recreate(services: Services, workspace: OwnWorkspace, admin: KafkaAdminClient, topic: str) -> None:
    admin.delete_topics([topic])
    until(lambda: topic not in admin.list_topics(), 20, "the topic to be gone")
    until(
        lambda: topics_admin.create(services.kafka, workspace.prefix, workspace.workspace), 20, "the topic to be back"
    )


def test_a_topic_that_was_created_again_stops_the_projector(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger, admin: KafkaAdminClient
) -> None:
    place = folded(services, workspace, database, send, ledger)
    recreate(services, workspace, admin, place.topic)
    again = Sender(services, workspace)
    again(*"123456")
    again.close()
    assert "topic id" in str(stopped(services, workspace, database))
    assert ledger.values() == ["1", "2", "3"]


def test_a_topic_that_is_created_again_under_a_running_projector_stops_it(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger, admin: KafkaAdminClient
) -> None:
    with running(services, workspace, database) as one:
        send("1", "2", "3")
        until(lambda: ledger.values() == ["1", "2", "3"], 20, "the records")
        recreate(services, workspace, admin, topics.topics_of(*workspace).facts)
        again = Sender(services, workspace)
        again(*"123456")
        again.close()
        assert isinstance(one.until_stopped(), LogMismatch)
    assert ledger.values() == ["1", "2", "3"]


def test_a_log_whose_folded_tail_was_deleted_stops_the_projector(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger, admin: KafkaAdminClient
) -> None:
    place = folded(services, workspace, database, send, ledger)
    send("4", "5", "6")
    admin.delete_records({place: 5})
    error = stopped(services, workspace, database)
    assert (error.topic, error.partition, error.next_offset) == (place.topic, place.partition, 3)
    assert "begins at offset 5" in str(error)


def test_a_log_that_was_never_folded_and_does_not_begin_at_0_stops_the_projector(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger, admin: KafkaAdminClient
) -> None:
    sent = send("1", "2", "3")
    admin.delete_records({TopicPartition(sent[0].topic, sent[0].partition): 2})
    assert "its head was deleted" in str(stopped(services, workspace, database))


def test_a_position_behind_the_end_of_the_log_stops_the_projector(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    folded(services, workspace, database, send, ledger)
    ledger.connection.execute("UPDATE state.positions SET next_offset = 5 WHERE next_offset = 3")
    assert "lost its tail" in str(stopped(services, workspace, database))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("last_digest = '\\x00'", "other bytes"),
        ("last_broker_time = last_broker_time - interval '1 ms'", "broker time"),
    ],
)
def test_a_record_that_reads_back_otherwise_stops_the_projector(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger, change: str, what: str
) -> None:
    folded(services, workspace, database, send, ledger)
    ledger.connection.execute(f"UPDATE state.positions SET {change} WHERE next_offset = 3")
    assert what in str(stopped(services, workspace, database))


def test_the_record_before_the_position_is_compared_by_offset_time_and_bytes() -> None:
    position = Position("id", 7, 1_000, digest(RAW))
    check_last(AT, position, RAW)
    for other in (
        RAW._replace(offset=7),
        RAW._replace(broker_time_us=2_000),
        RAW._replace(value=b"valu"),
        RAW._replace(key=None),
    ):
        with pytest.raises(LogMismatch):
            check_last(AT, position, other)


def test_key_and_value_do_not_run_into_each_other_in_a_digest() -> None:
    assert digest(RAW._replace(key=b"ab", value=b"c")) != digest(RAW._replace(key=b"a", value=b"bc"))
    assert digest(RAW._replace(key=None)) != digest(RAW._replace(key=b""))


@pytest.mark.parametrize(
    ("next_offset", "topic_id", "begin", "end", "fits"),
    [
        (0, "id", 0, 0, True),
        (0, "id", 0, 9, True),
        (0, "id", 1, 9, False),
        (7, "id", 0, 7, True),
        (7, "id", 6, 9, True),
        (7, "id", 7, 9, False),
        (7, "id", 0, 6, False),
        (7, "other", 0, 9, False),
        (0, "other", 0, 9, False),
    ],
)
def test_a_position_must_lie_within_the_log(next_offset: int, topic_id: str, begin: int, end: int, fits: bool) -> None:
    position = Position("id", next_offset, None, None)
    if fits:
        check_bounds(AT, position, topic_id, begin, end)
    else:
        with pytest.raises(LogMismatch):
            check_bounds(AT, position, topic_id, begin, end)
