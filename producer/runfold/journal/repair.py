"""Damaged journals: what they still hold, and a sound copy of it. The journal itself is never changed.

Reading needs no repair: `reader` skips what it cannot read and says what is lost. This is for people. `report` counts;
`copy` makes a journal of the same writer with the same ordinals, whose losses are on record and whose blocks are sound.
"""

from __future__ import annotations

import os
import shutil
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from runfold.journal import folder as folders
from runfold.journal import frames, life
from runfold.journal.batches import Batch, Closed, Fact, LogText, Loss
from runfold.journal.dictionary import DictionaryReader, DictionaryWriter
from runfold.journal.format import BLOCK_HEADER, FORMAT, HEADER, LOW, MAGIC, POINT, SLOT, SLOTS, WORDS, crc_of, frame
from runfold.journal.reader import JournalReader
from runfold_schemas.watermark import Lane

_SEGMENT_SLOTS = 2048 * SLOTS  # 8 MiB
_READ_BYTES = 1 << 20


class Report(NamedTuple):
    """What a journal holds.

    Attributes:
        writer_id: whose it is.
        header: its header; None when that is unreadable.
        is_alive: the writer may still append, so there may be more later.
        records: per lane, how many points, facts or bytes of a log can be read.
        losses: ordinals that cannot, as far as anything tells them.
        ends: the writer's last word; None when it has not closed, or when that is lost.
        damage: a line for each place that was skipped.
        damaged_entries: entries of the dictionary that only one of its copies still has, or none.
        segments: numbers of the segments that are there.
    """

    writer_id: str
    header: life.Header | None
    is_alive: bool
    records: Mapping[Lane, int]
    losses: Sequence[Loss]
    ends: Mapping[Lane, int] | None
    damage: Sequence[str]
    damaged_entries: int
    segments: Sequence[int]

    @property
    def is_sound(self) -> bool:
        """Nothing is damaged and nothing is lost."""
        return not (self.losses or self.damage or self.damaged_entries or self.header is None)


def report(folder: Path) -> Report:
    """Reads a journal to its end and counts. Of a living writer, up to where it is now.

    Raises:
        OSError: the folder or a segment cannot be read at all.
    """
    is_alive = folders.is_alive(folder)
    damage: list[str] = []
    reader = JournalReader(folder, note=damage.append)
    records: Counter[Lane] = Counter()
    losses: list[Loss] = []
    ends: Mapping[Lane, int] | None = None
    for batch in _batches(reader, final=not is_alive):
        if isinstance(batch, Loss):
            losses.append(batch)
        elif isinstance(batch, Closed):
            ends = batch.ends
        else:
            records[batch.lane] += 1 if isinstance(batch, Fact) else batch.last_ordinal - batch.first_ordinal + 1
    reader.dictionary.refresh()
    return Report(
        folder.name,
        _header(folder),
        is_alive,
        dict(records),
        losses,
        ends,
        damage,
        reader.dictionary.damaged_entries,
        [number for number, _ in folders.segments(folder)],
    )


def copy(folder: Path, destination: Path) -> Path:
    """Makes a sound journal with all that a dead writer's journal still holds, and returns its folder.

    The checkpoint stays behind: everything is shipped again, and repeats drop by their ordinals.

    Args:
        folder: the journal's.
        destination: an existing folder of journals, another one than the journal's.

    Raises:
        ValueError: the writer lives; its journal is still growing.
        FileExistsError: a journal of that writer is there already.
        OSError: something cannot be read or written.
    """
    if folders.is_alive(folder):
        raise ValueError(f"the writer of {folder} is alive; copy its journal when it has ended")
    made = destination / folder.name
    made.mkdir()
    header = _header(folder) or life.Header(FORMAT, folder.name, life.host(), "", 0, 0.0, None)
    life.write_header(made, header)
    (made / "alive").touch()
    if (folder / "binding").exists():
        shutil.copy2(folder / "binding", made / "binding")
    if (folder / "spool").is_dir():
        shutil.copytree(folder / "spool", made / "spool")
    reader = JournalReader(folder)
    records = list(_batches(reader, final=True))
    reader.dictionary.refresh()
    _write_dictionary(made, reader.dictionary)
    for number, words in enumerate(_segments(records, reader.dictionary, folder.name), 1):
        (made / f"{number:08d}.seg").write_bytes(_blocks(words))
    _sync(made)
    return made


def _batches(reader: JournalReader, final: bool) -> Iterator[Batch]:
    while found := reader.read(_READ_BYTES, final=final):
        yield from found
    reader.close()


def _header(folder: Path) -> life.Header | None:
    try:
        return life.read_header(folder)
    except (OSError, ValueError):
        return None


def _write_dictionary(folder: Path, known: DictionaryReader) -> None:
    writer = DictionaryWriter(folder)
    for lane_id, lane in known.lanes.items():
        writer.lane(lane_id, lane)
    for series_id, series in known.series.items():
        writer.series(series_id, series)
    writer.flush()
    writer.close()


def _segments(records: Sequence[Batch], known: DictionaryReader, writer_id: str) -> Iterator[array[int]]:
    """Words of one segment after the other."""
    ids = {Lane(*entry, writer_id): lane_id for lane_id, entry in known.lanes.items()}
    following = dict.fromkeys(ids.values(), 1)
    number = 1
    words = frame(frames.segment_head(number, following))
    for batch in records:
        for lane, last, piece in _pieces(batch, ids):
            if len(words) // WORDS + len(piece) // WORDS > _SEGMENT_SLOTS and following:
                yield words
                number += 1
                words = frame(frames.segment_head(number, following))
            words += piece
            if lane is not None:
                following[ids[lane]] = last + 1
    yield words


def _pieces(batch: Batch, ids: Mapping[Lane, int]) -> Iterator[tuple[Lane | None, int, array[int]]]:
    """What a batch is in slots, record by record, with its lane and last ordinal."""
    if isinstance(batch, Closed):
        yield None, 0, frame(frames.closed({ids[lane]: last for lane, last in batch.ends.items()}))
    elif isinstance(batch, Loss):
        yield batch.lane, batch.last, frame(frames.loss(ids[batch.lane], batch.first, batch.last, batch.reason))
    elif isinstance(batch, Fact):
        yield batch.lane, batch.ordinal, frame(frames.fact(ids[batch.lane], batch.ordinal, batch.message))
    elif isinstance(batch, LogText):
        words = frame(frames.log(ids[batch.lane], batch.first_ordinal, batch.time, batch.attempt, batch.data))
        yield batch.lane, batch.last_ordinal, words
    else:
        columns: Any = zip(batch.ids, batch.step, batch.time, batch.value, strict=True)
        for ordinal, (series, step, time, value) in enumerate(columns, batch.first_ordinal):
            if batch.texts:
                text = batch.texts[int(value)].encode()
                yield batch.lane, ordinal, frame(frames.text_point(series, ordinal, step, time, text))
            else:
                yield batch.lane, ordinal, array("I", POINT.pack(step, time, value, ordinal & LOW, series))


def _blocks(words: array[int]) -> bytes:
    content = words.tobytes()
    blocks = []
    for start in range(0, len(content), SLOTS * SLOT):
        slots = content[start : start + SLOTS * SLOT]
        block = bytes(HEADER) + slots.ljust(SLOTS * SLOT, b"\0")
        blocks.append(BLOCK_HEADER.pack(crc_of(block), len(slots) // SLOT, MAGIC) + block[HEADER:])
    return b"".join(blocks)


def _sync(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
