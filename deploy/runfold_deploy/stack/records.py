"""services.json: which services were started here, and which were named by their address instead."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from runfold_deploy.stack import layout
from runfold_deploy.stack.errors import StackError
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.service import NAMES, Started


class Records:
    """The file's contents; each change is written at once. Threads share it, processes take turns by the lock."""

    def __init__(self, place: Layout) -> None:
        self._file = place.services
        self._lock = threading.Lock()
        body = layout.read(self._file)
        try:
            self._started = {item["name"]: Started.from_json(item) for item in body.get("services", [])}
        except (TypeError, KeyError) as error:
            raise StackError(
                f"{self._file} was written by another version of Runfold ({error!r}). Stop its services by its own "
                f"`runfold down`, or move the file away, then: runfold up"
            ) from error
        self.replaced: Mapping[str, str] = body.get("replaced", {})
        self.laid: str | None = body.get("laid")
        """Fingerprint of code and settings for which topics, tables, bucket and access token were laid."""

    def started(self) -> list[Started]:
        """In the order of their start."""
        return sorted(self._started.values(), key=lambda one: NAMES.index(one.name))

    def get(self, name: str) -> Started | None:
        """What is written of a service; None when it was not started, or was stopped in order."""
        return self._started.get(name)

    def put(self, started: Started) -> None:
        """Writes a service down."""
        with self._lock:
            self._started[started.name] = started
            self._write()

    def forget(self, name: str) -> None:
        """A service was stopped in order."""
        with self._lock:
            if self._started.pop(name, None):
                self._write()

    def replace(self, replaced: Mapping[str, str]) -> None:
        """Writes down which services were named by their address."""
        if replaced != self.replaced:
            with self._lock:
                self.replaced = dict(replaced)
                self._write()

    def lay(self, mark: str) -> None:
        """Writes down for which code and settings the ground was laid."""
        with self._lock:
            self.laid = mark
            self._write()

    def _write(self) -> None:
        services = [started.to_json() for started in self.started()]
        layout.write(self._file, {"services": services, "replaced": dict(self.replaced), "laid": self.laid})
