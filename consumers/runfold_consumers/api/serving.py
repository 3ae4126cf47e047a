"""The API as a process: plain HTTP, or TLS where a certificate is set. SIGHUP reads certificate and key anew, for
connections that begin after it; a certificate that cannot be read leaves the one in use.
"""

from __future__ import annotations

import logging
import signal
import socket as socket_module
import ssl
import threading
from socket import socket

import uvicorn
from fastapi import FastAPI

from runfold_consumers.api.app import create_app
from runfold_consumers.api.live import BLOCKED_SECONDS_MAX
from runfold_schemas.settings import Settings, SettingsError

log = logging.getLogger(__name__)

HEAD_BYTES_MAX = 64 * 1024  # request line and headers: a watermark in the query may be long
SHUTDOWN_SECONDS_MAX = 5


class _Server(uvicorn.Server):
    """Ends live streams when it begins to shut down: they would hold it up, and their viewers come back elsewhere.

    Lets the system drop connections that take nothing for BLOCKED_SECONDS_MAX: to close one waits until it is read.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """As uvicorn's."""
        await super().startup(sockets)
        if hasattr(socket_module, "TCP_USER_TIMEOUT"):  # of Linux; a connection has it from whom it was accepted by
            for listening in (each for one in self.servers for each in one.sockets):
                milliseconds = int(BLOCKED_SECONDS_MAX * 1000)
                listening.setsockopt(socket_module.IPPROTO_TCP, socket_module.TCP_USER_TIMEOUT, milliseconds)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """As uvicorn's."""
        await self._app.state.services.hubs.stop()
        await super().shutdown(sockets)


def server(app: FastAPI, host: str, port: int, settings: Settings | None = None) -> uvicorn.Server:
    """A server, ready to `run()`; SIGTERM and SIGINT end it once running requests are answered.

    Args:
        app: what it serves.
        host: address to listen on.
        port: 0 takes a free one.
        settings: of TLS and proxies; None for neither.

    Raises:
        SettingsError: certificate or key cannot be read, or are not of each other.
    """
    settings = settings or Settings.model_construct()
    tls = tls_context(settings)
    proxies = [one.strip() for one in settings.trusted_proxies.split(",") if one.strip()]
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
        proxy_headers=bool(proxies),  # uvicorn would believe every proxy on this machine
        forwarded_allow_ips=proxies,
        ssl_context_factory=(lambda config, default: tls) if tls is not None else None,
    )
    if tls is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, lambda *_: reload_certificate(tls, settings))
    return _Server(config, app)


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS as the settings say, or None where they name no certificate. Raises SettingsError where it cannot be."""
    if settings.tls_certificate is None and settings.tls_key is None:
        return None
    if settings.tls_certificate is None or settings.tls_key is None:
        raise SettingsError("TLS needs both RUNFOLD_TLS_CERTIFICATE and RUNFOLD_TLS_KEY; one of them is not set")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[settings.tls_version_min]
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"RUNFOLD_TLS_CERTIFICATE {settings.tls_certificate} with RUNFOLD_TLS_KEY {settings.tls_key} "
            f"cannot be used: {error}"
        ) from None
    return context


def reload_certificate(context: ssl.SSLContext, settings: Settings) -> bool:
    """Takes up a certificate that was renewed; False where it cannot be read, and the old one stays."""
    try:
        tls_context(settings)  # both files, and that they are of each other, before the running context is touched
        context.load_cert_chain(str(settings.tls_certificate), str(settings.tls_key))
    except (SettingsError, OSError) as error:
        log.error("the certificate in use stays: %s", error)
        return False
    log.info("certificate read anew", extra={"certificate": str(settings.tls_certificate)})
    return True


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 8400) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        SettingsError: RUNFOLD_POSTGRES or one of RUNFOLD_S3_* is not set, or a setting cannot be.
    """
    server(create_app(settings), host, port, settings).run()
