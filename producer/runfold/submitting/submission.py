"""`submit`: a configuration becomes a job, its run is stated, and a target takes it.

All is checked, and the job's files are taken, before anything is stated. Then, in this order: RunStarted and
RunEnrolled, tags, Queued, the snapshot, RunSubmitted. Each is journaled, so broker and API may be away. From the
target's `submit` on another process speaks for the run; where none does in time, the watchdog calls it NotResponding.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runfold import config_file, notices, validation
from runfold.exceptions import AzureMLException, ExperimentExecutionException, UserErrorException
from runfold.run import snapshots
from runfold.run.handle import RunHandle
from runfold.run.types import SCRIPT_RUN
from runfold_schemas import limits, statuses
from runfold_schemas.events import RunSubmitted, StatusChanged, TagSet
from runfold_schemas.watermark import Watermark

from . import definition, inputs, packages, reporting, targets
from .job import Job, withdraw
from .ranks import layout
from .script_run import ScriptRun
from .script_run_config import ScriptRunConfig

if TYPE_CHECKING:
    from runfold.experiment import Experiment

CONFIG_BYTES_MAX = 25 << 20
RESPOND_WITHIN_BEATS = 5.0  # heartbeats, as any writer's silence is judged

Submit = Callable[..., Any]
_submits: dict[type, Submit] = {}


def register(config_class: type, function: Submit) -> None:
    """Lets `Experiment.submit` take configurations of a further class.

    :param function: Called as `function(experiment, config, tags, **kwargs)`; it returns the run.
    """
    _submits[config_class] = function


def submit(experiment: Experiment, config: object, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
    """Submits a configuration; returns the run once the job is on its way.

    :param config: A ScriptRunConfig, or of a class that was registered.
    :param tags: Tags of the run.
    :param kwargs: `run_id`, `display_name`; `_parent_run_id` by submit_child. What is not known is ignored, and told.
    :raises AzureMLException: Nobody submits configurations of that class.
    :raises ExperimentExecutionException: Script, directory, target or interpreter is not there.
    :raises SnapshotException: The source directory exceeds the limits of a snapshot.
    """
    for each in type(config).__mro__:
        if each in _submits:
            return _submits[each](experiment, config, tags, **kwargs)
    if not isinstance(config, ScriptRunConfig):
        known = ", ".join(each.__name__ for each in (ScriptRunConfig, *_submits))
        raise AzureMLException(
            f"No submit function is registered for {config!r:.200} of type {type(config).__name__}; what can be "
            f"submitted is: {known}."
        )
    return _submit_script(experiment, config, tags, **kwargs)


def _submit_script(
    experiment: Experiment,
    config: ScriptRunConfig,
    tags: Mapping[str, Any] | None,
    *,
    run_id: object = None,
    display_name: object = None,
    _parent_run_id: object = None,
    **others: Any,
) -> ScriptRun:
    if others:
        notices.say(f"submit ignores {', '.join(sorted(others))}: it is not known to a ScriptRunConfig.")
    checked, converted = validation.tags(tags) if tags is not None else ({}, [])
    for key in converted:
        notices.once(("converted", "tag", key), f"the value of tag {key!r} is stored as text.")
    label = None
    if display_name is not None:
        label = validation.text("display_name", display_name, limits.DISPLAY_NAME_BYTES_MAX)
    session = experiment.workspace._session
    handle = RunHandle(
        session,
        new_run_id(experiment.name) if run_id is None else validation.run_id(run_id),
        experiment=experiment.name,
        parent_run_id=None if _parent_run_id is None else validation.run_id(_parent_run_id),
    )
    given = inputs.resolved(config, experiment.workspace)
    job = _job(experiment, config, handle, given)._replace(display_name=label)
    target = targets.get(job.target)
    said = json.dumps(definition.document(config, job.script, job.command, job.arguments), sort_keys=True, default=str)
    if len(said) > limits.MESSAGE_BYTES_MAX // 2:
        raise UserErrorException(
            f"the run definition takes {len(said)} characters, {limits.MESSAGE_BYTES_MAX // 2} are allowed: pass long "
            "arguments by a file in the source directory."
        )
    if config.run_config.history.snapshot_project:
        snapshots.check(handle, job.source_directory)
    folder = target.prepare(job)
    try:
        _state(handle, config, job, checked, said, folder)
        given.link(handle)
        target.submit(job._replace(not_before=_said(handle)), folder)
    except BaseException as error:
        if folder is not None and not withdraw(folder):
            raise  # its supervisor says how it ends
        if handle.known:
            _failed(handle, error)
        raise
    run = ScriptRun._of(experiment, handle)
    run._directory, run._run_config = job.source_directory, config.run_config
    return run


def new_run_id(experiment: str) -> str:
    """`<experiment>_<unix seconds>_<8 hex digits>`."""
    suffix = f"_{int(time.time())}_{os.urandom(4).hex()}"
    return experiment[: limits.RUN_ID_CHARACTERS_MAX - len(suffix)] + suffix


def _job(experiment: Experiment, config: ScriptRunConfig, handle: RunHandle, given: inputs.Given) -> Job:
    workspace, run_config = experiment.workspace, config.run_config
    source = _source_directory(config)
    command = None if given.command is None else definition.command_line(given.command)
    script = _script(source, definition.script_of(config)) if command is None else None
    duration = run_config.max_run_duration_seconds
    if duration is not None and (isinstance(duration, bool) or not isinstance(duration, (int, float))
                                 or not 0 < duration < math.inf):  # fmt: skip
        raise UserErrorException(f"max_run_duration_seconds is {duration!r:.100}; a number above 0 or None is allowed.")
    session = handle.session
    interpreter = _from_here(str(run_config.environment.python.interpreter_path or "python"))
    return Job(
        run_id=handle.run_id,
        experiment=experiment.name,
        parent_run_id=handle.parent_run_id,
        attempt=session.place.attempt,
        subscription_id=workspace.subscription_id or "",
        resource_group=workspace.resource_group or "",
        workspace=workspace.name,
        ledger_workspace=workspace._ledger_name,
        config_file=None if session._config_file is None else str(session._config_file),
        target=run_config.target,
        source_directory=str(source),
        script=script,
        command=command,
        arguments=given.arguments,
        interpreter=interpreter,
        layout=layout(run_config),
        variables={**definition.variables(run_config), **given.variables},
        max_run_duration_s=duration,
        cancel_grace_s=session.settings.cancel_grace_s,
        outputs=bool(run_config.history.output_collection),
        watched=[os.fspath(each) for each in run_config.history.directories_to_watch or []],
        warnings=packages.warnings(run_config, interpreter),
    )


def _state(
    handle: RunHandle,
    config: ScriptRunConfig,
    job: Job,
    tags: Mapping[str, str | None],
    said: str,
    folder: Path | None,
) -> None:
    session, run_id, attempt = handle.session, handle.run_id, job.attempt
    handle.run_type, handle.target, handle.display_name = SCRIPT_RUN, job.target, job.display_name
    reporting.begun(handle, job)
    handle.status = statuses.QUEUED
    for key, value in tags.items():
        session.fact(run_id, TagSet, key=key, value=value)
        handle.tags[key] = value
    reason = f"submitted to {job.target}"
    session.fact(run_id, StatusChanged, attempt=attempt, status=statuses.QUEUED, reason=reason)
    snapshot_id = None
    if config.run_config.history.snapshot_project:
        snapshot_id = snapshots.take(handle, job.source_directory, begun_here=True)
    session.fact(
        run_id,
        RunSubmitted,
        attempt=attempt,
        target=job.target,
        definition=said,
        snapshot_id=snapshot_id,
        job_folder=None if folder is None else str(folder),
        respond_within_s=RESPOND_WITHIN_BEATS * session.settings.heartbeat_s,
    )


def _said(handle: RunHandle) -> str:
    """What this process has said of the run, as a watermark: the script sees it from its first read on."""
    ends = handle.session.ends()
    return str(Watermark(ordinals={lane: end for lane, end in ends.items() if lane.aggregate_id == handle.run_id}))


def _failed(handle: RunHandle, error: BaseException) -> None:
    """The run was stated, and nobody runs it."""
    from runfold.run import life

    life.fail(handle, error if isinstance(error, AzureMLException) else f"could not be submitted: {error!r}", None)


def _source_directory(config: ScriptRunConfig) -> Path:
    source = Path(os.path.abspath(config.source_directory or "."))  # noqa: PTH100 - '..' goes, links stay
    if not source.is_dir():
        raise ExperimentExecutionException(
            f"source_directory {config.source_directory!r} is no directory (looked at {source}); it must hold what the "
            "job needs."
        )
    for name in config_file.FOLDERS:
        size = _size(source / name)
        if size > CONFIG_BYTES_MAX:
            raise ExperimentExecutionException(
                f"The configuration directory {source / name} holds {size:,} bytes; {CONFIG_BYTES_MAX:,} are allowed. "
                "Keep data elsewhere."
            )
    return source


def _script(source: Path, script: str) -> str:
    path = source / script
    if not path.is_file():
        raise ExperimentExecutionException(
            f"{script} script path doesn't exist. The script should be inside the project folder {source}."
        )
    inside = os.path.relpath(path, source)
    if inside.startswith(os.pardir):
        raise ExperimentExecutionException(
            f"{script} lies outside of the source directory {source}, and jobs get the files of that directory alone."
        )
    return inside


def _from_here(interpreter: str) -> str:
    """A relative path that begins here, as the job will find it; what is looked for elsewhere stays as it is."""
    return os.path.abspath(interpreter) if os.sep in interpreter and Path(interpreter).is_file() else interpreter  # noqa: PTH100


def _size(folder: Path) -> int:
    return sum(each.lstat().st_size for each in folder.rglob("*") if each.is_file()) if folder.is_dir() else 0
