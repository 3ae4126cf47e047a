"""A torn or flipped journal raises nothing and costs what design §9 allows: a closed block, or one open record."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.journal.dictionary import NAMES
from runfold.journal.format import BLOCK, HEADER, SLOT, SLOTS, offset_of
from runfold.journal.writer import Journal
from tests.producer.journal.held import Held, held, missing, tag

SEGMENT_BYTES = 5 * BLOCK  # three blocks in use, one block free, one kept for the last word


@pytest.fixture(scope="module", params=["closed", "killed"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A journal of two closed blocks and an open one: two lanes of points, facts over block borders, texts."""
    root = tmp_path_factory.mktemp("written")
    journal = Journal.create(root, workspace="w", first_segment_bytes=SEGMENT_BYTES)
    one, two = journal.points("one"), journal.points("two")
    number = 0
    while journal._tail.slot < 2 * BLOCK + 90 * SLOT:
        number += 1
        one.log("loss", number / 3, number)
        if number % 3 == 0:
            two.log("accuracy", number)
        if number % 20 == 0:
            journal.fact("run", "one", lambda ordinal: tag(ordinal, value="v" * 150))
            one.log("note", f"text {number} " * 10)
    copy = tmp_path_factory.mktemp("copy") / journal.writer_id
    if request.param == "closed":
        journal.close()
    shutil.copytree(journal.folder, copy)
    yield copy
    journal.close()


def compare(whole: Held, broken: Held, what: str, altered_max: int, lost_max: int) -> None:
    """Nothing new, at most so many records other than they were, at most so many missing."""
    altered = lost = 0
    for lane, records in whole.records.items():
        found = broken.records.get(lane, {})
        assert found.keys() <= records.keys(), f"{lane} has ordinals that were never given"
        lost += len(records) - len(found)
        # repr, since a flip may make a NaN
        altered += sum(records[ordinal] != record for ordinal, record in found.items())
    assert broken.records.keys() <= whole.records.keys()
    assert altered <= altered_max, f"{what}: {altered} records differ"
    assert lost <= lost_max, f"{what}: {lost} records are gone"


@pytest.mark.slow
def test_a_flip_of_any_byte_of_a_segment_costs_its_block_or_its_record(written: Path, tmp_path: Path) -> None:
    whole = held(written)
    folder = tmp_path / written.name
    shutil.copytree(written, folder)
    content = (folder / "00000001.seg").read_bytes()
    generator = random.Random(7)
    with (folder / "00000001.seg").open("r+b", buffering=0) as file:
        # Closed blocks are the same in both journals, and reading is what takes the time.
        for place in range(0 if whole.ends is not None else 2 * BLOCK, 3 * BLOCK):
            flipped = content[place] ^ (1 << generator.randrange(8))
            file.seek(place)
            file.write(bytes([flipped]))
            broken = held(folder)
            is_closed = place < 2 * BLOCK
            # A frame that reaches into a closed block goes with it.
            compare(whole, broken, f"byte {place} {flipped:#x}", 0 if is_closed else 1, SLOTS + 1 if is_closed else 1)
            if broken.ends is not None:
                # The last word tells all that is missing.
                for lane, records in whole.records.items():
                    gone = records.keys() - broken.records.get(lane, {}).keys()
                    assert gone == missing(broken.losses).get(lane, set())
            file.seek(place)
            file.write(content[place : place + 1])
    assert held(folder) == whole


@pytest.mark.slow
def test_a_journal_torn_at_any_byte_keeps_what_lies_before(written: Path, tmp_path: Path) -> None:
    whole = held(written)
    torn = tmp_path / written.name
    shutil.copytree(written, torn)
    before = sum(map(len, whole.records.values()))
    with (torn / "00000001.seg").open("r+b", buffering=0) as file:
        for size in range(3 * BLOCK, -1 if whole.ends is None else 2 * BLOCK, -1):
            file.truncate(size)
            broken = held(torn)
            compare(whole, broken, f"size {size}", altered_max=0, lost_max=10**6)
            count = sum(map(len, broken.records.values()))
            assert 0 <= before - count <= 1, f"at byte {size} {before - count} records went at once"
            before = count
    assert before == 0 or whole.ends is not None


@pytest.mark.parametrize("name", NAMES)
def test_a_flip_of_any_byte_of_a_dictionary_costs_nothing(written: Path, name: str) -> None:
    whole = held(written)
    path = written / name
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in (0, 3, 7):
            path.write_bytes(content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :])
            assert held(written) == whole, f"byte {place}, bit {bit}"
    path.write_bytes(content)


@pytest.mark.parametrize("name", NAMES)
def test_a_dictionary_torn_at_any_byte_costs_nothing(written: Path, name: str) -> None:
    whole = held(written)
    path = written / name
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        assert held(written) == whole
    path.write_bytes(content)


def test_an_entry_damaged_in_both_copies_costs_its_series_and_no_other(written: Path, tmp_path: Path) -> None:
    whole = held(written)
    broken = tmp_path / written.name
    shutil.copytree(written, broken)
    for name in NAMES:
        content = (broken / name).read_bytes()
        place = content.index(b'"accuracy"')
        (broken / name).write_bytes(content[:place] + b"?" + content[place + 1 :])
    found = held(broken)
    assert found.points("one") == whole.points("one")
    assert found.facts("one") == whole.facts("one")
    assert not found.points("two")


def test_a_lost_block_is_declared_lane_by_lane(written: Path) -> None:
    whole = held(written)
    path = written / "00000001.seg"
    content = path.read_bytes()
    damage: list[str] = []
    path.write_bytes(content[: BLOCK + 100] + bytes([content[BLOCK + 100] ^ 1]) + content[BLOCK + 101 :])
    broken = held(written, damage=damage)
    path.write_bytes(content)
    lost = missing(broken.losses)
    for lane, records in whole.records.items():
        assert lost[lane] == records.keys() - broken.records[lane].keys() != set()
    assert {loss.reason for loss in broken.losses} == {"damaged"}
    assert any("CRC" in line for line in damage)


def test_a_lost_segment_shifts_nothing(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, workspace="w", first_segment_bytes=3 * BLOCK, segment_bytes_max=3 * BLOCK)
    lane = journal.points("one")
    for number in range(1000):
        lane.log("loss", float(number), number)
    journal.close()
    whole = held(journal.folder)
    (journal.folder / "00000002.seg").unlink()
    broken = held(journal.folder)
    compare(whole, broken, "segment 2", altered_max=0, lost_max=2 * SLOTS)
    assert [(loss.first, loss.reason) for loss in broken.losses] == [(253, "disk_full")]


def test_a_damaged_header_or_checkpoint_keeps_nobody_from_reading(written: Path) -> None:
    whole = held(written)
    header = (written / "header").read_bytes()
    (written / "header").write_bytes(b"\xff" + header[1:])
    assert held(written) == whole
    (written / "header").write_bytes(header)
    assert json.loads(header)["writer_id"]


def test_arithmetic_of_slots_is_its_own_inverse() -> None:
    from runfold.journal.format import end_of, index_of

    for index in range(1000):
        assert index_of(offset_of(index)) == index_of(end_of(index)) == index
        assert offset_of(index) % BLOCK >= HEADER
