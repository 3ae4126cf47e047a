"""Which requests are open, and which scope each other one needs: the only place that says so. Pure.

What no row names follows from the method: below a workspace GET and HEAD need `read` there, everything else `write`;
elsewhere nothing is open to anybody but by a row. A new route is closed without any doing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

IN_WORKSPACE = "/v1/workspaces/{workspace}"
_BELOW = re.compile(r"/v1/workspaces/(?P<workspace>[^/]*)(?:/.*)?", re.DOTALL)


class Need(NamedTuple):
    """What a request needs."""

    scope: str | None
    """read, write, admin; "" for any principal; None: open to everybody."""
    workspace: str | None = None
    """Where; None: in any workspace, and the route looks closer."""


class Row(NamedTuple):
    """A route that the method alone does not tell."""

    method: str
    path: str
    scope: str | None


OPEN = (
    Row("GET", "/livez", None),
    Row("GET", "/readyz", None),
    Row("GET", "/v1/sign-on", None),
    Row("GET", "/v1/sign-on/oidc", None),
    Row("GET", "/v1/sign-on/oidc/callback", None),
    Row("POST", "/v1/session", None),
)
"""Open to everybody."""
PAGE = (
    Row("GET", "/", None),
    Row("GET", "/sign-in", None),
    Row("GET", "/mark.svg", None),
    Row("GET", "/w/{place:path}", None),
    Row("GET", "/assets/{name:path}", None),
)
"""The page's own files, which hold nothing of the ledger."""
ANYBODY = (
    Row("GET", "/v1/session", ""),
    Row("DELETE", "/v1/session", ""),
    Row("GET", "/v1/workspaces", ""),
    Row("GET", "/openapi.json", ""),
)
"""For whoever is let in, with whatever scopes."""
READING_POSTS = (
    Row("POST", f"{IN_WORKSPACE}/wait", "read"),
    Row("POST", f"{IN_WORKSPACE}/series", "read"),
    Row("POST", f"{IN_WORKSPACE}/sql", "read"),
)
"""Change nothing: what they ask for is too long for an address."""
ADMIN = (
    Row("GET", "/v1/access-tokens", "admin"),
    Row("POST", "/v1/access-tokens", "admin"),
    Row("DELETE", "/v1/access-tokens/{access_token_id}", "admin"),
    Row("GET", "/v1/audit", "admin"),
    Row("GET", "/v1/sessions", "admin"),
    Row("DELETE", "/v1/sessions/{session_id}", "admin"),
    Row("GET", f"{IN_WORKSPACE}/roles", "admin"),
    Row("GET", f"{IN_WORKSPACE}/roles/{{principal:path}}", "admin"),
    Row("PUT", f"{IN_WORKSPACE}/roles/{{principal:path}}", "admin"),
    Row("DELETE", f"{IN_WORKSPACE}/roles/{{principal:path}}", "admin"),
    Row("POST", f"{IN_WORKSPACE}/deadletters/{{topic}}/{{partition}}/{{offset}}/retry", "admin"),
)
"""For those who give access, and those who look after the ledger. Outside of a workspace the route looks where."""
NAMED = (*OPEN, *PAGE, *ANYBODY, *READING_POSTS, *ADMIN)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+(?::path)?\})", path)
    told = (r"(?:.*)" if p.endswith(":path}") else r"[^/]+" if p.startswith("{") else re.escape(p) for p in parts)
    return re.compile("".join(told) + r"\n?", re.DOTALL)  # the router, too, finds a route whose path a newline follows


_PATTERNS = tuple((row, _pattern(row.path)) for row in NAMED)
_EXACT = {(row.method, row.path): row for row in NAMED if "{" not in row.path}


def need(method: str, path: str) -> Need:
    """What a request needs, by its method and its path as the server has decoded it."""
    method = "GET" if method == "HEAD" else method
    row = _EXACT.get((method, path)) or next(
        (row for row, pattern in _PATTERNS if row.method == method and pattern.fullmatch(path)), None
    )
    below = _BELOW.fullmatch(path)
    workspace = below["workspace"] if below else None
    if row is not None:
        return Need(row.scope, workspace)
    return Need("read" if method == "GET" else "write", workspace)


def is_of_page(path: str) -> bool:
    """Whether a path is one of the page's files."""
    return any(pattern.fullmatch(path) for row, pattern in _PATTERNS if row in PAGE)
