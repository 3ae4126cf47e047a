"""Who speaks to a journal that was closed speaks as the process's next writer (design P1)."""

from __future__ import annotations

from pathlib import Path

from runfold.journal import process
from runfold.journal.batches import Batch, Fact
from runfold.journal.reader import JournalReader
from runfold.journal.writer import Journal
from runfold_schemas import events
from runfold_schemas.codec import decode


def read(folder: Path) -> list[Batch]:
    reader = JournalReader(folder)
    found: list[Batch] = []
    while batches := reader.read(1 << 20, True):
        found.extend(batches)
    return found


def test_a_fact_names_the_writer_whose_journal_it_is_in(tmp_path: Path) -> None:
    first = Journal.create(tmp_path, workspace="w")
    first.close()
    first.fact("run", "r", lambda n: events.TagSet("run", "r", first.writer_id, n, 0, "key", "value"))
    (other,) = [folder for folder in tmp_path.iterdir() if folder.name != first.writer_id]
    (tag,) = [decode(batch.message) for batch in read(other) if isinstance(batch, Fact)]
    assert (tag.writer_id, tag.ordinal) == (other.name, 1)  # type: ignore[union-attr]


def test_the_next_journal_is_asked_for_with_the_run_that_is_spoken_of(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def heir(run_id: str | None) -> Journal:
        asked.append(run_id)
        return second

    first, second = Journal.create(tmp_path, workspace="w", heir=heir), Journal.create(tmp_path, workspace="w")
    lane = first.points("r")
    first.close()
    lane.log("loss", 1.0)
    first.fact("experiment", "e", lambda n: events.RunEnrolled("experiment", "e", first.writer_id, n, 0, "r"))
    assert asked == ["r", None]
    assert {lane.stream: end for lane, end in second.ends().items()} == {"facts": 1, "points": 1}
    assert second.ends_of("run", "r") == {lane: 1 for lane in second.ends() if lane.stream == "points"}
    second.close()


def test_a_process_has_one_journal_even_when_a_signal_handler_makes_it_first(tmp_path: Path) -> None:
    made: list[Journal] = []

    def create(*words: object, **options: object) -> Journal:
        journal = plain(*words, **options)  # type: ignore[arg-type]
        if not made:  # as if a handler spoke while the first one was being made
            made.append(journal)
            made.append(process.current("heir", tmp_path))
        return journal

    plain = Journal.create
    Journal.create = create  # type: ignore[method-assign, assignment]
    try:
        found = process.current("heir", tmp_path)
    finally:
        Journal.create = plain  # type: ignore[method-assign]
    assert found is made[1] is process.current("heir")
    assert not made[0].is_open
    found.close()
