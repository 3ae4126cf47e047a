"""What changed between two positions of a workspace, by new rows alone: facts by their offsets, telemetry by what each
batch left in `observed.telemetry_changes`.

Facts are kept for ever; which runs got telemetry is known for an hour. What lies further back cannot be told, nor what
lies behind so many facts that reading anew is cheaper: `between` gives None.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from runfold_consumers.api.as_of import topic_kind
from runfold_consumers.api.database import Row, Snapshot
from runfold_schemas.watermark import Watermark

FACTS_AT_ONCE = 20_000  # in one step, over all partitions
FACTS_BEHIND_MAX = 100_000  # over all partitions: a viewer further behind reads anew
NAMES_MAX = 10_000  # of runs and all else in one message; a viewer of more reads anew

Place = tuple[str, int]
"""Topic id and partition."""

_KINDS: dict[str, tuple[str, ...]] = {
    "RunStarted": ("status",),
    "StatusChanged": ("status",),
    "CancelRequested": ("status",),
    "ErrorRecorded": ("status",),
    "WriterClosed": ("status",),  # completeness is shown beside it
    "LossDeclared": ("status",),
    "RunDescribed": ("status",),
    "TagSet": ("tags",),
    "TagRemoved": ("tags",),
    "PropertyAdded": ("properties",),
    "PropertyCorrected": ("properties",),
    "ArtifactLogged": ("artifacts",),
    "SnapshotTaken": ("artifacts",),
}
_COUNTED = frozenset(("RunStarted", "StatusChanged"))  # what an experiment's row shows of its runs


class Standing(NamedTuple):
    """How far a workspace is folded: next offsets, and the kind of each topic."""

    offsets: dict[Place, int]
    kinds: dict[str, str]

    @property
    def watermark(self) -> str:
        """As text."""
        offsets: dict[str, dict[int, int]] = {}
        for (topic_id, partition), offset in self.offsets.items():
            offsets.setdefault(topic_id, {})[partition] = offset
        return str(Watermark(offsets))


class Changed(NamedTuple):
    """What changed: kinds by run, names of experiments, ids of what else there is by its kind."""

    runs: dict[str, frozenset[str]]
    experiments: frozenset[str]
    others: dict[str, frozenset[str]]

    @property
    def names(self) -> int:
        """How many it names."""
        return len(self.runs) + len(self.experiments) + sum(map(len, self.others.values()))

    def only(self, run_ids: frozenset[str]) -> Changed:
        """Of these runs alone."""
        return Changed({run: kinds for run, kinds in self.runs.items() if run in run_ids}, frozenset(), {})

    def message(self, more: bool) -> str:
        """As JSON."""
        return json.dumps(
            {
                "runs": {run: sorted(kinds) for run, kinds in self.runs.items()},
                "experiments": sorted(self.experiments),
                "others": {kind: sorted(ids) for kind, ids in sorted(self.others.items())},
                "more": more,
            },
            separators=(",", ":"),
        )

    def __bool__(self) -> bool:
        return bool(self.runs or self.experiments or self.others)


NOTHING = Changed({}, frozenset(), {})


def merged(parts: Iterable[Changed]) -> Changed:
    """All of them together."""
    runs: dict[str, frozenset[str]] = {}
    experiments: frozenset[str] = frozenset()
    others: dict[str, frozenset[str]] = {}
    for part in parts:
        for run, kinds in part.runs.items():
            runs[run] = runs.get(run, frozenset()) | kinds
        for kind, ids in part.others.items():
            others[kind] = others.get(kind, frozenset()) | ids
        experiments |= part.experiments
    return Changed(runs, experiments, others)


async def standing(snapshot: Snapshot) -> Standing:
    """How far the workspace is folded in the snapshot."""
    rows = await snapshot.rows("standing")
    return Standing(
        {(row["topic_id"], row["partition"]): row["next_offset"] for row in rows},
        {row["topic_id"]: topic_kind(snapshot.workspace, row["topic"]) for row in rows},
    )


def step_of(before: Standing, now: Standing) -> tuple[Standing, bool]:
    """The next place to tell changes up to, and whether there is more behind it: so many facts at once, no more."""
    reached, more = dict(now.offsets), False
    partitions = sum(now.kinds[topic_id] == "facts" for topic_id, _ in now.offsets)
    for place, offset in now.offsets.items():
        bound = before.offsets.get(place, 0) + max(1, FACTS_AT_ONCE // max(1, partitions))
        if now.kinds[place[0]] == "facts" and offset > bound:
            reached[place], more = bound, True
    return Standing(reached, now.kinds), more


def went_back(before: Standing, now: Standing) -> bool:
    """Whether something is folded anew: a rebuild, a restored database, a topic made anew."""
    return any(now.offsets.get(place, 0) < offset for place, offset in before.offsets.items())


async def between(snapshot: Snapshot, before: Mapping[Place, int], after: Standing) -> Changed | None:
    """What changed from `before` on up to `after`, which the snapshot covers; None where that cannot be told."""
    parts: dict[str, list[tuple[int, int, int]]] = {"facts": [], "telemetry": []}
    for (topic_id, partition), to in after.offsets.items():
        first = before.get((topic_id, partition), 0)
        if first < to:
            parts[after.kinds[topic_id]].append((partition, first, to))
    if sum(to - first for _, first, to in parts["facts"]) > FACTS_BEHIND_MAX:
        return None
    if not await _kept(snapshot, parts["telemetry"]):
        return None
    changed = NOTHING
    if parts["facts"]:
        changed = _of_facts(await snapshot.rows("changed_by_facts", _columns(parts["facts"])))
    if parts["telemetry"]:
        rows = await snapshot.rows("changed_by_telemetry", _columns(parts["telemetry"]))
        telemetry = {row["run_id"]: frozenset(row["kinds"]) for row in rows}
        changed = merged((changed, Changed(telemetry, frozenset(), {})))
    return changed if changed.names <= NAMES_MAX else None


async def _kept(snapshot: Snapshot, parts: list[tuple[int, int, int]]) -> bool:
    if not parts:
        return True
    rows = await snapshot.rows("telemetry_kept", {"partitions": [partition for partition, _, _ in parts]})
    kept = {row["partition"]: row["first_offset"] for row in rows}
    return all(kept[partition] is not None and kept[partition] <= first for partition, first, _ in parts)


def _columns(parts: list[tuple[int, int, int]]) -> dict[str, list[int]]:
    partitions, froms, tos = zip(*parts, strict=True)
    return {"partitions": list(partitions), "froms": list(froms), "tos": list(tos)}


def _of_facts(rows: Iterable[Row]) -> Changed:
    runs: dict[str, set[str]] = {}
    experiments: set[str] = set()
    others: dict[str, set[str]] = {}
    for row in rows:
        kind, about, events = row["aggregate_kind"], row["aggregate_id"], row["events"]
        if kind == "experiment":
            experiments.add(about)
        elif kind != "run":
            others.setdefault(kind, set()).add(about)
        else:
            kinds = runs.setdefault(about, set())
            kinds.add("facts")
            kinds.update(told for event in events for told in _KINDS.get(event, ()))
            if row["decided"]:
                kinds.add("decisions")
            if _COUNTED.intersection(events) and row["experiment"] is not None:
                experiments.add(row["experiment"])
            if _COUNTED.intersection(events) and row["parent_run_id"] is not None:
                runs.setdefault(row["parent_run_id"], set()).add("children")
    return Changed(
        {run: frozenset(kinds) for run, kinds in runs.items()},
        frozenset(experiments),
        {kind: frozenset(ids) for kind, ids in others.items()},
    )
