"""What a service of the stack is, what is written down of it, and how the two are judged. Pure."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from runfold_deploy.stack.process import Identity, State, User

ENGINES = ("kafka", "postgres", "s3")
OWN = ("projector-state", "projector-artifacts", "watchdog", "shipper", "api")
NAMES = ENGINES + OWN
"""In the order of their start. Engines do not know each other, nor do our own services: each group starts at once."""

Health = Literal["ready", "starting", "unready", "frozen", "crashed"]
"""ready: its probe says so. starting: alive, not ready since its start. unready: alive, was ready, its probe fails now.
frozen: stopped by a signal or a debugger. crashed: gone although nobody stopped it."""


class Launch(NamedTuple):
    """How a process is started."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    user: User | None = None


class Service(NamedTuple):
    """A service that runs here."""

    name: str
    address: str
    """As clients write it."""
    ports: tuple[int, ...]
    """All ports it will listen on."""
    fingerprint: str
    """Of code and configuration: a service with another one is restarted."""
    prepare: Callable[[], Launch]
    """Puts in place what must be on disk before each start; may be called again."""
    stop_signal: int = signal.SIGTERM
    start_seconds: float = 60.0
    stop_seconds: float = 15.0


class Started(NamedTuple):
    """What services.json says of a service."""

    name: str
    identity: Identity
    address: str
    log: str
    fingerprint: str
    was_ready: bool
    stop_signal: int
    stop_seconds: float

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return self._asdict() | {"identity": self.identity._asdict()}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Started:
        """From `to_json`."""
        return cls(**{**body, "identity": Identity(**body["identity"])})


Verdict = Literal["keep", "start", "crashed", "outdated", "frozen"]


def judge(service: Service, started: Started | None, state: State) -> Verdict:
    """What `up` has to do about a service, from what was written down and how its process is found."""
    if started is None:
        return "start"
    if state == "gone":
        return "crashed"
    if state == "frozen":
        return "frozen"
    return "keep" if started.fingerprint == service.fingerprint and started.address == service.address else "outdated"


def health(started: Started, state: State, ready: bool) -> Health:
    """How a service is, from what was written down, how its process is found, and its probe's answer."""
    if state == "gone":
        return "crashed"
    if state == "frozen":
        return "frozen"
    if ready:
        return "ready"
    return "unready" if started.was_ready else "starting"


def fingerprint(*parts: object) -> str:
    """Of code and configuration, 16 hex digits."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]
