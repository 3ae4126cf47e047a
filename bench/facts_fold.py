"""Small facts a second through decode, fold and store alone: no broker, one transaction a batch, `state.facts` kept.

    RUNFOLD_POSTGRES=... python bench/facts_fold.py [facts] [batch] [--profile]

Makes a database of its own and drops it. Beside it stands the aim of the whole way (issue 4: 25,000 facts/s visible);
alone, this part must be well above. Facts are tags, statuses and properties of 1,000 runs, a writer each.
"""

from __future__ import annotations

import cProfile
import gc
import os
import pstats
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench import databases
from runfold_consumers.fold.records import RawRecord
from runfold_consumers.state.projector import StateProjector
from runfold_schemas import topics
from runfold_schemas.codec import encode
from runfold_schemas.events import Event, PropertyAdded, RunStarted, StatusChanged, TagSet, WriterOpened

AIM_FACTS_PER_S = 25_000
PARTITIONS = 4
RUNS = 1_000


def facts(count: int) -> list[RawRecord]:
    """A partitioned log of `count` facts, nine tags to a property or status."""
    now = 1_790_000_000_000_000
    writers = [uuid.uuid4().hex for _ in range(RUNS)]
    ids = [str(uuid.uuid4()) for _ in range(RUNS)]
    ordinals = [0] * RUNS
    offsets = [0] * PARTITIONS
    records = []
    for number in range(count):
        run = number % RUNS
        ordinals[run] += 1
        ordinal = ordinals[run]
        head = ("run", ids[run], writers[run], ordinal, now + number)
        event: Event
        if ordinal == 1:
            event = WriterOpened(*head, actor="bench", host="host", pid=1, versions={"python": "3.11"})
        elif ordinal == 2:
            event = RunStarted(*head, experiment="bench")
        elif ordinal % 20 == 0:
            event = StatusChanged(*head, status="Running")
        elif ordinal % 20 == 10:
            event = PropertyAdded(*head, properties={f"property {ordinal}": "value"})
        else:
            event = TagSet(*head, key=f"tag {ordinal % 7}", value=f"value {number}")
        key = topics.key_of(event)
        partition = topics.partition(key, PARTITIONS)
        records.append(
            RawRecord(
                "bench",
                "facts",
                "b.bench.facts",
                partition,
                offsets[partition],
                now + number // 500 * 1000,
                key,
                encode(event),
            )
        )
        offsets[partition] += 1
    return records


def batches(records: list[RawRecord], size: int) -> Iterator[list[RawRecord]]:
    """Polls of `size` records, in (partition, offset) order as the engine hands them over."""
    for start in range(0, len(records), size):
        yield sorted(records[start : start + size], key=lambda raw: (raw.partition, raw.offset))


def cpu_seconds(pid: int) -> float:
    """CPU time of the backend, 0 where it runs elsewhere: on a busy machine the wall clock tells little."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measures and prints."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    count, size = (numbers + [100_000, 5_000][len(numbers) :])[:2]
    records = facts(count)
    gc.freeze()  # as `runfold project` does
    gc.set_threshold(50_000, 20, 50)
    with databases.migrated() as conninfo:
        projector = StateProjector(lambda workspace, topic_kind: PARTITIONS)
        profile = cProfile.Profile() if "--profile" in sys.argv else None
        decode_s = apply_s = commit_s = 0.0
        with psycopg.connect(conninfo, prepare_threshold=None) as connection:
            if profile:
                profile.enable()
            backend_pid = connection.info.backend_pid
            python_cpu, postgres_cpu = time.process_time(), cpu_seconds(backend_pid)
            for batch in batches(records, size):
                started = time.perf_counter()
                decoded = [projector.decode(raw) for raw in batch]
                folded = time.perf_counter()
                projector.apply(connection, "facts", decoded, [])
                applied = time.perf_counter()
                connection.commit()
                decode_s += folded - started
                apply_s += applied - folded
                commit_s += time.perf_counter() - applied
            python_cpu, postgres_cpu = time.process_time() - python_cpu, cpu_seconds(backend_pid) - postgres_cpu
            if profile:
                profile.disable()
                pstats.Stats(profile).sort_stats("tottime").print_stats(28)
        total = decode_s + apply_s + commit_s
        print(
            f"{count:,} facts in batches of {size:,}: {count / total:,.0f} facts/s, {total / count * 1e6:.1f} us a fact"
        )
        parts = {"decode": decode_s, "fold and store": apply_s, "commit": commit_s}
        parts |= {"CPU of Python": python_cpu, "CPU of Postgres": postgres_cpu}
        for part, seconds in parts.items():
            print(f"  {part:15} {seconds / count * 1e6:5.1f} us a fact")
        print(f"  aim for the whole way, broker included: {AIM_FACTS_PER_S:,} facts/s")


if __name__ == "__main__":
    main()
