"""Health of a process, and the two addresses that tell it: /livez (its loop still turns) and /readyz (all conditions
hold), on 127.0.0.1.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

log = logging.getLogger(__name__)

STUCK_S = 120.0  # longer than the longest statement or request that the loop may wait for


class Health:
    """Named conditions, all false until set, and the time of the loop's last turn. Thread-safe."""

    def __init__(self, conditions: tuple[str, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._conditions = dict.fromkeys(conditions, (False, "not yet"))
        self._turned = clock()

    def set(self, condition: str, *, ok: bool, detail: str = "") -> None:
        """States a condition; a change is logged."""
        with self._lock:
            was, _ = self._conditions.get(condition, (False, ""))
            self._conditions[condition] = (ok, detail)
        if was != ok:
            log.log(
                logging.INFO if ok else logging.WARNING,
                "event=condition name=%s ok=%s detail=%r",
                condition,
                ok,
                detail,
            )

    def turn(self) -> None:
        """The loop has turned."""
        self._turned = self._clock()

    def live(self) -> tuple[bool, dict[str, str]]:
        """Whether the loop turned within STUCK_S, and how long ago it did."""
        ago = self._clock() - self._turned
        return ago < STUCK_S, {"loop": f"turned {ago:.1f} s ago"}

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether every condition holds, and what each says."""
        with self._lock:
            told = {name: "ok" if ok else detail or "no" for name, (ok, detail) in self._conditions.items()}
            return all(ok for ok, _ in self._conditions.values()), told


class Probes:
    """Serves a Health on 127.0.0.1 until closed; port 0 takes a free one, `port` tells which."""

    def __init__(self, health: Health, port: int) -> None:
        answers = {"/livez": health.live, "/readyz": health.ready}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = answers.get(self.path)
                ok, told = answer() if answer else (False, {"path": "allowed are /livez and /readyz"})
                body = json.dumps({"ok": ok, **told}).encode()
                self.send_response(200 if ok else 503 if answer else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes come every second; only changes of a condition are worth a line."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
