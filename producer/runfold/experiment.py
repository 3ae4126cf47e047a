"""An experiment: the name that runs of one question share. No I/O; it exists from its first run on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import validation
from .exceptions import UserErrorException
from .workspace import Workspace

if TYPE_CHECKING:
    from .run import Run


class Experiment:
    """An experiment of a workspace.

    :param workspace: The workspace.
    :param name: 1 to 255 letters, digits, '-' and '_', beginning with a letter or digit.
    :param _skip_name_validation: For names that came from the ledger. The other underscored parameters are the
        original's and without effect.
    :raises UserErrorException: The name is not allowed, or `workspace` is no Workspace.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        _skip_name_validation: bool = False,
        _id: str | None = None,
        _archived_time: object = None,
        _create_in_cloud: bool = True,
        _experiment_dto: object = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(workspace, Workspace):
            raise UserErrorException(
                f"Experiment takes a Workspace, it was given {workspace!r:.200} of type {type(workspace).__name__}."
            )
        self._workspace = workspace
        self._name = name if _skip_name_validation else validation.experiment_name(name)

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return self._workspace

    @property
    def workspace_object(self) -> Workspace:
        """The workspace, under the original's older name."""
        return self._workspace

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def id(self) -> str:
        """What names the experiment within its workspace: its name."""
        return self._name

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """Starts an interactive run and returns it; returns after the journal's append, whatever service is away.

        :param name: Name for people.
        :param run_id: Id of the run, 1 to 256 printable characters; a new UUID where None.
        :param outputs: Directory whose files belong to the run; None or True for ./outputs, False for none.
        :param snapshot_directory: Directory whose source is to be kept with the run; None for none.
        :param display_name: Label for people, before `name`.
        """
        from .run import life

        return life.start_logging(self, *args, **kwargs)

    def get_runs(
        self,
        type: str | None = None,
        tags: str | dict[str, str] | None = None,
        properties: str | dict[str, str] | None = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """Runs of the experiment, newest first, fetched as they are asked for; filters as in `Run.list`."""
        from .run import Run

        return Run.list(self, type=type, tags=tags, properties=properties, include_children=include_children)

    def __str__(self) -> str:
        return f"Experiment(Name: {self._name},\nWorkspace: {self._workspace.name})"

    def __repr__(self) -> str:
        return str(self)
