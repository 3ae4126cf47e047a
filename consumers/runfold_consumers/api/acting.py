"""What the routes of access stand on: one transaction an act, by whoever asks, with its row of the audit in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, NamedTuple, cast

from fastapi import Depends, Request

from runfold_consumers.api import access, audit, gate
from runfold_consumers.api.admission import Admission
from runfold_consumers.api.audit import Actor, Connection
from runfold_consumers.api.errors import ApiError, invalid
from runfold_consumers.api.noting import Notes
from runfold_consumers.api.principals import Principal
from runfold_consumers.api.sessions import Lifetime
from runfold_schemas.settings import Settings

if TYPE_CHECKING:
    from runfold_consumers.api.sign_on import Provider


class Access(NamedTuple):
    """What lives as long as the application."""

    conninfo: str
    notes: Notes
    lifetime: Lifetime
    secure: bool
    """Browsers come by TLS: cookies are bound to it."""
    provider: Provider | None
    """Where people sign on; None where no provider is set."""
    workspace: str | None
    """One that is known before anything was folded in it."""

    @classmethod
    def of(cls, conninfo: str, settings: Settings) -> Access:
        """What the settings say. Raises SettingsError where they cannot be."""
        lifetime = Lifetime(timedelta(hours=settings.session_h), timedelta(hours=settings.session_idle_h))
        secure = settings.tls_certificate is not None or (settings.public_address or "").startswith("https://")
        provider = _provider(settings) if settings.oidc_issuer else None
        return cls(conninfo, Notes(conninfo), lifetime, secure, provider, settings.workspace)


def _provider(settings: Settings) -> Provider:
    from runfold_consumers.api.sign_on import Provider  # what it stands on is slow to load, and few have one

    return Provider(settings)


class Acting(NamedTuple):
    """Whoever asks, about to change or look at who may do what."""

    access: Access
    admission: Admission
    principal: Principal
    actor: Actor
    request: Request

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A transaction, to look only. What cannot be is told as ApiError."""
        try:
            with audit.opened(self.access.conninfo) as connection:
                yield connection
        except ValueError as error:
            raise invalid(str(error)) from error

    @contextmanager
    def act(self) -> Iterator[Connection]:
        """A transaction of an administrative act that notes itself. What cannot be is told as ApiError."""
        with self.connection() as connection:
            try:
                yield connection
            except access.LastAdminError as error:
                raise ApiError(409, "last_admin", str(error)) from error
        self.request.scope["state"]["audited"] = True
        self.admission.forget_all()

    def everywhere(self) -> bool:
        """Whether they administer all workspaces."""
        return self.principal.administers("*")

    def administered(self) -> list[str] | None:
        """The workspaces that they administer by name; None for all."""
        if self.everywhere():
            return None
        return [workspace for workspace in self.principal.grants if self.principal.administers(workspace)]


def _acting(request: Request) -> Acting:
    state = request.app.state
    principal = cast(Principal, request.state.principal)
    return Acting(state.access, state.admission, principal, gate.actor(request.scope), request)


def _access(request: Request) -> Access:
    return cast(Access, request.app.state.access)


Asking = Annotated[Acting, Depends(_acting)]
HasAccess = Annotated[Access, Depends(_access)]
