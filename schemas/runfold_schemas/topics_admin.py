"""The topics of a workspace on a real broker: create, check, read the contract. Sole importer of kafka in this room.

`create` may be repeated and run by several at once: what is there stays, what is missing is added. The manifest that
the `contract` topic holds is the truth about partition counts, which never change for a topic's life; a differing wish
is an error. `check` compares topics, settings and contract with it and changes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from runfold_schemas import catalog, topics
from runfold_schemas.catalog import Schema
from runfold_schemas.topics import KINDS, MANIFEST_KEY, Manifest, Topics

ANSWER_S = 30.0


class TopicsError(ValueError):
    """The topics of a workspace are not what they must be; the text says which, how, and what to do."""


class NoManifest(TopicsError):
    """The workspace has no `contract` topic, or no manifest in it: its topics were never created."""


class BrokerAway(ConnectionError):
    """The broker did not answer, or refused. May pass by itself."""


class Contract(NamedTuple):
    """What the `contract` topic holds.

    Attributes:
        manifest: what the topics must be.
        schemas: writer schemas by fingerprint, each found to have it.
        misplaced: keys under which something lies that is no schema of that fingerprint; none on a sound topic.
    """

    manifest: Manifest
    schemas: dict[bytes, Schema]
    misplaced: tuple[str, ...] = ()


def client_config(bootstrap: str) -> dict[str, Any]:
    """Settings that every kafka-python client takes: admin, producer, consumer. Login will come in here, once.

    Args:
        bootstrap: addresses host:port with commas between them, as in RUNFOLD_KAFKA.
    """
    addresses = [address.strip() for address in bootstrap.split(",") if address.strip()]
    if not addresses:
        raise ValueError(f"RUNFOLD_KAFKA is {bootstrap!r}; allowed are addresses host:port with commas between them")
    return {"bootstrap_servers": addresses, "client_id": "runfold"}


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
    with _admin(bootstrap) as admin:
        contract = _read(bootstrap, names) if names.contract in _described(admin, [names.contract]) else None
        wanted = _wish(names, contract.manifest if contract else None, partitions or {}, replication)
        _create_topics(admin, names, wanted)
        problems = _layout_problems(admin, names, wanted)
        if problems:
            raise TopicsError("; ".join(problems))
    _publish(bootstrap, names, wanted, contract)
    return wanted


def check(bootstrap: str, prefix: str, workspace: str) -> list[str]:
    """What is wrong with the topics of a workspace, a sentence each; empty when all is as the manifest says.

    Raises:
        ValueError: a name is not allowed.
        BrokerAway: the broker did not answer in 30 s.
    """
    names = topics.topics_of(prefix, workspace)
    with _admin(bootstrap) as admin:
        try:
            contract = read_contract(bootstrap, names)
        except TopicsError as error:
            return [str(error)]
        return [
            *_layout_problems(admin, names, contract.manifest),
            *_config_problems(admin, names, contract.manifest),
            *_cluster_problems(admin),
            *_contract_problems(names, contract),
        ]


def read_contract(bootstrap: str, names: Topics, *, seconds: float = ANSWER_S) -> Contract:
    """Reads the `contract` topic whole.

    Raises:
        NoManifest: there is no such topic, or no manifest in it.
        TopicsError: the manifest cannot be read.
        BrokerAway: the broker did not answer within `seconds`.
    """
    with _admin(bootstrap) as admin:
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
    with _admin(bootstrap) as admin:
        return {name: str(topic["topic_id"]) for name, topic in _described(admin, names).items()}


def cluster_id(bootstrap: str) -> str:
    """Id of the cluster behind the addresses."""
    with _admin(bootstrap) as admin:
        return str(admin.describe_cluster()["cluster_id"])


@contextmanager
def _admin(bootstrap: str) -> Iterator[Any]:
    with _translated(bootstrap):
        admin = KafkaAdminClient(**client_config(bootstrap), bootstrap_timeout_ms=int(ANSWER_S * 1000))
        try:
            yield admin
        finally:
            admin.close()


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


def _layout_problems(admin: Any, names: Topics, manifest: Manifest) -> list[str]:
    described = _described(admin, [names.named(kind) for kind in KINDS])
    problems = []
    for kind in KINDS:
        name = names.named(kind)
        topic = described.get(name)
        if topic is None:
            problems.append(f"topic {name} is missing; runfold topics create adds it")
            continue
        count, wanted = len(topic["partitions"]), manifest.partitions[kind]
        if count != wanted:
            problems.append(f"topic {name} has {count} partitions, its manifest says {wanted}: keys have moved")
        copies = {len(partition["replica_nodes"]) for partition in topic["partitions"]}
        if copies != {manifest.replication}:
            problems.append(f"topic {name} has {sorted(copies)} replicas, its manifest says {manifest.replication}")
    return problems


def _config_problems(admin: Any, names: Topics, manifest: Manifest) -> list[str]:
    present = _described(admin, [names.named(kind) for kind in KINDS])
    resources = [ConfigResource("TOPIC", name) for name in present]
    found = admin.describe_configs(resources, config_filter="all").get("topic", {}) if resources else {}
    return [
        f"topic {name} has {key}={found[name].get(key, {}).get('value')!r}; it must be {value!r}"
        for kind in KINDS
        if (name := names.named(kind)) in found
        for key, value in manifest.configs(kind).items()
        if found[name].get(key, {}).get("value") != value
    ]


def _cluster_problems(admin: Any) -> list[str]:
    brokers = [str(broker["broker_id"]) for broker in admin.describe_cluster()["brokers"]]
    found = admin.describe_configs([ConfigResource("BROKER", broker) for broker in brokers], config_filter="all")
    return [
        f"broker {broker} has auto.create.topics.enable=true; a misspelt name would become a topic. Set it to false"
        for broker, configs in sorted(found.get("broker", {}).items())
        if configs.get("auto.create.topics.enable", {}).get("value") == "true"
    ]


def _contract_problems(names: Topics, contract: Contract) -> list[str]:
    problems = [f"topic {names.contract}: {key} holds no schema of that fingerprint" for key in contract.misplaced]
    absent = [name for name in catalog.names() if catalog.fingerprint(name) not in contract.schemas]
    if absent:
        problems.append(
            f"topic {names.contract} lacks the schemas of {', '.join(absent)}; runfold topics create adds them"
        )
    return problems


def _read(bootstrap: str, names: Topics, seconds: float = ANSWER_S) -> Contract | None:
    """The contract; None while it holds no manifest. The topic must exist."""
    deadline = time.monotonic() + seconds
    with _translated(bootstrap):
        consumer = KafkaConsumer(
            **client_config(bootstrap),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
        )
        try:
            partition = TopicPartition(names.contract, 0)
            consumer.assign([partition])
            end = consumer.end_offsets([partition])[partition]
            entries: dict[bytes, bytes | None] = {}
            while consumer.position(partition) < end:
                if time.monotonic() > deadline:
                    raise BrokerAway(
                        f"Kafka at {bootstrap} (RUNFOLD_KAFKA): {names.contract} was not read in {seconds:g} s"
                    )
                for records in consumer.poll(timeout_ms=500).values():
                    entries.update((record.key, record.value) for record in records)
        finally:
            consumer.close()
    return _contract(entries)


def _contract(entries: Mapping[bytes, bytes | None]) -> Contract | None:
    held = entries.get(MANIFEST_KEY)
    if held is None:
        return None
    try:
        manifest = topics.parse_manifest(held)
    except ValueError as error:
        raise TopicsError(str(error)) from error
    schemas: dict[bytes, Schema] = {}
    misplaced = []
    for key, value in entries.items():
        if key == MANIFEST_KEY or value is None:
            continue
        try:
            schema = json.loads(value)
            fingerprint = catalog.fingerprint_of(catalog.canonical_form(schema))
        except (ValueError, KeyError, TypeError, AttributeError):
            misplaced.append(key.decode(errors="replace"))
            continue
        if topics.schema_key(fingerprint) == key:
            schemas[fingerprint] = schema
        else:
            misplaced.append(key.decode(errors="replace"))
    return Contract(manifest, schemas, tuple(misplaced))


def _publish(bootstrap: str, names: Topics, manifest: Manifest, held: Contract | None) -> None:
    """Manifest and released schemas, as far as they are absent."""
    absent = {f: schema for f, schema in catalog.all_released().items() if held is None or f not in held.schemas}
    entries = {topics.schema_key(f): topics.schema_value(schema) for f, schema in absent.items()}
    if held is None:
        entries[MANIFEST_KEY] = manifest.to_json()  # last: where it is read, the schemas are there
    if not entries:
        return
    with _translated(bootstrap):
        producer = KafkaProducer(**client_config(bootstrap), acks="all", linger_ms=5, allow_auto_create_topics=False)
        try:
            sent = [producer.send(names.contract, key=k, value=v, partition=0) for k, v in entries.items()]
            for future in sent:
                future.get(timeout=ANSWER_S)
        finally:
            producer.close(timeout=ANSWER_S)
