"""`runfold ship --once`: ships every journal under a folder, then ends.

A journal is done when all that was in it is acknowledged and a dead writer is spoken for; where an API is known, when
the projections show it too and no file is left in its spool. Journals that belong to no workspace are skipped and
named, or bound first when the caller says to what. Each journal gets one line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from runfold.journal import folder as journals
from runfold.shipper import api, counting
from runfold.shipper.drain import Drain, Unbound
from runfold.shipper.heartbeats import Heartbeats
from runfold.shipper.sending import Cluster
from runfold.shipper.spool import spooled, upload_spooled
from runfold.shipper.troubles import Trouble, Troubles
from runfold_schemas.settings import Settings
from runfold_schemas.watermark import Lane

DONE, REFUSED, LEFT = 0, 1, 3  # exit codes
BYTES_IN_FLIGHT_MAX = 32 << 20
PAUSE_S_MAX = 0.05
Say = Callable[[str], None]


class Binding(NamedTuple):
    """What offline journals are bound to."""

    workspace: str
    experiment: str


class BoundOtherwise(Exception):
    """The journal is bound already, and to something else; a binding is never changed."""


class _Shipment(NamedTuple):
    drain: Drain
    began: float  # monotonic

    @property
    def acknowledged(self) -> bool:
        return self.drain.finished or self.drain.caught_up_since(self.began)


def ship_once(
    root: Path, settings: Settings, say: Say, *, bind_to: Binding | None = None, timeout_s: float = 60.0
) -> int:
    """Ships what is there.

    Args:
        root: folder of journals.
        settings: Kafka's address, topic prefix, and the API where there is one.
        say: takes one line for each journal.
        bind_to: what unbound journals are bound to; None skips them.
        timeout_s: seconds after which it ends with what is left.

    Returns:
        0 when all is acknowledged and, where an API is known, visible; 3 when something is left; 1 when a journal is
        bound to something else than `bind_to`, in which case it is left alone and all others are shipped.

    Raises:
        SettingsError: there is something to ship and RUNFOLD_KAFKA is not set.
    """
    deadline = time.monotonic() + timeout_s
    folders = journals.journals(root)
    if not folders:
        say(f"no journals under {root}")
        return DONE
    cluster = Cluster(settings.need("kafka"), settings.topic_prefix, bytes_in_flight_max=BYTES_IN_FLIGHT_MAX)
    landed = threading.Event()
    shipments: list[_Shipment] = []
    refused = False
    for folder in folders:
        try:
            if bind_to is not None:
                _bind(folder, bind_to)
            promises = Heartbeats(settings.heartbeat_s, lambda: False)  # who lives shows it by itself
            drain = Drain(folder, cluster, landed=landed.set, heartbeats=promises)
            shipments.append(_Shipment(drain, time.monotonic()))
        except Unbound:
            say(f"{folder.name}  skipped: it belongs to no workspace; bind it with --workspace and --experiment")
        except BoundOtherwise as error:
            refused = True
            say(f"{folder.name}  refused: {error}")
        except (OSError, ValueError) as error:
            refused = True
            say(f"{folder.name}  refused: {error}")
    try:
        troubles = _ship(shipments, landed, deadline)
        hidden = _not_visible([shipment.drain for shipment in shipments if shipment.acknowledged], settings, deadline)
        left = 0
        for shipment in shipments:
            line, done = _outcome(shipment, settings, troubles.get(shipment.drain), hidden, deadline)
            left += not done
            say(f"{shipment.drain.folder.name}  {line}")
    finally:
        for shipment in shipments:
            shipment.drain.close()
        cluster.close()
    return LEFT if left else REFUSED if refused else DONE


def _bind(folder: Path, wanted: Binding) -> None:
    if journals.header(folder).workspace:
        return  # not an offline journal: it says itself where it belongs
    bound = journals.bind(folder, wanted._asdict())
    there = Binding(str(bound.get("workspace")), str(bound.get("experiment")))
    if there != wanted:
        raise BoundOtherwise(
            f"it is bound to workspace {there.workspace!r}, experiment {there.experiment!r}, and stays so"
        )


def _ship(shipments: Sequence[_Shipment], landed: threading.Event, deadline: float) -> dict[Drain, Trouble]:
    """Turns of all drains until all is acknowledged or the deadline. Returns what was in the way of whom at the end."""
    told = Troubles("It is tried until --timeout; the journals keep everything.")
    troubles: dict[Drain, Trouble] = {}
    due = {shipment.drain: 0.0 for shipment in shipments}
    waiting = list(shipments)
    while waiting and time.monotonic() < deadline:
        for drain, _ in waiting:
            if time.monotonic() < due[drain]:
                continue
            try:
                due[drain] = time.monotonic() + drain.step()
                troubles.pop(drain, None)
            except Trouble as trouble:
                told.met(trouble)
                troubles[drain] = trouble
                due[drain] = time.monotonic() + drain.backoff_s
        waiting = [shipment for shipment in waiting if not shipment.acknowledged]
        if waiting:
            soonest = min(due[drain] for drain, _ in waiting) - time.monotonic()
            if soonest > 0:
                landed.wait(min(soonest, PAUSE_S_MAX))
                landed.clear()
    return troubles


def _not_visible(drains: Sequence[Drain], settings: Settings, deadline: float) -> dict[str, str]:
    """Workspaces whose projections do not show everything by the deadline, and why. Empty where no API is known."""
    if settings.api is None:
        return {}
    ends: dict[str, dict[Lane, int]] = {}
    for drain in drains:
        ends.setdefault(drain.home.workspace, {}).update(drain.named_ends())
    hidden = {}
    for workspace, lanes in sorted(ends.items()):
        why = api.wait_until_visible(settings, workspace, lanes, deadline)
        if why is not None:
            hidden[workspace] = why
    return hidden


def _outcome(
    shipment: _Shipment, settings: Settings, trouble: Trouble | None, hidden: dict[str, str], deadline: float
) -> tuple[str, bool]:
    """What is said of a journal, and whether nothing of it is left."""
    drain = shipment.drain
    about = f"{counting.told(drain.acknowledged)} of workspace {drain.home.workspace}"
    if not shipment.acknowledged:
        return f"left: {about} are acknowledged, not all. {trouble or 'The time was too short.'}", False
    if drain.home.workspace in hidden:
        return f"left: {about} are acknowledged, not visible yet: {hidden[drain.home.workspace]}", False
    upload = api.uploader(settings, drain.home.workspace)
    if upload is None:
        files = len(spooled(drain.folder))
        return f"acknowledged: {about}" + (f"; {files} files wait for an API (RUNFOLD_API)" if files else ""), True
    files, error = upload_spooled(drain.folder, upload, deadline)
    if files:
        return f"left: {about} are visible, {files} files are not uploaded: {error or 'the time was too short'}", False
    return f"visible: {about}", True
