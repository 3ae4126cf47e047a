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
    AssetChanged,
    AssetRegistered,
    CancelRequested,
    DatasetLinked,
    ErrorRecorded,
    ExperimentChanged,
    LossDeclared,
    ModelChanged,
    ModelFile,
    ModelRegistered,
    OrdinalRange,
    PropertyAdded,
    PropertyCorrected,
    RecordRetried,
    RelatedDataset,
    RunDescribed,
    RunEnrolled,
    RunStarted,
    RunSubmitted,
    SecretRead,
    SnapshotTaken,
    StatusChanged,
    TagRemoved,
    TagSet,
    WarningRecorded,
    WriterOpened,
)
from tests.model.world import PARTITIONS, Shipper, World, Writer


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


def busy_world(seed: int, steps: int = 500) -> World:
    """Writers that say everything there is to say about few runs; shippers that lose, repeat and pass each other.

    By construction every kind of event is said, and every rule refuses: what a seed decides is only how they meet.
    """
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
        if chance.random() < 0.3:
            writer.append_log(run, chance.choice(("user_logs/std_log.txt", 'b"\\')), chance.randbytes(5))
        if chance.random() < 0.1:
            world.log.append(writer.heartbeat(run, chance.choice((5.0, 120.0))))
        if chance.random() < 0.05 and len(world.writers) < 6:
            world.adopt(writer.clone())
        lost = [chance.randrange(9) for _ in range(chance.randint(0, 2))]
        chance.choice(world.shippers).ship(world.log, chance.randint(1, 20), [chance.randint(1, 9)], lost)
    for shipper in world.shippers:
        shipper.ship(world.log, len(shipper.writer.journal), [7, 2], [])
    break_every_rule(world)
    return world


def break_every_rule(world: World) -> None:
    """Two writers and a twin say about things of their own what there is to say, and what each rule refuses."""
    first, second = world.writer(), world.writer()
    run, dataset, model = ("run", "ruled"), ("dataset", "ruled"), ("model", "ruled")
    first.say(WriterOpened, *run, actor="ada")
    first.say(RunStarted, *run, experiment="e1")
    first.say(RunEnrolled, "experiment", "e1", run_id="ruled")
    for value in ("1", "2"):
        first.say(PropertyAdded, *run, properties={"seed": value})
    for kind, fields in (
        (RunDescribed, {"display_name": "a", "description": "b"}),
        (ErrorRecorded, {"message": "m"}),
        (WarningRecorded, {"source": "s", "message": "m"}),
        (RunSubmitted, {"definition": "{}"}),
        (DatasetLinked, {"name": "n", "dataset_id": "d:1", "dataset_version": 1, "definition": "{}"}),
        (SecretRead, {"name": "n", "provider": "vault"}),
        (RecordRetried, {"topic": "t"}),
        (CancelRequested, {"reason": "r"}),
    ):
        first.say(kind, *run, **fields)
    first.say(ExperimentChanged, "experiment", "e1", archived=True)
    for key in ("seed", "never"):
        first.say(PropertyCorrected, *run, key=key, value="3", reason="typo")
    for digit in "01":
        first.say(ArtifactLogged, *run, name="f", sha256=digit * 64)
        first.say(SnapshotTaken, *run, snapshot_id=digit)
    for status in ("Running", "Queued", "Completed", "Failed"):
        first.say(StatusChanged, *run, status=status)
    first.say(ModelRegistered, *model, path="m", properties={"a": "b"})
    for version in (1, 9):
        first.say(ModelChanged, *model, version=version, tags={"a": "b"})
    for definition in ('{"a":1}', '{"b":1}'):
        first.say(AssetRegistered, *dataset, definition=definition, new_version=False)
    first.say(AssetChanged, *dataset, version=1, tags={"a": "b"})
    twin = first.clone()
    for writer, value in ((first, "here"), (twin, "there")):
        writer.say(TagSet, *run, key="disk", value=value)
    second.say(RunStarted, *run, experiment="e2")
    second.say(TagSet, *run, key="a", value="b")
    for writer in (first, twin, second):
        Shipper(writer).ship(world.log, len(writer.journal), [1], [])


def say_something(chance: random.Random, world: World, writer: Writer, run: str, step: int) -> None:
    """One of all the things that can be said, with keys and values that need quoting."""
    name, attempt = chance.choice(("a", 'b"\\', "é")), chance.randint(0, 2)
    value, sha256 = chance.choice(("x", "y\n{}", None)), f"{step:064x}"
    experiment = chance.choice(("e1", "e1", "e2"))
    status = chance.choice(("Running", "Preparing", "NotResponding", "Failed", "Completed"))
    facts: list[tuple[type, dict[str, Any]]] = [
        (RunStarted, {"experiment": experiment, "attempt": attempt}),
        (WriterOpened, {"actor": "ada", "pid": 7, "versions": {"python": "3.11"}}),
        (TagSet, {"key": name, "value": value}),
        (TagRemoved, {"key": name}),
        (PropertyAdded, {"properties": {name: value, f"{name}{step}": value}}),
        (PropertyCorrected, {"key": name, "value": value, "reason": name}),
        (RecordRetried, {"topic": "t", "offset": step}),
        (StatusChanged, {"attempt": attempt, "status": status}),
        (ArtifactLogged, {"attempt": attempt, "name": name, "sha256": sha256, "part_digests": ("0" * 64,)}),
        (ArtifactLogged, {"name": name, "sha256": sha256, "body": b"\0", "metric_name": name}),
        (RunDescribed, {"display_name": value, "description": value}),
        (ErrorRecorded, {"attempt": attempt, "message": value}),
        (WarningRecorded, {"attempt": attempt, "source": name, "message": name}),
        (RunSubmitted, {"definition": '{"a": "\\""}', "job_folder": value, "respond_within_s": 60.5}),
        (CancelRequested, {"reason": value}),
        (SnapshotTaken, {"attempt": attempt, "snapshot_id": name, "sha256": sha256, "size": 1, "files": 2**40}),
        (DatasetLinked, {"name": name, "dataset_id": "d:1", "dataset_version": 1, "definition": '{"b": 1}'}),
        (SecretRead, {"name": name, "provider": "vault", "found": step % 2 == 0}),
    ]
    kinds = len(facts) + 5
    choice = step if step < kinds else chance.randrange(kinds)
    if choice < len(facts):
        kind, fields = facts[choice]
        writer.say(kind, "run", run, **fields)
    elif choice == len(facts):
        writer.say(RunEnrolled, "experiment", experiment, run_id=run)
    elif choice == len(facts) + 1:
        for claim in writer.claims():
            world.log.append(claim)
    elif choice == len(facts) + 2:
        register_something(chance, writer, run, name, value)
    elif choice == len(facts) + 3:
        change_something(chance, writer, name, value)
    else:
        lost = [OrdinalRange(step + 1, step + 3)]
        world.log.append(
            LossDeclared("run", run, writer.writer_id, 0, "points", lost, chance.choice(("damaged", "disk_full")))
        )


def register_something(chance: random.Random, writer: Writer, run: str, name: str, value: str | None) -> None:
    """A version of a model or of another asset."""
    said = {"description": value, "tags": {name: value}}
    if chance.random() < 0.5:
        files = (ModelFile(name, "0" * 64, 2**40, None), ModelFile("b", "1" * 64))
        model = {"run_id": run, "experiment": value, "path": name, "files": files, "properties": {name: value}}
        datasets = (RelatedDataset("training", "d:1"),)
        writer.say(ModelRegistered, "model", chance.choice(("m", 'n"')), datasets=datasets, **model, **said)
    else:
        kind, definition = chance.choice(("dataset", "datastore")), chance.choice(('{"a": 1}', '{"b": "\\""}'))
        writer.say(AssetRegistered, kind, "d", definition=definition, new_version=chance.random() < 0.7, **said)


def change_something(chance: random.Random, writer: Writer, name: str, value: str | None) -> None:
    """Words about a model, an asset or an experiment."""
    said = {"description": value, "tags": {name: value}, "removed_tags": ("a",), "deleted": chance.choice((None, True))}
    version = chance.randint(0, 3)
    choice = chance.randrange(3)
    if choice == 0:
        writer.say(ModelChanged, "model", "m", version=version, properties={name: value}, **said)
    elif choice == 1:
        writer.say(AssetChanged, "dataset", "d", version=version, is_default=True, **said)
    else:
        writer.say(ExperimentChanged, "experiment", chance.choice(("e1", "e3")), archived=version > 1, **said)


@pytest.fixture(scope="session")
def busy() -> World:
    """The same busy log for every test."""
    return busy_world(seed=4)
