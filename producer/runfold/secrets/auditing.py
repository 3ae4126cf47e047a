"""Reads of secrets, on record: SecretRead {name, provider, found} about the run that asked, else about the secret.
Never the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runfold.exceptions import UserErrorException
from runfold_schemas.events import SecretRead

from . import providers

if TYPE_CHECKING:
    from runfold.session import Session


def chain(session: Session) -> providers.Chain:
    """The providers that the session's settings name.

    :raises UserErrorException: A provider is named that nobody provides.
    """
    settings = session.settings
    default = type(settings).model_fields["secrets"].default
    workspace = session.workspace or "offline"
    return providers.chain(workspace, settings.secrets, default, settings.secrets_directory, settings.vault_path)


def read(session: Session, names: object, run_id: str | None) -> dict[str, str | None]:
    """The values by name, None for a secret that no provider has; each read is stated.

    :param run_id: The run that asks; None for a process that belongs to no run: then it is stated about the secret.
    :raises UserErrorException: A name is not allowed.
    :raises ServiceAwayError: A provider does not answer.
    """
    wanted = [providers.secret_name(name) for name in listed(names)]
    asked = chain(session)
    found: dict[str, str | None] = {}
    for name in dict.fromkeys(wanted):
        answer = asked.get(name)
        session.about(
            "secret" if run_id is None else "run",
            name if run_id is None else run_id,
            SecretRead,
            attempt=session.place.attempt,
            name=name,
            provider=answer.provider,
            found=answer.secret is not None,
        )
        found[name] = None if answer.secret is None else answer.secret.value
    return found


def listed(names: object) -> list[object]:
    """Names as a list.

    :raises UserErrorException: It is a str, or nothing that has items.
    """
    if isinstance(names, (str, bytes)) or not hasattr(names, "__iter__"):
        raise UserErrorException(f"A list of secrets' names is needed, it was {names!r:.200}.")
    return list(names)
