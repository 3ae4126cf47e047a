"""Reads a journal, in any process: while it is written, after its writer's end, damaged or not.

`read` hands out batches up to where the writer is, and moves `position` behind them; a new reader goes on exactly
there. Bytes that are torn or flipped never raise: what cannot be read is a Loss as soon as something tells its ordinals
(the next record of its lane, the head of the next segment, the writer's last word), so a lane's batches and losses
together have no gap.

With final=True (the caller knows that the writer is dead or has closed) nothing is waited for: holes and torn records
at the end are skipped as well. `finished` says that no more can come.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from runfold.journal import folder as folders
from runfold.journal.batches import Batch, Closed, Fact, LogText, Loss, Points
from runfold.journal.blocks import read_stretch
from runfold.journal.dictionary import DictionaryReader
from runfold.journal.format import BLOCK, SLOTS
from runfold.journal.position import Position
from runfold.journal.records import Records

__all__ = ["Batch", "Closed", "Fact", "JournalReader", "LogText", "Loss", "Points", "Position"]


class JournalReader:
    """One reader of one journal; not thread-safe.

    Attributes:
        writer_id: the journal's writer.
    """

    def __init__(
        self, folder: Path, position: Position | None = None, note: Callable[[str], None] | None = None
    ) -> None:
        """
        Args:
            folder: the journal's.
            position: where an earlier reader stopped; None for the beginning.
            note: called with a line for each piece of damage that is skipped.
        """
        self.writer_id = folder.name
        self._folder, self._tell = folder, note
        start = position or Position()
        self._segment, self._slot = start.segment, start.slot
        self._dictionary = DictionaryReader(folder)
        self._records = Records(self.writer_id, self._dictionary, start, self._note)
        self._file, self._size = -1, 0
        self._is_at_end = False

    @property
    def position(self) -> Position:
        """Behind the last batch that was handed out."""
        return self._records.position(self._segment, self._slot)

    @property
    def finished(self) -> bool:
        """The writer's last word was handed out, or the last read was final and came to the end of what there is."""
        return self._records.closed or self._is_at_end

    @property
    def dictionary(self) -> DictionaryReader:
        """The lanes and series of the journal, as far as they were needed."""
        return self._dictionary

    def read(self, max_bytes: int = 1 << 20, final: bool = False) -> list[Batch]:
        """The next batches; none when there is nothing new.

        Args:
            max_bytes: of the journal, about; at least a block is read, and a record larger than this is read whole.
            final: nobody appends any more: the life lock is free, or the writer said so.

        Raises:
            OSError: the journal cannot be read; a vanished folder is a FileNotFoundError.
        """
        self._is_at_end = False
        left = max(1, max_bytes // BLOCK)
        while left > 0 or not self._records.batches:
            blocks = max(1, left)
            if self._file < 0 and not self._open():
                self._is_at_end = final
                break
            used, reached_writer = self._take(blocks, final)
            if not used and not final and self._has_newer():
                # The writer went on to another segment before that was to be seen, so what is here now is all.
                used, reached_writer = self._take(blocks, True)
            left -= max(1, used // SLOTS)
            if self._slot >= self._slots:
                self._records.leave_segment()
                self.close()
            elif not used or (reached_writer and self._records.batches):
                break
        batches, self._records.batches = self._records.batches, []
        return batches

    def sync(self) -> None:
        """Asks the kernel to put the segment that is read, and newer ones, onto the disk; waits for it."""
        for number, path in folders.segments(self._folder):
            if number >= self._segment:
                file = os.open(path, os.O_RDONLY)
                try:
                    _sync(file)
                finally:
                    os.close(file)

    def close(self) -> None:
        """Closes the segment's file; `position` stays."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @property
    def _slots(self) -> int:
        return -(-self._size // BLOCK) * SLOTS

    def _take(self, blocks: int, over: bool) -> tuple[int, bool]:
        """Takes what the next blocks hold: how many slots that were, and whether the writer is where they end."""
        while True:
            stretch = read_stretch(self._file, self._size, self._slot, blocks, over)
            taken = self._records.take(stretch, self._slots - self._slot, over)
            self._slot += taken.slots
            if taken.slots or not taken.needed or stretch.ends_at != "chunk":
                return taken.slots, stretch.ends_at == "writer"
            blocks = 2 + taken.needed // SLOTS

    def _open(self) -> bool:
        """Opens the segment to read next; False when there is none yet."""
        for number, path in folders.segments(self._folder):
            if number < self._segment:
                continue
            self._file = os.open(path, os.O_RDONLY)
            self._size = os.fstat(self._file).st_size
            if number == self._segment and self._slot >= self._slots:
                self.close()  # read to its end
                continue
            if self._segment == 0:
                self._records.has_baseline = number > 1
            if number != self._segment:
                self._segment, self._slot = number, 0
            return True
        return False

    def _has_newer(self) -> bool:
        return any(number > self._segment for number, _ in folders.segments(self._folder))

    def _note(self, what: str) -> None:
        if self._tell is not None:
            self._tell(f"segment {self._segment}, from slot {self._slot} on: {what}")


def _sync(file: int) -> None:
    if sys.platform == "darwin":
        os.fsync(file)
    else:
        os.fdatasync(file)
