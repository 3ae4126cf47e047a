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


def read(log: Iterable[tuple[int, int, Any]]) -> SimpleNamespace:
    """`log`: (partition, offset, event) in the order of each partition, facts and telemetry alike."""
    m = SimpleNamespace(seen=defaultdict(set), declared=defaultdict(set), closed={}, decisions={}, runs={},
                        outsiders=set(), properties={}, artifacts={}, ended={}, attempts=defaultdict(set), numbers={},
                        words=defaultdict(dict), points={}, first={}, errors=set(), actors={})  # fmt: skip
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
        m.numbers.setdefault((run, e.run_id), 1 + sum(1 for experiment, _ in m.numbers if experiment == run))
        return {}
    if kind == "WriterOpened":
        m.actors.setdefault(lane, e.actor)
    if about[0] == "run":
        m.runs.setdefault(run, None)
    if kind == "WriterOpened":
        return {}
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
    if kind in ("RunStarted", "StatusChanged", "ArtifactLogged", "ErrorRecorded"):
        m.attempts[run].add(e.attempt)
    if kind == "PropertyAdded":
        kept = {k: m.properties[run, k] for k in e.properties if (run, k) in m.properties}
        refused = {k: (kept[k], e.properties[k]) for k in kept if kept[k] != e.properties[k]}
        if not refused:
            m.properties.update({(run, k): v for k, v in e.properties.items()})
        return refused
    if kind == "ArtifactLogged":
        paths = [e.name, f"{e.name}@{e.ordinal}", f"{e.name}@{e.ordinal}.{writer}"][: 3 if e.metric_name else 1]
        free = [path for path in paths if (run, e.attempt, path) not in m.artifacts]
        if not free:
            return {e.name: (m.artifacts[run, e.attempt, e.name], e.sha256)}
        m.artifacts[run, e.attempt, free[0]] = e.sha256
    if kind == "StatusChanged":
        status, by, ordinal = m.ended.get((run, e.attempt), (e.status, writer, 0))
        terminal = e.status in TERMINAL
        if status != e.status and (terminal or by != writer or e.ordinal > ordinal) and (run, e.attempt) in m.ended:
            return {"status": (status, e.status)}
        if terminal:
            m.ended.setdefault((run, e.attempt), (e.status, writer, e.ordinal))
        else:
            _word(m, ("status", run, e.attempt), writer, e.ordinal, offset, e.status)
    if kind in ("TagSet", "TagRemoved"):
        _word(m, ("tag", run, e.key), writer, e.ordinal, offset, (e.value,) if kind == "TagSet" else None)
    if kind == "RunDescribed":
        for field in ("display_name", "description"):
            if getattr(e, field) is not None:
                _word(m, (field, run, None), writer, e.ordinal, offset, getattr(e, field))
    if kind == "ErrorRecorded":
        m.errors.add((run, e.attempt, e.code, e.message))
    return {}


def _word(m: Any, what: tuple[str, str, Any], writer: str, ordinal: int, offset: int, value: Any) -> None:
    m.words[what][writer] = max(
        m.words[what].get(writer, (0, 0, None)), (ordinal, offset, value), key=lambda word: word[0]
    )


def visible(m: Any, what: tuple[str, str, Any]) -> Any:
    """The last word that is shown: of each writer's greatest ordinal, the one with the greatest offset."""
    return max(m.words[what].values(), key=lambda word: word[1])[2]


def status(m: Any, run: str) -> str:
    """Of the latest attempt: the terminal status, else the last word, else NotStarted."""
    attempt = max(m.attempts[run], default=0)
    if (run, attempt) in m.ended:
        return str(m.ended[run, attempt][0])
    return str(visible(m, ("status", run, attempt))) if ("status", run, attempt) in m.words else "NotStarted"


def complete(m: Any, run: str) -> str:
    """P11: whether seen and declared cover [1..closed] in every lane of the run's writers."""
    lanes = {
        lane
        for lane in [*m.seen, *m.closed, *m.declared]
        if lane[:2] == ("run", run) and (m.seen.get(lane) or lane in m.closed or m.declared.get(lane))
    }
    lost = False
    for lane in lanes:
        seen, declared = m.seen.get(lane, set()), m.declared.get(lane, set())
        if (
            lane not in m.closed
            or max(seen, default=0) > m.closed[lane]
            or set(range(1, m.closed[lane] + 1)) - seen - declared
        ):
            return "open"
        lost = lost or bool(declared - seen)
    return "open" if not lanes else "complete_with_declared_loss" if lost else "complete"
