"""`Run`: the original's surface, put together from one class for each system (see `surface`)."""

from __future__ import annotations

from .surface.details import DetailsSurface
from .surface.finding import FindingSurface
from .surface.life import LifeSurface
from .surface.metrics import MetricsSurface
from .surface.stored import StoredSurface


class Run(FindingSurface, LifeSurface, MetricsSurface, StoredSurface, DetailsSurface):
    """A run: one trial of an experiment.

    `Run(experiment, run_id)` attaches to a run that exists; `Experiment.start_logging` starts one.

    :param experiment: The experiment.
    :param run_id: Id of the run.
    :param outputs: Directory, or directories, whose files belong to the run; made at once.
    :raises RunNotFoundError: The experiment has no such run.

    Signatures are the original's. What is ours comes after them, by keyword only: `not_before` is the text of a
    watermark (`run.watermark()`) of another process whose words a read shall see.

    A copy is the same run; a pickle is the same run in the process that it comes to, and what is logged there is
    another writer's. Neither asks anybody.
    """
