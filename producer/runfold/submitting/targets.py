"""Who runs jobs. A target is anything with the methods of `Target`, registered here or by entry-point group
`runfold.compute` (the entry's name is the target's, its value a class or function without arguments that makes it).

The setting RUNFOLD_COMPUTE_ALIASES lets other names mean a target: `cpu-cluster=local,gpu-cluster=local`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from runfold import notices
from runfold.exceptions import ComputeTargetException, ExperimentExecutionException, UserErrorException

if TYPE_CHECKING:
    from pathlib import Path

    from runfold.workspace import Workspace

    from .job import Job

GROUP = "runfold.compute"
LOCAL = "local"
ALIASES = "RUNFOLD_COMPUTE_ALIASES"


class Target(Protocol):
    """Runs jobs.

    Attributes:
        name: The name it is registered by.
        type: What kind of target it is, such as local.
    """

    name: str
    type: str

    def prepare(self, job: Job) -> Path | None:
        """Takes what the job needs, before anything of it is stated; raises ExperimentExecutionException if it cannot.

        :returns: The job's folder on this machine; None where it is elsewhere.
        """
        ...

    def submit(self, job: Job, folder: Path | None) -> None:
        """Starts the job and returns at once. From here on the target's supervisor states what becomes of the run."""
        ...


_targets: dict[str, Target] = {}
_looked = False
_lock = threading.RLock()


def register(target: Target) -> None:
    """Registers a target under its name.

    :raises ComputeTargetException: The name is taken.
    """
    with _lock:
        if target.name in _registered():
            raise ComputeTargetException(f"There is a compute target {target.name!r} already.")
        _targets[target.name] = target


def names() -> list[str]:
    """Names that can be submitted to, aliases among them."""
    with _lock:
        return sorted({*_registered(), *(alias for alias, name in _aliases().items() if name in _registered())})


def get(name: str) -> Target:
    """The target of that name, or alias.

    :raises ExperimentExecutionException: Nobody provides it; the message lists those that exist.
    """
    with _lock:
        found = _registered().get(_aliases().get(name, name))
    if found is None:
        raise ExperimentExecutionException(
            f"Compute target {name!r} is not provided by anybody here; there are: {', '.join(names())}. Set "
            f"compute_target to one of them, install a package with an entry point of group {GROUP}, or let the name "
            f"mean one of them: {ALIASES}={name}={LOCAL}."
        )
    return found


class ComputeStatus:
    """How a target is, in the original's words; the same for all, since no machines are made and none wait."""

    provisioning_state = "Succeeded"
    allocation_state = "Steady"
    state = "Running"
    current_node_count = 1
    target_node_count = 1
    errors: list[str] | None = None

    def serialize(self) -> dict[str, Any]:
        """The same as a document."""
        return {
            "provisioningState": self.provisioning_state,
            "allocationState": self.allocation_state,
            "state": self.state,
            "currentNodeCount": self.current_node_count,
            "targetNodeCount": self.target_node_count,
            "errors": self.errors,
        }

    def __repr__(self) -> str:
        return f"ComputeStatus(provisioning_state={self.provisioning_state!r}, state={self.state!r})"


class ComputeTarget:
    """A compute target, for scripts that look one up: its name is what a submission needs.

    :param workspace: The workspace.
    :param name: Name of the target.
    :raises ComputeTargetException: There is none of that name.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        if name not in names():
            raise ComputeTargetException(
                f"ComputeTargetNotFound: Compute Target with name {name} not found in provided workspace; there are: "
                f"{', '.join(names())}."
            )
        self.workspace = workspace
        self.name = name
        self.type = get(name).type

    @property
    def id(self) -> str:
        """What names the target: its name."""
        return self.name

    @property
    def provisioning_state(self) -> str:
        """Succeeded: what is listed can be submitted to."""
        return "Succeeded"

    def get_status(self) -> ComputeStatus:
        """How it is: there, with one node."""
        return ComputeStatus()

    def refresh_state(self) -> None:
        """Nothing of the object is out of date: what it tells is asked when it is asked."""

    def serialize(self) -> dict[str, Any]:
        """What is known of it, in the original's names."""
        return {"name": self.name, "id": self.id, "type": self.type, "provisioningState": self.provisioning_state}

    def wait_for_completion(self, show_output: bool = False, *args: Any, **kwargs: Any) -> None:
        """Returns at once, since the target is there. What else the original takes (how many nodes, for how long) is
        accepted."""
        if show_output:
            print(self.provisioning_state)  # noqa: T201 - what the original prints

    @staticmethod
    def create(workspace: Workspace, name: str, provisioning_configuration: object) -> ComputeTarget:
        """The target of that name. No machines are made here: one that is not there cannot be created.

        :param provisioning_configuration: Accepted.
        :raises ComputeTargetException: There is none of that name.
        """
        try:
            return ComputeTarget(workspace, name)
        except ComputeTargetException as error:
            raise ComputeTargetException(
                f"Compute target {name!r} cannot be created: Runfold makes no machines. There are: "
                f"{', '.join(names())}. Let the name mean one of them: {ALIASES}={name}={LOCAL}.",
                inner_exception=error,
            ) from error

    @staticmethod
    def list(workspace: Workspace) -> list[ComputeTarget]:
        """All targets."""
        return [ComputeTarget(workspace, name) for name in names()]

    def __repr__(self) -> str:
        return f"ComputeTarget(workspace={self.workspace!r}, name={self.name!r}, type={self.type!r})"


def compute_targets(workspace: Workspace) -> dict[str, ComputeTarget]:
    """All targets by name, for `Workspace.compute_targets`."""
    return {target.name: target for target in ComputeTarget.list(workspace)}


def _registered() -> dict[str, Target]:
    global _looked
    if not _looked:
        _looked = True
        from .local import Local

        _targets.setdefault(LOCAL, Local())
        from importlib.metadata import entry_points

        for entry in entry_points(group=GROUP):
            if entry.name in _targets:
                continue
            try:
                make: Callable[[], Target] = entry.load()
                _targets[entry.name] = make()
            except Exception as error:  # noqa: BLE001 - another package's fault, and no reason not to run elsewhere
                notices.once(
                    ("compute", entry.value), f"target {entry.name!r}: {entry.value} cannot be loaded: {error}"
                )
    return _targets


def _aliases() -> dict[str, str]:
    from runfold_schemas.settings import Settings, SettingsError

    try:
        said = Settings.load().compute_aliases
    except SettingsError as error:
        raise UserErrorException(str(error), inner_exception=error) from error
    pairs = (each.partition("=") for each in said.split(",") if "=" in each)
    return {alias.strip(): name.strip() for alias, _, name in pairs}
