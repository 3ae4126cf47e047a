"""What a workspace's topics hold, as a reader sees it that drops repeats by ordinal; and processes that journal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from kafka import KafkaConsumer, TopicPartition

from runfold_schemas import events, topics
from runfold_schemas.codec import decode
from runfold_schemas.events import Event
from runfold_schemas.topics import Manifest, Topics, topics_of
from runfold_schemas.watermark import Lane
from tests.services import OwnWorkspace, Services

T = TypeVar("T")


class Message(NamedTuple):
    """One record of a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes

    @property
    def event(self) -> Event:
        return decode(self.value)


class Ledger(NamedTuple):
    """Everything in facts and telemetry, repeats included."""

    messages: list[Message]

    @property
    def events(self) -> list[Event]:
        return [message.event for message in self.messages]

    def facts(self) -> dict[tuple[Lane, int], Event]:
        """Facts by lane and ordinal; a repeat must say the same."""
        found: dict[tuple[Lane, int], Event] = {}
        for event in self.events:
            ordinal = getattr(event, "ordinal", None)
            if ordinal is not None:
                lane = Lane("facts", event.aggregate_kind, event.aggregate_id, event.writer_id)  # type: ignore[union-attr]
                assert found.setdefault((lane, ordinal), event) == event
        return found

    def points(self, run_id: str) -> dict[str, dict[int, tuple[str, int, object]]]:
        """By writer, by ordinal: (name, step, value). Repeats must say the same."""
        found: dict[str, dict[int, tuple[str, int, object]]] = {}
        for event in self.events:
            if isinstance(event, events.MetricLogged) and event.aggregate_id == run_id:
                of_writer = found.setdefault(event.writer_id, {})
                for place, (which, step, value) in enumerate(zip(event.index, event.step, event.value, strict=True)):
                    series = event.series[which]
                    said: object = event.texts[int(value)] if series.kind == "string" else float(value)
                    point = (series.name, int(step), said)
                    assert of_writer.setdefault(event.first_ordinal + place, point) == point
        return found

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


def read(services: Services, workspace: OwnWorkspace) -> Ledger:
    """Reads the topics from beginning to end; each record must lie in the partition of its key."""
    names = topics_of(workspace.prefix, workspace.workspace)
    return Ledger(list(_records(services.kafka, names, topics.manifest())))


def _records(bootstrap: str, names: Topics, manifest: Manifest) -> Iterator[Message]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        for kind in ("facts", "telemetry"):
            count = manifest.partitions[kind]
            parts = [TopicPartition(names.named(kind), number) for number in range(count)]
            consumer.assign(parts)
            ends = consumer.end_offsets(parts)
            consumer.seek_to_beginning(*parts)
            while any(consumer.position(part) < ends[part] for part in parts):
                for part, records in consumer.poll(timeout_ms=1000).items():
                    for record in records:
                        assert topics.partition(record.key, count) == part.partition
                        yield Message(kind, part.partition, record.offset, record.key, record.value)
    finally:
        consumer.close()


def python(script: str, *words: object, **options: object) -> subprocess.Popen[str]:
    """A process of its own; `words` are its arguments."""
    command = [sys.executable, "-u", "-c", script, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload,no-any-return]


def journal(root: Path, workspace: str | None, script: str, *words: object) -> str:
    """Runs a script that has `journal` and `lane` (of run "r") and returns the writer; it ends as the script ends."""
    head = """
import os, sys
from pathlib import Path
from runfold.journal.writer import Journal
from runfold_schemas import events
journal = Journal.create(Path(sys.argv[1]), workspace=sys.argv[2] or None)
lane = journal.points("r")
def fact(kind, id, make):
    about = dict(aggregate_kind=kind, aggregate_id=id, writer_id=journal.writer_id)
    return journal.fact(kind, id, lambda n: make(**about, ordinal=n))
print(journal.writer_id, flush=True)
"""
    done = python(head + script, root, workspace or "", *words)
    out, _ = done.communicate(timeout=60)
    assert done.returncode in (0, 7, -9), out
    return out.split()[0]
