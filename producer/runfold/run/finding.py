"""Which run? The constructor, get, list, list_by_compute, get_children, get_context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runfold import environment, notices, validation
from runfold.exceptions import RunEnvironmentException, RunNotFoundError, UserErrorException
from runfold.experiment import Experiment
from runfold.shipper.importing import complete_before_fork
from runfold.workspace import Workspace
from runfold_schemas import statuses

from .handle import RunHandle

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient
    from runfold.reading.records import RunRecord, RunsPage

    from .offline import _OfflineRun
    from .record import RunDto
    from .run import Run
    from .surface.base import RunBase

PAGE_RUNS = 500
BY_COMPUTE = (statuses.RUNNING, statuses.QUEUED)


def attached(
    experiment: Experiment, run_id: object, record: RunRecord | None, not_before: str | None = None
) -> RunHandle:
    """The handle of a run that exists.

    :param record: What the API says of it; fetched where None.
    :raises UserErrorException: `experiment` is no Experiment.
    :raises RunNotFoundError: The experiment has no such run.
    """
    _experiment(experiment)
    checked = validation.run_id(run_id)
    session = experiment.workspace._session
    if record is None:
        record = session.read(lambda api: api.run(checked), not_before)
    if record["experiment"] not in (None, experiment.name):
        raise RunNotFoundError(checked, f"experiment {experiment.name}")
    return RunHandle(session, checked, experiment=experiment.name, record=record)


def get(workspace: Workspace, run_id: object, not_before: str | None = None, rehydrate: bool = True) -> Run:
    """The run of that id, in whatever experiment of the workspace."""
    from . import types

    if not isinstance(workspace, Workspace):
        raise UserErrorException(
            f"a Workspace is needed, it was {workspace!r:.200} of type {type(workspace).__name__}."
        )
    checked = validation.run_id(run_id)
    record = workspace._session.read(lambda api: api.run(checked), not_before)
    experiment = Experiment(workspace, record["experiment"] or "", _skip_name_validation=True)
    return types.rehydrated(experiment, record, rehydrate)


def get_run(experiment: Experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """A run of an experiment.

    :param experiment: The experiment.
    :param run_id: Id of the run.
    :param rehydrate: Whether the object is of the class of the run's type; else it is a plain Run.
    :param clean_up: The original's, without effect: every process ends by one deadline for all its runs.
    :raises RunNotFoundError: The experiment has no such run.
    """
    from . import types

    session = _experiment(experiment).workspace._session
    checked = validation.run_id(run_id)
    return types.rehydrated(experiment, session.read(lambda api: api.run(checked)), bool(rehydrate))


def refresh(handle: RunHandle, not_before: str | None = None) -> RunRecord:
    """Fetches what the API says of a run, and caches it."""
    record = handle.session.read(lambda api: api.run(handle.run_id), not_before)
    handle.know(record)
    return record


def listed(
    experiment: Experiment,
    *,
    type: object,
    tags: object,
    properties: object,
    status: object,
    not_before: str | None,
    rehydrate: bool = True,
    parent: str | None = None,
    **where: Any,
) -> Iterator[Run]:
    """Runs by filters, newest first. Filters are checked now, runs are fetched when they are asked for.

    :param parent: Only runs below this one.
    :param where: `include_children`, or `recursive` beside `parent`.
    """
    from . import types

    _experiment(experiment)
    # Named alone, a type is also what the property azureml.runsource says; of children it is the run type.
    below = {"experiment": experiment.name} if parent is None else {"parent": parent}
    asked = {**below, **_filters(type, tags, properties, validation.status(status)), **where}

    def objects() -> Iterator[Run]:
        for record in _records(experiment.workspace, asked, not_before):
            yield types.rehydrated(experiment, record, rehydrate)

    return objects()


def listed_by_compute(
    compute: Any, *, type: object, tags: object, properties: object, status: object
) -> Iterator[RunDto]:
    """Records of the runs of a compute target; see `Run.list_by_compute`."""
    from .record import RunDto

    name, workspace = getattr(compute, "name", None), getattr(compute, "workspace", None)
    if not isinstance(name, str) or not isinstance(workspace, Workspace):
        raise UserErrorException(
            f"compute must be a compute target, such as workspace.compute_targets['local']; it is {compute!r:.200} of "
            f"type {compute.__class__.__name__}."
        )
    if status is not None and status not in BY_COMPUTE:
        raise UserErrorException(f"status must be one of {', '.join(BY_COMPUTE)}, or None; it is {status!r:.200}.")
    asked = {"target": name, "include_children": True, **_filters(type, tags, properties, status)}
    return (RunDto(record) for record in _records(workspace, asked, None))


def _filters(type: object, tags: object, properties: object, status: object) -> dict[str, Any]:
    kind = None if type is None else validation.text("type", type, 1024)
    asked = {
        "type": kind,
        "status": status,
        "tags": _as_json(validation.filters("tags", tags)),
        "properties": _as_json(validation.filters("properties", properties)),
    }
    return {name: value for name, value in asked.items() if value is not None}


def _records(workspace: Workspace, asked: Mapping[str, Any], not_before: str | None) -> Iterator[RunRecord]:
    session = workspace._session
    cursor: str | None = None

    def ask(api: ApiClient) -> RunsPage:
        return api.runs(cursor=cursor, limit=PAGE_RUNS, **asked)

    while True:
        page = session.read(ask, not_before)
        yield from page["runs"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _as_json(given: str | dict[str, str | None] | None) -> str | None:
    import json

    return None if given is None else json.dumps(given)


def parent(run: RunBase) -> Run | None:
    """The parent of a run, fetched; None for a top-level run."""
    handle = run._handle
    if handle.parent_run_id is None and not handle.known:
        refresh(handle)
    return None if handle.parent_run_id is None else get(run.experiment.workspace, handle.parent_run_id)


def number(handle: RunHandle) -> int | None:
    """The run's number in its experiment, fetched until the ledger has given one."""
    if handle.number is None:
        refresh(handle)
    return handle.number


def context(allow_offline: bool) -> Run | _OfflineRun:
    """The run that this process belongs to: the job's, or an offline one.

    :raises RunEnvironmentException: There is no job, and going offline is not allowed.
    """
    job = environment.job()
    if job is not None:
        from .submitted import shared

        return shared(job)
    if not allow_offline:
        raise RunEnvironmentException(inner_exception=LookupError(environment.missing()))
    from .offline import _OfflineRun

    return _OfflineRun()


def submitted_run() -> Run | _OfflineRun:
    """The job's run, for scripts that use the older name."""
    notices.once("get_submitted_run", "get_submitted_run is superseded by get_context(allow_offline=False).")
    return context(allow_offline=False)


def new_run_id() -> str:
    """An id that nobody has drawn before."""
    with complete_before_fork():
        import uuid

    return str(uuid.uuid4())


def _experiment(given: object) -> Experiment:
    if not isinstance(given, Experiment):
        raise UserErrorException(f"an Experiment is needed, it was {given!r:.200} of type {type(given).__name__}.")
    return given
