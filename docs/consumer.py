"""Prints the accepted facts of a workspace, each once, as JSON: with kafka-python and fastavro, without Runfold."""

import io
import json
import os
import sys

from fastavro import parse_schema, schemaless_reader
from kafka import KafkaConsumer, TopicPartition


def records(kind):
    """All records of a topic that are there now, each partition's in order."""
    topic = f"{os.environ.get('RUNFOLD_TOPIC_PREFIX', 'runfold')}.{os.environ['RUNFOLD_WORKSPACE']}.{kind}"
    consumer = KafkaConsumer(bootstrap_servers=os.environ["RUNFOLD_KAFKA"], enable_auto_commit=False)
    places = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
    consumer.assign(places)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(places)
    while any(consumer.position(place) < end for place, end in ends.items()):
        for found in consumer.poll(timeout_ms=500).values():
            yield from found


schemas = {r.key.decode(): parse_schema(json.loads(r.value)) for r in records("contract") if r.key != b"manifest"}
decided, exceptions, seen = {}, set(), set()
for record in records("decisions"):
    batch = schemaless_reader(io.BytesIO(record.value[10:]), schemas[f"schema/{record.value[2:10].hex()}"])
    decided[record.partition] = max(decided.get(record.partition, 0), batch["next_offset"])
    exceptions |= {(record.partition, each["offset"]) for each in batch["exceptions"]}
for record in records("facts"):
    if record.offset >= decided.get(record.partition, 0) or (record.partition, record.offset) in exceptions:
        continue  # not decided yet; or refused, repeated, conflicting, skipped
    schema = schemas[f"schema/{record.value[2:10].hex()}"]
    fact = schemaless_reader(io.BytesIO(record.value[10:]), schema)
    once = (fact["aggregate_kind"], fact["aggregate_id"], fact["writer_id"], fact.get("ordinal"))
    if once[3] is None or once not in seen:  # a claim has no ordinal, and may be heard again
        seen.add(once)
        sys.stdout.write(json.dumps({"event": schema["name"], **fact}, default=str) + "\n")
