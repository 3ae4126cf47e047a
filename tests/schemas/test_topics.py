"""Where an event goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as kafkas

from runfold_schemas import catalog, topics
from runfold_schemas.events import EVENTS, BatchDecided, MetricLogged, RunEnrolled, TagSet, WriterClosed


@given(st.binary(max_size=64))
def test_murmur2_is_kafkas(data: bytes) -> None:
    assert topics.murmur2(data) == kafkas(data) & 0xFFFFFFFF


@pytest.mark.parametrize(  # from Kafka's UtilsTest.testMurmur2
    ("data", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_murmur2_is_the_java_clients(data: bytes, signed: int) -> None:
    assert topics.murmur2(data) == signed & 0xFFFFFFFF


@given(st.binary(max_size=64), st.integers(1, 1_000))
def test_a_partition_is_one_of_the_topics(key: bytes, partitions: int) -> None:
    assert 0 <= topics.partition(key, partitions) < partitions


def test_names_are_prefix_workspace_and_kind() -> None:
    named = topics.topics_of("runfold", "team-a")
    assert (named.facts, named.telemetry) == ("runfold.team-a.facts", "runfold.team-a.telemetry")
    assert (named.decisions, named.contract) == ("runfold.team-a.decisions", "runfold.team-a.contract")
    for kind in topics.KINDS:
        assert topics.parse_topic(named.named(kind), "runfold") == ("team-a", kind)
        assert topics.parse_topic(named.named(kind), "run") is None
    assert topics.parse_topic("runfold.team-a.other", "runfold") is None


@pytest.mark.parametrize("workspace", ["ab", "A-team", "a.b", "a" * 34, "", "läb", "abc\n"])
def test_workspace_names_that_kafka_or_the_pattern_would_not_take_are_refused(workspace: str) -> None:
    with pytest.raises(ValueError, match="3 to 33 characters"):
        topics.topics_of("runfold", workspace)


@pytest.mark.parametrize("prefix", ["", ".", "a..b", "a.", "ä", "a b", "a" * 201])
def test_prefixes_that_kafka_would_not_take_are_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="topic prefix"):
        topics.topics_of(prefix, "team-a")


def test_every_event_has_its_topic() -> None:
    kinds = {name: topics.topic_of(name) for name in catalog.names()}
    assert {kinds.pop(name) for name in ("MetricLogged", "LogAppended", "HeartbeatSent")} == {"telemetry"}
    assert kinds.pop("BatchDecided") == "decisions"
    assert set(kinds.values()) == {"facts"}
    assert set(EVENTS) == set(catalog.names())


def test_keys_are_the_aggregates_and_for_telemetry_the_writers_too() -> None:
    assert topics.key_of(TagSet(aggregate_id="läuf")) == "run/läuf".encode()
    assert topics.key_of(RunEnrolled(aggregate_kind="experiment", aggregate_id="e")) == b"experiment/e"
    assert topics.key_of(WriterClosed(aggregate_id="r", writer_id="w")) == b"run/r"
    assert topics.key_of(MetricLogged(aggregate_id="r", writer_id="w")) == b"run/r/w"
    assert topics.key_of(BatchDecided(source_topic_id="t", source_partition=3)) == b"t/3"


def test_a_manifest_comes_back_from_its_json() -> None:
    made = topics.manifest(facts=6, telemetry=12, replication=3)
    assert topics.parse_manifest(made.to_json()) == made
    assert made.partitions == {"facts": 6, "telemetry": 12, "decisions": 6, "contract": 1}
    assert made.configs("contract")["cleanup.policy"] == "compact"
    assert made.configs("facts")["min.insync.replicas"] == "2"


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b'{"format":1}', b"\xff", b'{"partitions":{"facts":"x"}}'])
def test_what_is_no_manifest_is_a_value_error(value: bytes) -> None:
    with pytest.raises(ValueError, match="manifest"):
        topics.parse_manifest(value)


def test_a_manifest_of_a_newer_format_is_refused_by_name() -> None:
    newer = topics.manifest().to_json().replace(b'"format":1', b'"format":2')
    with pytest.raises(ValueError, match="format 2"):
        topics.parse_manifest(newer)


@pytest.mark.parametrize("wrong", [{"facts": 0}, {"telemetry": 0}, {"replication": 0}])
def test_a_manifest_needs_counts_of_at_least_one(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        topics.manifest(**wrong)
