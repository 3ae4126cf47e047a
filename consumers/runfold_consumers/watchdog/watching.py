"""The watchdog's loop: look, judge, state, every few seconds and for every workspace below the topic prefix.

It keeps nothing that counts: what it stated is in the ledger, and a watchdog that begins anew sees it there. Any number
may run.
"""

from __future__ import annotations

import logging
import threading
import time

from runfold_consumers.engine.backoff import Backoff
from runfold_consumers.engine.connecting import connect
from runfold_consumers.engine.contracts import Contracts
from runfold_consumers.engine.errors import Away
from runfold_consumers.engine.health import Health
from runfold_consumers.engine.projection import Connection
from runfold_consumers.watchdog import looking
from runfold_consumers.watchdog.judging import Continuity, judge
from runfold_consumers.watchdog.stating import Speaker
from runfold_schemas import process_metrics
from runfold_schemas.process_metrics import Registry
from runfold_schemas.settings import Settings
from runfold_schemas.topics import topics_of

log = logging.getLogger(__name__)

CONDITIONS = ("kafka", "postgres", "journal")
INTERVAL_S = 5.0
END_S = 5.0  # how long its end may take


class Watchdog:
    """Watches until it is stopped."""

    def __init__(self, settings: Settings, health: Health, metrics: Registry, interval_s: float = INTERVAL_S) -> None:
        """
        Raises:
            SettingsError: Kafka's or Postgres' address is not set.
        """
        self._settings, self._health, self._interval_s = settings, health, interval_s
        self._metrics = metrics
        self._postgres = settings.need("postgres")
        self._contracts = Contracts(settings.need("kafka"), settings.topic_prefix)
        self._connection: Connection | None = None
        self._speakers: dict[str, Speaker] = {}
        self._continuities: dict[str, Continuity] = {}
        self._retries: dict[str, Backoff] = {}  # of workspaces that cannot be judged
        self._again_at: dict[str, float] = {}  # monotonic
        self._turns = 0
        self._told: set[str] = set()  # workspaces of which it was told that they cannot be judged now

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set.

        Raises:
            Stop: the topics of a workspace are not what its manifest says.
        """
        retry = Backoff()
        try:
            while not stop.is_set():
                self._health.turn()
                pause_s = self._interval_s
                try:
                    self.turn()
                    retry.succeeded()
                except Away as away:
                    self._away(away)
                    pause_s = retry.failed()
                    log.warning("away", extra={"service": away.service, "retry_in_s": pause_s, "detail": away.detail})
                stop.wait(pause_s)
        finally:
            deadline = time.monotonic() + END_S
            for speaker in self._speakers.values():
                speaker.close(deadline)
            if self._connection is not None:
                self._connection.close()

    def turn(self) -> int:
        """Looks once at every workspace; returns how many statements were made.

        Raises:
            Away: Postgres does not answer; nothing was stated that should not be. A workspace that something else is
                wrong with is tried again later, and keeps no other from being judged.
        """
        if self._connection is None:
            self._connection = connect(self._postgres, "watchdog")
        found = looking.workspaces(self._connection, self._settings.topic_prefix)
        self._turns += 1
        made = 0
        for workspace in found:
            try:
                if time.monotonic() >= self._again_at.get(workspace, 0.0):
                    made += self._judge(self._connection, workspace)
                    self._retries.pop(workspace, None)
            except Away as away:
                if away.service == "postgres":
                    raise
                retry_s = self._retries.setdefault(workspace, Backoff()).failed()
                self._again_at[workspace] = time.monotonic() + retry_s
                self._away(away)
                told = {"workspace": workspace, "service": away.service, "retry_in_s": retry_s}
                log.warning("away", extra={**told, "detail": away.detail})
        self._health.set("postgres", ok=True)
        if self._retries:
            return made
        self._health.set("journal", ok=True)
        deaf = sorted(workspace for workspace, speaker in self._speakers.items() if not speaker.is_heard())
        late = "" if made or not deaf else f"the broker has not taken what was stated in {', '.join(deaf)}"
        self._health.set("kafka", ok=not late, detail=late)
        return made

    def _judge(self, connection: Connection, workspace: str) -> int:
        names = topics_of(self._settings.topic_prefix, workspace)
        count = self._contracts.partition_count
        topics = {names.facts: count(workspace, "facts"), names.telemetry: count(workspace, "telemetry")}
        speaker = self._speakers.get(workspace)
        if speaker is not None and speaker.is_done:
            self._speakers.pop(workspace).close(time.monotonic() + END_S)
            speaker = None
        own = (speaker.writer_id, speaker.waits_for) if speaker is not None else ("", ())
        sight = looking.look(connection, workspace, topics, own, self._turns)
        self._tell(workspace, sight.projected_until is None)
        if sight.projected_until is None:
            return 0
        if speaker is not None:
            speaker.saw(sight.folded)
        made = 0
        since = self._continuities.setdefault(workspace, Continuity()).since(sight.projected_until)
        for statement in judge(sight.candidates, sight.projected_until, since):
            if speaker is None:
                speaker = self._speakers[workspace] = Speaker(self._settings, workspace)
            if speaker.state(statement):
                made += 1
                self._metrics.count(process_metrics.STATEMENTS, statement.status)
                log.info("stated", extra={"workspace": workspace, **statement._asdict()})
        return made

    def _tell(self, workspace: str, blind: bool) -> None:
        if blind and workspace not in self._told:
            detail = "no projector has looked at all of its partitions"
            log.warning("blind", extra={"workspace": workspace, "detail": detail})
        (self._told.add if blind else self._told.discard)(workspace)

    def _away(self, away: Away) -> None:
        self._health.set(away.service, ok=False, detail=away.detail)
        self._metrics.count(process_metrics.AWAY, away.service)
        if away.service == "postgres" and self._connection is not None:
            self._connection.close()
            self._connection = None
