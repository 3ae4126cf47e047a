"""How a run begins, ends, and is waited for."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from runfold.run import life

from .base import RunBase

if TYPE_CHECKING:
    from runfold.run.run import Run


class LifeSurface(RunBase):
    """start, complete, fail, cancel, flush, child_run, create_children, submit_child, wait_for_completion, clean."""

    def start(self) -> None:
        """States Running: for a run that somebody else has made."""
        life.start(self._handle)

    def complete(self, _set_status: bool = True) -> None:
        """Waits until the broker has what was logged, stores the outputs, and states Completed.

        What is waited for is bounded by RUNFOLD_EXIT_DEADLINE_S; the journal keeps what was not sent by then.

        :param _set_status: Whether Completed is stated.
        """
        life.complete(self._handle, _set_status)

    def fail(
        self,
        error_details: str | BaseException | None = None,
        error_code: str | None = None,
        _set_status: bool = True,
    ) -> None:
        """States what went wrong, stores the outputs, and states Failed.

        :param error_details: Text or an exception.
        :param error_code: Class of the error, UserError where None.
        :param _set_status: Whether Failed is stated; the error is in any case.
        :raises TypeError: `error_details` is neither text nor an exception.
        """
        life.fail(self._handle, error_details, error_code, _set_status)

    def cancel(self) -> None:
        """States Canceled; for a submitted run CancelRequested, which whoever runs it obeys."""
        life.cancel(self._handle)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Waits until all that this process wrote is acknowledged and visible to readers.

        :param timeout_seconds: Seconds.
        :raises FlushTimeoutError: It is not, after that time.
        """
        life.flush(self._handle, timeout_seconds)

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: str | None = None) -> Run:
        """Starts a child and returns it; usable as a context manager.

        :param name: Name for people; the child's is `<name of this run>><name>`.
        :param run_id: Id of the child; a new UUID where None.
        :param outputs: Directory whose files belong to the child; made at once.
        :raises UserErrorException: One of them is not allowed.
        """
        from runfold.run import children

        return children.child_run(self, name, run_id, outputs)

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Iterable[Any] | None = None
    ) -> builtins.list[Run]:
        """Starts several children: `count` of them, or one for each of `tag_values`, tagged `{tag_key: value}`.

        :param count: How many, at most 100; each is tagged azureml.batch_child_number, from "0".
        :param tag_key: The tag's key.
        :param tag_values: A value for each child, at most 100; what is no string is kept as its text.
        :returns: The children in the order asked for.
        :raises UserErrorException: Neither or both ways, half of the second, or more than 100.
        """
        from runfold.run import children

        return children.create_children(self, count, tag_key, tag_values)

    def submit_child(self, config: Any, tags: dict[str, Any] | None = None, **kwargs: Any) -> Run:
        """Submits a config as a child of this run, in the same experiment.

        :param config: A ScriptRunConfig.
        :param tags: Tags of the child.
        :returns: The child; it runs on by itself.
        """
        return self._experiment.submit(config, tags=tags, _parent_run_id=self.id, **kwargs)

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Waits until the run has ended, and returns get_details().

        :param show_output: Whether its log is printed as it grows.
        :param wait_post_processing: Whether Finalizing and CancelRequested are waited for too; Finalizing of a
            submitted script always is, since its outputs are stored then.
        :param raise_on_error: Whether Failed raises.
        :raises ActivityFailedException: The run Failed; Canceled never raises.
        :raises ExperimentExecutionException: Ctrl-C while the log is shown; the run goes on.
        """
        from runfold.run import waiting

        return waiting.wait_for_completion(self, bool(show_output), bool(wait_post_processing), bool(raise_on_error))

    def clean(self) -> builtins.list[str]:
        """Deletes the folder in which a submitted run ran on this machine.

        :returns: A line for each directory that was removed.
        :raises ExperimentExecutionException: There is none.
        """
        from runfold.run import cleaning

        return cleaning.clean(self._handle)

    def __enter__(self) -> Run:
        from runfold.run import block

        self._blocks.append(block.enter(self._handle))
        return self  # type: ignore[return-value]  # every run is a Run

    def __exit__(
        self,
        exit_type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        return self._blocks.pop().leave(exit_type, value)
