"""Runfold, what a training process imports: `from runfold import Run, Experiment, Workspace`.

Names are loaded when they are first used, so that importing this costs next to nothing; no Kafka, no fastavro, no numpy
and no HTTP client is loaded before a shipper starts or something is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import lazily
from ._version import __version__

if TYPE_CHECKING:
    from .data import Dataset, Datastore
    from .experiment import Experiment
    from .keyvault import Keyvault
    from .model import Model
    from .run import Run
    from .submitting import ComputeTarget, Environment, RunConfiguration, ScriptRun, ScriptRunConfig
    from .workspace import Workspace

__all__ = [
    "ComputeTarget",
    "Dataset",
    "Datastore",
    "Environment",
    "Experiment",
    "Keyvault",
    "Model",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "Workspace",
    "__version__",
]

_HOMES = {
    "ComputeTarget": ".submitting",
    "Dataset": ".data",
    "Datastore": ".data",
    "Environment": ".submitting",
    "Experiment": ".experiment",
    "Keyvault": ".keyvault",
    "Model": ".model",
    "Run": ".run",
    "RunConfiguration": ".submitting",
    "ScriptRun": ".submitting",
    "ScriptRunConfig": ".submitting",
    "Workspace": ".workspace",
}


def __getattr__(name: str) -> object:
    return lazily.load(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
