"""/livez and /readyz of the node's shipper, on 127.0.0.1."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from runfold.shipper.daemon import Health


class Probes:
    """Serves until closed. Port 0 takes a free one; `port` tells which."""

    def __init__(self, health: Callable[[], Health], port: int) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                now = health()
                status = {"/livez": 200 if now.live else 503, "/readyz": 200 if now.ready else 503}.get(self.path, 404)
                body = json.dumps({"ok": status == 200, "detail": now.detail}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes come every second: nothing is written."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
