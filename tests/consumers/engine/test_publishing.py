"""The publisher of decisions: every range at least once, in order, each decision once to a reader that keeps
offsets.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaConsumer, TopicPartition

from runfold_consumers.engine import publishing
from runfold_consumers.engine.errors import Away
from runfold_consumers.engine.publishing import Due, Publisher, cut
from runfold_consumers.state.rebuild import rebuild
from runfold_schemas import codec, topics
from runfold_schemas.events import BatchDecided, DecisionException
from runfold_schemas.limits import MESSAGE_BYTES_MAX
from tests.services import OwnWorkspace, Services
from tests.waiting import until

Database = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def connection(database: str) -> Iterator[Database]:
    with psycopg.connect(database, autocommit=True) as found:
        yield found


class Folded:
    """Plays the state projector: rows as it would have committed them, in partition 1."""

    def __init__(self, connection: Database, workspace: OwnWorkspace) -> None:
        self.connection, self.workspace = connection, workspace
        self.topic = topics.topics_of(*workspace).facts

    def position(self, next_offset: int, topic_id: str = "an id") -> None:
        self.connection.execute(
            "INSERT INTO state.positions (workspace, topic, partition, topic_id, next_offset) "
            "VALUES (%s, %s, 1, %s, %s) ON CONFLICT (workspace, topic, partition) DO UPDATE "
            "SET next_offset = excluded.next_offset, topic_id = excluded.topic_id",
            [self.workspace.workspace, self.topic, topic_id, next_offset],
        )

    def fact(self, offset: int, verdict: str, *keys: str) -> None:
        self.connection.execute(
            'INSERT INTO state.facts (workspace, partition, "offset", broker_time, writer_id, ordinal, verdict, rule) '
            "VALUES (%s, 1, %s, now(), %s, 7, %s, %s)",
            [self.workspace.workspace, offset, "w" * 32, verdict, None if verdict == "accepted" else "a rule"],
        )
        for key in keys:
            self.connection.execute(
                "INSERT INTO state.refusals "
                "VALUES (%s, 1, %s, %s, 'first value wins', 'run', 'a', %s, 7, 'old', 'new')",
                [self.workspace.workspace, offset, key, "w" * 32],
            )

    def cursor(self) -> object:
        row = self.connection.execute("SELECT next_offset FROM observed.published WHERE partition = 1").fetchone()
        return row and row[0]


@pytest.fixture
def state(connection: Database, workspace: OwnWorkspace) -> Folded:
    return Folded(connection, workspace)


def published(services: Services, workspace: OwnWorkspace) -> list[BatchDecided]:
    consumer = KafkaConsumer(bootstrap_servers=services.kafka, enable_auto_commit=False)
    place = TopicPartition(topics.topics_of(*workspace).decisions, 1)
    consumer.assign([place])
    consumer.seek(place, 0)
    end = consumer.end_offsets([place])[place]
    found: list[BatchDecided] = []
    while len(found) < end:
        for record in consumer.poll(timeout_ms=1_000).get(place, ()):
            event = codec.decode(record.value)
            assert isinstance(event, BatchDecided)
            found.append(event)
    consumer.close()
    return found


def test_decisions_are_published_up_to_the_position_and_each_once(
    services: Services, workspace: OwnWorkspace, database: str, state: Folded
) -> None:
    state.fact(0, "accepted")
    state.fact(1, "refused", "a", "b")
    state.fact(2, "repeated")
    state.fact(3, "skipped")
    state.fact(4, "refused", "beyond the position")
    state.position(4)
    publisher = Publisher(services.kafka, workspace.prefix, database)
    assert publisher.publish() == 1
    assert publisher.publish() == 0
    writer = "w" * 32
    assert published(services, workspace) == [
        BatchDecided(
            "an id",
            1,
            0,
            4,
            (
                DecisionException(1, writer, 7, "refused", "first value wins", "a", "old", "new"),
                DecisionException(1, writer, 7, "refused", "first value wins", "b", "old", "new"),
                DecisionException(2, writer, 7, "repeated", "a rule"),
                DecisionException(3, writer, 7, "skipped", "a rule"),
            ),
        )
    ]
    state.position(6)
    assert publisher.publish() == 1
    assert [(each.first_offset, each.next_offset) for each in published(services, workspace)] == [(0, 4), (4, 6)]
    assert state.cursor() == 6


def test_after_a_rebuild_nothing_is_published_until_the_cursor_is_passed(
    services: Services, workspace: OwnWorkspace, database: str, state: Folded
) -> None:
    state.position(4)
    publisher = Publisher(services.kafka, workspace.prefix, database)
    publisher.publish()
    for next_offset in (0, 2, 4, 5):
        state.position(next_offset)
        publisher.publish()
    assert [(each.first_offset, each.next_offset) for each in published(services, workspace)] == [(0, 4), (4, 5)]


def test_decisions_about_a_topic_that_was_made_anew_are_published_from_its_beginning(
    services: Services, workspace: OwnWorkspace, database: str, state: Folded
) -> None:
    state.position(4)
    publisher = Publisher(services.kafka, workspace.prefix, database)
    publisher.publish()
    state.position(2, "another id")
    assert publisher.publish() == 1
    assert [(each.source_topic_id, each.first_offset, each.next_offset) for each in published(services, workspace)] == [
        ("an id", 0, 4),
        ("another id", 0, 2),
    ]
    assert publisher.publish() == 0


def test_a_rebuild_in_between_makes_no_refused_fact_look_accepted(
    services: Services, workspace: OwnWorkspace, database: str, state: Folded, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.fact(0, "refused", "a")
    state.position(1)
    publisher = Publisher(services.kafka, workspace.prefix, database)
    send = publisher._send
    rebuilding = threading.Thread(target=rebuild, args=[database])

    def rebuilt_meanwhile(connection: Database, due: Sequence[Due]) -> list[int]:
        rebuilding.start()
        waits = "SELECT 1 FROM pg_locks WHERE relation = 'state.positions'::regclass AND NOT granted"
        until(lambda: not rebuilding.is_alive() or state.connection.execute(waits).fetchone(), 10, "the rebuild")
        return send(connection, due)

    monkeypatch.setattr(publisher, "_send", rebuilt_meanwhile)
    publisher.publish()
    rebuilding.join(10)
    (decided,) = published(services, workspace)
    assert [(each.offset, each.verdict, each.key) for each in decided.exceptions] == [(0, "refused", "a")]


def test_what_the_broker_did_not_take_is_published_again(
    services: Services, workspace: OwnWorkspace, database: str, state: Folded
) -> None:
    state.position(4)
    with pytest.raises(Away):
        Publisher("127.0.0.1:1", workspace.prefix, database).publish()
    assert not state.cursor()
    assert Publisher(services.kafka, workspace.prefix, database).publish() == 1
    assert len(published(services, workspace)) == 1


def test_a_workspace_that_is_gone_does_not_hold_up_the_others(
    services: Services, workspace: OwnWorkspace, database: str, state: Folded
) -> None:
    gone = Folded(state.connection, workspace._replace(workspace="a-gone-one"))  # its turn comes first
    gone.position(4)
    state.position(3)
    publisher = Publisher(services.kafka, workspace.prefix, database)
    publisher.start()
    try:
        until(lambda: published(services, workspace), 20, "the decision of the other workspace")
    finally:
        publisher.stop()
    assert [(each.first_offset, each.next_offset) for each in published(services, workspace)] == [(0, 3)]


def test_a_batch_with_more_exceptions_than_a_round_takes_is_published_in_several(
    services: Services, workspace: OwnWorkspace, database: str, state: Folded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "EXCEPTIONS_AT_ONCE", 3)
    for offset in range(7):
        state.fact(offset, "refused", "a", "b")
    state.position(9)
    publisher = Publisher(services.kafka, workspace.prefix, database)
    until(lambda: publisher.publish() == 0, 20, "everything to be published")
    found = published(services, workspace)
    assert [(each.offset, each.key) for event in found for each in event.exceptions] == [
        (offset, key) for offset in range(7) for key in ("a", "b")
    ]
    assert [each.first_offset for each in found] == [0, *(each.next_offset for each in found[:-1])]
    assert found[-1].next_offset == 9


def test_the_thread_publishes_when_it_is_woken_and_two_share_the_work(
    services: Services, workspace: OwnWorkspace, database: str, state: Folded
) -> None:
    publishers = [Publisher(services.kafka, workspace.prefix, database) for _ in range(2)]
    for publisher in publishers:
        publisher.start()
    try:
        for next_offset in range(1, 6):
            state.position(next_offset)
            for publisher in publishers:
                publisher.wake(workspace.workspace, "facts")
            until(lambda expected=next_offset: state.cursor() == expected, 10, "the cursor")  # type: ignore[misc]
    finally:
        for publisher in publishers:
            publisher.stop()
    found = published(services, workspace)
    assert found[-1].next_offset == 5
    assert all(earlier.next_offset == later.first_offset for earlier, later in pairwise(found))


DUE = Due("w", "p.w.facts", 3, "an id", 10, 10_000)
TEXTS = st.integers(0, 300_000).map(lambda size: "é" * size)
EXCEPTIONS = st.lists(
    st.builds(
        DecisionException,
        st.integers(10, 30),
        ordinal=st.integers(0, 2**40),
        kept=st.none() | TEXTS,
        refused=TEXTS,
        key=st.text(max_size=5),
    ),
    max_size=12,
).map(lambda found: sorted(found, key=lambda each: each.offset))


@given(EXCEPTIONS)
def test_ranges_follow_each_other_and_each_message_is_bounded(exceptions: list[DecisionException]) -> None:
    events = list(cut(DUE, exceptions, 31))
    assert (events[0].first_offset, events[-1].next_offset) == (10, 31)
    assert all(earlier.next_offset == later.first_offset for earlier, later in pairwise(events))
    assert [(each.offset, each.key) for event in events for each in event.exceptions] == [
        (each.offset, each.key) for each in exceptions
    ]
    for event in events:
        assert len(codec.encode(event)) <= MESSAGE_BYTES_MAX
        assert all(event.first_offset <= each.offset < event.next_offset for each in event.exceptions)
