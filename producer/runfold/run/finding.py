"""Which run? The constructor, get, list, get_children, get_context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runfold import environment, validation
from runfold.exceptions import RunEnvironmentException, RunNotFoundError
from runfold.experiment import Experiment
from runfold.shipper.importing import complete_before_fork
from runfold.workspace import Workspace

from .handle import RunHandle

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient
    from runfold.reading.records import RunRecord, RunsPage

    from .offline import _OfflineRun
    from .run import Run

PAGE_RUNS = 500


def attached(
    experiment: Experiment, run_id: object, record: RunRecord | None, not_before: str | None = None
) -> RunHandle:
    """The handle of a run that exists.

    :param record: What the API says of it; fetched where None.
    :raises RunNotFoundError: The experiment has no such run.
    """
    checked = validation.run_id(run_id)
    session = experiment.workspace._session
    if record is None:
        record = session.read(lambda api: api.run(checked), not_before)
    if record["experiment"] not in (None, experiment.name):
        raise RunNotFoundError(checked, f"experiment {experiment.name}")
    return RunHandle(session, checked, experiment=experiment.name, record=record)


def get(workspace: Workspace, run_id: object, not_before: str | None = None) -> Run:
    """The run of that id, in whatever experiment of the workspace."""
    from .run import Run

    checked = validation.run_id(run_id)
    record = workspace._session.read(lambda api: api.run(checked), not_before)
    return Run(Experiment(workspace, record["experiment"] or "", _skip_name_validation=True), checked, _run_dto=record)


def refresh(handle: RunHandle, not_before: str | None = None) -> RunRecord:
    """Fetches what the API says of a run, and caches it."""
    record = handle.session.read(lambda api: api.run(handle.run_id), not_before)
    handle.know(record)
    return record


def listed(
    experiment: Experiment,
    *,
    type: str | None,
    tags: object,
    properties: object,
    status: object,
    not_before: str | None,
    **where: Any,
) -> Iterator[Run]:
    """Runs by filters, newest first. Filters are checked now, runs are fetched when they are asked for.

    :param where: `include_children`, or `parent` and `recursive`.
    """
    asked = {
        "experiment": experiment.name,
        "type": type,
        "status": validation.status(status),
        "tags": _as_json(validation.filters("tags", tags)),
        "properties": _as_json(validation.filters("properties", properties)),
        **where,
    }
    return _pages(experiment, {name: value for name, value in asked.items() if value is not None}, not_before)


def _pages(experiment: Experiment, asked: Mapping[str, Any], not_before: str | None) -> Iterator[Run]:
    from .run import Run

    session = experiment.workspace._session
    cursor: str | None = None

    def ask(api: ApiClient) -> RunsPage:
        return api.runs(cursor=cursor, limit=PAGE_RUNS, **asked)

    while True:
        page = session.read(ask, not_before)
        for record in page["runs"]:
            yield Run(experiment, record["run_id"], _run_dto=record)
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _as_json(given: str | dict[str, str | None] | None) -> str | None:
    import json

    return None if given is None else json.dumps(given)


def parent(run: Run) -> Run | None:
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


def new_run_id() -> str:
    """An id that nobody has drawn before."""
    with complete_before_fork():
        import uuid

    return str(uuid.uuid4())
