"""The example on docs/events.md reads what a workspace says, without Runfold, as its decisions have it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from tests.stack import Stack
from tests.waiting import until

PAGE = Path(__file__).parents[2] / "docs/events.md"
RUN = """
from runfold import Experiment, Workspace
from runfold.exceptions import PropertyImmutableError
run = Experiment(Workspace.from_config(), "read-elsewhere").start_logging(snapshot_directory=None, outputs=False)
run.tag("kind", "read")
run.add_properties({"data": "first"})
try:
    run.add_properties({"data": "second"})
except PropertyImmutableError:
    pass
run.complete()
print(">>>" + run.id)
"""


def test_the_example_prints_each_accepted_fact_once(stack: Stack, tmp_path: Path) -> None:
    run_id = stack.script(RUN).stdout.rpartition(">>>")[2].strip()
    said = json.loads((stack.home / "stack.json").read_text())
    environment = stack.environment | {"RUNFOLD_WORKSPACE": said["workspace"]}
    environment.setdefault("RUNFOLD_KAFKA", said.get("kafka") or "")
    [example] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(example.splitlines()) <= 40
    script = tmp_path / "consumer.py"
    script.write_text(example, encoding="utf-8")

    def told() -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        facts = [json.loads(line) for line in done.stdout.splitlines()]
        return [fact for fact in facts if fact["aggregate_id"] == run_id and "ordinal" in fact]

    def ended() -> bool:
        return any(fact.get("status") == "Completed" for fact in told())

    until(ended, 60, what="the decision about Completed is published")
    once = told()
    _send_again(environment, run_id)
    until(lambda: _is_folded(environment), 60, what="the repeats are folded")
    assert told() == once
    names = [fact["event"].rpartition(".")[2] for fact in once]
    assert names.count("PropertyAdded") == names.count("TagSet") == names.count("RunStarted") == 1
    assert [fact["properties"] for fact in once if "properties" in fact] == [{"data": "first"}]


def _facts(environment: dict[str, str]) -> str:
    return f"{environment['RUNFOLD_TOPIC_PREFIX']}.{environment['RUNFOLD_WORKSPACE']}.facts"


def _send_again(environment: dict[str, str], run_id: str) -> None:
    """All facts of a run, to the partition where they are."""
    topic = _facts(environment)
    consumer = KafkaConsumer(bootstrap_servers=environment["RUNFOLD_KAFKA"], enable_auto_commit=False)
    producer = KafkaProducer(bootstrap_servers=environment["RUNFOLD_KAFKA"], acks="all")
    places = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
    consumer.assign(places)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(places)
    while any(consumer.position(place) < end for place, end in ends.items()):
        for place, records in consumer.poll(timeout_ms=500).items():
            for record in records:
                if record.key == f"run/{run_id}".encode():
                    producer.send(topic, record.value, key=record.key, partition=place.partition)
    producer.flush(30)
    producer.close()
    consumer.close()


def _is_folded(environment: dict[str, str]) -> bool:
    """Whether the projector has folded each partition up to its end."""
    import psycopg

    with psycopg.connect(environment["RUNFOLD_POSTGRES"]) as connection:
        rows = connection.execute("SELECT topic, partition, next_offset FROM state.positions").fetchall()
    folded = {(topic, partition): offset for topic, partition, offset in rows}
    consumer = KafkaConsumer(bootstrap_servers=environment["RUNFOLD_KAFKA"], enable_auto_commit=False)
    topic = _facts(environment)
    places = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
    ends = consumer.end_offsets(places)
    consumer.close()
    return all(folded.get((topic, place.partition), 0) >= end for place, end in ends.items())
