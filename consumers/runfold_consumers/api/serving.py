"""The API as a process."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

from runfold_consumers.api.app import create_app
from runfold_schemas.settings import Settings

HEAD_BYTES_MAX = 64 * 1024  # request line and headers: a watermark in the query may be long
SHUTDOWN_SECONDS_MAX = 5


def server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """A server, ready to `run()`; SIGTERM and SIGINT end it once running requests are answered. Port 0: a free one."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
    )
    return uvicorn.Server(config)


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 8400) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        SettingsError: RUNFOLD_POSTGRES or one of RUNFOLD_S3_* is not set.
    """
    server(create_app(settings), host, port).run()
