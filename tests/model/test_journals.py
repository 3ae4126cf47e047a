"""Real journals, read by the real reader, cut by the real cutter and folded, agree with the model and lose nothing.

Writers log and state facts into journals on disk; two shippers read each journal from places of their own, a block or a
megabyte at a time, fail messages and still deliver younger ones, and go back to their checkpoints or lose these.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from runfold.journal.position import Position
from runfold.journal.reader import JournalReader
from runfold.journal.writer import Journal
from runfold.shipper.batching import Cutter
from runfold_schemas.events import PropertyAdded, RunStarted, StatusChanged, TagSet, WriterOpened

from .agreement import logical_log, logical_points
from .world import PARTITIONS, World

PICK = st.integers(0, 1_000)
RUNS = st.sampled_from(("r1", "r2"))
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=5)
VALUES = st.one_of(st.floats(), st.integers(-(2**70), 2**70), TEXT)
PLACES = [(kind, partition) for kind, count in PARTITIONS.items() for partition in range(count)]


class JournalShipper:
    """A shipper on a real journal: what it read, cut and could not deliver it reads again from its checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoint: Position | None = None

    def ship(self, world: World, max_bytes: int, lost: list[int], final: bool = False) -> int:
        reader = JournalReader(self.folder, self.checkpoint)
        messages = Cutter().cut(reader.read(max_bytes, final), now_us=1)
        failed = {number % len(messages) for number in lost} if messages else set()
        for number, message in enumerate(messages):
            if number not in failed:
                world.log.append_message(message.topic, message.key, message.value)
        if not failed:
            self.checkpoint = reader.position
        reader.close()
        return len(messages)


class Machine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="runfold-model-"))
        self.world = World()
        self.journals: list[Journal] = []
        self.open: list[Journal] = []
        self.shippers: list[JournalShipper] = []
        self.said: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self.text: dict[tuple[str, str, str], bytearray] = defaultdict(bytearray)

    @initialize()
    def first_writer(self) -> None:
        self.begin_writer()

    @rule()
    def begin_writer(self) -> None:
        journal = Journal.create(self.root, workspace="model", first_segment_bytes=8192, segment_bytes_max=16384)
        self.journals.append(journal)
        self.open.append(journal)
        self.shippers += [JournalShipper(journal.folder), JournalShipper(journal.folder)]

    @rule(
        writer=PICK,
        run=RUNS,
        name=st.sampled_from(("a", "b")),
        values=st.lists(VALUES, min_size=1, max_size=4),
        times=st.integers(1, 60),
    )
    def log(self, writer: int, run: str, name: str, values: list[Any], times: int) -> None:
        journal = self.who(writer)
        lane = journal.points(run)
        for step, value in enumerate(values * times):
            lane.log(name, value, step)
            self.said[run, journal.writer_id].append((name, step, value))

    @rule(
        writer=PICK,
        run=RUNS,
        name=st.sampled_from(("out", "é")),
        data=st.binary(max_size=9),
        times=st.integers(1, 2000),
    )
    def append_log(self, writer: int, run: str, name: str, data: bytes, times: int) -> None:
        journal = self.who(writer)
        journal.append_log(run, name, data * times)
        self.text[run, journal.writer_id, name] += data * times

    @rule(
        writer=PICK,
        run=RUNS,
        kind=st.sampled_from((WriterOpened, RunStarted, TagSet, PropertyAdded, StatusChanged)),
        value=st.sampled_from("xy"),
    )
    def state(self, writer: int, run: str, kind: Any, value: str) -> None:
        journal = self.who(writer)
        fields: dict[Any, dict[str, Any]] = {
            RunStarted: {"experiment": value},
            TagSet: {"key": "k", "value": value},
            PropertyAdded: {"properties": {"k": value}},
            StatusChanged: {"status": "Running" if value == "x" else "Completed"},
        }
        journal.fact(
            "run", run, lambda ordinal: kind("run", run, journal.writer_id, ordinal, 1, **fields.get(kind, {}))
        )

    @rule(writer=PICK)
    def end(self, writer: int) -> None:
        """The writer closes; its process speaks on by another journal."""
        if len(self.open) > 1:
            journal = self.who(writer)
            journal.close()
            self.open.remove(journal)

    @rule(writer=PICK)
    def speak_for(self, writer: int) -> None:
        """Somebody believes the writer dead, and is wrong (P11)."""
        for message in Cutter().closed(self.who(writer).ends(), now_us=1):
            self.world.log.append_message(message.topic, message.key, message.value)

    @rule(shipper=PICK, max_bytes=st.sampled_from((1, 1, 8192, 1 << 20)), lost=st.lists(PICK, max_size=2))
    def ship(self, shipper: int, max_bytes: int, lost: list[int]) -> None:
        self.shippers[shipper % len(self.shippers)].ship(self.world, max_bytes, lost)

    @rule(shipper=PICK)
    def lose_checkpoint(self, shipper: int) -> None:
        self.shippers[shipper % len(self.shippers)].checkpoint = None

    @rule(place=st.sampled_from(PLACES), count=st.integers(1, 10))
    def fold(self, place: tuple[str, int], count: int) -> None:
        self.world.fold(*place, count)

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            for journal in self.open:
                journal.close()
            shutil.rmtree(self.root, ignore_errors=True)

    def settle(self) -> None:
        """All that was journaled is shipped and folded, once, as it was said."""
        ends = {
            (*tuple(lane)[1:], lane.stream): last for journal in self.journals for lane, last in journal.ends().items()
        }
        for shipper in self.shippers:
            while shipper.ship(self.world, 1 << 20, []):
                pass
        for kind, partition in list(self.world.log.partitions):
            self.world.fold(kind, partition, 1_000_000)
        self.world.assert_agreement()
        tables = self.world.tables
        seen = {
            tuple(key)[2:]: ranges
            for table in (tables.all.lanes, tables.telemetry_lanes)
            for key, ranges in table.items()
        }
        assert seen == {lane: ((1, last + 1),) for lane, last in ends.items() if last}
        text = logical_log(tables.logs)
        assert len(text) == sum(map(len, self.text.values()))
        for log, said_text in self.text.items():
            assert bytes(text[("run", *log, ordinal)][0] for ordinal in range(1, len(said_text) + 1)) == said_text
        stored = logical_points(((row.run_id, row.writer_id), row.message) for row in tables.points)
        assert len(stored) == sum(map(len, self.said.values()))
        for lane, said in self.said.items():
            for ordinal, (name, step, value) in enumerate(said, start=1):
                series, at, _, shown = stored[(*lane, ordinal)]
                assert (series[0], series[3], at) == (name, "step", step)
                assert shown == (repr(float(value)) if series[2] in ("double", "long") else str(value))

    def who(self, number: int) -> Journal:
        return self.open[number % len(self.open)]


TestJournalsAgreeWithTheModel = Machine.TestCase
TestJournalsAgreeWithTheModel.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
