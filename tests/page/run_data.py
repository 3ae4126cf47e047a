"""Runs that the tests of the run view look at, in a workspace of their own, and a process that speaks meanwhile."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.page.filling_run import EVERYTHING, PARENT, RANK, SPEAKING
from tests.waiting import until

if TYPE_CHECKING:
    from tests.page.conftest import Filled

WORKSPACE = "looking"
FOLDED_S = 120.0


class Looking(NamedTuple):
    """The workspace, and the ids of its runs."""

    place: Filled
    everything: str
    ranks: str


_made: dict[str, Looking] = {}


def looking(filled: Filled) -> Looking:
    """The workspace with its runs, made once per stack."""
    if filled.api not in _made:
        _made[filled.api] = _make(filled)
    return _made[filled.api]


def at_home(filled: Filled) -> Filled:
    """The workspace, for modules whose pages open there."""
    return looking(filled).place


def _make(filled: Filled) -> Looking:
    filled.stack.run("topics", "create", "--workspace", WORKSPACE)
    created = filled.stack.run(
        "access-tokens", "create", "looker", "--scope", "read", "--scope", "write", "--for", WORKSPACE, "--json"
    )
    place = filled._replace(workspace=WORKSPACE, access_token=json.loads(created.stdout)["access_token"])
    everything = _ran(place, EVERYTHING).splitlines()[0]
    ranks = _ran(place, PARENT).strip()
    for rank, attempt, first, last in ((0, 0, 0, 40), (0, 1, 20, 60), (1, 1, 20, 60), (2, 1, 20, 60)):
        job = {
            "RUNFOLD_EXPERIMENT": "everything",
            "RUNFOLD_RUN_ID": ranks,
            "RUNFOLD_ATTEMPT": str(attempt),
            "RANK": str(rank),
            "WORLD_SIZE": "3",
        }
        _ran(place, RANK, str(first), str(last), str(rank), more=job)
    until(lambda: not _open(place, everything), FOLDED_S, "the run of everything to be folded")
    until(lambda: _ranks(place, ranks) == {0, 1, 2}, FOLDED_S, "all ranks to be folded")
    return Looking(place, everything, ranks)


def _ran(place: Filled, script: str, *words: str, more: dict[str, str] | None = None) -> str:
    return place.stack.script(script, *words, check=True, **_environment(place), **(more or {})).stdout


def _environment(place: Filled) -> dict[str, str]:
    return {"RUNFOLD_WORKSPACE": place.workspace, "RUNFOLD_ACCESS_TOKEN": place.access_token}


def get(place: Filled, path: str) -> dict[str, Any]:
    """Asks the query API about the workspace."""
    import urllib3

    answer = urllib3.request(
        "GET",
        f"{place.api}/v1/workspaces/{place.workspace}/{path}",
        headers={"Authorization": f"Bearer {place.access_token}"},
        timeout=30,
    )
    assert answer.status == 200, f"GET {path} answered {answer.status}: {answer.data[:500]!r}"
    return dict(answer.json())


def _open(place: Filled, run_id: str) -> list[str]:
    """What of a run is still on its way."""
    run = get(place, f"runs/{run_id}")
    files = get(place, f"runs/{run_id}/artifacts")["artifacts"]
    pending = [f"{file['path']} is {file['availability']}" for file in files if file["availability"] != "available"]
    return (
        pending
        if run["complete"] == "complete"
        else [f"{run['status']}, {run['complete']}: {run['missing']}", *pending]
    )


def _ranks(place: Filled, run_id: str) -> set[int]:
    return {writer["rank"] for writer in get(place, f"runs/{run_id}")["writers"] if writer["rank"] is not None}


@dataclass
class Speaker:
    """A process that logs what it is told to."""

    process: subprocess.Popen[str]
    run_id: str

    def say(self, line: str) -> None:
        """`point <step> <value>`, `new <metric>`, `say <text>`, `child <name>` or `end`."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


@contextmanager
def speaking(place: Filled) -> Iterator[Speaker]:
    """A run whose process listens; it ends with the block."""
    process = place.stack.background(SPEAKING, **_environment(place))
    assert process.stdout is not None
    speaker = Speaker(process, process.stdout.readline().strip())
    try:
        yield speaker
    finally:
        if process.poll() is None:
            speaker.say("end")
        process.wait(30)
