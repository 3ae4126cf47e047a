"""What a provider of secrets is, and the chain that the setting RUNFOLD_SECRETS names.

The first provider that has a secret answers. A provider that nobody has configured is passed over; one that is
configured and does not answer raises: a secret that cannot be looked up is not a secret that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol

from runfold.exceptions import UserErrorException

GROUP = "runfold.secrets"
CONTENT_TYPE = "application/NotProvided"  # what the original says of a secret without one
VALUE_BYTES_MAX = 25_600  # of the original's key vault; Vault and keyrings take that much
_NAME = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_.-]{0,126}\Z")
_OURS = {
    "environment": ("runfold.secrets.environ", "EnvironmentProvider"),
    "files": ("runfold.secrets.mounted", "FilesProvider"),
    "keyring": ("runfold.secrets.keyrings", "KeyringProvider"),
    "vault": ("runfold.secrets.vault", "VaultProvider"),
}


class Place(NamedTuple):
    """What a provider may need to know.

    Attributes:
        workspace: Name of the workspace in the ledger.
        directory: Setting RUNFOLD_SECRETS_DIRECTORY.
        vault_path: Setting RUNFOLD_VAULT_PATH.
        asked_for: Whether RUNFOLD_SECRETS names the provider; else it stands in the default order alone.
    """

    workspace: str
    directory: Path | None
    vault_path: str
    asked_for: bool


class Stored(NamedTuple):
    """A secret. Its repr hides the value."""

    value: str
    content_type: str

    def __repr__(self) -> str:
        return f"Stored(value=<hidden>, content_type={self.content_type!r})"


class Provider(Protocol):
    """One place where secrets are."""

    @property
    def unready(self) -> str | None:
        """Why it cannot be asked, in words, such as "VAULT_ADDR is not set"; None when it can."""

    @property
    def unwritable(self) -> str | None:
        """Why it does not keep secrets; None when it does."""

    def get(self, name: str) -> Stored | None:
        """The secret; None when it has none of that name."""

    def set(self, name: str, secret: Stored) -> None:
        """Keeps it."""

    def delete(self, name: str) -> bool:
        """Takes it away; whether there was one."""

    def names(self) -> Mapping[str, str]:
        """Content types of its secrets by name, as far as it can tell."""


class Answer(NamedTuple):
    """What a chain says of one name."""

    provider: str  # which answered, or was asked last; empty when there was nobody to ask
    secret: Stored | None


class Chain:
    """Providers in their order.

    :param providers: By name.
    """

    def __init__(self, providers: Sequence[tuple[str, Provider]]) -> None:
        self.providers = list(providers)

    def get(self, name: object) -> Answer:
        """Asks one after another.

        :raises UserErrorException: The name is not allowed.
        :raises ServiceAwayError: A provider does not answer.
        """
        checked = secret_name(name)
        asked = ""
        for asked, provider in self._ready():
            secret = provider.get(checked)
            if secret is not None:
                return Answer(asked, secret)
        return Answer(asked, None)

    def set(self, name: object, value: object, content_type: object) -> str:
        """Keeps a secret where the first provider can; which one it was.

        :raises UserErrorException: Name or value are not allowed, none can keep it, or one that is asked earlier has
            another value, which would be read instead.
        """
        checked, stored = secret_name(name), _stored(name, value, content_type)
        for title, provider in self._ready():
            if provider.unwritable is None:
                provider.set(checked, stored)
                return title
            if provider.get(checked) is not None:
                raise UserErrorException(
                    f"Secret {checked!r} comes from provider {title!r}, which is asked first and keeps none: "
                    f"{provider.unwritable}. Change it there, or change the order in RUNFOLD_SECRETS."
                )
        raise UserErrorException(
            f"No provider of secrets can keep {checked!r}: {self._excuses()}. Providers are named by RUNFOLD_SECRETS."
        )

    def delete(self, name: object) -> None:
        """Takes a secret away wherever it is kept.

        :raises UserErrorException: There is none, or it is where secrets cannot be taken away.
        """
        checked, gone = secret_name(name), False
        for title, provider in self._ready():
            if provider.unwritable is None:
                gone = provider.delete(checked) or gone
            elif provider.get(checked) is not None:
                raise UserErrorException(
                    f"Secret {checked!r} comes from provider {title!r}, which only reads: {provider.unwritable}."
                )
        if not gone:
            raise UserErrorException(f"There is no secret {checked!r} to delete; asked were {self._asked()}.")

    def names(self) -> dict[str, str]:
        """Content types by name of all secrets that providers can list; who is asked first counts."""
        found: dict[str, str] = {}
        for _, provider in self._ready():
            for name, content_type in provider.names().items():
                found.setdefault(name, content_type)
        return found

    def _ready(self) -> list[tuple[str, Provider]]:
        return [(title, provider) for title, provider in self.providers if provider.unready is None]

    def _asked(self) -> str:
        return ", ".join(title for title, _ in self._ready()) or "none, since none is configured"

    def _excuses(self) -> str:
        return "; ".join(f"{title}: {each.unready or each.unwritable}" for title, each in self.providers)


def chain(workspace: str, order: str, default: str, directory: Path | None, vault_path: str) -> Chain:
    """The providers that the setting names.

    :param order: The setting RUNFOLD_SECRETS.
    :param default: What it is where nobody sets it: whoever stands there alone may be absent.
    :raises UserErrorException: A provider is named that nobody provides.
    """
    titles = [title.strip() for title in order.split(",") if title.strip()]
    place = Place(workspace, directory, vault_path, order != default)
    return Chain([(title, _made(title, place)) for title in titles])


def secret_name(name: object) -> str:
    """A secret's name: 1 to 127 letters, digits, '-', '_' and '.', beginning with a letter or digit."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise UserErrorException(
            f"A secret's name has 1 to 127 letters, digits, '-', '_' and '.', and begins with a letter or digit; "
            f"it was {name!r:.200}."
        )
    return name


def _stored(name: object, value: object, content_type: object) -> Stored:
    if not isinstance(value, str):  # the value itself is never shown
        raise UserErrorException(f"The value of secret {name!r} must be a str, it is a {type(value).__name__}.")
    if not isinstance(content_type, str):
        raise UserErrorException(f"content_type must be a str, it is {content_type!r:.200}.")
    if "\0" in value or len(value.encode(errors="surrogatepass")) > VALUE_BYTES_MAX:
        raise UserErrorException(
            f"The value of secret {name!r} must have at most {VALUE_BYTES_MAX} bytes and no NUL character."
        )
    return Stored(value, content_type)


def _made(title: str, place: Place) -> Provider:
    if title in _OURS:
        module, name = _OURS[title]
        made: Callable[[Place], Provider] = getattr(import_module(module), name)
        return made(place)
    from importlib.metadata import entry_points

    others = {each.name: each for each in entry_points(group=GROUP)}
    if title not in others:
        raise UserErrorException(
            f"RUNFOLD_SECRETS names {title!r}, which nobody provides; there are "
            f"{', '.join([*_OURS, *sorted(others)])}. Packages provide others by the entry-point group {GROUP}."
        )
    provider: Provider = others[title].load()(place)
    return provider
