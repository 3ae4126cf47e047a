"""The drop-in: `azureml.core` and its neighbours resolve to Runfold, so that scripts written for them run unchanged.

    import runfold.azureml
    runfold.azureml.install()                    # in a notebook, or at the top of a program
    from azureml.core import Run, Workspace

    runfold exec train.py --epochs 3             # or from the outside, for the script and the processes it starts

names       which module holds which name, and where Runfold has it: the whole of what is carried
finder      the import hook; a name that is not carried fails on import, and the message lists what exists
children    the environment in which other processes resolve them too, and `startup/` which Python loads there
command     `runfold exec`
authentication, compute, functions, telemetry, widgets, constants      what has no other home in Runfold

An installed original is left alone unless `replace=True`. Modules of other distributions below `azureml`, such as
azureml.dataprep, stay what they are.
"""

from __future__ import annotations

from .children import environment
from .finder import NotCarriedError, install, uninstall

__all__ = ["NotCarriedError", "environment", "install", "uninstall"]
