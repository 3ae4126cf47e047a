"""Waiting for the ledger's decision on a fact, and telling later what was not decided in time.

A call that is decided (add_properties, upload_file, register_model, ...) waits RUNFOLD_DECISION_WAIT_S in all, and at
most 5 s from the broker's acknowledgement. When the decision is still open then, one warning says so, and no call waits
again until the projection is less than 5 s behind. What was left open is asked for at flush and complete; a refusal is
then a warning, since the call that it belongs to has long returned.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from runfold_schemas.watermark import Lane

from . import notices
from .exceptions import (
    ArtifactExistsError,
    AssetExistsError,
    AzureMLException,
    FactRefusedError,
    ModelRefusedError,
    NotYetVisibleError,
    PropertyImmutableError,
    ServiceException,
    StatusFinalError,
    StatusTransitionError,
    UserErrorException,
    WebserviceException,
)

if TYPE_CHECKING:
    from .reading.records import DecisionRecord
    from .session import Session

SINCE_ACKNOWLEDGED_S = 5.0
LAG_S_MAX = 5.0  # a projection that is this far behind is not waited for again
LOOK_EVERY_S = 10.0  # how often the lag is looked at meanwhile
VERSION_WAIT_S = 30.0  # how long one who asks for the version of what was registered waits
LOOK_S = 0.5  # and how long that look may take
OPEN_MAX = 10_000  # open decisions that are remembered; those beyond are told by run.decisions() alone


class Open(NamedTuple):
    """A fact whose decision is not known yet."""

    lane: Lane
    ordinal: int
    call: str


class Decisions:
    """Of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open: list[Open] = []
        self._lock = threading.RLock()  # a signal handler may ask in the middle of its own thread's asking
        self._impatient = False
        self._look_at = 0.0

    def wait(self, lane: Lane, ordinal: int, call: str) -> DecisionRecord | None:
        """Returns the decision when the fact was accepted, None when waiting longer makes no sense.

        :param lane: What it is about: a run, model, dataset, environment or datastore.
        :param call: What the script called, for messages.
        :raises UserErrorException: The fact was refused; which one is told by its class.
        :raises WebserviceException: A fact about a model was refused.
        """
        if self._impatient and not self._caught_up():
            self._remember(Open(lane, ordinal, call))
            return None
        about: object = "decision"
        reason = "the ledger has not decided in time."
        try:
            decision = self._decided(lane, ordinal)
        except (AzureMLException, ServiceException) as away:
            decision, reason = None, away.message
            about = notices.away(getattr(away, "service", "API"))
        if decision is None:
            self._impatient, self._look_at = True, time.monotonic() + LOOK_EVERY_S
            self._remember(Open(lane, ordinal, call))
            notices.once(
                about,
                f"{call} is kept, but not known to be accepted: {reason} Later calls do not wait until the ledger has "
                "caught up; a refusal is told at flush() or complete(), and by run.decisions().",
            )
            return None
        self._impatient = False
        refusal = refused(decision)
        if refusal is not None:
            raise refusal
        return decision

    def ask(self, lane: Lane, ordinal: int, wait_s: float) -> DecisionRecord | None:
        """The decision about one fact, asked for now; None when it is not folded within `wait_s` seconds.

        :raises ServiceAwayError: The API does not answer.
        """
        return self._session.api.decision(
            lane.aggregate_kind, lane.aggregate_id, lane.writer_id, ordinal, wait_s=wait_s
        )

    def version(self, lane: Lane, ordinal: int, what: str) -> int:
        """The version that a registration got, asked for when its call could not wait for it.

        :param what: What was registered, for messages.
        :raises NotYetVisibleError: The ledger has not decided yet.
        :raises UserErrorException, WebserviceException: It has refused.
        """
        decision = self.ask(lane, ordinal, VERSION_WAIT_S)
        if decision is None:
            reason = f"the version of {what} is not decided yet"
            raise NotYetVisibleError("RUNFOLD_API", self._session.settings.api, reason, self._session.watermark())
        if (refusal := refused(decision)) is not None:
            raise refusal
        return decision["version"] or 0

    @property
    def left_open(self) -> int:
        """How many decisions no call has heard of yet."""
        return len(self._open)

    def tell(self, deadline: float) -> bool:
        """Asks for what was left open and warns of each refusal; never raises.

        :param deadline: Of `time.monotonic()`.
        :returns: Whether nothing is open any more.
        """
        with self._lock:
            waiting, self._open = self._open, []
        for place, each in enumerate(waiting):
            try:
                decision = self.ask(each.lane, each.ordinal, max(0.0, deadline - time.monotonic()))
            except (AzureMLException, ServiceException):
                decision = None
            if decision is None:
                with self._lock:
                    self._open[:0] = waiting[place:]
                return False
            refusal = refused(decision)
            if refusal is not None:
                notices.say(f"{each.call} was refused: {refusal.message}")
        return True

    def _decided(self, lane: Lane, ordinal: int) -> DecisionRecord | None:
        session = self._session
        begun = time.monotonic()
        deadline = begun + session.settings.decision_wait_s
        if session.tells_acknowledgement:
            if not session.acknowledged(deadline, lane.aggregate_id, lane.aggregate_kind):
                return None
            deadline = min(deadline, time.monotonic() + SINCE_ACKNOWLEDGED_S)
        return self.ask(lane, ordinal, max(0.0, deadline - time.monotonic()))

    def _caught_up(self) -> bool:
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_EVERY_S
        try:
            lags = self._session.api.lag(timeout_s=LOOK_S)
        except (AzureMLException, ServiceException):
            return False
        self._impatient = not all(each["lag_s"] < LAG_S_MAX for each in lags)
        return not self._impatient

    def leave_open(self, facts: Iterable[tuple[Lane, int, str]]) -> None:
        """Facts whose decisions shall be asked for later: lane, ordinal and call."""
        for lane, ordinal, call in facts:
            self._remember(Open(lane, ordinal, call))

    def _remember(self, fact: Open) -> None:
        with self._lock:
            if len(self._open) < OPEN_MAX:
                self._open.append(fact)


def refused(decision: DecisionRecord) -> UserErrorException | WebserviceException | None:
    """The exception that a decision is; None when it is none."""
    if decision["verdict"] != "refused":
        return None
    offset = decision["offset"]
    key, kept, value = "", None, None
    if decision["refusals"]:
        first = decision["refusals"][0]
        key, kept, value = first["key"], first["kept"], first["refused"]
    event, rule = decision["event"].rpartition(".")[2], decision["rule"] or ""
    if event in ("ModelRegistered", "ModelChanged"):
        return ModelRefusedError(rule, [each["key"] for each in decision["refusals"]], kept, value, offset)
    if event == "AssetRegistered" and rule == "asset_exists":
        return AssetExistsError(key, kept, value, offset)
    if event == "PropertyAdded" and rule not in ("outsider", "erased"):
        return PropertyImmutableError(key, kept, value, offset)
    if event == "ArtifactLogged" and rule not in ("outsider", "erased"):
        return ArtifactExistsError(key, kept, value, offset)
    if rule == "terminal_status":  # of StatusChanged, CancelRequested
        return StatusFinalError(kept, value, offset)
    if rule == "status_transition":
        return StatusTransitionError(kept, value, offset)
    return FactRefusedError(rule, key, kept, value, offset)
