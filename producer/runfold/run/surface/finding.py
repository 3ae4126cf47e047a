"""Which run?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runfold.run import finding

from .base import RunBase

if TYPE_CHECKING:
    from runfold.experiment import Experiment
    from runfold.run.offline import _OfflineRun
    from runfold.run.record import RunDto
    from runfold.run.run import Run
    from runfold.run.types import RunFactory
    from runfold.workspace import Workspace

    Filter = str | dict[str, Any] | None


class FindingSurface(RunBase):
    """get_context, get, list, list_by_compute, get_children, add_type_provider."""

    @classmethod
    def get_context(
        cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any
    ) -> Run | _OfflineRun:
        """The run that this process belongs to: the job's, else an offline run that prints, and journals for later.

        :param allow_offline: Whether an offline run will do.
        :param used_for_context_manager: The original's, without effect; so are further keywords.
        :raises RunEnvironmentException: There is no job around this process, and an offline run will not do.
        """
        return finding.context(allow_offline)

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Run | _OfflineRun:
        """The job's run; superseded by get_context(allow_offline=False).

        :raises RunEnvironmentException: There is no job around this process.
        """
        return finding.submitted_run()

    @staticmethod
    def get(workspace: Workspace, run_id: str, *, not_before: str | None = None) -> Run:
        """The run of that id, in whatever experiment of the workspace, as an object of its type's class.

        :raises RunNotFoundError: The workspace has no such run.
        """
        return finding.get(workspace, run_id, not_before)

    @staticmethod
    def list(
        experiment: Experiment,
        type: str | None = None,
        tags: Filter = None,
        properties: Filter = None,
        status: str | None = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
        *,
        not_before: str | None = None,
    ) -> Iterator[Run]:
        """Runs of an experiment, newest first, fetched as they are asked for.

        :param type: Run type, or what the property azureml.runsource says.
        :param tags: A key that must be there, or a dict of keys and values that must all be so (None: the key without
            a value; a number: its text); likewise `properties`.
        :param status: One status.
        :param include_children: Whether runs below other runs are listed too.
        :param _rehydrate_runs: Whether each is an object of its type's class; else all are plain runs.
        :raises ValueError: A filter is of another type.
        :raises UserErrorException: There is no such status.
        """
        return finding.listed(
            experiment,
            type=type,
            tags=tags,
            properties=properties,
            status=status,
            include_children=bool(include_children),
            rehydrate=bool(_rehydrate_runs),
            not_before=not_before,
        )

    @staticmethod
    def list_by_compute(
        compute: Any,
        type: str | None = None,
        tags: Filter = None,
        properties: Filter = None,
        status: str | None = None,
    ) -> Iterator[RunDto]:
        """Records of the runs of a compute target, over all experiments of its workspace; they are no Run objects.

        Filters are those of `list`: `type`, `tags`, `properties`.

        :param compute: The target: it has `workspace` and `name`.
        :param status: Running or Queued.
        :raises UserErrorException: Another status, or no compute target.
        :raises ValueError: A filter is of another type.
        """
        return finding.listed_by_compute(compute, type=type, tags=tags, properties=properties, status=status)

    def get_children(
        self,
        recursive: bool = False,
        tags: Filter = None,
        properties: Filter = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
        *,
        not_before: str | None = None,
    ) -> Iterator[Run]:
        """Children, or with `recursive` all descendants, newest first, fetched as they are asked for.

        Filters are those of `list`: `tags`, `properties`, `status`, and `type`, which is the run type alone.

        :param recursive: Whether children of children, and so on, belong to them.
        :param _rehydrate_runs: As in `list`.
        """
        return finding.listed(
            self._experiment,
            type=type,
            tags=tags,
            properties=properties,
            status=status,
            parent=self.id,
            recursive=bool(recursive),
            rehydrate=bool(_rehydrate_runs),
            not_before=not_before,
        )

    @staticmethod
    def add_type_provider(runtype: str, run_factory: RunFactory) -> None:
        """Registers who makes the objects of runs of a type, for get, list and get_children.

        :param runtype: Run type, such as azureml.scriptrun.
        :param run_factory: `run_factory(experiment, run_dto, **kwargs) -> Run`; run_dto has `run_id` and goes on to
            the constructor as `_run_dto`.
        :raises ValueError: The type has one already.
        :raises UserErrorException: The type is no text, or the factory cannot be called.
        """
        from runfold.run import types

        types.add(runtype, run_factory)
