"""The commands up, down and status as a person meets them: what they print, and with which code they end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection
from typing import TypeVar

import typer
from rich.console import Console
from rich.table import Table

from runfold_deploy.stack import down as downs
from runfold_deploy.stack import layout
from runfold_deploy.stack import status as states
from runfold_deploy.stack import up as ups
from runfold_deploy.stack.errors import StackError
from runfold_deploy.stack.progress import Report
from runfold_deploy.stack.status import Condition
from runfold_schemas.settings import home

NOTHING_UP = 3
NOT_ALL_READY = 1

_T = TypeVar("_T")
_STYLES = {"ready": "green", "starting": "yellow", "unready": "yellow", "frozen": "red", "crashed": "red"}


def up(only: Collection[str] = (), new_ports: bool = False) -> None:
    """Starts the stack under RUNFOLD_HOME and shows where it is."""
    began = time.monotonic()
    report = _report()
    place = layout.layout(home(), os.environ)
    settings = _told("up", lambda: ups.up(place, os.environ, report, only, new_ports))
    seconds = time.monotonic() - began
    report.say(f"ready after {seconds:.1f} s; addresses and keys in {place.stack}, logs in {place.home}/logs")
    if not only:
        report.say(f"API {settings['api']}; the next script on this machine needs no configuration")
        report.say(_page(settings["api"], place))


def down() -> None:
    """Stops the stack under RUNFOLD_HOME."""
    report = _report()
    place = layout.layout(home(), os.environ)
    stopped = _told("down", lambda: downs.down(place, report))
    report.say(f"stopped {', '.join(stopped)}; data stays in {place.home}" if stopped else "nothing was up")


def status(as_json: bool = False) -> int:
    """Prints how the services are; returns the exit code."""
    conditions = _told("status", lambda: states.status(layout.layout(home(), os.environ)))
    if as_json:
        fields = ("name", "pid", "address", "log", "health")
        services = [{field: getattr(one, field) for field in fields} for one in conditions]
        typer.echo(json.dumps({"services": services}, indent=2))
    else:
        _print(conditions)
    if not conditions:
        return NOTHING_UP
    return 0 if all(one.health == "ready" for one in conditions) else NOT_ALL_READY


def _print(conditions: list[Condition]) -> None:
    report = _report()
    if not conditions:
        report.say("nothing is up; start it: runfold up")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("service", "health", "pid", "address", "log"):
        table.add_column(column, overflow="fold")
    for one in conditions:
        health = f"[{_STYLES[one.health]}]{one.health}[/]"
        table.add_row(one.name, health, str(one.pid or "elsewhere"), one.address, one.log or "")
    Console(width=None if Console().is_terminal else 200).print(table)
    for one in conditions:
        if one.remedy:
            report.say(one.remedy)
        if one.name == "api" and one.health == "ready":
            report.say(_page(one.address, layout.layout(home(), os.environ)))


def _page(api: str, place: layout.Layout) -> str:
    return f"page {api.rstrip('/')}/ (sign in with the access_token of {place.stack})"


def _report() -> Report:
    return Report(Console(stderr=True))


def _told(command: str, act: Callable[[], _T]) -> _T:
    """What `act` returns; an error of the stack is told in its own words, without a traceback."""
    try:
        return act()
    except StackError as error:
        _report().say(f"runfold {command}: {error}", style="red")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        _report().say(f"runfold {command}: interrupted; `runfold status` tells what runs, `runfold down` stops it")
        raise typer.Exit(130) from None
