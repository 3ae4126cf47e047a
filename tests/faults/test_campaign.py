"""200 runs from 8 processes at once: nothing lost, doubled, swapped or decided twice; with faults, and without.

Aim: the ledger agrees with what the processes saw (checker), and with the model's fold over the raw topics (oracle).
Method: campaign.py runs the workload under the faults of a seeded nemesis; afterwards everything is healed and judged.
`make faults` runs it with 30 faults (RUNFOLD_FAULTS) and may be given RUNFOLD_FAULT_SEED to run a campaign again.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import campaign, ledger
from tests.faults.checker import check
from tests.faults.history import OK, Operation
from tests.faults.nemesis import plan
from tests.stack import Stack, local_stack

RUNS_PER_PROCESS = 25


@pytest.fixture(scope="module")
def own_stack(jars: Path) -> Iterator[Stack]:
    with local_stack(jars) as running:
        yield running


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("disturbed", [False, True], ids=["undisturbed", "with-faults"])
def test_the_ledger_holds_what_happened(
    own_stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str], disturbed: bool
) -> None:
    seed = int(os.environ.get("RUNFOLD_FAULT_SEED") or secrets.randbelow(1_000_000))
    count = int(os.environ.get("RUNFOLD_FAULTS", "8")) if disturbed else 0
    with capsys.disabled():
        print(f"\nRUNFOLD_FAULT_SEED={seed}", file=sys.__stderr__, flush=True)
    experiment = f"faults-{count}"
    result = campaign.run(own_stack, tmp_path / "history", RUNS_PER_PROCESS, plan(seed, count), experiment)
    told = f"seed {seed}; struck: {'; '.join(result.struck)}"
    begun = sum(o.operation == "start" for o in result.operations)
    assert begun == campaign.PROCESSES * RUNS_PER_PROCESS, told

    held = ledger.read(own_stack, experiment)
    shared = held[result.shared_run_id]
    assert shared.status in ("Running", "NotResponding"), told  # nobody ended it, and all who spoke are gone
    start = Operation(0, 0, "start", result.shared_run_id, None, None, OK)
    assert check([start, *result.operations], held) == [], told
    assert ledger.difference_from_the_model(own_stack) == [], told
