"""What stands for a journal where none can be made anywhere: no folder takes a file. A training goes on all the same.

It takes everything and keeps nothing; whoever makes one tells the user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runfold_schemas.watermark import Lane


class SilentLane:
    """Points that are not kept."""

    def __init__(self) -> None:
        self.on_mixed: Callable[[str], None] = lambda name: None

    def log(self, name: str, value: object, step: object = None) -> None:
        """Keeps nothing."""

    def log_list(self, name: str, values: Sequence[object]) -> None:
        """Keeps nothing."""

    def log_rows(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Keeps nothing."""


class SilentJournal:
    """Facts that are not kept. The methods are those of `writer.Journal`."""

    writer_id = "0" * 32
    is_open = True

    def __init__(self, folder: Path) -> None:
        """`folder` is where it would have been."""
        self.folder = folder
        self._lane = SilentLane()

    def fact(self, aggregate_kind: str, aggregate_id: str, event: Callable[[int], object]) -> int:
        """Keeps nothing; it has no ordinals."""
        return 0

    def points(self, run_id: str) -> SilentLane:
        """Where points go to nothing."""
        return self._lane

    def append_log(self, run_id: str, name: str, data: bytes, attempt: int = 0) -> None:
        """Keeps nothing."""

    def ends(self) -> dict[Lane, int]:
        """Nothing was said."""
        return {}

    def ends_of(self, aggregate_kind: str, aggregate_id: str) -> dict[Lane, int]:
        """Nothing was said."""
        return {}

    def close(self) -> None:
        """There is nothing to close."""
