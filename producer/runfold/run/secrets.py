"""get_secret, get_secrets: from where the team has them, each read on record without its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runfold.secrets import auditing

if TYPE_CHECKING:
    from .handle import RunHandle


def get_secret(handle: RunHandle, name: object) -> str | None:
    """The value; None when no provider has it, as in the original.

    :raises UserErrorException: The name is not allowed.
    :raises ServiceAwayError: A provider does not answer.
    """
    return get_secrets(handle, [name])[str(name)]


def get_secrets(handle: RunHandle, names: object) -> dict[str, str | None]:
    """All asked names: the value, or None where no provider has it."""
    return auditing.read(handle.session, names, handle.run_id)
