"""Properties of runs and of models' versions, as one event says several at once: all of them are accepted, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runfold_consumers.fold import rules
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.registry_rows import AssetPropertyRow
from runfold_consumers.fold.rows import PropertyRow
from runfold_consumers.fold.rules import ACCEPT, Decision


def add_properties(
    record: Record,
    event: Any,
    of: tuple[Any, ...],
    changed: dict[Any, Any],
    known: Mapping[Any, str | None],
    row: Callable[..., PropertyRow | AssetPropertyRow],
) -> Decision:
    """Decides, and writes the new ones down in `changed`.

    Args:
        record: what says it.
        event: of it, with `properties`.
        of: key of the run or version that they are of; with a property's name the key of its row.
        changed: rows of this batch.
        known: values from before it.
        row: of the table that they stand in.
    """
    kept: dict[str, str | None] = {}
    for name in event.properties:
        key = (*of, name)
        if key in changed:
            kept[name] = changed[key].value
        elif key in known:
            kept[name] = known[key]
    decision = rules.add_properties(kept, event.properties)
    if decision is ACCEPT:
        for name, value in event.properties.items():
            if name not in kept:
                key = (*of, name)
                changed[key] = row(*key, value, record.offset, event.writer_id, event.ordinal)
    return decision
