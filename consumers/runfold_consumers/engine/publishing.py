"""The publisher of decisions: what the fold decided over ranges of offsets, as BatchDecided into `decisions` (design
§4).

Reads what is committed, from the cursor in `observed.published` up to the stored position of each facts partition;
sends; waits until the broker has everything; then moves the cursor, under the lock that it was read with. So a range is
sent at least once, ranges of a partition follow each other, and a reader that drops offsets below its own next sees
each decision once. After a rebuild the positions start below the cursor: nothing is sent until they have passed it. A
cursor belongs to a topic id: for a topic that was made anew it begins at 0 again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError

from runfold_consumers.engine.backoff import Backoff
from runfold_consumers.engine.beside import Beside
from runfold_consumers.engine.connecting import answering, connect
from runfold_consumers.engine.errors import Away
from runfold_consumers.engine.projection import Connection
from runfold_schemas import codec
from runfold_schemas.events import BatchDecided, DecisionException
from runfold_schemas.limits import MESSAGE_BYTES_MAX
from runfold_schemas.topics import Topics, key_of
from runfold_schemas.topics_admin import client_config, connected

APART_S = 0.02  # what is committed within this goes into one message
AGAIN_FIRST_S, AGAIN_MOST_S = 5.0, 15.0  # between tries for one workspace: longer than others wait for their turn
LOOK_S = 2.0  # looks by itself after this: a wake-up may have been another process's
SEND_S = 3  # below the time after which Postgres ends a transaction that waits
EXCEPTIONS_AT_ONCE = 5_000  # a partition and round
EXCEPTIONS_BYTES_MAX = MESSAGE_BYTES_MAX * 3 // 4
ENVELOPE_BYTES = 64  # of one exception, above its texts
TEXT_CHARACTERS_MAX = (
    2_000  # kept and refused values are cut to this where one fact's exceptions would not fit a message
)


class Due(NamedTuple):
    """A facts partition with decisions that were not published: offsets `cursor` up to `next_offset`."""

    workspace: str
    topic: str
    partition: int
    topic_id: str
    cursor: int
    next_offset: int


class Publisher:
    """A companion of the state projector's loop; any number may run, a partition's cursor lets one work."""

    def __init__(self, bootstrap: str, prefix: str, postgres: str) -> None:
        self._bootstrap, self._prefix, self._postgres = bootstrap, prefix, postgres
        self._connection: Connection | None = None
        self._producer: KafkaProducer | None = None
        self._retries: dict[str, Backoff] = {}
        self._beside = Beside(
            "publisher", self._all, lambda _: self.close(), self.close, look_s=LOOK_S, apart_s=APART_S
        )

    def start(self) -> None:
        """Starts the thread."""
        self._beside.start()

    def wake(self, workspace: str, topic_kind: str) -> None:
        """Something of this topic was committed; decisions are made of facts alone."""
        if topic_kind == "facts":
            self._beside.wake()

    def check(self) -> None:
        """Raises what ended the thread, if something did."""
        self._beside.check()

    def stop(self) -> None:
        """Publishes what is left and ends."""
        self._beside.stop()

    def _all(self) -> None:
        while self.publish() and not self._beside.stopping():
            pass

    def publish(self) -> int:
        """One round over all partitions that are due, a transaction a workspace; returns how many there were.

        A workspace whose decisions cannot be sent is tried later, ever more seldom: others do not wait for it.

        Raises:
            Away: Kafka or Postgres does not answer; cursors stand where they stood.
        """
        with answering():
            if self._connection is None:
                self._connection = connect(self._postgres, "publisher")
            workspaces = [row[0] for row in self._connection.execute(_WORKSPACES, [self._prefix])]
            return sum(self._publish(self._connection, workspace) for workspace in workspaces)

    def _publish(self, connection: Connection, workspace: str) -> int:
        retry = self._retries.setdefault(workspace, Backoff(AGAIN_FIRST_S, AGAIN_MOST_S))
        if not retry.due():
            return 0
        with connection.transaction():
            # Held to the end: a rebuild locks this table EXCLUSIVE before it empties any, so it cannot do that between
            # the looks at positions and facts, and make all that was refused look accepted.
            connection.execute("LOCK TABLE state.positions IN ROW SHARE MODE")
            connection.execute(_OPEN, [workspace, self._prefix])
            due = [Due(*row) for row in connection.execute(_DUE, [workspace, self._prefix])]
            if due:
                try:
                    reached = self._send(connection, due)
                except Away:
                    retry.failed()
                    raise
                columns = [[d.workspace for d in due], [d.topic for d in due], [d.partition for d in due], reached]
                connection.execute(_MOVE, columns)
        retry.succeeded()
        return len(due)

    def _send(self, connection: Connection, due: Sequence[Due]) -> list[int]:
        """Sends every range, waits for all; returns up to where each partition was sent."""
        reached, sent = [], []
        try:
            if self._producer is None:
                self._producer = connected(
                    KafkaProducer,
                    **client_config(self._bootstrap),
                    acks="all",
                    request_timeout_ms=SEND_S * 1_000,
                    delivery_timeout_ms=SEND_S * 1_000,
                    max_block_ms=SEND_S * 1_000,
                    bootstrap_timeout_ms=SEND_S * 1_000,
                    max_request_size=1 << 20,
                    allow_auto_create_topics=False,
                    metrics_enabled=False,
                )
            for each in due:
                rows = connection.execute(
                    _EXCEPTIONS, [each.workspace, each.partition, each.cursor, each.next_offset, EXCEPTIONS_AT_ONCE]
                ).fetchall()
                found = [DecisionException(*row) for row in rows]
                end = each.next_offset if len(found) < EXCEPTIONS_AT_ONCE else found[-1].offset + 1
                for event in cut(each, found, end):
                    topic = Topics(self._prefix, each.workspace).decisions
                    sent.append(
                        self._producer.send(topic, codec.encode(event), key_of(event), partition=each.partition)
                    )
                reached.append(end)
            for future in sent:
                future.get(timeout=SEND_S)
        except KafkaError as error:
            raise Away("kafka", str(error)) from error
        return reached

    def close(self) -> None:
        """Lets go of both services; the next round connects anew."""
        producer, self._producer = self._producer, None
        connection, self._connection = self._connection, None
        if producer is not None:
            with suppress(KafkaError):  # that it could not end in no time is what is wanted
                producer.close(timeout=0)  # younger messages must not follow those that failed
        if connection is not None:
            connection.close()


def cut(due: Due, exceptions: Iterable[DecisionException], end: int) -> Iterator[BatchDecided]:
    """BatchDecided events that cover [cursor, end) without gap, each below the limit of a message; an offset is never
    divided.
    """
    first, part, size = due.cursor, list[DecisionException](), 0
    for offset, group in groupby(exceptions, key=lambda each: each.offset):
        of_offset = list(group)
        bytes_of_offset = sum(map(_bytes, of_offset))
        if bytes_of_offset > EXCEPTIONS_BYTES_MAX:
            of_offset = _shortened(of_offset)
            bytes_of_offset = sum(map(_bytes, of_offset))
        if part and size + bytes_of_offset > EXCEPTIONS_BYTES_MAX:
            yield BatchDecided(due.topic_id, due.partition, first, offset, tuple(part))
            first, part, size = offset, [], 0
        part += of_offset
        size += bytes_of_offset
    yield BatchDecided(due.topic_id, due.partition, first, end, tuple(part))


def _bytes(each: DecisionException) -> int:
    texts = (each.writer_id, each.verdict, each.rule, each.key, each.kept or "", each.refused or "")
    return ENVELOPE_BYTES + sum(len(text.encode()) for text in texts)


def _shortened(exceptions: list[DecisionException]) -> list[DecisionException]:
    """Values cut, and where even that is too much, exceptions dropped from the end; the API has them all."""

    def short(text: str | None) -> str | None:
        return text if text is None or len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - 1] + "…"

    kept: list[DecisionException] = []
    size = 0
    for each in exceptions:
        shorter = each._replace(kept=short(each.kept), refused=short(each.refused))
        size += _bytes(shorter)
        if kept and size > EXCEPTIONS_BYTES_MAX:
            break
        kept.append(shorter)
    return kept


_WORKSPACES = """
SELECT DISTINCT workspace
FROM state.positions LEFT JOIN observed.published USING (workspace, topic, partition, topic_id)
WHERE topic = %s || '.' || workspace || '.facts' AND coalesce(published.next_offset, -1) < positions.next_offset
ORDER BY workspace
"""
_OPEN = """
INSERT INTO observed.published AS published (workspace, topic, partition, next_offset, topic_id)
SELECT workspace, topic, partition, 0, topic_id FROM state.positions
WHERE workspace = %s AND topic = %s || '.' || workspace || '.facts'
  AND (workspace, topic, partition, topic_id)
      NOT IN (SELECT workspace, topic, partition, topic_id FROM observed.published)
ON CONFLICT (workspace, topic, partition) DO UPDATE SET next_offset = 0, topic_id = excluded.topic_id
WHERE published.topic_id <> excluded.topic_id
"""
_DUE = """
SELECT workspace, topic, partition, topic_id, published.next_offset, stored.next_offset
FROM observed.published JOIN state.positions AS stored USING (workspace, topic, partition, topic_id)
WHERE workspace = %s AND topic = %s || '.' || workspace || '.facts'
  AND published.next_offset < stored.next_offset
ORDER BY workspace, topic, partition
FOR UPDATE OF published SKIP LOCKED
"""
_EXCEPTIONS = """
SELECT "offset", coalesce(facts.writer_id, ''), coalesce(facts.ordinal, 0), verdict,
       coalesce(refusals.rule, facts.rule, ''), coalesce(refusals.key, ''), refusals.kept, refusals.refused
FROM (
    SELECT workspace, partition, "offset", writer_id, ordinal, verdict, rule FROM state.facts
    WHERE workspace = %s AND partition = %s AND "offset" >= %s AND "offset" < %s AND verdict <> 'accepted'
    ORDER BY "offset" LIMIT %s
) AS facts
LEFT JOIN state.refusals AS refusals USING (workspace, partition, "offset")
ORDER BY "offset", refusals.key
"""
_MOVE = """
UPDATE observed.published AS stored SET next_offset = sent.next_offset
FROM unnest(%s::text[], %s::text[], %s::int[], %s::bigint[]) AS sent (workspace, topic, partition, next_offset)
WHERE (stored.workspace, stored.topic, stored.partition) = (sent.workspace, sent.topic, sent.partition)
"""
