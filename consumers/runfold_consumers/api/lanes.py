"""Lanes as statements tell them, and as the fold judges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runfold_consumers.fold.completeness import LaneState
from runfold_consumers.fold.lanes import Ranges


def state_of(row: Mapping[str, Any]) -> LaneState:
    """The lane of a row: stream, writer_id, seen, declared, closed, marked."""
    return LaneState(
        row["stream"], row["writer_id"], ranges(row["seen"]), ranges(row["declared"]), row["closed"], row["marked"]
    )


def ranges(multirange: Any) -> Ranges:
    """Half-open ranges, as the fold takes them and Postgres keeps them."""
    return tuple((part.lower, part.upper) for part in multirange)
