"""Kafka, as the shipper sees it; the only module of the shipper that imports it.

A `Connection` is one producer and good until its first failure: then `failure` is set, what was handed to it and is
not acknowledged counts as unsent, and it is discarded, never repaired. (kafka-python fails the oldest batch and goes
on with younger ones; to repair that one would have to know which. A new producer and a rewind is simpler and always
right.) A `Cluster` is the address: it makes connections, one at a time, shared by all who drain journals to it, with
a back-off between attempts.

Partitions are passed explicitly, by the number that the workspace's manifest states (design P6). A writer schema is put
into `contract` before its first use, unless it is there.

What goes to one partition goes as a `Parcel`: one record batch of Kafka's, which the broker takes whole or not at all,
and one acknowledgement. kafka-python's own `send` costs 25 us of the machine a message, most of it for a future each.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.structs import TopicPartition

from runfold.shipper.troubles import Trouble, backoff_s, log
from runfold_schemas import codec, topics_admin
from runfold_schemas.topics import Manifest, Topics, schema_key, topics_of

BOOTSTRAP_S = 5.0  # how long one attempt to reach the broker may take
TOPIC_S = 3.0  # how long the broker may take to tell about a topic; kafka-python takes all of it for an absent one
REQUEST_S = 10.0
DELIVERY_S = 20.0  # after which a message that is not acknowledged breaks its connection
METADATA_AGE_S = 15.0  # how late a re-created topic may be noticed when nothing fails
BATCH_BYTES = 1_000_000  # below the topics' max.message.bytes, which counts a whole batch
REQUEST_BYTES = 4_000_000  # one request carries a batch of each of several partitions
RECORD_BYTES_MAX = 40  # of a record, beside key and value

codec.load_columns()  # whoever sends also encodes, and has paid for kafka already

# kafka-python warns of each retry. We tell of trouble ourselves, once; who wants its view sets the level of its logger.
if logging.getLogger("kafka").level == logging.NOTSET:
    logging.getLogger("kafka").setLevel(logging.CRITICAL + 1)


class Route(NamedTuple):
    """Where the events of one workspace go on one cluster."""

    topics: Topics
    manifest: Manifest
    topic_ids: dict[str, str]  # by topic name; with the cluster's id, what a checkpoint holds for
    schemas: set[bytes]  # fingerprints that `contract` has; grows


class Parcel(NamedTuple):
    """Messages for one partition, in order: one record batch."""

    topic: str
    partition: int
    messages: list[tuple[bytes, bytes]]  # key and value

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return sum([len(value) for _, value in self.messages])


def parcels(messages: Iterable[tuple[str, int, bytes, bytes]]) -> Iterator[Parcel]:
    """(topic, partition, key, value) by partition, each partition's in their order, none above BATCH_BYTES unless it
    is one message.
    """
    open_parcels: dict[tuple[str, int], tuple[Parcel, list[int]]] = {}
    for topic, partition, key, value in messages:
        place, size = (topic, partition), len(key) + len(value) + RECORD_BYTES_MAX
        parcel, room = open_parcels.get(place) or (None, [0])
        if parcel is None or room[0] < size:
            if parcel is not None:
                yield parcel
            parcel, room = open_parcels[place] = Parcel(topic, partition, []), [BATCH_BYTES - RECORD_BYTES_MAX * 4]
        parcel.messages.append((key, value))
        room[0] -= size
    for parcel, _ in open_parcels.values():
        yield parcel


class Connection:
    """One producer. Thread-safe; callbacks run in kafka-python's own thread and must be short."""

    def __init__(self, bootstrap: str, bytes_in_flight_max: int) -> None:
        """Connects at once.

        Args:
            bootstrap: addresses, host:port with commas between.
            bytes_in_flight_max: from here on `full` is true. kafka-python itself has no bound.

        Raises:
            Trouble: the broker cannot be reached within 5 s.
        """
        self._bootstrap = bootstrap
        self._bytes_max = bytes_in_flight_max
        self._bytes = 0
        self._routes: dict[str, Route] = {}
        self._lock = threading.Lock()
        self._routing = threading.Lock()
        self.failure: BaseException | None = None
        self.proved = False  # something was acknowledged
        clients: list[Any] = []

        def client(**settings: Any) -> Any:  # kafka-python's own hook; its metadata knows cluster and topic ids
            clients.append(KafkaNetClient(**settings))
            return clients[0]

        try:
            self._producer: Any = KafkaProducer(
                **topics_admin.client_config(bootstrap),
                kafka_client=client,
                acks="all",
                linger_ms=0,
                batch_size=BATCH_BYTES,
                max_request_size=REQUEST_BYTES,
                bootstrap_timeout_ms=int(BOOTSTRAP_S * 1000),
                max_block_ms=int(TOPIC_S * 1000),
                request_timeout_ms=int(REQUEST_S * 1000),
                delivery_timeout_ms=int(DELIVERY_S * 1000),
                metadata_max_age_ms=int(METADATA_AGE_S * 1000),
                reconnect_backoff_max_ms=1000,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        except (KafkaError, OSError, ValueError) as error:
            raise Trouble("kafka", f"Kafka at {bootstrap} (RUNFOLD_KAFKA) cannot be reached: {error}.") from error
        # Its exit hook would close it before the training process has flushed its journal. Whoever made us closes us.
        atexit.unregister(self._producer._cleanup)
        self._metadata: Any = clients[0].cluster
        self.cluster_id = str(self._metadata.cluster_id)
        _connections.add(self)

    @property
    def full(self) -> bool:
        """As many bytes are in flight as may be: send later."""
        return self._bytes >= self._bytes_max

    def route(self, workspace: str, prefix: str) -> Route:
        """Topics, partitions and schemas of a workspace, read once.

        Raises:
            Trouble: a topic is absent, cannot be read, or is not what the manifest says in a way that would misplace or
                alter what is sent. What else is wrong with the topics goes to the log.
        """
        with self._routing:
            if workspace not in self._routes:
                self._routes[workspace] = self._find(topics_of(prefix, workspace))
            return self._routes[workspace]

    def intact(self, route: Route) -> bool:
        """Nothing failed, and cluster and topics still are those that the connection began with."""
        cluster = self._metadata
        if self.failure is None and (
            str(cluster.cluster_id) != self.cluster_id
            or any(str(cluster.topic_id(name) or known) != known for name, known in route.topic_ids.items())
        ):
            self._fail(
                Trouble("topics", f"the topics of {route.topics.workspace} were made anew; shipping starts again.")
            )
        return self.failure is None

    def announce(self, route: Route, fingerprint: bytes, schema: Callable[[], dict[str, Any]]) -> None:
        """Puts a writer schema into `contract` unless it is there, and waits until it is acknowledged.

        Raises:
            Trouble: the broker did not take it within 10 s.
        """
        if fingerprint in route.schemas:
            return
        value = json.dumps(schema(), sort_keys=True, separators=(",", ":")).encode()
        try:
            future = self._producer.send(route.topics.contract, value, key=schema_key(fingerprint), partition=0)
            future.get(timeout=REQUEST_S)
        except (KafkaError, ValueError) as error:
            self._fail(error)
            raise Trouble("kafka", f"{route.topics.contract} takes no schema: {error}.") from error
        route.schemas.add(fingerprint)

    def send(self, parcel: Parcel, acknowledged: Callable[[], None]) -> None:
        """Hands a parcel to the producer; `acknowledged` is called once all replicas have all of it, or never.

        Raises nothing: what goes wrong is in `failure`.
        """
        size = parcel.size
        with self._lock:
            self._bytes += size

        def done(result: tuple[Any, ...]) -> None:
            exception_of = result[2]
            if exception_of is not None:
                self._fail(exception_of(0))
                return
            with self._lock:
                self._bytes -= size
            self.proved = True
            acknowledged()

        try:
            self._hand_over(parcel, done)
        except Exception as error:  # noqa: BLE001 - whatever it is, the parcel is not sent
            self._fail(error)

    def _hand_over(self, parcel: Parcel, done: Callable[[tuple[Any, ...]], None]) -> None:
        """Puts a whole batch behind those that wait for the producer's thread, as its `send` does record by record."""
        place = TopicPartition(parcel.topic, parcel.partition)
        records = MemoryRecordsBuilder(2, 0, BATCH_BYTES)
        now_ms = time.time_ns() // 1_000_000
        for key, value in parcel.messages:
            if records.append(now_ms, key, value, []) is None:
                raise Trouble("kafka", f"a parcel of {len(parcel.messages)} messages does not fit into a batch")
        batch = ProducerBatch(place, records)
        batch.produce_future.add_callback(done)
        batch.produce_future.add_errback(self._fail)
        batch._record_futures.append(_Whole(self._fail))
        accumulator = self._producer._accumulator
        with accumulator._tp_lock(place):
            if self._producer._closed or accumulator._closed:
                raise KafkaError("the connection was closed")
            accumulator._batches[place].append(batch)
            accumulator._incomplete.add(batch)
        self._producer._sender.wakeup()

    def discard(self) -> None:
        """Stops the producer without waiting; what is not acknowledged is dropped. Harmless when repeated."""
        self._fail(KafkaError("the connection was closed"))
        sender = self._producer._sender
        sender.force_close()  # close(timeout=0) would raise before it gets here when something is in flight
        with contextlib.suppress(KafkaError):
            self._producer.close(timeout=0)
        self._producer._closed = True  # else its finalizer waits a second

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error

    def _find(self, topics: Topics) -> Route:
        try:
            contract, problems = topics_admin.inspect(self._bootstrap, topics, seconds=REQUEST_S)
        except (topics_admin.TopicsError, ValueError) as error:
            raise Trouble("topics", f"{error}.") from error
        except (KafkaError, OSError) as error:
            raise Trouble("kafka", f"{topics.contract} cannot be read: {error}.") from error
        _tell(topics, problems)
        ids = {}
        for kind in ("facts", "telemetry", "contract"):
            name = topics.named(kind)
            try:
                self._producer.partitions_for(name)
            except KafkaTimeoutError as error:
                raise Trouble(
                    "topics", f"Kafka at {self._bootstrap} (RUNFOLD_KAFKA) has no topic {name}, or does not answer."
                ) from error
            except KafkaError as error:
                raise Trouble("topics", f"topic {name} cannot be used: {error}.") from error
            ids[name] = str(self._metadata.topic_id(name))
        return Route(topics, contract.manifest, ids, set(contract.schemas))


class _Whole:
    """Stands for all records of a batch where kafka-python keeps a future each: it divides a batch that the broker
    finds too large, and then no one future tells of all of it any more.
    """

    def __init__(self, fail: Callable[[BaseException], None]) -> None:
        self._fail = fail

    def rebind(self, _future: object, _index: int) -> None:
        """Called when the batch is divided."""
        self._fail(
            Trouble("topics", f"a topic takes no {BATCH_BYTES:,} bytes at once: `runfold topics check` says more.")
        )


class Cluster:
    """An address of Kafka and the one connection to it, shared by all who drain journals to it. Thread-safe."""

    def __init__(self, bootstrap: str, prefix: str, *, bytes_in_flight_max: int = 8 << 20) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self._bytes_max = bytes_in_flight_max
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._failures = 0
        self._not_before = 0.0  # monotonic
        self._last: Trouble | None = None

    def connection(self) -> Connection:
        """The live connection, made when there is none.

        Raises:
            Trouble: the broker cannot be reached, or the last connection broke and the back-off has not passed.
        """
        with self._lock:
            old = self._connection
            if old is not None:
                if old.failure is None:
                    return old
                self._connection = None
                old.discard()
                self._broke(_told(self.bootstrap, old.failure), proved=old.proved)
            if self._last is not None and time.monotonic() < self._not_before:
                raise self._last
            try:
                self._connection = Connection(self.bootstrap, self._bytes_max)
            except Trouble as trouble:
                self._broke(trouble, proved=False)
                raise
            return self._connection

    def close(self) -> None:
        """Drops the connection without waiting. The next `connection` makes a new one."""
        with self._lock:
            if self._connection is not None:
                self._connection.discard()
                self._connection = None

    def _broke(self, trouble: Trouble, *, proved: bool) -> None:
        self._failures = 1 if proved else self._failures + 1
        self._not_before = time.monotonic() + backoff_s(self._failures)
        self._last = trouble


def _tell(topics: Topics, problems: Iterable[topics_admin.Problem]) -> None:
    """Tells what is wrong with a workspace's topics; Trouble where what is sent would be misplaced or altered."""
    command = f"{topics_admin.CHECK} --prefix {topics.prefix} --workspace {topics.workspace}"
    for problem in problems:
        if problem.grave:
            raise Trouble("topics", f"{problem.text}, so nothing is sent. `{command}` says whether all is well.")
        log.info("runfold: %s. `%s` says whether all is well.", problem.text, command)


def _told(bootstrap: str, failure: BaseException) -> Trouble:
    if isinstance(failure, Trouble):
        return failure
    return Trouble("kafka", f"Kafka at {bootstrap} (RUNFOLD_KAFKA) does not take events: {failure}.")


# A forked child leaves inherited clients alone: a producer's finalizer would wait for threads that it does not have.
_connections: weakref.WeakSet[Connection] = weakref.WeakSet()
_inherited: list[Connection] = []


def _after_fork_in_child() -> None:
    for connection in list(_connections):
        connection._producer._closed = True
        _inherited.append(connection)  # never collected, so never closed


os.register_at_fork(after_in_child=_after_fork_in_child)
