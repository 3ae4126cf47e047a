"""The environment in which Python processes resolve azureml to Runfold without a word in their scripts.

PYTHONPATH leads to `startup/`, whose sitecustomize.py Python runs at its start. It costs an interpreter a millisecond,
imports nothing of Runfold before azureml is imported, and loads the sitecustomize that it stands before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

STARTUP = Path(__file__).absolute().parent / "startup"
VARIABLE = "RUNFOLD_AZUREML"


def environment(environ: Mapping[str, str] = os.environ, replace: bool = True) -> dict[str, str]:
    """The variables to add to the environment of a process, for it and all Python processes that it starts.

    Their interpreters must find `runfold`; one that does not, finds no azureml either, as without them.

    :param environ: The environment that the process would have; its PYTHONPATH is kept.
    :param replace: Whether an installed original is shadowed too.
    """
    path = [part for part in environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != str(STARTUP)]
    return {"PYTHONPATH": os.pathsep.join((str(STARTUP), *path)), VARIABLE: "replace" if replace else "beside"}
