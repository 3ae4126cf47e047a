"""`_OfflineRun`: there is no job around the script, so each call prints what it would do, and is journaled for later.

What is printed is the original's, to the letter. Not a `Run`, and without most of its attributes, since scripts ask for
both. The journal is created at the first word and belongs to no workspace; `runfold ship --once --workspace W
--experiment E` sends it. What cannot be journaled (a list given to log) is printed all the same and never raised.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

from runfold import notices, validation
from runfold.exceptions import AzureMLException
from runfold.portal import HasIdentity
from runfold.shipper.importing import complete_before_fork
from runfold_schemas import statuses

from . import files, finding, life, metrics, properties, tags
from .handle import RunHandle

F = TypeVar("F", bound=Callable[..., Any])


def _also_called(**names: str) -> Callable[[F], F]:
    """Takes a parameter by the name that the same method of `Run` has for it, too: new name, then the one here."""

    def generous(method: F) -> F:
        @functools.wraps(method)
        def called(*args: Any, **kwargs: Any) -> Any:
            return method(*args, **{names.get(name, name): value for name, value in kwargs.items()})

        return cast(F, called)

    return generous


class _OfflineRun(HasIdentity):
    """A run without a job.

    :param parent_logger: The original's, without effect.
    :param run_id: Its id; a new one, beginning with OfflineRun_, where None.
    """

    def __init__(self, parent_logger: object = None, run_id: str | None = None, **kwargs: Any) -> None:
        self._run_id = f"OfflineRun_{finding.new_run_id()}" if run_id is None else run_id
        self._handle: RunHandle | None = None
        self._parent_run_id: str | None = kwargs.get("_parent_run_id")

    def __getstate__(self) -> dict[str, Any]:
        """What goes into a copy or a pickle: the run. Its words go to the journal of the process that it comes to."""
        return {**self.__dict__, "_handle": None}

    @property
    def id(self) -> str:
        """The id."""
        return self._run_id

    def log(self, name: str, value: Any, description: str = "", *, step: int | None = None) -> None:
        """Prints a value."""
        self._emit("scalar", name, value)
        self._keep(lambda run: metrics.log(run, name, value, step))

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Prints a list."""
        self._emit("list", name, value)
        if isinstance(
            value, (list, tuple, range, set, dict, str)
        ):  # what else is iterated is the script's, and used up by it
            self._keep(lambda run: metrics.log_list(run, name, value))

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        """Prints a table."""
        self._emit("table", name, value)
        self._keep(lambda run: metrics.log_table(run, name, value))

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """Prints a row."""
        self._emit("row", name, kwargs)
        self._keep(lambda run: metrics.log_row(run, name, kwargs))

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        """Prints which image it would be."""
        self._emit("image", name, plot or path)
        self._keep(lambda run: metrics.log_image(run, name, path, plot))

    def log_residuals(self, name: str, value: Any, description: str | None = None, *, strict: bool = False) -> None:
        """Prints residuals."""
        self._document("residuals", "residual", name, value, strict)

    def log_predictions(self, name: str, value: Any, description: str | None = None, *, strict: bool = False) -> None:
        """Prints predictions."""
        self._document("predictions", "predictions", name, value, strict)

    def log_accuracy_table(
        self, name: str, value: Any, description: str | None = None, *, strict: bool = False
    ) -> None:
        """Prints an accuracy table."""
        self._document("accuracy_table", "accuracy_table", name, value, strict)

    def log_confusion_matrix(
        self, name: str, value: Any, description: str | None = None, *, strict: bool = False
    ) -> None:
        """Prints a confusion matrix."""
        self._document("confusion_matrix", "confusion_matrix", name, value, strict)

    @_also_called(key="name")
    def tag(self, name: str, value: str | None = None) -> None:
        """Prints a tag."""
        print(f"Attempted to add tag {name} with value {value}")  # noqa: T201
        self._keep(lambda run: tags.set_tags(run, {name: value}))

    def set_tags(self, tags: dict[str, str | None]) -> None:
        """Prints tags."""
        print(f"Attempted to set tags {tags}")  # noqa: T201
        self._keep(lambda run: _set_tags(run, tags))

    def add_properties(self, properties: dict[str, str]) -> None:
        """Prints properties."""
        print(f"Attempted to add properties {properties}")  # noqa: T201
        self._keep(lambda run: _add_properties(run, properties))

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> None:
        """Prints which file it would be."""
        print(f"Attempted to track file {name} at {path_or_stream}")  # noqa: T201
        self._keep_file(name, path_or_stream)

    @_also_called(names="name")
    def upload_files(
        self,
        name: Any,
        paths: Any,
        return_artifacts: bool = False,
        timeout_seconds: int | None = None,
        datastore_name: str | None = None,
    ) -> None:
        """Prints which files they would be."""
        print(f"Attempted to track files {name} at {paths} with timeout {timeout_seconds}s")  # noqa: T201
        if isinstance(name, (list, tuple)) and isinstance(paths, (list, tuple)) and len(name) == len(paths):
            for each, path in zip(name, paths, strict=True):
                self._keep_file(each, path)

    def upload_folder(self, name: str, path: str, datastore_name: str | None = None) -> None:
        """Prints which folder it would be."""
        print(f"Attempted to track folder {name} at {path}")  # noqa: T201
        if isinstance(path, (str, os.PathLike)):
            for file in sorted(Path(path).rglob("*")):
                if file.is_file():
                    self._keep_file(f"{name}/{file.relative_to(path).as_posix()}", file)

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: str | None = None) -> _OfflineRun:
        """An offline run below this one."""
        own = finding.new_run_id() if name is None else str(name).replace("/", "%2F").replace("\\", "%5C")
        child = f"{self.id}.{own}" if run_id is None else run_id
        return _OfflineRun(run_id=child, _parent_run_id=self.id)

    def complete(self) -> None:
        """Prints nothing."""
        self._keep(lambda run: life.end(run, statuses.COMPLETED))

    def fail(self, error_details: Any = None, error_code: Any = None) -> None:
        """Prints what went wrong."""
        print(f"Run failed with error code {error_code}:\n{error_details}")  # noqa: T201
        self._keep(lambda run: life.fail_unheard(run, error_details, error_code))

    def cancel(self) -> None:
        """Prints nothing."""
        self._keep(lambda run: life.end(run, statuses.CANCELED))

    def flush(self, *, timeout_seconds: float = 300) -> None:
        """Prints that there is nothing to wait for."""
        print(f"Attempted to flush run with id {self.id}")  # noqa: T201

    def __enter__(self) -> _OfflineRun:
        print(f"[START] Run {self.id} context")  # noqa: T201
        return self

    def __exit__(
        self,
        exit_type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        print(f"[STOP] Run {self.id} context")  # noqa: T201
        if exit_type is None:
            self._keep(lambda run: life.end(run, statuses.COMPLETED))
        elif not life.left_well(exit_type, value):
            self._keep(lambda run: life.fail_unheard(run, value, None))

    def _emit(self, kind: str, name: str, value: Any) -> None:
        print(f"Attempted to log {kind} metric {name}:\n{value}")  # noqa: T201

    def _document(self, metric_type: str, kind: str, name: str, value: Any, strict: bool) -> None:
        self._emit(kind, name, value)
        if strict:
            metrics.check_document(metric_type, name, value)
        self._keep(lambda run: metrics.log_document(run, metric_type, name, value))

    def _keep_file(self, name: Any, path_or_stream: Any) -> None:
        if not hasattr(path_or_stream, "read"):  # a stream is the script's, and would be used up
            self._keep(lambda run: files.state_file(run, name, path_or_stream))

    def _keep(self, say: Callable[[RunHandle], object]) -> None:
        try:
            handle = self._begun()
        except (AzureMLException, OSError) as error:
            notices.once("offline", f"offline runs are printed, but not kept: {error}")
            return
        try:
            say(handle)
        except (AzureMLException, TypeError, ValueError, OSError) as refused:
            notices.note(f"not journaled: {refused}")

    def _begun(self) -> RunHandle:
        if self._handle is None:
            with complete_before_fork():
                from runfold import session

            run_id = validation.run_id(self._run_id)
            handle = RunHandle(session.of(None), run_id, experiment="", parent_run_id=self._parent_run_id)
            life.begin(handle)
            self._handle = handle
        return self._handle


# Within the methods of these names the modules are hidden by parameters.
_set_tags, _add_properties = tags.set_tags, properties.state
