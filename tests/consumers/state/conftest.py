"""A busy log, made once, and ways to fold it into a real Postgres."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
import pytest

from runfold_consumers.fold.records import RawRecord
from runfold_consumers.state.projector import StateProjector
from runfold_schemas.events import (
    ArtifactLogged,
    ErrorRecorded,
    LossDeclared,
    OrdinalRange,
    PropertyAdded,
    RunDescribed,
    RunEnrolled,
    RunStarted,
    StatusChanged,
    TagRemoved,
    TagSet,
    WriterOpened,
)
from tests.model.world import PARTITIONS, World, Writer


def projector() -> StateProjector:
    """A state projector that knows the model's partition counts."""
    return StateProjector(lambda workspace, topic_kind: PARTITIONS[topic_kind])


def fold(conninfo: str, batches: Iterable[Sequence[RawRecord]]) -> None:
    """Folds batches of one topic kind each, a transaction a batch."""
    state = projector()
    with psycopg.connect(conninfo, prepare_threshold=None) as connection:
        for batch in batches:
            with connection.transaction():
                state.apply(connection, batch[0].topic_kind, [state.decode(raw) for raw in batch], [])


def cut(log: Sequence[RawRecord], seed: int) -> list[list[RawRecord]]:
    """The log in random batches: several partitions at once, each in order."""
    chance = random.Random(seed)
    queues: dict[tuple[str, int], list[RawRecord]] = {}
    for raw in log:
        queues.setdefault((raw.topic_kind, raw.partition), []).append(raw)
    batches = []
    while queues:
        kind = chance.choice(sorted(queues))[0]
        batch: list[RawRecord] = []
        for place in sorted(queues):
            if place[0] == kind:
                count = chance.randint(0, 40)
                batch += queues[place][:count]
                queues[place] = queues[place][count:]
        queues = {place: left for place, left in queues.items() if left}
        if batch:
            batches.append(batch)
    return batches


def busy_world(seed: int, steps: int = 220) -> World:
    """Writers that say everything there is to say about few runs; shippers that lose, repeat and pass each other."""
    chance = random.Random(seed)
    world = World()
    for _ in range(4):
        world.writer(shippers=2)
    for step in range(steps):
        writer = chance.choice(world.writers)
        run = chance.choice(("r1", "r2", "r3"))
        say_something(chance, world, writer, run, step)
        for number in range(chance.randint(0, 5)):
            writer.log(run, "loss", number, chance.choice((0.5, float("nan"), "text")))
        if chance.random() < 0.05 and len(world.writers) < 6:
            world.adopt(writer.clone())
        lost = [chance.randrange(9) for _ in range(chance.randint(0, 2))]
        chance.choice(world.shippers).ship(world.log, chance.randint(1, 20), [chance.randint(1, 9)], lost)
    for shipper in world.shippers:
        shipper.ship(world.log, len(shipper.writer.journal), [7, 2], [])
    return world


def say_something(chance: random.Random, world: World, writer: Writer, run: str, step: int) -> None:
    """One of all the things that can be said, with keys and values that need quoting."""
    name, attempt = chance.choice(("a", 'b"\\', "é")), chance.randint(0, 2)
    value, sha256 = chance.choice(("x", "y\n{}", None)), f"{step:064x}"
    experiment, status = chance.choice(("e1", "e1", "e2")), chance.choice(("Running", "Failed", "Completed"))
    facts: list[tuple[type, dict[str, Any]]] = [
        (RunStarted, {"experiment": experiment, "attempt": attempt}),
        (WriterOpened, {"actor": "ada", "pid": 7, "versions": {"python": "3.11"}}),
        (TagSet, {"key": name, "value": value}),
        (TagRemoved, {"key": name}),
        (PropertyAdded, {"properties": {name: value, f"{name}{step}": value}}),
        (StatusChanged, {"attempt": attempt, "status": status}),
        (ArtifactLogged, {"attempt": attempt, "name": name, "sha256": sha256, "part_digests": ("0" * 64,)}),
        (ArtifactLogged, {"name": name, "sha256": sha256, "body": b"\0", "metric_name": name}),
        (RunDescribed, {"display_name": value, "description": value}),
        (ErrorRecorded, {"attempt": attempt, "message": value}),
    ]
    choice = chance.randrange(len(facts) + 3)
    if choice < len(facts):
        kind, fields = facts[choice]
        writer.say(kind, "run", run, **fields)
    elif choice == len(facts):
        writer.say(RunEnrolled, "experiment", experiment, run_id=run)
    elif choice == len(facts) + 1:
        for claim in writer.claims():
            world.log.append(claim)
    else:
        lost = [OrdinalRange(step + 1, step + 3)]
        world.log.append(
            LossDeclared("run", run, writer.writer_id, 0, "points", lost, chance.choice(("damaged", "disk_full")))
        )


@pytest.fixture(scope="session")
def busy() -> World:
    """The same busy log for every test."""
    return busy_world(seed=4)
