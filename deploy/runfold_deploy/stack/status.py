"""`runfold status`: how every service of the stack is. Changes nothing, waits for nobody, takes no lock."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from runfold_deploy.stack import layout, probes, process
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.lifecycle import frozen_text
from runfold_deploy.stack.records import Records
from runfold_deploy.stack.service import NAMES, Health, Started, health


class Condition(NamedTuple):
    """One service. Without pid and log it runs somewhere else and was named by its address."""

    name: str
    pid: int | None
    address: str
    log: str | None
    health: Health
    remedy: str | None
    """What is wrong and what helps; None when it is ready."""


def status(place: Layout) -> list[Condition]:
    """All services that were started, and those named by an address; empty when nothing is up."""
    records = Records(place)
    settings = layout.read(place.stack)
    started = records.started()
    if not started:
        return []
    with ThreadPoolExecutor(len(NAMES)) as pool:
        here = pool.map(lambda one: _condition(one, settings), started)
        elsewhere = pool.map(lambda item: _elsewhere(item[0], item[1], settings), records.replaced.items())
        return sorted([*here, *elsewhere], key=lambda one: NAMES.index(one.name))


def _condition(started: Started, settings: Mapping[str, str]) -> Condition:
    state = process.state(started.identity)
    answer = probes.ask(started.name, started.address, settings) if state == "running" else None
    verdict = health(started, state, ready=answer is None)
    pid = started.identity.pid
    remedy = {
        "ready": None,
        "starting": f"{started.name} is starting: {answer}",
        "unready": f"{started.name} (pid {pid}) is not ready: {answer}. Log: {started.log}",
        "frozen": frozen_text(started),
        "crashed": f"{started.name} (pid {pid}) has ended by itself; start it again: runfold up. Log: {started.log}",
    }[verdict]
    return Condition(started.name, pid, started.address, started.log, verdict, remedy)


def _elsewhere(name: str, address: str, settings: Mapping[str, str]) -> Condition:
    answer = probes.ask(name, address, settings)
    remedy = None if answer is None else f"{name} at {address} is not ready: {answer}"
    return Condition(name, None, address, None, "ready" if answer is None else "unready", remedy)
