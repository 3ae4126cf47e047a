"""Where an event goes: topic, key, partition; and what the topics of a workspace must be. Pure.

A workspace has four topics, `<prefix>.<workspace>.<kind>`: the workspace is the topic, events name none.

    facts      keyed `<aggregate_kind>/<aggregate_id>`: one order per aggregate, in which rules are decided
    telemetry  keyed `<aggregate_kind>/<aggregate_id>/<writer_id>`: commutes, so one run spreads over all partitions
    decisions  one BatchDecided per committed batch, in the partition of its source
    contract   compacted: `manifest`, and `schema/<fingerprint in hex>` for each writer schema

Partition = (murmur2(key) & 0x7fffffff) mod P, the rule of Kafka's Java client, passed explicitly. P stands in the
manifest and never changes for a topic's life.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from runfold_schemas.events import BatchDecided, Event
from runfold_schemas.limits import MESSAGE_BYTES_ON_BROKER

KINDS = ("facts", "telemetry", "decisions", "contract")
WORKSPACE = re.compile(r"[a-z0-9-]{3,33}")
PREFIX = re.compile(r"[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*")
MANIFEST_KEY = b"manifest"

_TELEMETRY = frozenset(("MetricLogged", "LogAppended", "HeartbeatSent"))
_DECISIONS = frozenset(("BatchDecided",))


class Topics(NamedTuple):
    """Names of a workspace's topics. Make it by `topics_of`, which checks the names."""

    prefix: str
    workspace: str

    @property
    def facts(self) -> str:
        """Topic of facts and of the claims WriterClosed and LossDeclared."""
        return f"{self.prefix}.{self.workspace}.facts"

    @property
    def telemetry(self) -> str:
        """Topic of metric points."""
        return f"{self.prefix}.{self.workspace}.telemetry"

    @property
    def decisions(self) -> str:
        """Topic of published decisions."""
        return f"{self.prefix}.{self.workspace}.decisions"

    @property
    def contract(self) -> str:
        """Compacted topic of manifest and writer schemas."""
        return f"{self.prefix}.{self.workspace}.contract"

    def named(self, kind: str) -> str:
        """Name of the topic of a kind: facts, telemetry, decisions or contract."""
        if kind not in KINDS:
            raise ValueError(f"no topic kind is named {kind!r}; allowed are {', '.join(KINDS)}")
        return f"{self.prefix}.{self.workspace}.{kind}"


def topics_of(prefix: str, workspace: str) -> Topics:
    """Topics of a workspace, names checked.

    Raises:
        ValueError: a name that Kafka, or the pattern projectors subscribe to, would not take.
    """
    if not WORKSPACE.fullmatch(workspace):
        raise ValueError(f"workspace {workspace!r}: allowed are 3 to 33 characters of a-z, 0-9 and '-'")
    if not PREFIX.fullmatch(prefix) or len(prefix) > 200:
        raise ValueError(
            f"topic prefix {prefix!r}: allowed are up to 200 characters of a-z, A-Z, 0-9, '_' and '-', with '.' between"
        )
    return Topics(prefix, workspace)


def parse_topic(topic: str, prefix: str) -> tuple[str, str] | None:
    """(workspace, kind) of a topic name, or None when it is no topic of this prefix."""
    start = f"{prefix}."
    workspace, _, kind = topic[len(start) :].rpartition(".")
    known = topic.startswith(start) and kind in KINDS and WORKSPACE.fullmatch(workspace)
    return (workspace, kind) if known else None


def topic_of(event_name: str) -> str:
    """Topic kind of an event: facts, telemetry or decisions."""
    if event_name in _TELEMETRY:
        return "telemetry"
    return "decisions" if event_name in _DECISIONS else "facts"


def key_of(event: Event) -> bytes:
    """The message's key, UTF-8. BatchDecided's is its source topic id and partition; its partition is the source's."""
    if isinstance(event, BatchDecided):
        return f"{event.source_topic_id}/{event.source_partition}".encode()
    key = f"{event.aggregate_kind}/{event.aggregate_id}"
    if type(event).__name__ in _TELEMETRY:
        key = f"{key}/{event.writer_id}"
    return key.encode()


def schema_key(fingerprint: bytes) -> bytes:
    """Key in `contract` under which the schema of this fingerprint lies."""
    return b"schema/" + fingerprint.hex().encode()


def schema_value(schema: Mapping[str, Any]) -> bytes:
    """What lies under that key: the schema as published, with docs, as compact JSON."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False).encode()


def partition(key: bytes, partitions: int) -> int:
    """The partition of a key, from 0. `partitions` is the manifest's count for the topic."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 (org.apache.kafka.common.utils.Utils.murmur2), as an unsigned number."""
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * 0x5BD1E995 & 0xFFFFFFFF
        k = (k ^ k >> 24) * 0x5BD1E995 & 0xFFFFFFFF
        h = (h * 0x5BD1E995 & 0xFFFFFFFF) ^ k
    if whole < length:
        h = (h ^ int.from_bytes(data[whole:], "little")) * 0x5BD1E995 & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return h ^ h >> 15


class Manifest(NamedTuple):
    """What the topics of a workspace must be; kept in `contract`, checked at start by every component.

    Attributes:
        partitions: count per topic kind. Decisions has as many as facts.
        replication: copies of each partition; min.insync.replicas is one less, at least 1.
        generation: 1, or the number in the name of a grown topic (`.g2`).
    """

    partitions: dict[str, int]
    replication: int = 1
    generation: int = 1

    def configs(self, kind: str) -> dict[str, str]:
        """Topic settings that must hold, in Kafka's words."""
        return {
            "message.timestamp.type": "LogAppendTime",
            "cleanup.policy": "compact" if kind == "contract" else "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            "unclean.leader.election.enable": "false",
            "min.insync.replicas": str(max(1, self.replication - 1)),
            "max.message.bytes": str(MESSAGE_BYTES_ON_BROKER),
        }

    def to_json(self) -> bytes:
        """As it lies in `contract`."""
        body = {"format": 1, **self._asdict(), "configs": {kind: self.configs(kind) for kind in KINDS}}
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def parse_manifest(value: bytes) -> Manifest:
    """The manifest out of `contract`. Raises ValueError with what is wrong."""
    try:
        body = json.loads(value)
        partitions = {kind: int(body["partitions"][kind]) for kind in KINDS}
        manifest = Manifest(partitions, int(body["replication"]), int(body["generation"]))
        version = body["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"the manifest in the contract topic cannot be read: {error!r}") from error
    if version != 1:
        raise ValueError(f"the manifest has format {version!r}; this release reads format 1")
    return manifest


def manifest(*, facts: int = 4, telemetry: int = 8, replication: int = 1) -> Manifest:
    """A manifest for these partition counts; the defaults are the local stack's (design §15)."""
    counts = {"facts": facts, "telemetry": telemetry, "decisions": facts, "contract": 1}
    for kind, count in counts.items():
        if count < 1:
            raise ValueError(f"{kind} needs at least 1 partition, not {count}")
    if replication < 1:
        raise ValueError(f"replication is at least 1, not {replication}")
    return Manifest(counts, replication)
