"""An experiment: the name that runs of one question share. It exists from its first word on: a run, a tag."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from . import validation
from .exceptions import ServiceException, UserErrorException
from .portal import HasPortal
from .workspace import Workspace

if TYPE_CHECKING:
    from .reading.client import ApiClient
    from .reading.records import ExperimentRecord
    from .run import Run

VIEWS = {"ActiveOnly": "active", "ArchivedOnly": "archived", "All": "all"}

T = TypeVar("T")


class Experiment(HasPortal):
    """An experiment of a workspace.

    :param workspace: The workspace.
    :param name: 1 to 255 letters, digits, '-' and '_', beginning with a letter or digit.
    :param _skip_name_validation: For names that came from the ledger.
    :param _experiment_dto: What the API says of it; fetched when it is asked for, where None. The other underscored
        parameters are the original's and without effect.
    :raises UserErrorException: The name is not allowed, or `workspace` is no Workspace.
    """

    _docs = "experiment"

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        _skip_name_validation: bool = False,
        _id: str | None = None,
        _archived_time: datetime | None = None,
        _create_in_cloud: bool = True,
        _experiment_dto: ExperimentRecord | None = None,
        **kwargs: Any,
    ) -> None:
        self._workspace = _checked(workspace)
        self._name = name if _skip_name_validation else validation.experiment_name(name)
        self._archived_time = _archived_time
        self._tags: dict[str, str | None] | None = None
        if _experiment_dto is not None:
            self._know(_experiment_dto)

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

    @property
    def tags(self) -> dict[str, str | None]:
        """Tags as last seen; fetched at the first time."""
        if self._tags is None:
            self.refresh()
        return dict(self._tags or {})

    @property
    def archived_time(self) -> datetime | None:
        """When it was archived; None for an active one."""
        if self._tags is None and self._archived_time is None:
            self.refresh()
        return self._archived_time

    # Runs

    def submit(self, config: Any, tags: dict[str, Any] | None = None, **kwargs: Any) -> Run:
        """Submits a config; the run goes on by itself.

        :param config: A ScriptRunConfig.
        :param tags: Tags of the run.
        :returns: The run.
        :raises AzureMLException: Nobody knows how to submit such a config.
        :raises ExperimentExecutionException: It cannot be run; the text says why.
        """
        from .submitting.submission import submit

        run: Run = submit(self, config, tags, **kwargs)
        return run

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """Starts an interactive run and returns it; returns after the journal's append, whatever service is away.

        :param name: Name for people.
        :param run_id: Id of the run, 1 to 256 printable characters; a new UUID where None.
        :param outputs: Directory whose files belong to the run; None or True for ./outputs, False for none.
        :param snapshot_directory: Directory whose source is to be kept with the run; None for none.
        :param display_name: Label for people, before `name`.
        :raises SnapshotException: The source is too large; the run is there all the same, and Running.
        """
        from .run import life

        return life.start_logging(self, *args, **kwargs)

    def get_runs(
        self,
        type: str | None = None,
        tags: str | dict[str, Any] | None = None,
        properties: str | dict[str, Any] | None = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """Runs of the experiment, newest first, fetched as they are asked for; filters as in `Run.list`."""
        from .run import Run

        return Run.list(self, type=type, tags=tags, properties=properties, include_children=include_children)

    # What is said about it

    def tag(self, key: str, value: str | None = None) -> None:
        """Sets one tag."""
        self.set_tags({key: value})

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Sets tags; keys that are not named stay. A value that is no text is kept as its text."""
        from .run import quotas
        from .run.tags import checked as checked_tags

        checked, known = checked_tags(tags), self._tags or {}
        quotas.entries(self._workspace._session, "tag", known, checked, quotas.EXPERIMENT_KEY_MAX)
        if checked:
            self._change(tags=checked)
            self._tags = {**known, **checked} if self._tags is not None else None

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Takes tags away.

        :param tags: List of keys.
        """
        keys = validation.tag_keys(tags)
        if keys:
            self._change(removed_tags=tuple(keys))
            if self._tags is not None:
                self._tags = {key: value for key, value in self._tags.items() if key not in keys}

    def archive(self) -> None:
        """Archives it: `list` shows it no more unless asked to; its runs stay, and it can have new ones."""
        self._change(archived=True)
        self._archived_time = datetime.now(timezone.utc)

    def reactivate(self, new_name: str | None = None) -> None:
        """Takes it back from the archive.

        :param new_name: Must be None: an experiment keeps its name.
        :raises UserErrorException: It is not.
        """
        if new_name is not None:
            raise UserErrorException(
                f"Cannot rename an experiment: new_name must be None, it is {new_name!r:.200}. Runs are named by their "
                "experiment for good."
            )
        self._change(archived=False)
        self._archived_time = None

    def refresh(self) -> None:
        """Fetches tags, and whether it is archived; an experiment without any word has neither."""
        found = self._ask(lambda api: api.experiment(self._name))
        if found is None:
            self._tags, self._archived_time = {}, None
        else:
            self._know(found)

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: str | None = None,
        view_type: str = "ActiveOnly",
        tags: str | dict[str, Any] | None = None,
    ) -> builtins.list[Experiment]:
        """Experiments of a workspace, fetched.

        :param experiment_name: Only the one of that name.
        :param view_type: ActiveOnly, ArchivedOnly or All.
        :param tags: A key that must be there, or a dict of keys and values that must all be so.
        :raises UserErrorException: There is no such view.
        :raises ValueError: The filter is of another type.
        """
        import json

        session = _checked(workspace)._session
        view = VIEWS.get(view_type) if isinstance(view_type, str) else None
        if view is None:
            raise UserErrorException(f"view_type must be one of {', '.join(VIEWS)}; it is {view_type!r:.200}.")
        if experiment_name is not None:
            validation.text("experiment_name", experiment_name, 4096)
        wanted = validation.filters("tags", tags)
        found = session.read(
            lambda api: api.experiments(view, experiment_name, None if wanted is None else json.dumps(wanted))
        )
        return [_of(workspace, record) for record in found]

    @staticmethod
    def delete(workspace: Workspace, experiment_id: str) -> None:
        """Deletes an experiment from the lists. The ledger forgets nothing: its runs stay, and are found by their ids.

        :param experiment_id: Its id, which is its name.
        :raises UserErrorException: There is no such experiment.
        """
        experiment = Experiment(workspace, validation.text("experiment_id", experiment_id, 4096), True)
        if experiment._ask(lambda api: api.experiment(experiment.name)) is None:
            raise UserErrorException(
                f"There is no experiment {experiment_id!r} in workspace {workspace.name}; Experiment.list shows those "
                "that exist, `id` is what to give here."
            )
        experiment._change(deleted=True)

    @staticmethod
    def from_directory(path: str | os.PathLike[str], auth: object = None) -> Experiment:
        """The experiment that a directory belongs to: of the workspace that its config file names, with the
        directory's name, or the `Experiment` that the file names.

        :param path: The directory.
        :raises UserErrorException: There is no such directory, or no config file from it upward.
        """
        from .config_file import where

        folder = where(path)
        return Experiment(Workspace.from_config(folder, auth=auth), folder.name)

    def _change(self, **said: Any) -> None:
        from runfold_schemas.events import ExperimentChanged

        self._workspace._session.about("experiment", self._name, ExperimentChanged, **said)

    def _ask(self, ask: Callable[[ApiClient], T]) -> T | None:
        """What the API says; None where there is no such experiment."""
        try:
            return self._workspace._session.read(ask)
        except ServiceException as error:
            if error.status_code != 404:
                raise
            return None

    def _know(self, record: Mapping[str, Any]) -> None:
        self._tags = dict(record["tags"])
        at = record["archived_at"]
        self._archived_time = None if at is None else datetime.fromisoformat(at.replace("Z", "+00:00"))

    def _of_workspace(self) -> Workspace:
        return self._workspace

    def _page(self) -> str:
        from urllib.parse import quote

        return self.EXPERIMENT_NAME_PATH.format(quote(self._name, safe=""))

    def _shown(self) -> dict[str, str]:
        return {"Name": self._name, "Workspace": self._workspace.name}

    def __str__(self) -> str:
        return f"Experiment(Name: {self._name},\nWorkspace: {self._workspace.name})"

    def __repr__(self) -> str:
        return str(self)


def _of(workspace: Workspace, record: ExperimentRecord) -> Experiment:
    return Experiment(workspace, record["name"], _skip_name_validation=True, _experiment_dto=record)


def _checked(workspace: object) -> Workspace:
    if not isinstance(workspace, Workspace):
        raise UserErrorException(
            f"Experiment takes a Workspace, it was given {workspace!r:.200} of type {type(workspace).__name__}."
        )
    return workspace
