"""Log text from real journals, cut by the real cutter anywhere and folded: each byte is there once, in its place.

Writers append text among points and facts, close, and are killed (they say nothing more and never close). Shippers read
each journal from places of their own, a block or a megabyte at a time, lose messages and still deliver younger ones, go
back to their checkpoints or lose these.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from runfold.journal.writer import LOG_PIECE_BYTES, Journal
from runfold_schemas.events import TagSet

from .agreement import logical_log
from .test_journals import PICK, PLACES, RUNS, JournalShipper
from .world import World

NAMES = st.sampled_from(("user_logs/std_log.txt", "logs/ä b"))
SIZES = st.one_of(st.integers(1, 200), st.sampled_from((4096, LOG_PIECE_BYTES, LOG_PIECE_BYTES + 1, 40_000)))


class Machine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="runfold-model-"))
        self.world = World()
        self.open: list[Journal] = []
        self.killed: list[Journal] = []
        self.shippers: list[JournalShipper] = []
        self.said: dict[tuple[str, str, str], bytearray] = defaultdict(bytearray)

    @initialize()
    def first_writer(self) -> None:
        self.begin_writer()

    @rule()
    def begin_writer(self) -> None:
        journal = Journal.create(self.root, workspace="model", first_segment_bytes=8192, segment_bytes_max=65536)
        self.open.append(journal)
        self.shippers += [JournalShipper(journal.folder), JournalShipper(journal.folder)]

    @rule(writer=PICK, run=RUNS, name=NAMES, size=SIZES, attempt=st.integers(0, 1))
    def append(self, writer: int, run: str, name: str, size: int, attempt: int) -> None:
        journal = self.open[writer % len(self.open)]
        said = self.said[run, journal.writer_id, name]
        data = b"".join(b"%06d " % (number * 7) for number in range(len(said) // 7, (len(said) + size) // 7 + 1))
        data = data[len(said) % 7 :][:size]
        journal.append_log(run, name, data, attempt)
        said += data

    @rule(writer=PICK, run=RUNS, count=st.integers(1, 300))
    def log_points(self, writer: int, run: str, count: int) -> None:
        lane = self.open[writer % len(self.open)].points(run)
        for number in range(count):
            lane.log("loss", float(number))

    @rule(writer=PICK, run=RUNS)
    def state(self, writer: int, run: str) -> None:
        journal = self.open[writer % len(self.open)]
        journal.fact("run", run, lambda ordinal: TagSet("run", run, journal.writer_id, ordinal, 1, "k", "v"))

    @rule(writer=PICK, closes=st.booleans())
    def end(self, writer: int, closes: bool) -> None:
        if len(self.open) > 1:
            journal = self.open.pop(writer % len(self.open))
            if closes:
                journal.close()
            else:
                self.killed.append(journal)

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
            for journal in (*self.open, *self.killed):
                journal.close()
            shutil.rmtree(self.root, ignore_errors=True)

    def settle(self) -> None:
        """All that was appended is shipped and folded, once and in its place."""
        dead = {journal.folder for journal in self.killed}
        for shipper in self.shippers:
            while shipper.ship(self.world, 1 << 20, [], final=shipper.folder in dead):
                pass
        for kind, partition in list(self.world.log.partitions):
            self.world.fold(kind, partition, 1_000_000)
        self.world.assert_agreement()
        stored: dict[tuple[str, str, str], dict[int, int]] = defaultdict(dict)
        for (_, run, writer, name, ordinal), (byte, _) in logical_log(self.world.tables.logs).items():
            stored[run, writer, name][ordinal] = byte
        assert {lane: bytes(of_lane[at] for at in sorted(of_lane)) for lane, of_lane in stored.items()} == self.said
        assert all(set(of_lane) == set(range(1, len(of_lane) + 1)) for of_lane in stored.values())


TestEachByteOfALogIsThereOnceInItsPlace = Machine.TestCase
TestEachByteOfALogIsThereOnceInItsPlace.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
