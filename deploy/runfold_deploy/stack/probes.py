"""Asks services whether they are ready: each a short question with a deadline, none needs a client library's start.

An answer is None when it is ready, else what is missing, in words.
"""

from __future__ import annotations

import http.client
import socket
import struct
from collections.abc import Mapping
from urllib.parse import urlsplit

from runfold_deploy.stack.service import OWN

_TIMEOUT_S = 2.0


def ask(name: str, address: str, settings: Mapping[str, str]) -> str | None:
    """The answer of the service at `address`; `settings` hold Postgres's conninfo.

    The API is asked what matters to clients, whether it runs here or was named by its address.
    """
    try:
        if name == "kafka":
            return _kafka(address)
        if name == "postgres":
            return _postgres(settings["postgres"])
        return _http(address, "/readyz" if name in OWN else "/")
    except OSError as error:
        return str(error) or type(error).__name__
    except http.client.HTTPException as error:
        return f"no HTTP: {error!r}"


def _kafka(bootstrap: str) -> str | None:
    """A Metadata request of version 1 without topics: a broker that is let in names at least itself."""
    host, _, port = bootstrap.split(",")[0].strip().rpartition(":")
    request = struct.pack(">hhih", 3, 1, 1, -1) + struct.pack(">i", 0)
    with socket.create_connection((host, int(port)), _TIMEOUT_S) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", _receive(connection, 4))
        answer = _receive(connection, size)
    return None if struct.unpack_from(">i", answer, 4)[0] >= 1 else "the broker is not let in yet"


def _receive(connection: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionError("the connection was closed")
        parts += part
    return parts


def _postgres(conninfo: str) -> str | None:
    import psycopg

    try:
        with psycopg.connect(conninfo, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return str(error).strip()
    return None


def _http(address: str, path: str) -> str | None:
    """For S3 any answer but a server error will do: without a signature it is a refusal."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}{path}")
        answer = connection.getresponse()
        body = answer.read(500).decode(errors="replace").strip()
    finally:
        connection.close()
    refused = answer.status >= 500 or (path == "/readyz" and answer.status >= 400)
    return f"answers {answer.status} {body}" if refused else None
