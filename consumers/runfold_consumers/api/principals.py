"""Who asks, and what they may do where. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

SCOPES = ("read", "write", "admin")
"""None implies another."""
EVERYWHERE = "*"
"""In place of a workspace: all of them."""
_WORKSPACE = re.compile(r"[a-z0-9-]{3,33}")

Grants = Mapping[str, frozenset[str]]


class Principal(NamedTuple):
    """Who stands behind a request."""

    name: str
    """As audits and events name them."""
    grants: Grants
    """Scopes by workspace; `*`: in all of them."""
    expires_at: datetime | None
    """From when on the access token or session is refused; None for never."""
    via: str
    """By what right: `access-token <id>`, `session <id>`."""

    def scopes_in(self, workspace: str) -> frozenset[str]:
        """What they may do in a workspace; in `*`: in all of them."""
        return self.grants.get(workspace, frozenset()) | self.grants.get(EVERYWHERE, frozenset())

    def reaches(self, workspace: str) -> bool:
        """Whether they may do anything there."""
        return bool(self.scopes_in(workspace))

    def holds(self, scope: str) -> bool:
        """Whether they hold a scope in any workspace."""
        return any(scope in scopes for scopes in self.grants.values())

    def administers(self, workspace: str) -> bool:
        """Whether they may give and take access there."""
        return "admin" in self.scopes_in(workspace)

    def workspaces(self, known: Iterable[str]) -> dict[str, frozenset[str]]:
        """Their scopes by workspace: those they are named in, and of the known ones all they reach."""
        names = {*(name for name in self.grants if name != EVERYWHERE), *known}
        return {name: scopes for name in sorted(names) if (scopes := self.scopes_in(name))}


def granted(workspaces: Iterable[str], scopes: Iterable[str]) -> dict[str, frozenset[str]]:
    """The same scopes in each of the workspaces."""
    held = frozenset(scopes)
    return dict.fromkeys(workspaces, held)


def together(rows: Iterable[tuple[str, Iterable[str]]]) -> dict[str, frozenset[str]]:
    """Scopes by workspace, of several roles."""
    grants: dict[str, frozenset[str]] = {}
    for workspace, scopes in rows:
        grants[workspace] = grants.get(workspace, frozenset()) | frozenset(scopes)
    return grants


def role_names(subject: str, email: str | None, email_verified: bool, groups: Collection[str]) -> list[str]:
    """Under which names the roles of somebody stand who signed on.

    A subject that looks like a group's name or like somebody's address is none: providers where people choose their
    subjects must not let them choose roles. An address counts where the provider has verified it, and it is one.
    """
    names = ["*", *(f"group:{group}" for group in groups)]
    if subject != "*" and "@" not in subject and not subject.startswith("group:"):
        names.append(subject)
    if email and email_verified and "@" in email and not email.startswith("group:"):
        names.append(email.lower())
    return names


def checked_workspace(name: str) -> str:
    """The name of a workspace, or `*`. Raises ValueError where it is neither."""
    if name != EVERYWHERE and not _WORKSPACE.fullmatch(name):
        raise ValueError(f"{name!r} is no workspace: 3 to 33 of a-z, 0-9 and '-', or '*' for all")
    return name


def checked_scopes(scopes: Collection[str]) -> list[str]:
    """Scopes, sorted, each once. Raises ValueError where one is unknown, or none is given."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ValueError(f"no scope is named {', '.join(unknown) or '(none given)'}; allowed are {', '.join(SCOPES)}")
    return sorted(set(scopes))
