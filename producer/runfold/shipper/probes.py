"""/livez and /readyz of a process, on 127.0.0.1: what an orchestrator asks every few seconds."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[], tuple[bool, Mapping[str, str]]]
"""Whether it holds, and what to say about it."""


class Probes:
    """Serves until closed. Port 0 takes a free one; `port` tells which.

    Args:
        live: asked for /livez: the process works, whatever else is away. Restarting it would help where it says no.
        ready: asked for /readyz: all that it needs is there.
        port: on 127.0.0.1.
    """

    def __init__(self, live: Answer, ready: Answer, port: int) -> None:
        answers = {"/livez": live, "/readyz": ready}

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
                """Probes come every second; nothing is written."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
