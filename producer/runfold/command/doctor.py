"""`runfold doctor`: what is wrong from this machine, and what to do about it. Asks everything, changes nothing."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from runfold.exceptions import AuthenticationException, ServiceAwayError, ServiceException
from runfold_schemas import exits

from . import cells, diagnosing, probing
from .border import AsJson, Topic, Workspace, message_of
from .diagnosing import Finding
from .printing import Printer
from .tables import Column, table

if TYPE_CHECKING:
    from runfold_schemas.settings import Settings

app = Topic("doctor")

SIGNS = {"pass": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "bold red")}
STACK_S = 30.0


@app.asks("doctor")
def doctor(
    workspace: Workspace = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds for each question.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Tell what is wrong from this machine: settings, API, access token, broker, clocks, versions, journals, stack.

    Each check passes, warns or fails, and says what to do. Ends 0 when none fails, else 1. With --json: {"worst",
    "checks": [{"area", "check", "state", "found", "remedy"}], "settings": [{"name", "value", "source"}]}.

    Example: runfold doctor
    """
    printer = Printer(as_json)
    findings, origins = examined(workspace, timeout)
    worst = diagnosing.worst(findings)
    if as_json:
        checks = [each._asdict() for each in findings]
        printer.document({"worst": worst, "checks": checks, "settings": [each._asdict() for each in origins]})
    else:
        printer.show(*page(findings, origins, printer.width))
    raise typer.Exit(exits.FAILED if worst == "fail" else exits.OK)


def examined(workspace: str | None, timeout_s: float) -> tuple[list[Finding], list[probing.Origin]]:
    """All checks, in the order in which they build on each other, and the settings they are about."""
    from runfold_schemas.settings import Settings, SettingsError

    try:
        settings = Settings.load(workspace=workspace)
    except SettingsError as error:
        remedy = "correct it where it is set: the environment, or stack.json below RUNFOLD_HOME"
        return [Finding("settings", "read", "fail", str(error), remedy)], []
    origins = probing.origins(settings, ["workspace"] if workspace else [])
    findings = [
        Finding("client", "versions", "pass", f"runfold {_version()}, Python {platform.python_version()}"),
        *_settings(settings),
        *_api(settings, timeout_s),
        *_broker(settings, timeout_s),
        *_store(settings, timeout_s),
        *_guarded("journals", "folder", lambda: diagnosing.ground(probing.ground(settings.journals()))),
        *_guarded(
            "journals", "unsent", lambda: diagnosing.journals(probing.journals(settings.journals(), time.time()))
        ),
        *_guarded("stack", "services", lambda: [diagnosing.stack(probing.stack(STACK_S))]),
    ]
    return findings, origins


def page(findings: Sequence[Finding], origins: Sequence[probing.Origin], width: int) -> Iterator[Any]:
    """Checks, a row each, and below them the settings."""
    heads = [
        Column("", whole=True),
        Column("about", whole=True),
        Column("check", whole=True),
        Column("found"),
        Column("what to do"),
    ]
    rows: list[list[Text | str]] = []
    for each in findings:
        sign, style = SIGNS[each.state]
        remedy = each.remedy if each.state != "pass" else None
        rows.append([Text(sign, style=style), each.area, each.check, cells.text(each.found), cells.text(remedy)])
    yield table(heads, rows, width)
    if origins:
        yield Text("")
        shown: list[list[Text | str]] = [
            [each.name, cells.text(each.value), cells.text(each.source)] for each in origins
        ]
        yield table([Column("setting", whole=True), Column("value"), Column("from")], shown, width)


def _version() -> str:
    from runfold._version import __version__

    return __version__


def _settings(settings: Settings) -> Iterator[Finding]:
    reads, sends = "nothing can be read without it", "nothing is sent without it"
    asked = (
        ("api", reads),
        ("kafka", sends),
        ("workspace", "nothing is read or sent without it"),
        ("access_token", reads),
    )
    for name, why in asked:
        if getattr(settings, name) is None:
            setting = f"RUNFOLD_{name.upper()}"
            remedy = f"set {setting}, or start the local stack: runfold up"
            grave = name in ("api", "workspace")
            yield Finding("settings", setting, "fail" if grave else "warn", f"not set; {why}", remedy)


def _api(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    if settings.api is None:
        return
    place = probing.reach_address(settings.api, timeout_s)
    yield diagnosing.reached("API", "RUNFOLD_API", place, _now())
    if place.error is not None or settings.workspace is None:
        return
    from runfold.reading.client import ApiClient

    try:
        api = ApiClient(settings)
        ahead = api.clock_offset_s(timeout_s)
    except ServiceAwayError as error:
        yield _wrong("API", "answer", error)
        return
    except Exception as error:  # noqa: BLE001 this path is open to everybody: it is another program
        yield diagnosing.stranger(settings.api, message_of(error))
        return
    yield diagnosing.clock("API", ahead)
    if settings.access_token is None:
        return
    try:
        session = api.session(timeout_s=timeout_s)
    except AuthenticationException as error:
        yield diagnosing.refused(message_of(error), in_environment="RUNFOLD_ACCESS_TOKEN" in os.environ)
        return
    except Exception as error:  # noqa: BLE001 whatever is wrong is what the doctor is for
        is_other = isinstance(error, ServiceException) and (error.status_code or 500) < 500
        yield diagnosing.stranger(settings.api, message_of(error)) if is_other else _wrong("API", "answer", error)
        return
    yield from _guarded("API", "versions", lambda: [diagnosing.versions(_version(), api.server_version(timeout_s))])
    try:
        lag = diagnosing.lag(api.lag(timeout_s=timeout_s))
    except AuthenticationException:
        lag = None
    except Exception as error:  # noqa: BLE001
        lag = _wrong("API", "projection", error)
    yield from diagnosing.access_token(session, settings.workspace, _now(), may_read=lag is not None)
    if lag is not None:
        yield lag


def _broker(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    if settings.kafka is None:
        return
    reached = False
    places = probing.brokers(settings.kafka)
    if not places:
        remedy = "correct RUNFOLD_KAFKA: host:port, several with commas between"
        yield Finding("broker", "address", "fail", f"{settings.kafka!r} names no broker", remedy)
    for host, port in places:
        place = probing.reach(host, port, timeout_s)
        reached = reached or place.error is None
        yield diagnosing.reached("broker", "RUNFOLD_KAFKA", place, _now())
    if not reached or settings.workspace is None:
        return
    bootstrap, prefix, workspace = settings.kafka, settings.topic_prefix, settings.workspace
    remedy = f"runfold topics check --prefix {prefix} --workspace {workspace} tells more; `topics create` makes them"
    yield from _guarded("broker", "topics", lambda: _topics(bootstrap, prefix, workspace, timeout_s), remedy)


def _topics(bootstrap: str, prefix: str, workspace: str, timeout_s: float) -> Iterator[Finding]:
    import logging

    from runfold_schemas import topics_admin
    from runfold_schemas.topics import topics_of

    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    names = topics_of(prefix, workspace)
    contract, problems = topics_admin.inspect(bootstrap, names, seconds=timeout_s)
    held = len(contract.schemas)
    if not problems:
        yield Finding("broker", "topics", "pass", f"as their manifest says; the contract holds {held} schemas")
    for problem in problems:
        remedy = f"runfold topics check --prefix {prefix} --workspace {workspace}"
        yield Finding("broker", "topics", "fail" if problem.grave else "warn", problem.text, remedy)
    standing = topics_admin.standing(bootstrap, names, seconds=timeout_s)
    needed = {names.facts: frozenset(("WRITE", "DESCRIBE")), names.telemetry: frozenset(("WRITE", "DESCRIBE"))}
    yield diagnosing.permissions(standing.permitted, needed)
    ahead = None if standing.newest_s is None else standing.newest_s - time.time()
    yield diagnosing.clock("broker", ahead, at_least=True)


def _store(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    if settings.s3_address is not None:
        place = probing.reach_address(settings.s3_address, timeout_s)
        yield diagnosing.reached("object store", "RUNFOLD_S3_ADDRESS", place, _now())


def _guarded(area: str, check: str, look: Callable[[], Any], remedy: str | None = None) -> Iterator[Finding]:
    """What a look finds; where it fails, that is the finding, and the other checks go on."""
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001 whatever is wrong is what the doctor is for
        yield _wrong(area, check, error, remedy)


def _wrong(area: str, check: str, error: Exception, remedy: str | None = None) -> Finding:
    away = (
        "runfold status shows the local stack, runfold up starts it; does the server hang, or is --timeout too short?"
    )
    if remedy is None:
        remedy = away if isinstance(error, ServiceAwayError) else "the log of that service tells more (runfold status)"
    return Finding(area, check, "fail", message_of(error).strip(), remedy)


def _now() -> datetime:
    return datetime.now(timezone.utc)
