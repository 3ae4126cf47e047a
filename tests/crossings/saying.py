"""Scripts against a stack that begin with a run, and what they found."""

from __future__ import annotations

from typing import Any

from tests.stack import Stack

BEGIN = """
import io, json, math, os, sys
from runfold import Experiment, Run, Workspace
from runfold.exceptions import *
from runfold.run import get_run
ws = Workspace.from_config()
experiment = Experiment(ws, {experiment!r})
run = experiment.start_logging(snapshot_directory=None, outputs=False)
"""


def said(stack: Stack, text: str, experiment: str = "edges", **environment: str) -> Any:
    """What a script that begins with a run puts into `found`."""
    script = BEGIN.format(experiment=experiment) + text + "\nsys.stdout.write('\\n>>>' + repr(found))\n"
    told = stack.script(script, **environment).stdout
    return eval(told.rpartition("\n>>>")[2], {"nan": float("nan"), "inf": float("inf")})
