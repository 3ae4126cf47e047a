"""What changes in a workspace, as it changes: server-sent events, gone on with where a connection was cut.

`parse` is pure: lines of a stream become events. `Changes.changes` asks again after a cut, from the last watermark on,
so that nothing is missed and nothing is read anew.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from runfold.exceptions import ServiceAwayError, ServiceException

from .asking import TIMEOUT_S, Asking

SILENCE_S = 40.0  # the API says something every 15 s
_PAUSE_S, _PAUSE_S_MAX = 0.2, 5.0


class Change(NamedTuple):
    """What has changed up to a watermark: kinds by run (status, tags, properties, points, logs, artifacts, decisions,
    facts), names of experiments. `more`: there is more than could be told; ask for what you show. The first one has
    nothing but the watermark from which on changes are told.
    """

    watermark: str
    runs: dict[str, list[str]]
    experiments: list[str]
    more: bool


class Sent(NamedTuple):
    """A server-sent event."""

    id: str
    event: str
    data: str


def parse(pieces: Iterable[bytes]) -> Iterator[Sent]:
    """Events of a stream that may be cut anywhere; an event that is not ended by an empty line is not told."""
    sent_id, event, data, left = "", "", list[str](), b""
    for piece in pieces:
        lines = (left + piece).replace(b"\r\n", b"\n").split(b"\n")
        left = lines.pop()
        for line in lines:
            if not line:
                if data:
                    yield Sent(sent_id, event or "message", "\n".join(data))
                event, data = "", []
                continue
            name, _, told = line.decode("utf-8", "replace").partition(":")
            value = told.removeprefix(" ")
            if name == "id":
                sent_id = value
            elif name == "event":
                event = value
            elif name == "data":
                data.append(value)


def change_of(sent: Sent) -> Change | None:
    """The change that an event tells; None for events that this release does not know.

    :raises ValueError: It is no JSON object.
    """
    if sent.event == "here":
        return Change(sent.id, {}, [], False)
    if sent.event != "changes":
        return None
    body: dict[str, Any] = json.loads(sent.data)
    if not isinstance(body, dict):
        raise ValueError(f"changes are a JSON object, not {sent.data[:40]!r}")
    return Change(sent.id, body.get("runs", {}), body.get("experiments", []), bool(body.get("more", False)))


class Changes(Asking):
    """Live changes."""

    def changes(
        self,
        *,
        run_ids: Sequence[str] = (),
        after: str | None = None,
        stop: threading.Event | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Iterator[Change]:
        """Changes from now on, or from a watermark on, without end.

        :param run_ids: Only of these runs; empty for all of the workspace.
        :param after: The watermark of a change that was seen.
        :param stop: Set, it ends the iteration at the next word of the API.
        :param timeout_s: How long the API may be away.
        :raises ServiceAwayError: It was away for longer.
        """
        pause, deadline = _PAUSE_S, time.monotonic() + timeout_s
        stopped = stop or threading.Event()
        while not stopped.is_set():
            try:
                for change in self._connection(run_ids, after):
                    pause, deadline = _PAUSE_S, time.monotonic() + timeout_s
                    after = change.watermark or after
                    yield change
                    if stopped.is_set():
                        return
                deadline = max(deadline, time.monotonic() + timeout_s)  # it was closed in order: the API restarts
            except ServiceAwayError:
                if time.monotonic() >= deadline:
                    raise
            stopped.wait(pause)
            pause = min(2 * pause, _PAUSE_S_MAX)

    def _connection(self, run_ids: Sequence[str], after: str | None) -> Iterator[Change]:
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        query = {"run_id": list(run_ids)}
        for sent in parse(self._transport.follow(self._path("/changes"), query, headers=headers, silence_s=SILENCE_S)):
            try:
                change = change_of(sent)
            except ValueError as error:
                raise ServiceException(f"the API's changes cannot be read: {error}") from error
            if change is not None:
                yield change
