"""A projection that counts what it folds, and what is needed to run it: for tests of the engine, which knows no event.

Values are text. Every record becomes a row of `counted` (without key: folding one twice shows as two rows), skipped
ones with verdict `skipped`. "undecodable" raises in decode, "unfoldable" in the fold, "undatable" and
"unindexable" in Postgres,
"unknown" names a schema that nobody has. As a program: `python -m tests.consumers.engine.counting <kafka> <prefix>
<postgres>`, ended by SIGTERM; it freezes itself in the middle of the transaction that folds the first "freeze".
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from kafka import KafkaProducer

from runfold_consumers.engine.contracts import Contracts
from runfold_consumers.engine.dead_letters import Limit
from runfold_consumers.engine.health import Health
from runfold_consumers.engine.loop import CONDITIONS, Loop, Options
from runfold_consumers.engine.projection import Companion, Connection
from runfold_consumers.fold.records import RawRecord
from runfold_schemas import topics
from runfold_schemas.errors import UnknownFingerprint
from runfold_schemas.process_metrics import Registry
from tests.services import OwnWorkspace, Services
from tests.waiting import until

TABLE = """
CREATE TABLE counted (
    topic_kind text, topic text, partition int, "offset" bigint, value text, verdict text,
    at timestamptz DEFAULT clock_timestamp()
)
"""


class Counting:
    """Projection of RawRecords; `fail` makes the next `apply` raise it."""

    name = "counting"
    topic_kinds: Sequence[str] = ("facts", "telemetry")
    positions_schema = "state"

    def __init__(self) -> None:
        self.fail: list[Exception] = []
        self.forgot = 0
        self.batches: list[int] = []
        self.freezes = False

    def decode(self, raw: RawRecord) -> RawRecord:
        if raw.value == b"undecodable":
            raise ValueError("no text\x00 of mine")
        if raw.value == b"unknown":
            raise UnknownFingerprint(b"12345678")
        return raw

    def prepare(self, topic_kind: str, records: Sequence[RawRecord]) -> None:
        if self.fail:
            raise self.fail.pop()

    def apply(
        self, connection: Connection, topic_kind: str, records: Sequence[RawRecord], skipped: Sequence[RawRecord]
    ) -> None:
        self.batches.append(len(records))
        for verdict, raws in (("folded", records), ("skipped", skipped)):
            with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                for raw in raws:
                    copy.write_row((topic_kind, raw.topic, raw.partition, raw.offset, raw.value.decode(), verdict))
        if any(raw.value == b"undatable" for raw in records):
            connection.execute("SELECT 'ten'::int")
        if any(raw.value == b"unindexable" for raw in records):  # as where a key is too long for an index
            connection.execute("DO $$ BEGIN RAISE SQLSTATE '54000'; END $$")
        if any(raw.value == b"unfoldable" for raw in records):
            raise KeyError("unfoldable")
        if self.freezes and any(raw.value == b"freeze" for raw in records):
            self.freezes = False
            os.kill(os.getpid(), signal.SIGSTOP)

    def forget(self) -> None:
        self.forgot += 1


_COPY = 'COPY counted (topic_kind, topic, partition, "offset", value, verdict) FROM STDIN'


class Ledger:
    """What was folded, as a reader sees it."""

    def __init__(self, database: str) -> None:
        self.connection = psycopg.connect(database, autocommit=True, prepare_threshold=None)

    def values(self, verdict: str = "folded", kind: str = "facts") -> list[str]:
        return [
            row[0]
            for row in self.connection.execute(
                'SELECT value FROM counted WHERE verdict = %s AND topic_kind = %s ORDER BY partition, "offset", at',
                [verdict, kind],
            )
        ]

    def dead_letters(self) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            'SELECT kind, reason, value, "offset", partition FROM observed.dead_letters ORDER BY partition, "offset"'
        ).fetchall()

    def doubled(self) -> int:
        row = self.connection.execute(
            'SELECT count(*) - count(DISTINCT (topic, partition, "offset")) FROM counted'
        ).fetchone()
        assert row is not None
        return int(row[0])


class Sender:
    """Puts text into a workspace's topics, each under its key's partition unless told otherwise."""

    def __init__(self, services: Services, workspace: OwnWorkspace) -> None:
        self.producer = KafkaProducer(bootstrap_servers=services.kafka, acks="all", linger_ms=5)
        self.names = topics.topics_of(workspace.prefix, workspace.workspace)

    def __call__(
        self, *values: str, kind: str = "facts", key: str = "run/a", partition: int | None = None
    ) -> list[Any]:
        return [future.get(timeout=10) for future in self.later(*values, kind=kind, key=key, partition=partition)]

    def later(self, *values: str, kind: str = "facts", key: str = "run/a", partition: int | None = None) -> list[Any]:
        """Without waiting for the broker."""
        where = topics.partition(key.encode(), 4 if kind == "facts" else 8) if partition is None else partition
        name = self.names.named(kind)
        return [self.producer.send(name, value.encode(), key.encode(), partition=where) for value in values]

    def close(self) -> None:
        self.producer.close()


class Running:
    """A loop in a thread; `error` is what ended it."""

    def __init__(self, loop: Loop[Any], projection: Any, health: Health) -> None:
        self.projection, self.health = projection, health
        self.error: BaseException | None = None
        self._loop = loop
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def until_ready(self) -> None:
        until(lambda: self.error or self.health.ready()[0], 20, f"readiness: {self.health.ready()}")
        if self.error:
            raise self.error

    def until_stopped(self) -> BaseException:
        self._thread.join(timeout=20)
        assert not self._thread.is_alive()
        assert self.error is not None
        return self.error

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=20)
        assert not self._thread.is_alive()


@contextmanager
def running(
    services: Services,
    workspace: OwnWorkspace,
    database: str,
    limit: Limit = Limit(),  # noqa: B008 - a NamedTuple
    companions: Sequence[Companion] = (),
) -> Iterator[Running]:
    """A loop with a projection of its own, until the block ends."""
    options, projection, health = (
        Options(services.kafka, workspace.prefix, database, limit),
        Counting(),
        Health(CONDITIONS),
    )
    contracts, metrics = Contracts(services.kafka, workspace.prefix), Registry("projector-state")
    loop = Loop(options, projection, health, contracts, metrics, companions)
    one = Running(loop, projection, health)
    try:
        yield one
    finally:
        one.stop()


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    kafka_, prefix_, postgres_ = sys.argv[1:]
    counting = Counting()
    counting.freezes = True
    contracts_, metrics_ = Contracts(kafka_, prefix_), Registry("projector-state")
    Loop(Options(kafka_, prefix_, postgres_), counting, Health(CONDITIONS), contracts_, metrics_).run(ending)
