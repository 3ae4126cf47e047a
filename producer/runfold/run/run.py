"""`Run`: the original's surface. Each method is a line that names its system; what it does is told there."""

from __future__ import annotations

import builtins
import contextlib
import os
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from . import files, finding, life, metrics
from . import properties as properties_system  # the bare names are parameters and attributes here
from . import status as status_system
from . import tags as tags_system

if TYPE_CHECKING:
    from runfold.experiment import Experiment
    from runfold.reading.records import DecisionRecord
    from runfold.workspace import Workspace

    from .files import Uploaded
    from .handle import RunHandle
    from .offline import _OfflineRun


R = TypeVar("R", bound="Run")


class Run:
    """A run: one trial of an experiment.

    `Run(experiment, run_id)` attaches to a run that exists; `Experiment.start_logging` starts one.

    :param experiment: The experiment.
    :param run_id: Id of the run.
    :param outputs: Directory whose files belong to the run.
    :raises RunNotFoundError: The experiment has no such run.

    Signatures are the original's. What is ours comes after them, by keyword only: `not_before` is the text of a
    watermark (`run.watermark()`) of another process whose words a read shall see.

    A copy is the same run; a pickle is the same run in the process that it comes to, and what is logged there is
    another writer's. Neither asks anybody.
    """

    def __init__(self, experiment: Experiment, run_id: str, outputs: str | None = None, **kwargs: Any) -> None:
        self._experiment = experiment
        self._handle = finding.attached(experiment, run_id, kwargs.get("_run_dto"), kwargs.get("not_before"))
        self._parent: Run | None = None
        self._directories: builtins.list[str | None] = []

    @classmethod
    def _of(cls: builtins.type[R], experiment: Experiment, handle: RunHandle) -> R:
        """The object of a run that this process begins."""
        run = cls.__new__(cls)
        run._experiment, run._handle, run._parent, run._directories = experiment, handle, None, []
        return run

    # Finding

    @classmethod
    def get_context(
        cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any
    ) -> Run | _OfflineRun:
        """The run that this process belongs to: the job's, else an offline run that prints, and journals for later.

        :param allow_offline: Whether an offline run will do.
        :raises RunEnvironmentException: There is no job around this process, and an offline run will not do.
        """
        return finding.context(allow_offline)

    @staticmethod
    def get(workspace: Workspace, run_id: str, *, not_before: str | None = None) -> Run:
        """The run of that id, in whatever experiment of the workspace.

        :raises RunNotFoundError: The workspace has no such run.
        """
        return finding.get(workspace, run_id, not_before)

    @staticmethod
    def list(
        experiment: Experiment,
        type: str | None = None,
        tags: str | dict[str, str] | None = None,
        properties: str | dict[str, str] | None = None,
        status: str | None = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
        *,
        not_before: str | None = None,
    ) -> Iterator[Run]:
        """Runs of an experiment, newest first, fetched as they are asked for.

        :param tags: A key that must be there, or a dict of keys and values that must all be so; likewise `properties`.
        :param include_children: Whether runs below other runs are listed too.
        :raises ValueError: A filter is of another type.
        """
        return finding.listed(
            experiment,
            type=type,
            tags=tags,
            properties=properties,
            status=status,
            include_children=bool(include_children),
            not_before=not_before,
        )

    def get_children(
        self,
        recursive: bool = False,
        tags: str | dict[str, str] | None = None,
        properties: str | dict[str, str] | None = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
        *,
        not_before: str | None = None,
    ) -> Iterator[Run]:
        """Children, or with `recursive` all descendants, newest first, fetched as they are asked for."""
        return finding.listed(
            self._experiment,
            type=type,
            tags=tags,
            properties=properties,
            status=status,
            parent=self.id,
            recursive=bool(recursive),
            not_before=not_before,
        )

    # Life

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: str | None = None) -> Run:
        """Starts a child and returns it; usable as a context manager."""
        return life.child_run(self, name, run_id, outputs)

    def complete(self, _set_status: bool = True) -> None:
        """Waits until the broker has what was logged, at most RUNFOLD_EXIT_DEADLINE_S, and states Completed."""
        life.complete(self._handle, _set_status)

    def fail(
        self,
        error_details: str | BaseException | None = None,
        error_code: str | None = None,
        _set_status: bool = True,
    ) -> None:
        """States what went wrong, and Failed.

        :raises TypeError: `error_details` is neither text nor an exception.
        """
        life.fail(self._handle, error_details, error_code, _set_status)

    def cancel(self) -> None:
        """States Canceled."""
        life.cancel(self._handle)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Waits until all that this process wrote is acknowledged and visible to readers.

        :raises FlushTimeoutError: It is not, after that time.
        """
        life.flush(self._handle, timeout_seconds)

    def __enter__(self) -> Run:
        self._directories.append(_directory())
        return self

    def __exit__(
        self,
        exit_type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        directory = self._directories.pop()
        if directory is not None and directory != _directory():
            with contextlib.suppress(OSError):  # it is gone: how the block ended matters more
                os.chdir(directory)
        return life.leave_block(self._handle, exit_type, value, traceback)

    # Metrics

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Logs a value. The same name again makes the metric a list.

        :param value: A number or text.
        :param step: The value's place on the metric's own axis.
        :raises UserErrorException: `value` is a list (use log_list), or the name cannot be stored.
        """
        handle = self._handle
        if type(value) is float:
            try:
                return handle.log_point(name, value, step)
            except (TypeError, ValueError):  # the journal does not take it, and metrics.log says why
                pass
        metrics.log(handle, name, value, step)
        return None

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Logs several values under one name."""
        metrics.log_list(self._handle, name, value)

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """Logs one row; each keyword is a column."""
        metrics.log_row(self._handle, name, kwargs)

    def log_table(self, name: str, value: dict[str, Any], description: str = "") -> None:
        """Logs a table: a dict of columns, each a list."""
        metrics.log_table(self._handle, name, value)

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        """Logs an image: a file, a stream, or a matplotlib plot."""
        metrics.log_image(self._handle, name, path, plot)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """Logs a confusion matrix: JSON as text or as a dict."""
        metrics.log_document(self._handle, "confusion_matrix", name, value)

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,
        *,
        not_before: str | None = None,
    ) -> dict[str, Any]:
        """Metrics by name; with `recursive` of the whole subtree, by run id.

        :param run_type: Only descendants of that type.
        :param populate: Whether images and chart documents come with their content.
        """
        return metrics.get_metrics(self._handle, name, recursive, run_type, populate, not_before)

    # Tags and properties

    def tag(self, key: str, value: str | None = None) -> None:
        """Sets one tag."""
        tags_system.set_tags(self._handle, {key: value})

    def set_tags(self, tags: dict[str, str | None]) -> None:
        """Sets tags; keys that are not named stay."""
        tags_system.set_tags(self._handle, tags)

    def remove_tags(self, tags: Any) -> None:
        """Takes tags away, by their keys."""
        tags_system.remove_tags(self._handle, tags)

    def get_tags(self, *, not_before: str | None = None) -> dict[str, str | None]:
        """The tags, fetched."""
        return tags_system.get_tags(self._handle, not_before)

    def add_properties(self, properties: dict[str, str] | None) -> None:
        """Adds properties, which never change.

        :raises PropertyImmutableError: One has another value already; then none of them was added.
        """
        properties_system.add_properties(self._handle, properties)

    def get_properties(self, *, not_before: str | None = None) -> dict[str, str | None]:
        """The properties, fetched."""
        return properties_system.get_properties(self._handle, not_before)

    # Files

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> Uploaded:
        """Stores a file or a stream under a name.

        :raises ArtifactExistsError: The name is taken in this attempt.
        """
        return files.upload_file(self._handle, name, path_or_stream)

    def download_file(
        self,
        name: str,
        output_file_path: str | os.PathLike[str] | None = None,
        _validate_checksum: bool = False,
        *,
        not_before: str | None = None,
    ) -> None:
        """Writes a stored file to disk; its digest is always checked.

        :param output_file_path: A path or a directory; the base name in the current directory where None.
        :raises ArtifactNotFoundError: Nothing is stored under that name.
        """
        files.download_file(self._handle, name, output_file_path, not_before)

    def get_file_names(self, *, not_before: str | None = None) -> builtins.list[str]:
        """Paths of all that is stored in the run."""
        return files.get_file_names(self._handle, not_before)

    # Status and details

    def get_status(self, *, not_before: str | None = None) -> str:
        """The status, fetched."""
        return status_system.get_status(self._handle, not_before)

    def get_details(self, *, not_before: str | None = None) -> dict[str, Any]:
        """What the ledger knows of the run, in the original's names; what is not set is absent."""
        return status_system.get_details(self._handle, not_before)

    def decisions(self, *, not_before: str | None = None) -> builtins.list[DecisionRecord]:
        """What the ledger did not accept about the run: refused, conflicting and skipped facts, by offset."""
        return status_system.decisions(self._handle, not_before)

    def watermark(self) -> str:
        """What this process has written so far, as text: `not_before=` of a read elsewhere waits for it."""
        return self._handle.session.watermark()

    @property
    def id(self) -> str:
        """The id."""
        return self._handle.run_id

    @property
    def name(self) -> str:
        """The name; superseded by display_name."""
        return self._handle.name or self._handle.display_name or f"run_{self.id}"

    @property
    def display_name(self) -> str | None:
        """Label for people; setting it writes."""
        return self._handle.display_name

    @display_name.setter
    def display_name(self, value: str) -> None:
        status_system.set_display_name(self._handle, value)

    @property
    def description(self) -> str | None:
        """Description in words; setting it writes."""
        return self._handle.description

    @description.setter
    def description(self, value: str) -> None:
        status_system.set_description(self._handle, value)

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self._experiment

    @property
    def number(self) -> int | None:
        """Number in the experiment; fetched until the ledger has given it."""
        return finding.number(self._handle)

    @property
    def parent(self) -> Run | None:
        """The parent, or None; fetched once."""
        if self._parent is None:
            self._parent = finding.parent(self)
        return self._parent

    @property
    def properties(self) -> dict[str, str | None]:
        """Properties as last seen, without asking."""
        return dict(self._handle.properties)

    @property
    def tags(self) -> dict[str, str | None]:
        """Tags as last seen, without asking."""
        return dict(self._handle.tags)

    @property
    def status(self) -> str:
        """Status as last seen, without asking."""
        return self._handle.status

    @property
    def type(self) -> str | None:
        """Type of the run; None for an interactive one."""
        return self._handle.run_type

    def __str__(self) -> str:
        return f"Run(Experiment: {self._experiment.name},\nId: {self.id},\nType: {self.type},\nStatus: {self.status})"

    def __repr__(self) -> str:
        return str(self)


def _directory() -> str | None:
    """The working directory, as chdir takes it; None where it was deleted."""
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return None
