"""Who makes the objects of runs of a type.

`azureml.scriptrun` is registered from the start. Others are registered by `Run.add_type_provider`, or by packages
through the entry-point group `azureml_run_type_providers`: the entry's name is the run type, its value the factory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from runfold import notices, validation
from runfold.exceptions import UserErrorException
from runfold_schemas import limits

from .record import RunDto

if TYPE_CHECKING:
    from runfold.experiment import Experiment

    from .run import Run

RunFactory: TypeAlias = "Callable[..., Run]"
SCRIPT_RUN = "azureml.scriptrun"
GROUP = "azureml_run_type_providers"

_factories: dict[str, RunFactory] = {}
_looked = False
_lock = threading.RLock()


def add(runtype: object, run_factory: object) -> None:
    """Registers a factory; see `Run.add_type_provider`."""
    name = validation.text("runtype", runtype, limits.TAG_KEY_BYTES_MAX)
    if not callable(run_factory):
        raise UserErrorException(
            f"run_factory must be callable as run_factory(experiment, run_dto), it is {run_factory!r:.200}."
        )
    with _lock:
        if name in _registered():
            raise ValueError(f"RunType {name} already has a factory, can't add another")
        _factories[name] = run_factory


def rehydrated(experiment: Experiment, record: Mapping[str, Any], rehydrate: bool = True, **kwargs: Any) -> Run:
    """The object of a run that the API has told of.

    :param rehydrate: Whether it is of its type's class; else a plain Run.
    """
    from .run import Run

    dto = RunDto(record)
    factory = None
    if rehydrate and dto.run_type is not None:
        with _lock:
            factory = _registered().get(dto.run_type)
    if factory is None:
        return Run(experiment, dto.run_id, _run_dto=dto, **kwargs)
    return factory(experiment, dto, **kwargs)


def _registered() -> dict[str, RunFactory]:
    global _looked
    if not _looked:
        _looked = True
        _factories.setdefault(SCRIPT_RUN, _script_run)
        from importlib.metadata import entry_points

        for entry in entry_points(group=GROUP):
            try:
                _factories.setdefault(entry.name, entry.load())
            except Exception as error:  # noqa: BLE001 - another package's fault, and no reason to list no runs
                notices.once(
                    ("provider", entry.value), f"run type {entry.name!r}: {entry.value} cannot be loaded: {error}"
                )
    return _factories


def _script_run(experiment: Experiment, run_dto: RunDto, **kwargs: Any) -> Run:
    from runfold.submitting.script_run import ScriptRun

    return ScriptRun(experiment, run_dto.run_id, _run_dto=run_dto, **kwargs)
