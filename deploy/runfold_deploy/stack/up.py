"""`runfold up`: leaves the whole stack ready, however it is found."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from runfold_deploy.stack import ground, layout, lifecycle, own, plan, probes, process
from runfold_deploy.stack.errors import StackError
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.progress import Report
from runfold_deploy.stack.records import Records
from runfold_deploy.stack.service import fingerprint
from runfold_deploy.stack.waiting import until

_REPLACED_WAIT_S = 10.0


def up(
    place: Layout,
    environment: Mapping[str, str],
    report: Report,
    only: Collection[str] = (),
    new_ports: bool = False,
) -> dict[str, str]:
    """Starts what is not running and waits until every service is ready.

    Two at once take turns; the second finds everything done. What was named by an address in the environment is asked,
    not started. Settings are left in stack.json.

    Args:
        place: where the stack lives.
        environment: of the caller; see `plan.REPLACEMENTS`.
        report: hears what happens.
        only: names of services, for the others nothing is done.
        new_ports: choose other ports; nothing may be running.

    Returns:
        The settings as in stack.json.

    Raises:
        StackError: a service could not be left ready; the text names the command that helps.
    """
    layout.create(place)
    with layout.locked(place, lambda: report.say("another `runfold up` or `down` is at work here; waiting for it")):
        records = Records(place)
        alive = [one for one in records.started() if process.state(one.identity) != "gone"]
        if new_ports and alive:
            raise StackError(f"{alive[0].name} runs on its port. First: runfold down")
        planned = plan.make(place, environment, only, report.fetching, new_ports)
        for one in alive:
            if one.name in planned.replaced:
                name = plan.REPLACEMENTS[one.name]
                raise StackError(f"{one.name} runs here, and {name} names another. Unset it, or first: runfold down")
            if process.state(one.identity) == "frozen":
                raise StackError(lifecycle.frozen_text(one))
        _await_replaced(planned)
        for name in planned.replaced:
            records.forget(name)
        records.replace(planned.replaced)
        settings = dict(planned.settings)
        token = ground.known_access_token(place)
        if token:
            settings.setdefault("access_token", token)
        _leave(
            settings, place
        )  # addresses hold from now on: a script that runs meanwhile journals, and is shipped later

        changed = bool(planned.engines) and lifecycle.bring(planned.engines, records, place, settings, report)
        if planned.own:
            if changed or records.laid != _mark(settings):
                with report.step("laying topics, tables, bucket and access token"):
                    settings = ground.lay(planned, place)
                records.lay(_mark(settings))
                _leave(settings, place)
            lifecycle.bring(plan.own_services(planned, place, settings, environment), records, place, settings, report)
        return settings


def _mark(settings: Mapping[str, str]) -> str:
    return fingerprint(own.code(), sorted(settings.items()))


def _leave(settings: Mapping[str, str], place: Layout) -> None:
    if settings != layout.read(place.stack):
        layout.write(place.stack, settings)


def _await_replaced(planned: plan.Plan) -> None:
    for name, shown in planned.replaced.items():
        variable = plan.REPLACEMENTS[name]
        address = planned.settings[variable.removeprefix("RUNFOLD_").lower()]
        answer: str | None = None

        def ready(name: str = name, address: str = address) -> bool:
            nonlocal answer
            answer = probes.ask(name, address, planned.settings)
            return answer is None

        if not until(ready, _REPLACED_WAIT_S):
            raise StackError(f"{name} at {shown} ({variable}) is not ready: {answer}. Check it, or unset {variable}.")
