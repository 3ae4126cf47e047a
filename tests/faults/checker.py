"""Reads a history and a ledger, and names what is wrong between them. It knows neither workload nor nemesis.

The anomalies have names, each with what it would mean to a user:

| anomaly | what it says |
|---|---|
| lost | an operation that returned is not in the ledger |
| doubled | a value stands in the ledger more often than it was logged |
| unexpected | the ledger holds what nobody attempted |
| swapped | values of one process stand in another order than they were logged |
| second_winner | a property differs from what its winner was told, or two writers were told that they won |
| old_over_newer | a tag shows an older word of a writer although a newer one of the same writer returned |
| unreadable | an artifact that was uploaded is not available under its digest |
| refused_alone | a writer was refused although nobody else can have won |

What is *unknown* (a killed process's last call) is allowed to have happened and allowed not to have happened.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tests.faults.history import OK, REFUSED, Operation


class Anomaly(NamedTuple):
    """One thing that is wrong."""

    kind: str
    run_id: str
    key: str | None
    detail: str


class LedgerRun(NamedTuple):
    """What the ledger says of one run."""

    status: str
    metrics: Mapping[str, Sequence[Any]]
    tags: Mapping[str, str | None]
    properties: Mapping[str, str | None]
    artifacts: Mapping[str, tuple[str, str]]  # path -> (sha256, availability)
    parent_run_id: str | None


Ledger = Mapping[str, LedgerRun]
_NOTHING = LedgerRun("absent", {}, {}, {}, {}, None)


def check(history: Iterable[Operation], ledger: Ledger) -> list[Anomaly]:
    """All anomalies between what processes did and what the ledger holds; empty when all is right."""
    by_kind: dict[str, dict[tuple[str, str | None], list[Operation]]] = defaultdict(lambda: defaultdict(list))
    started: dict[str, bool] = {}
    for operation in history:
        by_kind[operation.operation][operation.run_id, operation.key].append(operation)
        if operation.operation in ("start", "child"):
            started[operation.run_id] = operation.outcome == OK
    found: list[Anomaly] = []
    found += _runs(started, ledger)
    for (run_id, name), logged in _merged(by_kind["log"], ledger, lambda run: run.metrics):
        found += _metric(run_id, name, logged, ledger.get(run_id, _NOTHING).metrics.get(name, ()))
    for (run_id, key), set_ in _merged(by_kind["tag"], ledger, lambda run: run.tags):
        found += _tag(run_id, key, set_, ledger.get(run_id, _NOTHING).tags)
    for (run_id, key), added in _merged(by_kind["property"], ledger, lambda run: run.properties):
        found += _property(run_id, key, added, ledger.get(run_id, _NOTHING).properties)
    for (run_id, path), uploaded in _merged(by_kind["upload"], ledger, lambda run: run.artifacts):
        found += _artifact(run_id, path, uploaded, ledger.get(run_id, _NOTHING).artifacts.get(path))
    for (run_id, _), ended in by_kind["complete"].items():
        if any(o.outcome == OK for o in ended) and ledger.get(run_id, _NOTHING).status != "Completed":
            found.append(
                Anomaly(
                    "lost",
                    run_id,
                    "status",
                    f"complete() returned, the ledger says {ledger.get(run_id, _NOTHING).status}",
                )
            )
    return found


def _merged(
    attempted: Mapping[tuple[str, str | None], list[Operation]], ledger: Ledger, part: Any
) -> Iterable[tuple[tuple[str, str], list[Operation]]]:
    """Keys that were attempted and keys that the ledger has: an unexpected one must not be overlooked."""
    keys = set(attempted) | {(run_id, key) for run_id, run in ledger.items() for key in part(run)}
    return (((run_id, str(key)), attempted.get((run_id, key), [])) for run_id, key in sorted(keys, key=str))


def _runs(started: Mapping[str, bool], ledger: Ledger) -> Iterable[Anomaly]:
    for run_id, returned in started.items():
        if returned and run_id not in ledger:
            yield Anomaly("lost", run_id, None, "the run was started, the ledger does not know it")
    for run_id in ledger.keys() - started.keys():
        yield Anomaly("unexpected", run_id, None, "nobody started this run")


def _metric(run_id: str, name: str, logged: Sequence[Operation], stored: Sequence[Any]) -> Iterable[Anomaly]:
    attempts = Counter(o.value for o in logged)
    returned = Counter(o.value for o in logged if o.outcome == OK)
    held = Counter(stored)
    for value, times in (returned - held).items():
        yield Anomaly("lost", run_id, name, f"{value!r} was logged, {times} of it missing")
    for value, times in (held - attempts).items():
        yield Anomaly(
            "doubled" if value in attempts else "unexpected",
            run_id,
            name,
            f"{value!r} stands there {times} times too often",
        )
    place = {value: index for index, value in enumerate(stored)}
    by_process: dict[int, list[Any]] = defaultdict(list)
    for operation in logged:
        if operation.value in place:
            by_process[operation.process].append(operation.value)
    for values in by_process.values():
        for earlier, later in pairwise(values):
            if place[earlier] > place[later]:
                yield Anomaly("swapped", run_id, name, f"{earlier!r} was logged before {later!r} and stands behind it")


def _tag(run_id: str, key: str, said: Sequence[Operation], tags: Mapping[str, str | None]) -> Iterable[Anomaly]:
    """The visible word must be some writer's last: its last returned one, or one it attempted after that."""
    if key not in tags:
        if any(o.outcome == OK for o in said):
            yield Anomaly("lost", run_id, key, "the tag was set, the ledger has none")
        return
    allowed: set[Any] = set()
    by_process: dict[int, list[Operation]] = defaultdict(list)
    for operation in said:
        by_process[operation.process].append(operation)
    for words in by_process.values():
        last = max((i for i, o in enumerate(words) if o.outcome == OK), default=0)
        allowed.update(o.value for o in words[last:])
    if tags[key] not in allowed:
        known = tags[key] in {o.value for o in said}
        yield Anomaly(
            "old_over_newer" if known else "unexpected",
            run_id,
            key,
            f"shows {tags[key]!r}, allowed {sorted(map(str, allowed))}",
        )


def _property(
    run_id: str, key: str, added: Sequence[Operation], properties: Mapping[str, str | None]
) -> Iterable[Anomaly]:
    won = {o.value for o in added if o.outcome == OK}
    if len(won) > 1:
        yield Anomaly("second_winner", run_id, key, f"several writers were told that they won: {sorted(won)}")
    if key not in properties:
        if won:
            yield Anomaly("lost", run_id, key, f"{won} was accepted, the ledger has no such property")
        return
    kept = properties[key]
    if won and kept not in won:
        yield Anomaly("second_winner", run_id, key, f"{won} was accepted, the ledger shows {kept!r}")
    if kept not in {o.value for o in added}:
        yield Anomaly("unexpected", run_id, key, f"nobody attempted {kept!r}")
    if any(o.outcome == REFUSED and o.value == kept for o in added):
        yield Anomaly("refused_alone", run_id, key, f"{kept!r} was refused to its writer and is kept all the same")


def _artifact(
    run_id: str, path: str, uploaded: Sequence[Operation], stored: tuple[str, str] | None
) -> Iterable[Anomaly]:
    digests = {o.value for o in uploaded}
    if stored is None:
        if any(o.outcome == OK for o in uploaded):
            yield Anomaly("lost", run_id, path, "it was uploaded, the ledger does not know it")
        return
    sha256, availability = stored
    if sha256 not in digests:
        yield Anomaly("unexpected", run_id, path, f"nobody uploaded {sha256}")
    elif availability != "available" and any(o.outcome == OK for o in uploaded):
        yield Anomaly("unreadable", run_id, path, f"it is {availability}")
