"""Submitting: what shall run is written down (`ScriptRunConfig`), stated (`submission.submit`), and run by a target.

    script_run_config, run_configuration, environment_definition, conda_dependencies, distributed, sections
                 the original's configuration classes: plain values that know their document
    environment_registry   environments as versioned assets of a workspace
    targets      who runs jobs: a registered interface, entry-point group `runfold.compute`
    local        the target `local`: a job folder, and a supervisor that outlives its submitter
    supervisor   owns a job from its claim to its final status; ranks, processes and logs are its hands
    script_run   `ScriptRun`, the run that submitting returns

Names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runfold import lazily

if TYPE_CHECKING:
    from .conda_dependencies import CondaDependencies
    from .distributed import (
        DockerConfiguration,
        MpiConfiguration,
        ParallelTaskConfiguration,
        PyTorchConfiguration,
        TensorflowConfiguration,
    )
    from .environment_definition import Environment
    from .run_configuration import RunConfiguration
    from .script_run import ScriptRun, environment_of
    from .script_run_config import ScriptRunConfig
    from .sections import (
        AmlComputeConfiguration,
        ContainerRegistry,
        Data,
        DataReferenceConfiguration,
        DockerSection,
        HdiConfiguration,
        HistoryConfiguration,
        KubernetesComputeConfiguration,
        PythonSection,
        SparkConfiguration,
        SparkPackage,
        SparkSection,
    )
    from .submission import submit
    from .targets import ComputeTarget

_HOMES = {
    "CondaDependencies": ".conda_dependencies",
    "DockerConfiguration": ".distributed",
    "MpiConfiguration": ".distributed",
    "ParallelTaskConfiguration": ".distributed",
    "PyTorchConfiguration": ".distributed",
    "TensorflowConfiguration": ".distributed",
    "Environment": ".environment_definition",
    "RunConfiguration": ".run_configuration",
    "ScriptRun": ".script_run",
    "environment_of": ".script_run",
    "ScriptRunConfig": ".script_run_config",
    "AmlComputeConfiguration": ".sections",
    "ContainerRegistry": ".sections",
    "Data": ".sections",
    "DataReferenceConfiguration": ".sections",
    "DockerSection": ".sections",
    "HdiConfiguration": ".sections",
    "HistoryConfiguration": ".sections",
    "KubernetesComputeConfiguration": ".sections",
    "PythonSection": ".sections",
    "SparkConfiguration": ".sections",
    "SparkPackage": ".sections",
    "SparkSection": ".sections",
    "submit": ".submission",
    "ComputeTarget": ".targets",
}

__all__ = [
    "ScriptRunConfig",
    "RunConfiguration",
    "Environment",
    "CondaDependencies",
    "DockerConfiguration",
    "MpiConfiguration",
    "ParallelTaskConfiguration",
    "PyTorchConfiguration",
    "TensorflowConfiguration",
    "AmlComputeConfiguration",
    "ContainerRegistry",
    "Data",
    "DataReferenceConfiguration",
    "DockerSection",
    "HdiConfiguration",
    "HistoryConfiguration",
    "KubernetesComputeConfiguration",
    "PythonSection",
    "SparkConfiguration",
    "SparkPackage",
    "SparkSection",
    "ComputeTarget",
    "ScriptRun",
    "environment_of",
    "submit",
]


def __getattr__(name: str) -> object:
    return lazily.load(__name__, _HOMES, name)
