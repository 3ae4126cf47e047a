"""`runfold down`: stops the stack in order; data, ports and keys stay."""

from __future__ import annotations

import signal

from runfold_deploy.stack import layout, lifecycle, process
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.progress import Report
from runfold_deploy.stack.records import Records
from runfold_deploy.stack.service import NAMES

_ORDER = (("api", "watchdog", "shipper"), ("projector-state", "projector-artifacts"), ("kafka", "postgres", "s3"))
"""Who asks stops before who answers, so that nobody's last act is a wait for a server that has gone."""
_STRAY_STOP_S = 15.0


def down(place: Layout, report: Report) -> list[str]:
    """Stops every service of the stack; returns the names of those that ran."""
    if not place.home.exists():
        return []
    with layout.locked(place, lambda: report.say("another `runfold up` or `down` is at work here; waiting for it")):
        records = Records(place)
        stopped = []
        for group in _ORDER:
            started = [one for name in group if (one := records.get(name))]
            alive = [one for one in started if process.state(one.identity) != "gone"]
            for one in started:
                if one not in alive:
                    report.say(f"{one.name} (pid {one.identity.pid}) had ended by itself. Log: {one.log}")
                    records.forget(one.name)
            if alive:
                with report.step(f"stopping {', '.join(one.name for one in alive)}"):
                    for told in lifecycle.stop(alive, records):
                        report.say(told)
                stopped += [one.name for one in alive]
        for name in reversed(NAMES):
            for stray in list(process.strays(place.home, name)):
                report.say(f"{name} (pid {stray.pid}) ran without being written down; it is stopped")
                process.request_stop(stray, signal.SIGTERM)
                process.await_end(stray, _STRAY_STOP_S)
        records.replace({})
        return stopped
