"""Ports of the stack: free ones on 127.0.0.1, chosen once and kept, so that addresses hold over restarts."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Mapping

import psutil

FIRST, LAST = 20_000, 22_700
"""Below the range from which systems give out ports by themselves, also after SeaweedFS added 10,000 for its gRPC."""
_SEAWEEDFS_OFFSET = 10_000


def choose(names: Iterable[str], kept: Mapping[str, int]) -> dict[str, int]:
    """A port for each name: the kept one where there is one, else a free one. Each is free at +10,000 too."""
    ports = {name: kept[name] for name in names if name in kept}
    candidates = iter(random.sample(range(FIRST, LAST), LAST - FIRST))
    for name in names:
        if name not in ports:
            ports[name] = next(
                port
                for port in candidates
                if port not in ports.values() and is_free(port) and is_free(port + _SEAWEEDFS_OFFSET)
            )
    return ports


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def holder(port: int) -> str:
    """Who listens there, in words."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "a process of somebody else"
