"""Which refs there are: fields, and what runs of the workspace, or of an experiment, have said."""

from __future__ import annotations

from typing import Final

from runfold_consumers.api.database import Snapshot
from runfold_consumers.api.search.answers import Column
from runfold_consumers.api.search.tree import FIELDS, Kind, Ref

RUNS_OF_EXPERIMENT: Final = 200
"""The latest runs whose keys an experiment's are."""
_LAST: Final = "\U0010ffff"
_KINDS: Final[tuple[Kind, ...]] = ("tag", "property", "metric")


async def columns(snapshot: Snapshot, prefix: str, experiment: str | None, limit: int) -> tuple[list[Column], bool]:
    """Refs that begin so, and whether there are more of a kind.

    Args:
        snapshot: to read in.
        prefix: of the ref as a whole (`tag.te`, `sta`), or of a key (`te`).
        experiment: only what its latest runs have; None: whatever a run of the workspace has.
        limit: refs of a kind, beside fields.
    """
    kind, _, key = prefix.partition(".")
    wanted = (kind,) if kind in _KINDS and "." in prefix else _KINDS
    begin = key.lstrip("\"'") if len(wanted) == 1 else prefix
    found = [Column(ref=name, kind="field", label=name) for name in FIELDS if name.startswith(prefix)]
    name = "search_columns" if experiment is None else "search_columns_of_experiment"
    asked = {"prefix": begin, "upto": begin + _LAST, "limit": limit + 1, "runs": RUNS_OF_EXPERIMENT}
    counts = dict.fromkeys(_KINDS, 0)
    for row in await snapshot.rows(name, {**asked, "experiment": experiment}):
        counts[row["kind"]] += 1
        if row["kind"] in wanted and counts[row["kind"]] <= limit:
            ref = Ref(row["kind"], row["name"], row["column_name"])
            label = row["name"] if ref.column is None else f"{row['name']}.{ref.column}"
            found.append(Column(ref=str(ref), kind=ref.kind, label=label))
    return found, any(counts[kind] > limit for kind in wanted)
