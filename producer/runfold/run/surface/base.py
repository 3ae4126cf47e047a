"""Constructor and attributes."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from runfold.portal import HasPortal
from runfold.run import finding
from runfold.run import status as status_system

if TYPE_CHECKING:
    from runfold.experiment import Experiment
    from runfold.run.block import Block
    from runfold.run.handle import RunHandle
    from runfold.run.run import Run
    from runfold.workspace import Workspace

R = TypeVar("R", bound="RunBase")


class RunBase(HasPortal):
    """What every run has: its experiment, its id, and what was last seen of it."""

    RUN_PATH = "/runs/{0}"
    _docs = "run"

    def __init__(
        self,
        experiment: Experiment,
        run_id: str,
        outputs: str | os.PathLike[str] | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self._experiment = experiment
        self._handle: RunHandle = finding.attached(experiment, run_id, kwargs.get("_run_dto"), kwargs.get("not_before"))
        self._parent: Run | None = None
        self._blocks: builtins.list[Block] = []
        if outputs is not None:
            from runfold.run.outputs import track

            track(self._handle, outputs)

    @classmethod
    def _of(cls: builtins.type[R], experiment: Experiment, handle: RunHandle) -> R:
        """The object of a run that this process begins."""
        run = cls.__new__(cls)
        run._experiment, run._handle, run._parent, run._blocks = experiment, handle, None, []
        return run

    def __getstate__(self) -> dict[str, Any]:
        """A copy or a pickle is in no with-block of its own."""
        return {**self.__dict__, "_blocks": []}

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
        """Type of the run, such as azureml.scriptrun; None for an interactive one."""
        return self._handle.run_type

    def watermark(self) -> str:
        """What this process has written so far, as text: `not_before=` of a read elsewhere waits for it."""
        return self._handle.session.watermark()

    def _of_workspace(self) -> Workspace:
        return self._experiment.workspace

    def _page(self) -> str:
        from urllib.parse import quote

        return self.RUN_PATH.format(quote(self.id, safe=""))

    def _shown(self) -> dict[str, str]:
        return {
            "Experiment": self._experiment.name,
            "Id": self.id,
            "Type": str(self.type),
            "Status": self.status,
        }

    def __str__(self) -> str:
        return f"Run(Experiment: {self._experiment.name},\nId: {self.id},\nType: {self.type},\nStatus: {self.status})"

    def __repr__(self) -> str:
        return str(self)
