"""A server that speaks what Vault's KV engine of version 2 speaks, as far as hvac asks; a Vault cannot be had here."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

TOKEN = "hvs.test"


class VaultServer(ThreadingHTTPServer):
    """Secrets by path, each a list of versions; None is a deleted one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secrets: dict[str, list[dict[str, Any] | None]] = {}
        self.metadata: dict[str, dict[str, str]] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: VaultServer

    def _answer(self, status: int, body: object = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _asked(self) -> None:
        if self.headers.get("X-Vault-Token") != TOKEN:
            return self._answer(403, {"errors": ["permission denied"]})
        mount, kind, path = urlsplit(self.path).path.removeprefix("/v1/").split("/", 2)
        if mount != "kv":
            return self._answer(404, {"errors": []})
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        store, verb = self.server, self.command
        versions = store.secrets.get(path)
        if kind == "data" and verb == "GET":
            if not versions or versions[-1] is None:
                return self._answer(404, {"errors": []} if not versions else {"data": {"data": None, "metadata": {}}})
            metadata = {"version": len(versions), "custom_metadata": store.metadata.get(path)}
            return self._answer(200, {"data": {"data": versions[-1], "metadata": metadata}})
        if kind == "data" and verb in ("POST", "PUT"):
            store.secrets.setdefault(path, []).append(body["data"])
            return self._answer(200, {"data": {"version": len(store.secrets[path])}})
        if kind == "data" and verb == "DELETE":
            store.secrets[path].append(None)
            return self._answer(204)
        if kind == "metadata" and verb in ("POST", "PUT"):
            store.metadata[path] = body["custom_metadata"]
            return self._answer(204)
        if kind == "metadata" and verb == "LIST":
            below = path.rstrip("/") + "/"
            rests = [p[len(below) :].partition("/") for p in store.secrets if p.startswith(below)]
            keys = sorted({name + slash for name, slash, _ in rests})  # a folder's ends in a slash
            return self._answer(200, {"data": {"keys": keys}}) if keys else self._answer(404, {"errors": []})
        return self._answer(405, {"errors": [f"{verb} {kind}"]})

    do_GET = do_POST = do_PUT = do_DELETE = do_LIST = _asked

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[VaultServer]:
    """The server, for the time of the block."""
    server = VaultServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
