"""Where a reader of a journal stands: enough for another reader, in another process, to go on exactly there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Expected(NamedTuple):
    """What comes next in a lane.

    Attributes:
        ordinal: next one that was not handed out yet.
        skipped: how many slots the reader had skipped when it handed out the one before; what it has skipped since
            bounds the gap that a record of an open block may show.
    """

    ordinal: int
    skipped: int


class Position(NamedTuple):
    """Next slot to read, and what had been read before.

    Attributes:
        segment: number of the segment; 0 before the first.
        slot: index of the next slot in it, block headers not counted.
        skipped: slots that held nothing readable so far: holes, torn records, lost blocks.
        damaged: how many of them are damage; the others are holes that a writer left when it was interrupted.
        expected: by lane id.
        closed: the writer's last word was read.
    """

    segment: int = 0
    slot: int = 0
    skipped: int = 0
    damaged: int = 0
    expected: Mapping[int, Expected] = {}
    closed: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; `from_json` is its inverse."""
        return {
            "segment": self.segment,
            "slot": self.slot,
            "skipped": self.skipped,
            "damaged": self.damaged,
            "expected": {str(lane): list(expected) for lane, expected in self.expected.items()},
            "closed": self.closed,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Position:
        """The position that `to_json` wrote.

        Raises:
            ValueError: it is none; a checkpoint like that is worth no more than none at all.
        """
        try:
            expected = {int(lane): Expected(int(pair[0]), int(pair[1])) for lane, pair in body["expected"].items()}
            segment, slot, skipped, damaged = (int(body[name]) for name in ("segment", "slot", "skipped", "damaged"))
            return cls(segment, slot, skipped, damaged, expected, bool(body["closed"]))
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{body!r:.200} is no position in a journal: {error!r}") from error
