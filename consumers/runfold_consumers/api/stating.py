"""What the API states, as events like everyone's: one request is one writer, whose actor is the principal.

A request's facts go into a journal of their own, which is closed at once, so that its lanes are whole and a completed
run that somebody tags is complete again a moment later. One thread sends all of them over one connection to Kafka. What
the broker does not take in time stays in the journal's folder: this thread goes on, and after it a node's shipper.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from runfold.journal.folder import remove
from runfold.journal.writer import Journal, TooLarge
from runfold_consumers.api.errors import ApiError, invalid
from runfold_schemas.errors import EncodeError
from runfold_schemas.events import Event, WriterOpened
from runfold_schemas.settings import Settings
from runfold_schemas.watermark import Lane, Watermark

if TYPE_CHECKING:
    from runfold.shipper.drain import Drain
    from runfold.shipper.sending import Cluster
    from runfold.shipper.turns import Turn

log = logging.getLogger(__name__)

LEFT_MAX = 1_000  # journals that wait for the broker; then requests are refused
_IDLE_S = 0.5
_REQUEST_S = 10.0


class Fact(NamedTuple):
    """Something to state: about what, which event, and its fields beside the envelope. A field may be a function of the
    fact's ordinal."""

    kind: str
    about: str
    event: Callable[..., Event]
    fields: dict[str, Any]


class Stated(NamedTuple):
    """What was journaled."""

    writer_id: str
    facts: list[tuple[str, str, str, int]]
    """Aggregate kind, its id, event, ordinal; what only says who speaks is left out."""

    def watermark(self) -> Watermark:
        """What has to be folded before all of it is decided."""
        ordinals: dict[Lane, int] = {}
        for kind, about, _, ordinal in self.facts:
            lane = Lane("facts", kind, about, self.writer_id)
            ordinals[lane] = max(ordinal, ordinals.get(lane, 0))
        return Watermark(ordinals=ordinals)


class _Sending(NamedTuple):
    journal: Journal
    drain: Drain
    turn: Turn
    retry_at: list[float]  # monotonic; one number


class Speaker:
    """Speaks for principals. All methods may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        """Neither connects nor makes a journal."""
        self.settings = settings
        self._lock = threading.Lock()
        self._cluster: Cluster | None = None
        self._thread: threading.Thread | None = None
        self._sending: dict[str, _Sending] = {}
        self._work = threading.Event()
        self._landed = threading.Condition()
        self._stopping = False

    def ready(self) -> None:
        """Raises ApiError 503 where the API was not told where Kafka is, or as much is waiting as may."""
        if not self.settings.kafka:
            message = (
                "this API was not told where Kafka is, so it can state nothing: start it with the setting "
                "RUNFOLD_KAFKA (and RUNFOLD_TOPIC_PREFIX, where that is not 'runfold'); reading needs neither"
            )
            raise ApiError(503, "unavailable", message, setting="RUNFOLD_KAFKA", service="kafka")
        if len(self._sending) >= LEFT_MAX:
            message = f"{LEFT_MAX} requests wait for Kafka at {self.settings.kafka}, as many as may; ask again later"
            raise ApiError(503, "unavailable", message, headers={"Retry-After": "5"}, service="kafka")

    def state(self, workspace: str, principal: str, facts: Sequence[Fact]) -> Stated:
        """Journals the facts, in this order, and sends them.

        Raises:
            ApiError: 413, one is too large: those before it stand; 400, one cannot be said; 503, as `ready` says, or no
                journal can be made, or it has no room.
        """
        self.ready()
        try:
            journal = Journal.create(self.settings.journals(), workspace=workspace)
        except OSError as error:
            message = f"no journal can be made below {self.settings.journals()} (RUNFOLD_JOURNAL): {error}"
            raise ApiError(503, "unavailable", message, service="journal") from error
        try:
            stated = Stated(journal.writer_id, _journaled(journal, principal, facts))
            if journal.dropped:
                message = (
                    f"there is no room for a journal below {self.settings.journals()} (RUNFOLD_JOURNAL): make some"
                )
                raise ApiError(503, "unavailable", message, service="journal")
            return stated
        except TooLarge as error:
            raise ApiError(413, "too_large", str(error)) from error
        except EncodeError as error:
            raise invalid(str(error)) from error
        finally:
            journal.close()
            self._send(journal)

    def resend(self, workspace: str, topic_kind: str, key: bytes, value: bytes) -> None:
        """Sends a record as it is, into the partition of its key; returns when the broker has it.

        Raises:
            ApiError: 503, the broker does not take it.
        """
        from runfold.shipper.sending import Parcel
        from runfold.shipper.troubles import Trouble
        from runfold_schemas.topics import partition

        self.ready()
        try:
            connection = self._connected().connection()
            route = connection.route(workspace, self.settings.topic_prefix)
            place = partition(key, route.manifest.partitions[topic_kind])
            taken = threading.Event()
            connection.send(Parcel(route.topics.named(topic_kind), place, [(key, value)]), taken.set)
        except (Trouble, ValueError) as error:
            raise ApiError(503, "unavailable", f"nothing was sent again: {error}", service="kafka") from error
        if not taken.wait(_REQUEST_S):
            why = connection.failure or f"no answer within {_REQUEST_S:g} s"
            message = f"Kafka may not have taken the record: {why}. To retry again is harmless"
            raise ApiError(503, "unavailable", message, service="kafka")

    def sent(self, writer_id: str, deadline: float) -> bool:
        """Waits until the broker has all that a writer said; False at the deadline (`time.monotonic()`)."""
        with self._landed:
            return self._landed.wait_for(lambda: writer_id not in self._sending, max(0.0, deadline - time.monotonic()))

    def close(self, deadline: float) -> None:
        """Ends the thread by then (`time.monotonic()`); what is left stays in its journals."""
        self._stopping = True
        self._work.set()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _connected(self) -> Cluster:
        from runfold.shipper.sending import Cluster  # kafka is slow to load, and an API that only reads needs none

        with self._lock:
            if self._cluster is None:
                self._cluster = Cluster(self.settings.need("kafka"), self.settings.topic_prefix)
            return self._cluster

    def _send(self, journal: Journal) -> None:
        from runfold.shipper.drain import Drain
        from runfold.shipper.turns import Turn

        turn = Turn(journal.folder)
        turn.take()
        drain = Drain(journal.folder, self._connected(), landed=self._work.set, dead=lambda: False)
        with self._lock:
            self._sending[journal.writer_id] = _Sending(journal, drain, turn, [0.0])
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stating", daemon=True)
                self._thread.start()
        self._work.set()

    def _run(self) -> None:
        while not self._stopping:
            self._work.clear()
            pauses = [self._turn(writer_id, each) for writer_id, each in list(self._sending.items())]
            if not pauses or min(pauses) > 0:
                self._work.wait(min(pauses) if pauses else None)
        for each in list(self._sending.values()):
            each.drain.close()
            each.turn.give_back()
        if self._cluster is not None:
            self._cluster.close()

    def _turn(self, writer_id: str, each: _Sending) -> float:
        from runfold.shipper.troubles import Trouble

        now = time.monotonic()
        if now < each.retry_at[0]:
            return each.retry_at[0] - now
        try:
            pause = each.drain.step()
        except Trouble as trouble:
            log.warning("what principals state waits in its journals: %s", trouble)
            each.retry_at[0] = time.monotonic() + each.drain.backoff_s
            return each.drain.backoff_s
        if each.drain.finished:
            del self._sending[writer_id]
            each.drain.close()
            with contextlib.suppress(OSError):
                remove(each.journal.folder)  # all of it is acknowledged
            each.turn.give_back()
            with self._landed:
                self._landed.notify_all()
            return 0.0
        return min(pause, _IDLE_S)


def _journaled(journal: Journal, principal: str, facts: Sequence[Fact]) -> list[tuple[str, str, str, int]]:
    who = {"actor": principal, "host": os.uname().nodename, "pid": os.getpid()}
    versions = {"python": ".".join(map(str, sys.version_info[:3])), "runfold": version("runfold"), "by": "api"}
    opened: set[tuple[str, str]] = set()
    stated = []
    for kind, about, event, fields in facts:
        if (kind, about) not in opened:
            _say(journal, kind, about, WriterOpened, {**who, "versions": versions})
            opened.add((kind, about))
        stated.append((kind, about, event.__name__, _say(journal, kind, about, event, fields)))
    return stated


def _say(journal: Journal, kind: str, about: str, event: Callable[..., Event], fields: dict[str, Any]) -> int:
    at_us = time.time_ns() // 1000

    def made(ordinal: int) -> Event:
        said = {name: value(ordinal) if callable(value) else value for name, value in fields.items()}
        return event(kind, about, journal.writer_id, ordinal, at_us, **said)

    return journal.fact(kind, about, made)
