"""What a journal holds, read to its end and checked for the reader's promise: no gap, no repeat, ordinals in order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from runfold.journal.batches import Batch, Closed, Fact, LogText, Loss, Points
from runfold.journal.position import Position
from runfold.journal.reader import JournalReader
from runfold_schemas.codec import decode as decode_message
from runfold_schemas.events import TagSet
from runfold_schemas.values import restore
from runfold_schemas.watermark import Lane

decode = lru_cache(decode_message)  # damage tests read the same facts ten thousand times


class Point(NamedTuple):
    name: str
    column: str | None
    kind: str
    axis: str
    step: int
    value: Any


class Held(NamedTuple):
    """Records by lane and ordinal; losses, and the writer's ends if it closed."""

    records: dict[Lane, dict[int, Any]]
    losses: list[Loss]
    ends: dict[Lane, int] | None

    def points(self, run_id: str) -> dict[int, Point]:
        return next((held for lane, held in self.records.items() if lane[:3] == ("points", "run", run_id)), {})

    def log(self, run_id: str, name: str) -> dict[int, int]:
        """Bytes by ordinal."""
        return next((held for lane, held in self.records.items() if lane[:3] == (f"log/{name}", "run", run_id)), {})

    def facts(self, run_id: str) -> dict[int, Any]:
        return next((held for lane, held in self.records.items() if lane[:3] == ("facts", "run", run_id)), {})


def held(
    folder: Path, *, final: bool = True, max_bytes: int = 1 << 20, resume: bool = False, damage: list[str] | None = None
) -> Held:
    """Reads everything; with `resume`, each read by a new reader at the position of the one before, through JSON."""
    batches: list[Batch] = []
    note = None if damage is None else damage.append
    reader = JournalReader(folder, note=note)
    while found := reader.read(max_bytes, final=final):
        batches += found
        if resume:
            position = Position.from_json(reader.position.to_json())
            assert position == reader.position
            reader.close()
            reader = JournalReader(folder, position, note)
    reader.close()
    assert reader.finished or not final
    return gathered(batches)


def gathered(batches: Sequence[Batch]) -> Held:
    records: dict[Lane, dict[int, Any]] = {}
    following: dict[Lane, int] = {}
    losses, ends = [], None

    def take(lane: Lane, first: int, last: int) -> None:
        assert first == following.get(lane, 1), f"{lane}: {first} follows {following.get(lane, 1) - 1}"
        assert last >= first
        following[lane] = last + 1

    for batch in batches:
        if isinstance(batch, Loss):
            take(batch.lane, batch.first, batch.last)
            losses.append(batch)
        elif isinstance(batch, Fact):
            take(batch.lane, batch.ordinal, batch.ordinal)
            records.setdefault(batch.lane, {})[batch.ordinal] = decode(batch.message)
        elif isinstance(batch, Points):
            take(batch.lane, batch.first_ordinal, batch.last_ordinal)
            records.setdefault(batch.lane, {}).update(points_of(batch))
        elif isinstance(batch, LogText):
            take(batch.lane, batch.first_ordinal, batch.last_ordinal)
            records.setdefault(batch.lane, {}).update(enumerate(batch.data, batch.first_ordinal))
        else:
            assert isinstance(batch, Closed)
            ends = dict(batch.ends)
    return Held(records, losses, ends)


def points_of(batch: Points) -> list[tuple[int, Point]]:
    assert len(batch.ids) == len(batch.step) == len(batch.time) == len(batch.value)
    assert set(batch.ids) == set(batch.series)
    points = []
    for place, series_id in enumerate(batch.ids):
        name, column, kind, axis = batch.series[series_id]
        value: Any = batch.value[place]
        if kind != "double":
            value = restore(kind, value, batch.texts[int(value)] if kind in ("string", "bigint") else None)
        points.append((batch.first_ordinal + place, Point(name, column, kind, axis, batch.step[place], value)))
    return points


def tag(ordinal: int, writer_id: str = "", run_id: str = "run", value: str = "value") -> TagSet:
    return TagSet("run", run_id, writer_id, ordinal, 0, "key", value)


def missing(losses: Sequence[Loss]) -> dict[Lane, set[int]]:
    """Ordinals lost, by lane."""
    found: dict[Lane, set[int]] = {}
    for loss in losses:
        found.setdefault(loss.lane, set()).update(range(loss.first, loss.last + 1))
    return found
