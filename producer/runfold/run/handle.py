"""What the systems of the façade know of one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runfold import notices
from runfold_schemas.statuses import NOT_STARTED, TERMINAL

from . import quotas

if TYPE_CHECKING:
    from runfold.journal.points import PointsLane
    from runfold.journal.silent import SilentLane
    from runfold.reading.records import RunRecord
    from runfold.session import Session
    from runfold.validation import Scalar

    from .quotas import Counted


class RunHandle:
    """One run, as one object of the script sees it.

    :param session: The process's conversation with the run's workspace.
    :param run_id: The run.
    :param experiment: Name of its experiment; empty for an offline run.
    :param parent_run_id: Run id of the parent; None for a top-level run.
    :param record: What the API says of it; None for a run that this process has started.
    """

    def __init__(
        self,
        session: Session,
        run_id: str,
        *,
        experiment: str,
        parent_run_id: str | None = None,
        record: RunRecord | None = None,
    ) -> None:
        self.session = session
        self.run_id = run_id
        self.experiment = experiment
        self.parent_run_id = parent_run_id
        self.run_type: str | None = None
        self.target: str | None = "local"
        self.name: str | None = None
        self.display_name: str | None = None
        self.description: str | None = None
        self.status = NOT_STARTED
        self.known = False  # whether the API was ever asked, or the run begun here
        self.ended: str | None = None  # the terminal status that this object has stated first
        self.settled = False  # whether the API has said that status is terminal
        self.number: int | None = None
        self.tags: dict[str, str | None] = {}
        self.properties: dict[str, str | None] = {}
        self.record: RunRecord | None = None  # what the API has said last
        self.tracked: list[tuple[str, str]] = []  # directories whose files are stored when the run ends, see `outputs`
        self.stored: dict[str, str] = {}  # digests of what this process has stored, by path
        self.counted: Counted | None = None  # what was logged, where quotas are asked for
        self.datasets: dict[str, Any] = {}  # the job's, as far as they were asked for, see `datasets`
        self._lane: PointsLane | SilentLane | None = None
        self.log_point: Callable[[str, Scalar, int | None], None] = self._first_point
        session.holds(self)
        if record is not None:
            self.know(record)

    def __getstate__(self) -> dict[str, Any]:
        """What goes into a copy or a pickle: the run and what is known of it. Its words go to the journal of the
        process that it comes to, and the job's datasets are what that finds.
        """
        return {name: value for name, value in self.__dict__.items() if name not in ("_lane", "log_point", "datasets")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.datasets = {}
        self._lane = None
        self.log_point = self._first_point
        self.session.holds(self)

    def know(self, record: RunRecord) -> None:
        """Caches what the API has said."""
        self.known, self.record = True, record
        self.experiment = record["experiment"] or self.experiment
        self.parent_run_id = record["parent_run_id"]
        self.run_type = record["run_type"]
        self.target = record["target"]
        self.display_name = record["display_name"]
        self.description = record["description"]
        self.status = record["status"]
        self.settled = self.status in TERMINAL
        self.number = record["number"]
        self.tags = dict(record["tags"])
        self.properties = dict(record["properties"])

    @property
    def lane(self) -> PointsLane | SilentLane:
        """Where this process's points of the run go."""
        if self._lane is None:
            self._lane = self.session.points(self.run_id)
            self._lane.on_mixed = self._mixed
            self.log_point = self._lane.log
            if quotas.asked_for(self.session):
                self.counted = self.counted or quotas.Counted(self._current)
                self.log_point = self.counted.log
        return self._lane

    def forked(self) -> None:
        """In a child of fork: points go to the child's own journal."""
        self._lane = None
        self.log_point = self._first_point

    def _first_point(self, name: str, value: Scalar, step: int | None) -> None:
        _ = self.lane  # which sets what is called from now on
        self.log_point(name, value, step)

    def _current(self, name: str, value: Scalar, step: int | None) -> None:
        self.lane.log(name, value, step)

    def _mixed(self, name: str) -> None:
        notices.once(
            ("steps", self.run_id, name),
            f"metric {name!r} has values with a step and values without one; give all of them a step, or none.",
        )
