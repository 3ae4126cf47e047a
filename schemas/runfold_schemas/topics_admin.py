"""The topics of a workspace on a real broker: create, check, read the contract. Sole importer of kafka in this room.

`create` may be repeated and run by several at once: what is there stays, what is missing is added. The manifest that
the `contract` topic holds is the truth about partition counts, which never change for a topic's life; a differing wish
is an error. `inspect` and `check` compare topics, settings and contract with it and change nothing.

Every question has a time: `seconds` bounds each of its waits (connecting, an answer, reading the contract), and no
thread is left behind, whatever the broker does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from kafka.net.compat import KafkaNetClient

from runfold_schemas import catalog, topics
from runfold_schemas.contract import Contract, Problem, TopicsError, contract_problems, parse_contract
from runfold_schemas.topics import KINDS, MANIFEST_KEY, Manifest, Topics

ANSWER_S = 30.0
CHECK = "runfold topics check"
_FOLDED_WRONG = (
    "message.timestamp.type",
    "cleanup.policy",
)  # settings without which what is folded is not what was said

ClientT = TypeVar("ClientT")


class NoManifest(TopicsError):
    """The workspace has no `contract` topic, or no manifest in it: its topics were never created."""


class BrokerAway(ConnectionError):
    """The broker did not answer, or refused. May pass by itself."""


def client_config(bootstrap: str) -> dict[str, Any]:
    """Settings that every kafka-python client takes: admin, producer, consumer. Login will come in here, once.

    Args:
        bootstrap: addresses host:port with commas between them, as in RUNFOLD_KAFKA.
    """
    addresses = [address.strip() for address in bootstrap.split(",") if address.strip()]
    if not addresses:
        raise ValueError(f"RUNFOLD_KAFKA is {bootstrap!r}; allowed are addresses host:port with commas between them")
    return {"bootstrap_servers": addresses, "client_id": "runfold"}


def connected(kind: Callable[..., ClientT], **config: Any) -> ClientT:
    """A kafka-python client. Where its constructor raises, its thread is ended: the library leaves one a try."""
    made: list[KafkaNetClient] = []

    def net(**settings: Any) -> KafkaNetClient:
        made.append(KafkaNetClient(**settings))
        return made[0]

    try:
        return kind(kafka_client=net, **config)
    except BaseException:
        for client in made:
            client.close()
        raise


def create(
    bootstrap: str,
    prefix: str,
    workspace: str,
    *,
    partitions: Mapping[str, int] | None = None,
    replication: int | None = None,
) -> Manifest:
    """Creates what is missing of a workspace: topics, manifest, released schemas.

    Args:
        bootstrap: addresses of the broker.
        prefix: first part of the topics' names.
        workspace: the workspace.
        partitions: count for `facts` and `telemetry`; what is left out is as in the manifest, else 4 and 8.
        replication: copies of each partition; None means as in the manifest, else 1.

    Returns:
        The manifest that holds from now on.

    Raises:
        ValueError: a name or a count is not allowed.
        TopicsError: the workspace exists with other counts.
        BrokerAway: the broker did not answer in 30 s.
    """
    names = topics.topics_of(prefix, workspace)
    with _admin(bootstrap, ANSWER_S) as admin:
        contract = _read(bootstrap, names, ANSWER_S) if names.contract in _described(admin, [names.contract]) else None
        wanted = _wish(names, contract.manifest if contract else None, partitions or {}, replication)
        _create_topics(admin, names, wanted)
        problems = _layout_problems(admin, names, wanted)
        if problems:
            raise TopicsError("; ".join(problem.text for problem in problems))
    _publish(bootstrap, names, wanted, contract)
    return wanted


def check(bootstrap: str, prefix: str, workspace: str) -> list[str]:
    """What is wrong with the topics of a workspace, a sentence each; empty when all is as the manifest says.

    Raises:
        ValueError: a name is not allowed.
        BrokerAway: the broker did not answer in 30 s.
    """
    try:
        _, problems = inspect(bootstrap, topics.topics_of(prefix, workspace))
    except TopicsError as error:
        return [str(error)]
    return [problem.text for problem in problems]


def inspect(bootstrap: str, names: Topics, *, seconds: float | None = None) -> tuple[Contract, list[Problem]]:
    """The contract of a workspace, and what is wrong with its topics: what every component asks at its start.

    Raises:
        NoManifest, TopicsError, BrokerAway: as `read_contract`.
    """
    seconds = ANSWER_S if seconds is None else seconds
    with _admin(bootstrap, seconds) as admin:
        contract = _read_known(admin, bootstrap, names, seconds)
        return contract, [
            *_layout_problems(admin, names, contract.manifest),
            *_config_problems(admin, names, contract.manifest),
            *_cluster_problems(admin),
            *contract_problems(names, contract),
        ]


def read_contract(bootstrap: str, names: Topics, *, seconds: float | None = None) -> Contract:
    """Reads the `contract` topic whole.

    Args:
        seconds: how long the broker may take to connect, for an answer, and for the topic; None: 30.

    Raises:
        NoManifest: there is no such topic, or no manifest in it.
        TopicsError: the manifest cannot be read.
        BrokerAway: the broker did not answer within `seconds`.
    """
    seconds = ANSWER_S if seconds is None else seconds
    with _admin(bootstrap, seconds) as admin:
        return _read_known(admin, bootstrap, names, seconds)


def _read_known(admin: Any, bootstrap: str, names: Topics, seconds: float) -> Contract:
    known = _described(admin, [names.contract])
    contract = _read(bootstrap, names, seconds) if names.contract in known else None
    if contract is None:
        raise NoManifest(
            f"workspace {names.workspace!r} has no manifest in topic {names.contract}; "
            f"create its topics with: runfold topics create --prefix {names.prefix} --workspace {names.workspace}"
        )
    return contract


def topic_ids(bootstrap: str, names: Iterable[str]) -> dict[str, str]:
    """Ids (UUIDs) of those topics that exist, by name. A topic that was deleted and made anew has another id."""
    with _admin(bootstrap, ANSWER_S) as admin:
        return {name: str(topic["topic_id"]) for name, topic in _described(admin, names).items()}


class Standing(NamedTuple):
    """What a principal may do with each topic (READ, WRITE, DESCRIBE, ...; empty where the broker does not say), and
    the broker time of the newest fact, in unix seconds: its clock is not behind that. None: there is none.
    """

    permitted: Mapping[str, frozenset[str]]
    newest_s: float | None


def standing(bootstrap: str, names: Topics, *, seconds: float | None = None) -> Standing:
    """How this principal stands with the topics of a workspace, by name of the topic; those that exist.

    Raises:
        BrokerAway: the broker did not answer within `seconds`.
    """
    with _admin(bootstrap, ANSWER_S if seconds is None else seconds) as admin:
        described = _described(admin, [names.named(kind) for kind in KINDS])
        permitted = {name: frozenset(topic.get("authorized_operations") or ()) for name, topic in described.items()}
        facts = described.get(names.named("facts"), {"partitions": []})
        places = [TopicPartition(names.named("facts"), each["partition_index"]) for each in facts["partitions"]]
        found = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.MAX_TIMESTAMP)) if places else {}
    newest = max((at.timestamp for at in found.values()), default=-1)
    return Standing(permitted, newest / 1000 if newest >= 0 else None)


def cluster_id(bootstrap: str) -> str:
    """Id of the cluster behind the addresses."""
    with _admin(bootstrap, ANSWER_S) as admin:
        return str(admin.describe_cluster()["cluster_id"])


@contextmanager
def _admin(bootstrap: str, seconds: float) -> Iterator[Any]:
    with _translated(bootstrap):
        admin = connected(KafkaAdminClient, **client_config(bootstrap), **_patience(seconds))
        try:
            yield admin
        finally:
            admin.close()


def _patience(seconds: float) -> dict[str, int]:
    milliseconds = max(1, int(seconds * 1000))
    return {"bootstrap_timeout_ms": milliseconds, "request_timeout_ms": milliseconds}


@contextmanager
def _translated(bootstrap: str) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise BrokerAway(f"Kafka at {bootstrap} (RUNFOLD_KAFKA) did not do what was asked: {error!r}") from error


def _described(admin: Any, names: Iterable[str]) -> dict[str, Any]:
    return {topic["name"]: topic for topic in admin.describe_topics(list(names)) if topic["error_code"] == 0}


def _wish(names: Topics, held: Manifest | None, partitions: Mapping[str, int], replication: int | None) -> Manifest:
    unknown = sorted(set(partitions) - {"facts", "telemetry"})
    if unknown:
        raise ValueError(f"partitions of {', '.join(unknown)} cannot be chosen; allowed are facts and telemetry")
    asked = topics.manifest(**partitions, replication=replication or 1)
    if held is None:
        return asked
    differing = [
        f"{kind} has {held.partitions[kind]} partitions, not {count}"
        for kind, count in partitions.items()
        if held.partitions[kind] != count
    ]
    if replication is not None and replication != held.replication:
        differing.append(f"replication is {held.replication}, not {replication}")
    if differing:
        raise TopicsError(
            f"workspace {names.workspace!r} exists and its manifest says otherwise: {', '.join(differing)}. "
            f"Counts never change, since keys would move: leave the option out, or take another workspace"
        )
    return held


def _create_topics(admin: Any, names: Topics, manifest: Manifest) -> None:
    wanted = {
        names.named(kind): {
            "num_partitions": manifest.partitions[kind],
            "replication_factor": manifest.replication,
            "configs": manifest.configs(kind),
        }
        for kind in KINDS
    }
    missing = {name: topic for name, topic in wanted.items() if name not in _described(admin, wanted)}
    if not missing:
        return
    answer = admin.create_topics(missing, timeout_ms=int(ANSWER_S * 1000), raise_errors=False)
    for topic in answer["topics"]:
        error = for_code(topic["error_code"])
        if topic["error_code"] != 0 and error is not TopicAlreadyExistsError:
            raise TopicsError(f"topic {topic['name']} was not created: {error.__name__}: {topic.get('error_message')}")
    admin.wait_for_topics(list(wanted), timeout_ms=int(ANSWER_S * 1000))


def _layout_problems(admin: Any, names: Topics, manifest: Manifest) -> list[Problem]:
    described = _described(admin, [names.named(kind) for kind in KINDS])
    problems = []
    for kind in KINDS:
        name = names.named(kind)
        topic = described.get(name)
        if topic is None:
            problems.append(Problem(f"topic {name} is missing; runfold topics create adds it"))
            continue
        count, wanted = len(topic["partitions"]), manifest.partitions[kind]
        if count != wanted:
            text = f"topic {name} has {count} partitions, its manifest says {wanted}: keys have moved"
            problems.append(Problem(text, grave=True))
        copies = {len(partition["replica_nodes"]) for partition in topic["partitions"]}
        if copies != {manifest.replication}:
            text = f"topic {name} has {sorted(copies)} replicas, its manifest says {manifest.replication}"
            problems.append(Problem(text))
    return problems


def _config_problems(admin: Any, names: Topics, manifest: Manifest) -> list[Problem]:
    present = _described(admin, [names.named(kind) for kind in KINDS])
    resources = [ConfigResource("TOPIC", name) for name in present]
    found = admin.describe_configs(resources, config_filter="all").get("topic", {}) if resources else {}
    hidden = [
        Problem(f"the settings of topic {name} may not be read; give this principal DESCRIBE_CONFIGS on it")
        for name in present
        if not found.get(name)
    ]
    return hidden + [
        Problem(
            f"topic {name} has {key}={found[name].get(key, {}).get('value')!r}; it must be {value!r}",
            grave=key in _FOLDED_WRONG,
        )
        for kind in KINDS
        if found.get(name := names.named(kind))
        for key, value in manifest.configs(kind).items()
        if found[name].get(key, {}).get("value") != value
    ]


def _cluster_problems(admin: Any) -> list[Problem]:
    brokers = [str(broker["broker_id"]) for broker in admin.describe_cluster()["brokers"]]
    found = admin.describe_configs([ConfigResource("BROKER", broker) for broker in brokers], config_filter="all")
    return [
        Problem(
            f"broker {broker} has auto.create.topics.enable=true; a misspelt name would become a topic. Set it to false"
        )
        for broker, configs in sorted(found.get("broker", {}).items())
        if configs.get("auto.create.topics.enable", {}).get("value") == "true"
    ]


def _read(bootstrap: str, names: Topics, seconds: float) -> Contract | None:
    """The contract; None while it holds no manifest. The topic must exist."""
    deadline = time.monotonic() + seconds
    with _translated(bootstrap):
        consumer: Any = connected(
            KafkaConsumer,
            **client_config(bootstrap),
            **_patience(seconds),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=min(500, max(1, int(seconds * 1000) - 1)),
        )
        try:
            partition = TopicPartition(names.contract, 0)
            consumer.assign([partition])
            end = consumer.end_offsets([partition])[partition]
            entries: dict[bytes, bytes | None] = {}
            while (left := deadline - time.monotonic()) > 0:
                for records in consumer.poll(timeout_ms=min(500, int(left * 1000))).values():
                    entries.update((record.key, record.value) for record in records)
                if (consumer.position(partition, timeout_ms=max(1, int(left * 1000))) or 0) >= end:
                    return parse_contract(entries)
        finally:
            consumer.close(timeout_ms=1_000)
    raise BrokerAway(f"Kafka at {bootstrap} (RUNFOLD_KAFKA): {names.contract} was not read in {seconds:g} s")


def _publish(bootstrap: str, names: Topics, manifest: Manifest, held: Contract | None) -> None:
    """Manifest and released schemas, as far as they are absent."""
    absent = {f: schema for f, schema in catalog.all_released().items() if held is None or f not in held.schemas}
    entries = {topics.schema_key(f): topics.schema_value(schema) for f, schema in absent.items()}
    if held is None:
        entries[MANIFEST_KEY] = manifest.to_json()  # last: where it is read, the schemas are there
    if not entries:
        return
    with _translated(bootstrap):
        producer: Any = connected(
            KafkaProducer,
            **client_config(bootstrap),
            **_patience(ANSWER_S),
            acks="all",
            linger_ms=5,
            allow_auto_create_topics=False,
        )
        try:
            sent = [producer.send(names.contract, key=k, value=v, partition=0) for k, v in entries.items()]
            for future in sent:
                future.get(timeout=ANSWER_S)
        finally:
            producer.close(timeout=1)


__all__ = [
    "CHECK",
    "BrokerAway",
    "Contract",
    "NoManifest",
    "Problem",
    "TopicsError",
    "check",
    "client_config",
    "cluster_id",
    "connected",
    "create",
    "inspect",
    "read_contract",
    "topic_ids",
]
