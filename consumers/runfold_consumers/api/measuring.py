"""How the API counts its answers (pure ASGI): by the path of the route that matched, never by the address, which has no
bound.
"""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runfold_consumers.api.database import Database
from runfold_schemas import process_metrics
from runfold_schemas.process_metrics import Registry

UNKNOWN = "none"  # of refused requests, and of those that no route matched


class Measured:
    """ASGI middleware around everything else, the gate too."""

    def __init__(self, app: ASGIApp, metrics: Registry) -> None:
        self._app, self._metrics = app, metrics
        self._in_flight = 0
        metrics.ask(process_metrics.IN_FLIGHT, lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, and counts it when its answer has ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun = 0, time.monotonic()

        async def noticed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._in_flight += 1
        try:
            await self._app(scope, receive, noticed)
        finally:
            self._in_flight -= 1
            method, route = _method(scope["method"]), getattr(scope.get("route"), "path", UNKNOWN)
            self._metrics.count(process_metrics.REQUESTS, method, route, str(status or 499))  # 499: the client left
            self._metrics.observe(process_metrics.REQUEST_SECONDS, time.monotonic() - begun, method, route)


def measure_connections(database: Database, metrics: Registry) -> None:
    """Lets the process metric of the pool be asked there."""
    for state, name in (("in_use", None), ("idle", "pool_available"), ("waiting", "requests_waiting")):

        def answer(name: str | None = name) -> float:
            told = database.pool_state()
            return float(told[name] if name is not None else told["pool_size"] - told["pool_available"])

        metrics.ask(process_metrics.CONNECTIONS, answer, state)


def _method(said: str) -> str:
    return said if said in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
