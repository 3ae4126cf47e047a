"""The protocol (design §5, §7) as sets and dicts: what a log means, told without batches, ranges, rows or SQL.

Independent of the fold's code on purpose: of the projectors' tables, of the journal, of every optimisation. `read`
takes the log of one workspace and gives what must be known after it; tests hold the real thing against it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

TERMINAL = ("Completed", "Failed", "Canceled")
PHASE = {"NotStarted": 0, "Preparing": 1, "Queued": 1, "CancelRequested": 3, "Finalizing": 3}  # all others: 2


def read(log: Iterable[tuple[int, int, Any]]) -> SimpleNamespace:
    """`log`: (partition, offset, event) in the order of each partition, facts and telemetry alike."""
    m = SimpleNamespace(seen=defaultdict(set), declared=defaultdict(set), closed={}, decisions={}, runs={},
                        outsiders=set(), properties={}, artifacts={}, ended={}, attempts=defaultdict(set), numbers={},
                        words=defaultdict(dict), points={}, first={}, errors=set(), actors={}, told=set(), snapshots={},
                        links={}, experiments=set(), versions=defaultdict(list), registered={}, logs={}, alive={},
                        marks={}, corrections=set())  # fmt: skip
    for partition, offset, e in log:
        kind, about, lane = (
            type(e).__name__,
            (e.aggregate_kind, e.aggregate_id),
            (e.aggregate_kind, e.aggregate_id, e.writer_id),
        )
        if kind == "MetricLogged":
            for i, (s, step, time, value) in enumerate(zip(e.index, e.step, e.time, e.value, strict=True)):
                series = e.series[s]
                shown = e.texts[int(value)] if series.kind in ("string", "bigint") else repr(float(value))
                m.points.setdefault((*lane, e.first_ordinal + i), (tuple(series), int(step), float(time), shown))
                m.seen[(*lane, "points")].add(e.first_ordinal + i)
            continue
        if kind == "LogAppended":
            for ordinal, byte in enumerate(e.data, e.first_ordinal):
                m.logs.setdefault((*lane, e.name, ordinal), (byte, e.attempt))
                m.seen[(*lane, f"log/{e.name}")].add(ordinal)
            continue
        if kind == "HeartbeatSent":
            m.alive[lane] = (offset, e.ttl_s)
            for end in e.lanes:
                m.marks[(*lane, end.stream)] = max(m.marks.get((*lane, end.stream), 0), end.last_ordinal)
            continue
        is_end = kind == "WriterClosed" or (
            kind == "StatusChanged" and e.status in TERMINAL and e.ordinal not in m.seen[(*lane, "facts")]
        )
        for end in e.lanes if is_end else ():
            m.closed[(*lane, end.stream)] = max(m.closed.get((*lane, end.stream), 0), end.last_ordinal)
        if kind == "LossDeclared":
            m.declared[(*lane, e.stream)].update(o for lost in e.ranges for o in range(lost.first, lost.last + 1))
        if kind in ("WriterClosed", "LossDeclared"):
            m.decisions[partition, offset] = ("accepted", {})
        elif e.ordinal in m.seen[(*lane, "facts")]:
            first = m.first[(*lane, e.ordinal)]
            differ = (
                {n: None for n in e._fields if getattr(e, n, None) != getattr(first, n, None)}
                if type(e) is type(first)
                else {"event": None}
            )
            m.decisions[partition, offset] = ("conflicting" if differ else "repeated", set(differ))
        else:
            m.seen[(*lane, "facts")].add(e.ordinal)
            m.first[(*lane, e.ordinal)] = e
            refused = _decide(m, kind, about, lane, offset, e)
            m.decisions[partition, offset] = ("refused", refused) if refused else ("accepted", {})
    return m


def _decide(
    m: Any, kind: str, about: tuple[str, str], lane: tuple[str, str, str], offset: int, e: Any
) -> dict[str, Any]:
    """Takes the fact in and returns {}, or refuses it and returns {key: (kept, refused)}."""
    _, run, writer = lane
    if kind == "RunEnrolled":
        m.experiments.add(run)
        m.numbers.setdefault((run, e.run_id), 1 + sum(1 for experiment, _ in m.numbers if experiment == run))
        return {}
    if kind == "WriterOpened":
        m.actors.setdefault(lane, e.actor)
    if about[0] == "run":
        m.runs.setdefault(run, None)
    if kind == "WriterOpened":
        return {}
    if about[0] != "run":
        return _registry(m, kind, about, writer, offset, e)
    if lane in m.outsiders:
        return {"writer_id": (m.runs[run][2], writer)}
    if kind == "RunStarted":
        start = m.runs[run] = m.runs[run] or (e.experiment, e.parent_run_id, writer)
        refused = {
            k: (a, b)
            for k, a, b in zip(("experiment", "parent_run_id"), start, (e.experiment, e.parent_run_id), strict=False)
            if a != b
        }
        if refused:
            m.outsiders.add(lane)
            return refused
    if kind in ("RunStarted", "StatusChanged", "ArtifactLogged", "ErrorRecorded", "WarningRecorded", "SnapshotTaken"):
        m.attempts[run].add(e.attempt)
    if kind == "SnapshotTaken":
        kept_id = m.snapshots.setdefault((run, e.attempt), e.snapshot_id)
        return {} if kept_id == e.snapshot_id else {"snapshot_id": (kept_id, e.snapshot_id)}
    if kind == "DatasetLinked":
        m.links.setdefault((run, e.direction, e.name, e.dataset_id), e.mechanism)
    if kind == "PropertyAdded":
        kept = {k: m.properties[run, k] for k in e.properties if (run, k) in m.properties}
        refused = {k: (kept[k], e.properties[k]) for k in kept if kept[k] != e.properties[k]}
        if not refused:
            m.properties.update({(run, k): v for k, v in e.properties.items()})
        return refused
    if kind == "PropertyCorrected":
        if (run, e.key) not in m.properties:
            return {e.key: (None, e.value)}
        m.corrections.add((run, offset, e.key, e.value, e.reason))
    if kind == "ArtifactLogged":
        paths = [e.name, f"{e.name}@{e.ordinal}", f"{e.name}@{e.ordinal}.{writer}"][: 3 if e.metric_name else 1]
        free = [path for path in paths if (run, e.attempt, path) not in m.artifacts]
        if not free:
            return {e.name: (m.artifacts[run, e.attempt, e.name], e.sha256)}
        m.artifacts[run, e.attempt, free[0]] = e.sha256
    if kind in ("StatusChanged", "CancelRequested"):
        new = e.status if kind == "StatusChanged" else "CancelRequested"
        attempt = e.attempt if kind == "StatusChanged" else max(m.attempts[run], default=0)
        m.attempts[run].add(attempt)
        status, by, ordinal = m.ended.get((run, attempt), (new, writer, 0))
        terminal = new in TERMINAL
        if status != new and (terminal or by != writer or e.ordinal > ordinal):
            return {"status": (status, new)}
        what = ("status", run, attempt)
        before = visible(m, what) if m.words[what] else None
        is_late = e.ordinal < m.words[what].get(writer, (0,))[0]
        if (run, attempt) not in m.ended and not terminal and not is_late and not _is_legal(before, new):
            return {"status": (before, new)}
        if terminal:
            m.ended.setdefault((run, attempt), (new, writer, e.ordinal))
        else:
            _word(m, what, writer, e.ordinal, offset, new)
    if kind in ("TagSet", "TagRemoved"):
        _word(m, ("tag", run, e.key), writer, e.ordinal, offset, (e.value,) if kind == "TagSet" else None)
    if kind == "RunDescribed":
        for field in ("display_name", "description"):
            if getattr(e, field) is not None:
                _word(m, (field, run, None), writer, e.ordinal, offset, getattr(e, field))
    if kind == "ErrorRecorded":
        m.errors.add((run, e.attempt, e.code, e.message))
    if kind in ("WarningRecorded", "RunSubmitted", "CancelRequested", "SecretRead"):
        m.told.add((kind, run, offset))
    return {}


def _registry(m: Any, kind: str, about: tuple[str, str], writer: str, offset: int, e: Any) -> dict[str, Any]:
    """Experiments, models and other assets: as `_decide`."""
    if kind == "ExperimentChanged":
        m.experiments.add(about[1])
        _words(m, "experiment", about[1], writer, offset, e)
        return {}
    versions = m.versions[about]
    if kind in ("ModelRegistered", "AssetRegistered"):
        version, definition = len(versions) + 1, e.path if kind == "ModelRegistered" else e.definition
        if kind == "AssetRegistered" and versions:
            if definition == versions[-1]:
                version -= 1
            elif not e.new_version:
                return {"definition": (versions[-1], definition)}
        versions[version - 1 :] = [definition]
        m.registered[(*about, writer, e.ordinal)] = version
    else:
        version = e.version
        if not versions or not (0 if kind == "AssetChanged" else 1) <= version <= len(versions):
            return {"version": (str(len(versions)) if versions else None, str(version))}
    if kind in ("ModelRegistered", "ModelChanged"):
        kept = {k: m.properties[(*about, version), k] for k in e.properties if ((*about, version), k) in m.properties}
        refused = {k: (kept[k], e.properties[k]) for k in kept if kept[k] != e.properties[k]}
        if refused:
            return refused
        m.properties.update({((*about, version), k): v for k, v in e.properties.items()})
    _words(m, "asset", (*about, version), writer, offset, e)
    return {}


def _words(m: Any, what: str, of: Any, writer: str, offset: int, e: Any) -> None:
    said = {f"tag/{key}": None for key in getattr(e, "removed_tags", ())}
    said |= {f"tag/{key}": (value,) for key, value in e.tags.items()}
    for field in ("description", "archived", "deleted", "is_default"):
        if getattr(e, field, None) is not None:
            said[field] = (str(getattr(e, field)).lower() if field != "description" else e.description,)
    if getattr(e, "archived", None) is not None:
        said["archived_at"] = (str(e.occurred_at),) if e.archived else None
    for field, value in said.items():
        _word(m, (what, of, field), writer, e.ordinal, offset, value)


def _is_legal(before: str | None, new: str) -> bool:
    """Never backwards; but silence comes and goes."""
    return before is None or "NotResponding" in (before, new) or PHASE.get(new, 2) >= PHASE.get(before, 2)


def _word(m: Any, what: tuple[str, Any, Any], writer: str, ordinal: int, offset: int, value: Any) -> None:
    m.words[what][writer] = max(
        m.words[what].get(writer, (0, 0, None)), (ordinal, offset, value), key=lambda word: word[0]
    )


def visible(m: Any, what: tuple[str, Any, Any]) -> Any:
    """The last word that is shown: of each writer's greatest ordinal, the one with the greatest offset."""
    return max(m.words[what].values(), key=lambda word: word[1])[2]


def status(m: Any, run: str) -> str:
    """Of the latest attempt: the terminal status, else the last word, else NotStarted."""
    attempt = max(m.attempts[run], default=0)
    if (run, attempt) in m.ended:
        return str(m.ended[run, attempt][0])
    return str(visible(m, ("status", run, attempt))) if m.words.get(("status", run, attempt)) else "NotStarted"


def complete(m: Any, run: str) -> str:
    """P11: whether seen and declared cover [1..closed] in every lane of the run, and no heartbeat named more."""
    lanes = {
        lane
        for lane in [*m.seen, *m.closed, *m.declared, *m.marks]
        if lane[:2] == ("run", run)
        and (m.seen.get(lane) or lane in m.closed or m.declared.get(lane) or m.marks.get(lane))
    }
    lost = False
    for lane in lanes:
        seen, declared = m.seen.get(lane, set()), m.declared.get(lane, set())
        if (
            lane not in m.closed
            or max(0, m.marks.get(lane, 0), *seen) > m.closed[lane]
            or set(range(1, m.closed[lane] + 1)) - seen - declared
        ):
            return "open"
        lost = lost or bool(declared - seen)
    return "open" if not lanes else "complete_with_declared_loss" if lost else "complete"
