"""State is a pure fold: drop it, fold again, and it is the same; and nobody downstream hears a decision twice."""

from __future__ import annotations

import os
import signal

from tests.stack import Stack
from tests.waiting import until

RUNS = """
from runfold import Experiment, Workspace
from runfold.exceptions import PropertyImmutableError
experiment = Experiment(Workspace.from_config(), "rebuilt")
for i in range(5):
    run = experiment.start_logging(snapshot_directory=None, outputs=False)
    run.log_list("x", range(100)); run.tag("i", i); run.tag("i", i + 1); run.add_properties({"p": "1"})
    try: run.add_properties({"p": "2"})
    except PropertyImmutableError: pass
    child = run.child_run(); child.log("y", 1.5, step=3); child.complete()
    run.log_confusion_matrix("c", {"data": {}}); run.complete()
print(run.id, run.number)
"""


def decided_offsets(stack: Stack) -> list[tuple[str, int, int, int]]:
    """All ranges that were published, in the order of the topic: (topic id, partition, first, next)."""
    from kafka import KafkaConsumer, TopicPartition

    from runfold_schemas import codec
    from runfold_schemas.events import BatchDecided

    settings = stack.settings()
    topic = f"{settings['topic_prefix']}.{settings['workspace']}.decisions"
    consumer = KafkaConsumer(bootstrap_servers=settings["kafka"], auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        found: list[tuple[str, int, int, int]] = []
        while any(consumer.position(p) < ends[p] for p in partitions):
            for messages in consumer.poll(timeout_ms=500).values():
                for message in messages:
                    event = codec.decode(message.value)
                    assert isinstance(event, BatchDecided)
                    found.append((event.source_topic_id, event.source_partition, event.first_offset, event.next_offset))
        return found
    finally:
        consumer.close()


def test_rebuilt_state_is_the_same_and_no_decision_comes_twice(stack: Stack) -> None:
    run_id, number = stack.script(RUNS).stdout.split()
    stack.run("ship", "--once")
    watchdog = stack.services()["watchdog"]["pid"]
    os.kill(watchdog, signal.SIGSTOP)  # what it would say of runs that other tests have left changes the state, too
    try:
        same_after_rebuild(stack, run_id, int(number))
    finally:
        os.kill(watchdog, signal.SIGCONT)


def same_after_rebuild(stack: Stack, run_id: str, number: int) -> None:
    before = stack.run("checksum").stdout.strip()
    assert len(before) == 64
    decided = until(lambda: decided_offsets(stack), 20, "decisions to be published")

    stack.run("rebuild")
    until(lambda: stack.run("checksum").stdout.strip() == before, 60, "the same checksum after folding again", 0.5)
    assert stack.get(f"runs/{run_id}")["number"] == number

    stack.script(RUNS)
    stack.run("ship", "--once")

    def more() -> list[tuple[str, int, int, int]]:
        found = decided_offsets(stack)
        return found if len(found) > len(decided) else []

    again = until(more, 20, "decisions about the new facts")
    next_offset: dict[tuple[str, int], int] = {}
    for topic_id, partition, first, following in again:
        assert first == next_offset.get((topic_id, partition), 0), "a range came twice, or one is missing"
        next_offset[topic_id, partition] = following
