"""Headers that tell browsers what an answer may do: on every answer, the refused ones too (pure ASGI)."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runfold_consumers.api import permissions
from runfold_schemas.settings import Settings

HSTS = "max-age=31536000"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
OF_ANSWERS = "default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of everything but the page: nothing in it runs or loads."""


def of_page(stores: Iterable[str]) -> str:
    """Content-Security-Policy of the page: its own files alone, nothing inline; images and bytes of artifacts come from
    the object stores too, by signed addresses.
    """
    elsewhere = " ".join(sorted(set(stores)))
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob: {elsewhere}".rstrip(),
            f"connect-src 'self' {elsewhere}".rstrip(),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def protect(app: FastAPI, settings: Settings, *, stores: Iterable[str], tls: bool) -> None:
    """Puts the headers around the application, and CORS where the settings open it: for access tokens, never cookies.

    Args:
        app: with its gate and all else that is within.
        settings: `cors_origins` is used.
        stores: addresses of object stores that the page loads from.
        tls: browsers come by TLS.
    """
    origins = [origin.strip().rstrip("/") for origin in settings.cors_origins.split(",") if origin.strip()]
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            allow_credentials=False,
            expose_headers=["Runfold-Watermark", "Retry-After"],
            max_age=600,
        )
    app.add_middleware(Protected, stores=stores, tls=tls)


class Protected:
    """ASGI middleware around everything else. What a route has set itself stays."""

    def __init__(self, app: ASGIApp, *, stores: Iterable[str], tls: bool) -> None:
        self._app = app
        self._always = {**_ALWAYS, **({"Strict-Transport-Security": HSTS} if tls else {})}
        self._of_page = of_page(stores)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, and completes the headers of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        page = permissions.is_of_page(scope["path"])

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._always.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", self._of_page if page else OF_ANSWERS)
                if not page:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, completed)
