"""A viewer of live changes: reads server-sent events in a thread."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.consumers.api.conftest import Api


class Told(NamedTuple):
    """One event."""

    event: str
    id: str
    data: Any


class Watching:
    """The stream, from when it is open; `close` ends it."""

    def __init__(self, api: Api, last_event_id: str | None = None, **query: Any) -> None:
        headers = {"Authorization": f"Bearer {api.access_token}"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self.comments = 0
        self.last_id = ""
        self.ended = threading.Event()
        self._told: queue.Queue[Told] = queue.Queue()
        host, _, port = api.address.partition("//")[2].partition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=60)
        place = f"/v1/workspaces/{api.workspace}/changes?{urlencode(query, doseq=True)}"
        self._connection.request("GET", place, headers=headers)
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        self.status, self.headers = self._answer.status, self._answer.headers
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def next(self, seconds: float = 10.0) -> Told:
        """The next event."""
        return self._told.get(timeout=seconds)

    def until(self, enough: Callable[[dict[str, set[str]]], bool], seconds: float = 10.0) -> dict[str, set[str]]:
        """Kinds by run of all `changes` until they are enough."""
        runs: dict[str, set[str]] = {}
        while not enough(runs):
            told = self.next(seconds)
            assert told.event == "changes", told
            for run_id, kinds in told.data["runs"].items():
                runs.setdefault(run_id, set()).update(kinds)
        return runs

    def silent(self) -> bool:
        """Nothing is to be read at the moment."""
        return self._told.empty()

    def close(self) -> None:
        """Goes away."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the reading thread, which a plain close would wait for
        self._thread.join(10)
        self._connection.close()

    def _read(self) -> None:
        event: dict[str, str] = {}
        try:
            for line in self._lines():
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                else:
                    self.last_id = event.get("id", self.last_id)
                    if "data" in event:
                        self._told.put(Told(event["event"], event["id"], json.loads(event["data"])))
                    event = {}
        except (http.client.HTTPException, OSError, ValueError):
            pass  # closed, or cut
        self.ended.set()

    def _lines(self) -> Any:
        rest = b""
        for piece in iter(self._answer.read1, b""):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.decode()
