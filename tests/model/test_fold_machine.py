"""The fold agrees with the set-based model, whatever shippers, clients and batches do to the order of the log.

A state machine drives writers that say things about few runs, so that they collide; shippers, two to a journal, that
cut anywhere, fail batches and still deliver younger ones, rewind and repeat; clones that equivocate; shippers that
speak for a frozen writer, which thaws and goes on; and batches of any size.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from runfold_schemas.events import (
    ArtifactLogged,
    AssetChanged,
    AssetRegistered,
    CancelRequested,
    DatasetLinked,
    ErrorRecorded,
    ExperimentChanged,
    LaneEnd,
    LossDeclared,
    ModelChanged,
    ModelRegistered,
    OrdinalRange,
    PropertyAdded,
    PropertyCorrected,
    RecordRetried,
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

from .world import PARTITIONS, World, Writer

RUNS = st.sampled_from(("r1", "r2"))
NAMES = st.sampled_from(("a", "b", "a@2"))
VALUES = st.sampled_from(("x", "y", None))
ATTEMPTS = st.integers(0, 2)
TAGS = st.dictionaries(NAMES, VALUES, max_size=2)
WORDS = st.fixed_dictionaries(
    {
        "tags": TAGS,
        "removed_tags": st.lists(NAMES, max_size=1),
        "description": VALUES,
        "deleted": st.none() | st.booleans(),
    }
)
MODELS = st.tuples(st.just("model"), st.sampled_from(("m1", "m2")))
ASSETS = st.sampled_from((("dataset", "d1"), ("dataset", "d2"), ("environment", "d1")))
EXPERIMENTS = st.tuples(st.just("experiment"), st.sampled_from(("e1", "e2")))
VERSIONS = st.integers(-1, 3)
FLAGS = st.none() | st.booleans()
MODEL = st.fixed_dictionaries({"path": NAMES, "tags": TAGS, "properties": TAGS, "description": VALUES})
ASSET = st.fixed_dictionaries({"definition": NAMES, "tags": TAGS, "description": VALUES, "new_version": st.booleans()})
REGISTRY = st.one_of(
    st.tuples(st.just(ModelRegistered), MODELS, MODEL, st.just({})),
    st.tuples(st.just(ModelChanged), MODELS, WORDS, st.fixed_dictionaries({"version": VERSIONS, "properties": TAGS})),
    st.tuples(st.just(AssetRegistered), ASSETS, ASSET, st.just({})),
    st.tuples(st.just(AssetChanged), ASSETS, WORDS, st.fixed_dictionaries({"version": VERSIONS, "is_default": FLAGS})),
    st.tuples(st.just(ExperimentChanged), EXPERIMENTS, WORDS, st.fixed_dictionaries({"archived": FLAGS})),
)
LINK = st.fixed_dictionaries(
    {
        "direction": st.sampled_from(("input", "output")),
        "name": NAMES,
        "dataset_id": st.just("d:1"),
        "mechanism": VALUES,
    }
)
BESIDE = st.one_of(
    st.tuples(st.sampled_from((WarningRecorded, RunSubmitted, CancelRequested, SecretRead)), st.just({})),
    st.tuples(st.just(CancelRequested), st.just({})),
    st.tuples(st.just(SnapshotTaken), st.fixed_dictionaries({"snapshot_id": st.sampled_from(("s1", "s2"))})),
    st.tuples(st.just(DatasetLinked), LINK),
)
CLOSE = st.one_of(  # about one run, model and dataset, so that words meet what they are about
    st.tuples(st.just(CancelRequested), st.just(("run", "r3")), st.just({})),
    st.tuples(
        st.just(StatusChanged),
        st.just(("run", "r3")),
        st.fixed_dictionaries({"status": st.sampled_from(("Running", "Finalizing"))}),
    ),
    st.tuples(st.just(ModelRegistered), st.just(("model", "m3")), MODEL),
    st.tuples(
        st.just(ModelChanged),
        st.just(("model", "m3")),
        st.fixed_dictionaries({"version": st.integers(1, 2), "properties": TAGS, "removed_tags": st.just(("a",))}),
    ),
    st.tuples(st.just(AssetRegistered), st.just(("dataset", "d3")), ASSET),
    st.tuples(st.just(DatasetLinked), st.just(("run", "r3")), LINK),
    st.tuples(st.just(PropertyAdded), st.just(("run", "r3")), st.fixed_dictionaries({"properties": TAGS})),
    st.tuples(
        st.just(PropertyCorrected),
        st.just(("run", "r3")),
        st.fixed_dictionaries({"key": NAMES, "value": VALUES, "reason": st.just("typo")}),
    ),
    st.tuples(st.just(RecordRetried), st.just(("run", "r3")), st.just({})),
)
PICK = st.integers(0, 1_000)
PLACES = [(kind, partition) for kind, count in PARTITIONS.items() for partition in range(count)]
CUTS = st.lists(st.integers(1, 6), min_size=1, max_size=4)


class Machine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize()
    def two_writers(self) -> None:
        self.world.writer(shippers=2)
        self.world.writer()

    @rule(shippers=st.integers(1, 2))
    def fork(self, shippers: int) -> None:
        """A child speaks for the first time: a new writer, a new journal (P1)."""
        self.world.writer(shippers)

    @rule(
        writer=PICK, run=RUNS, kind=st.sampled_from((RunStarted, WriterOpened)), attempt=ATTEMPTS, other=st.booleans()
    )
    def begin(self, writer: int, run: str, kind: type, attempt: int, other: bool) -> None:
        fields = {"experiment": "e2" if other else "e1"} if kind is RunStarted else {"actor": f"actor {other}"}
        self.who(writer).say(kind, "run", run, attempt=attempt, **fields)

    @rule(writer=PICK, run=RUNS, key=NAMES, value=VALUES, remove=st.booleans())
    def tag(self, writer: int, run: str, key: str, value: str | None, remove: bool) -> None:
        if remove:
            self.who(writer).say(TagRemoved, "run", run, key=key)
        else:
            self.who(writer).say(TagSet, "run", run, key=key, value=value)

    @rule(writer=PICK, run=RUNS, display_name=VALUES, description=VALUES)
    def describe(self, writer: int, run: str, display_name: str | None, description: str | None) -> None:
        self.who(writer).say(RunDescribed, "run", run, display_name=display_name, description=description)

    @rule(writer=PICK, run=RUNS, properties=st.dictionaries(NAMES, VALUES, min_size=1))
    def add_properties(self, writer: int, run: str, properties: dict[str, str | None]) -> None:
        self.who(writer).say(PropertyAdded, "run", run, properties=properties)

    @rule(
        writer=PICK,
        run=RUNS,
        attempt=ATTEMPTS,
        status=st.sampled_from(
            ("Preparing", "Running", "NotResponding", "Thinking", "Finalizing", "Completed", "Failed")
        ),
    )
    def change_status(self, writer: int, run: str, attempt: int, status: str) -> None:
        speaker = self.who(writer)
        if status not in ("Completed", "Failed"):
            speaker.say(StatusChanged, "run", run, attempt=attempt, status=status)
        else:
            ordinal = speaker.last["run", run, "facts"] + 1
            ends = [
                lane._replace(last_ordinal=ordinal) if lane.stream == "facts" else lane
                for lane in speaker.ends("run", run)
            ]
            speaker.say(StatusChanged, "run", run, attempt=attempt, status=status, lanes=ends)

    @rule(
        writer=PICK,
        run=RUNS,
        attempt=ATTEMPTS,
        name=NAMES,
        sha256=st.sampled_from(("0" * 64, "1" * 64)),
        metric=st.booleans(),
    )
    def artifact(self, writer: int, run: str, attempt: int, name: str, sha256: str, metric: bool) -> None:
        self.who(writer).say(
            ArtifactLogged, "run", run, attempt=attempt, name=name, sha256=sha256, metric_name=name if metric else None
        )

    @rule(writer=PICK, run=RUNS, attempt=ATTEMPTS)
    def fail(self, writer: int, run: str, attempt: int) -> None:
        self.who(writer).say(ErrorRecorded, "run", run, attempt=attempt, message="why")

    @rule(writer=PICK, run=RUNS, attempt=ATTEMPTS, said=st.lists(BESIDE, min_size=1, max_size=3))
    def tell(self, writer: int, run: str, attempt: int, said: list[Any]) -> None:
        """What is said of a run beside words, properties and files."""
        for kind, fields in said:
            self.who(writer).say(kind, "run", run, attempt=attempt, **fields)

    @rule(writer=PICK, said=st.lists(REGISTRY, min_size=1, max_size=6))
    def register(self, writer: int, said: list[Any]) -> None:
        """What is said of models, assets and experiments."""
        for kind, about, fields, others in said:
            self.who(writer).say(kind, *about, **fields, **others)

    @rule(writer=PICK, run=RUNS, name=st.sampled_from(("out", "logs/é")), data=st.binary(min_size=1, max_size=9))
    def append_log(self, writer: int, run: str, name: str, data: bytes) -> None:
        self.who(writer).append_log(run, name, data)

    @rule(writer=PICK, run=RUNS, ttl_s=st.sampled_from((1.0, 120.0)))
    def send_heartbeat(self, writer: int, run: str, ttl_s: float) -> None:
        self.world.log.append(self.who(writer).heartbeat(run, ttl_s))

    @rule()
    def go_on_after_the_end(self) -> None:
        """All that came of a run is what was claimed; that there is more, a sign of life alone tells (P11)."""
        writer, log = self.world.writer(), self.world.log
        run = f"r of {writer.writer_id}"
        writer.say(StatusChanged, "run", run, status="Completed", lanes=[LaneEnd("facts", 1)])
        self.world.shippers[-1].ship(log, 1, [1], [])
        writer.say(TagSet, "run", run, key="a", value="x")
        log.append(writer.heartbeat(run, 1.0))
        self.fold_all(5)

    @rule(said=st.lists(CLOSE, min_size=2, max_size=6), lost=st.lists(PICK, max_size=2), count=st.integers(1, 12))
    def say_at_once(self, said: list[Any], lost: list[int], count: int) -> None:
        """Much about little: in one batch, or in several, with some of it late."""
        writer, shipper = self.world.writer(), self.world.shippers[-1]
        for kind, about, fields in said:
            writer.say(kind, *about, **fields)
        for dropped in (lost, ()):
            shipper.ship(self.world.log, len(said), [1], dropped)
            self.fold_all(count)

    @rule(writer=PICK, experiment=st.sampled_from(("e1", "e2")), run=RUNS)
    def enroll(self, writer: int, experiment: str, run: str) -> None:
        self.who(writer).say(RunEnrolled, "experiment", experiment, run_id=run)

    @rule(
        writer=PICK,
        run=RUNS,
        name=NAMES,
        values=st.lists(st.sampled_from((0.0, float("nan"), float("-inf"), "text")), min_size=1, max_size=9),
    )
    def log(self, writer: int, run: str, name: str, values: list[float | str]) -> None:
        for step, value in enumerate(values):
            self.who(writer).log(run, name, step, value)

    @rule(writer=PICK)
    def clone(self, writer: int) -> None:
        """P10: from here on the same writer says two things."""
        self.world.adopt(self.who(writer).clone())

    @rule(writer=PICK)
    def speak_for(self, writer: int) -> None:
        """A shipper believes the writer dead and closes its lanes; that it thaws and goes on is no error (P11)."""
        for claim in self.who(writer).claims():
            self.world.log.append(claim)

    @rule(
        writer=PICK,
        run=RUNS,
        stream=st.sampled_from(("facts", "points", "log/out")),
        first=st.integers(1, 5),
        length=st.integers(1, 3),
    )
    def declare_loss(self, writer: int, run: str, stream: str, first: int, length: int) -> None:
        lost = [OrdinalRange(first, first + length - 1)]
        self.world.log.append(LossDeclared("run", run, self.who(writer).writer_id, 0, stream, lost, "disk_full"))

    @rule(shipper=PICK, count=st.integers(1, 20), cuts=CUTS, lost=st.lists(PICK, max_size=3))
    def ship(self, shipper: int, count: int, cuts: list[int], lost: list[int]) -> None:
        shippers = self.world.shippers
        shippers[shipper % len(shippers)].ship(self.world.log, count, cuts, lost)

    @rule(shipper=PICK, back=st.integers(1, 20))
    def lose_checkpoint(self, shipper: int, back: int) -> None:
        """Losing the checkpoint costs repeats, nothing else (P5)."""
        one = self.world.shippers[shipper % len(self.world.shippers)]
        one.acknowledged = max(0, one.acknowledged - back)

    @rule(place=st.sampled_from(PLACES), count=st.integers(1, 12))
    def fold(self, place: tuple[str, int], count: int) -> None:
        self.world.fold(*place, count)

    @precondition(lambda self: any(self.world.log.folded.values()))
    @rule()
    def agree(self) -> None:
        self.world.assert_agreement()

    def teardown(self) -> None:
        self.world.settle()

    def fold_all(self, count: int) -> None:
        for place in PLACES:
            while self.world.fold(*place, count):
                pass
        self.world.assert_agreement()

    def who(self, number: int) -> Writer:
        return self.world.writers[number % len(self.world.writers)]


TestFoldAgreesWithTheModel = Machine.TestCase
TestFoldAgreesWithTheModel.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
