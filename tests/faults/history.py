"""What a workload tried and what came back, one JSON line a step.

Every operation is written down twice: `invoke` before the call and, when it returned, `ok` (with the answer where there
is one), `refused` (a decision said no) or `unknown` (it returned without knowing). A process that was killed leaves an
`invoke` alone: what it asked for may or may not have happened, and both are right. Each line is one `write` to a file
opened with O_APPEND, so that the lines of many processes never mix and survive SIGKILL.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

INVOKE, OK, REFUSED, UNKNOWN = "invoke", "ok", "refused", "unknown"


class Step(NamedTuple):
    """One line: which process, its how-manieth operation, what happened to it, and what it was about."""

    process: int
    number: int
    outcome: str
    operation: str
    run_id: str
    key: str | None
    value: Any


class Operation(NamedTuple):
    """An operation as a checker sees it: attempted, and how it ended (`unknown` when nothing was heard)."""

    process: int
    number: int
    operation: str
    run_id: str
    key: str | None
    value: Any
    outcome: str


class Pen:
    """Writes the history of one process. `number` counts its operations, over its restarts too."""

    def __init__(self, path: Path, process: int, number: int = 0) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.process = process
        self.number = number

    def invoke(self, operation: str, run_id: str, key: str | None = None, value: Any = None) -> Step:
        self.number += 1
        step = Step(self.process, self.number, INVOKE, operation, run_id, key, value)
        self._write(step)
        return step

    def end(self, step: Step, outcome: str = OK) -> None:
        self._write(step._replace(outcome=outcome))

    def _write(self, step: Step) -> None:
        os.write(self._file, json.dumps(step).encode() + b"\n")


def read(paths: Iterable[Path]) -> list[Operation]:
    """The operations of several histories, in each process's order."""
    return list(operations(step for path in paths for step in steps(path)))


def steps(path: Path) -> Iterator[Step]:
    with path.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield Step(*json.loads(line))


def operations(lines: Iterable[Step]) -> Iterator[Operation]:
    """Joins each `invoke` with its end. What never ended is `unknown`."""
    found: dict[tuple[int, int], Operation] = {}
    for step in lines:
        at = (step.process, step.number)
        if step.outcome == INVOKE:
            found[at] = Operation(step.process, step.number, step.operation, step.run_id, step.key, step.value, UNKNOWN)
        else:
            found[at] = found[at]._replace(outcome=step.outcome)
    return iter(sorted(found.values(), key=lambda o: (o.process, o.number)))
