"""/livez, /readyz and /metrics of a process: what orchestrators and Prometheus ask every few seconds.

On 127.0.0.1, unless RUNFOLD_PROBE_HOST says otherwise: in a container, whoever asks is somewhere else.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from runfold_schemas.process_metrics import Registry

Answer = Callable[[], tuple[bool, Mapping[str, str]]]
"""Whether it holds, and what to say about it."""


class Probes:
    """Serves until closed. Port 0 takes a free one; `port` tells which.

    Args:
        live: asked for /livez: the process works, whatever else is away. Restarting it would help where it says no.
        ready: asked for /readyz: all that it needs is there.
        metrics: its process metrics, for /metrics.
        port: to listen on.
    """

    def __init__(self, live: Answer, ready: Answer, metrics: Registry, port: int) -> None:
        answers = {"/livez": live, "/readyz": ready}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._send(200, *metrics.text())
                    return
                answer = answers.get(self.path)
                ok, told = answer() if answer else (False, {"path": "allowed are /livez, /readyz and /metrics"})
                body = json.dumps({"ok": ok, **told}).encode()
                self._send(200 if ok else 503 if answer else 404, body, "application/json")

            def _send(self, status: int, body: bytes, media_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes come every second; nothing is written."""

        self._server = ThreadingHTTPServer((os.environ.get("RUNFOLD_PROBE_HOST") or "127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
