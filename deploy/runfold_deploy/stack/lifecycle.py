"""Starts and stops a group of services that do not know each other.

Every start is written down at once, every wait has a deadline, and what was started stays written down when a later
service fails, so that `status` tells of it and `down` ends it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runfold_deploy.stack import ports, probes, process
from runfold_deploy.stack.errors import ServiceFailed, StackError
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.progress import Report
from runfold_deploy.stack.records import Records
from runfold_deploy.stack.service import Service, Started, Verdict, judge

_PAUSE_S = 0.03
_TRIES = 3
"""A server whose killed predecessor still holds lock or shared memory ends at once; the next try finds them free."""
_PORT_WAIT_S = 5.0


def bring(
    services: Sequence[Service], records: Records, place: Layout, settings: Mapping[str, str], report: Report
) -> bool:
    """Leaves every service ready: starts what is missing, restarts what runs other code, waits for what is there.

    Returns:
        Whether anything was started.

    Raises:
        StackError: a service is frozen, ended, or was not ready in time. The others were waited for.
    """
    verdicts = {service.name: _verdict(service, records) for service in services}
    frozen = [started for name, verdict in verdicts.items() if verdict == "frozen" and (started := records.get(name))]
    if frozen:
        raise StackError("; ".join(frozen_text(one) for one in frozen))
    for service in services:
        _tell(verdicts[service.name], records.get(service.name), report)
    stop([started for name, one in verdicts.items() if one == "outdated" and (started := records.get(name))], records)
    undone = {service.name for service in services}
    given_up = threading.Event()

    def one(service: Service) -> None:
        if verdicts[service.name] == "keep":
            _await_kept(service, records, settings, given_up)
        else:
            _start(service, records, place, settings, given_up)
        undone.discard(service.name)

    starting = [service.name for service in services if verdicts[service.name] != "keep"]
    doing = f"starting {', '.join(starting)}" if starting else "looking whether all are ready"
    with ThreadPoolExecutor(len(services)) as pool:
        waiting = [pool.submit(one, service) for service in services]
        try:
            if starting:
                with report.step(doing, lambda: f"waiting for {', '.join(sorted(undone))}" if undone else ""):
                    errors = [error for future in waiting if (error := future.exception())]
            else:
                errors = [error for future in waiting if (error := future.exception())]
        except BaseException:
            given_up.set()
            raise
    if errors:
        told = [error for error in errors if isinstance(error, StackError)]
        raise StackError("\n".join(map(str, told))) if len(told) == len(errors) > 1 else errors[0]
    return bool(starting)


def stop(started: Sequence[Started], records: Records) -> list[str]:
    """Stops services at the same time: asks, waits, kills at the deadline. Returns what was not in order, in words."""
    told = [
        f"{one.name} was frozen and let go on, to stop" for one in started if process.state(one.identity) == "frozen"
    ]
    for one in started:
        process.request_stop(one.identity, one.stop_signal)
    with ThreadPoolExecutor(max(1, len(started))) as pool:
        ended = list(pool.map(lambda one: process.await_end(one.identity, one.stop_seconds), started))
    for one, by_itself in zip(started, ended, strict=True):
        records.forget(one.name)
        if not by_itself:
            told.append(
                f"{one.name} (pid {one.identity.pid}) did not stop within {one.stop_seconds:g} s and was killed"
            )
    return told


def frozen_text(started: Started) -> str:
    """What a frozen service is told as: nobody but its freezer ends that."""
    pid = started.identity.pid
    return f"{started.name} (pid {pid}) is frozen by a signal or a debugger; let it go on: kill -CONT {pid}"


def _verdict(service: Service, records: Records) -> Verdict:
    started = records.get(service.name)
    return judge(service, started, process.state(started.identity) if started else "gone")


def _tell(verdict: Verdict, started: Started | None, report: Report) -> None:
    if started is None:
        return
    if verdict == "crashed" and started.identity.boot_id != process.boot_id():
        report.say(f"{started.name} ended with the machine's last start; it is started again")
    elif verdict == "crashed":
        report.say(
            f"{started.name} (pid {started.identity.pid}) ended by itself; it is started again. Log: {started.log}"
        )
    elif verdict == "outdated":
        report.say(f"{started.name} runs other code or settings; it is restarted")


def _start(
    service: Service, records: Records, place: Layout, settings: Mapping[str, str], given_up: threading.Event
) -> None:
    _end_strays(service, place)
    _await_ports(service, given_up)
    log = place.log(service.name)
    for attempt in range(1, _TRIES + 1):
        launch = service.prepare()
        mark = {process.MARK: f"{place.home}:{service.name}"}
        child = process.launch(launch.command, {**launch.environment, **mark}, log, launch.folder, launch.user)
        identity = process.identify(child.pid) or process.Identity(child.pid, "ended", process.boot_id())
        started = Started(
            service.name, identity, service.address, str(log), service.fingerprint, False, service.stop_signal,
            service.stop_seconds,
        )  # fmt: skip
        records.put(started)
        deadline = time.monotonic() + service.start_seconds
        answer: str | None = "not asked yet"
        while child.poll() is None:
            answer = probes.ask(service.name, service.address, settings)
            if answer is None:
                records.put(started._replace(was_ready=True))
                return
            if time.monotonic() >= deadline:
                raise ServiceFailed(
                    service.name, f"(pid {child.pid}) was not ready within {service.start_seconds:g} s: {answer}", log
                )
            if given_up.wait(_PAUSE_S):
                return
        if given_up.wait(0.3 * attempt):
            return
    raise ServiceFailed(service.name, f"ended {_TRIES} times before it was ready (code {child.returncode})", log)


def _await_kept(service: Service, records: Records, settings: Mapping[str, str], given_up: threading.Event) -> None:
    started = records.get(service.name)
    assert started is not None  # it is kept because it is written down
    deadline = time.monotonic() + service.start_seconds
    while (answer := probes.ask(service.name, service.address, settings)) is not None:
        if process.state(started.identity) == "gone":
            raise ServiceFailed(service.name, f"(pid {started.identity.pid}) has just ended", log=Path(started.log))
        if time.monotonic() >= deadline:
            raise ServiceFailed(
                service.name, f"(pid {started.identity.pid}) is alive, but not ready: {answer}", log=Path(started.log)
            )
        if given_up.wait(_PAUSE_S):
            return
    if not started.was_ready:
        records.put(started._replace(was_ready=True))


def _end_strays(service: Service, place: Layout) -> None:
    """Ends processes of this service whose start nobody could write down: they hold its ports and its data."""
    for stray in list(process.strays(place.home, service.name)):
        process.request_stop(stray, service.stop_signal)
        process.await_end(stray, service.stop_seconds)


def _await_ports(service: Service, given_up: threading.Event) -> None:
    """Children of a killed server may hold its port for a moment longer than it lived."""
    deadline = time.monotonic() + _PORT_WAIT_S
    while taken := [port for port in service.ports if not ports.is_free(port)]:
        if time.monotonic() >= deadline:
            raise StackError(
                f"port {taken[0]} of {service.name} is taken by {ports.holder(taken[0])}. Stop that one, or choose new "
                f"ports: runfold down && runfold up --new-ports"
            )
        if given_up.wait(_PAUSE_S):
            return
