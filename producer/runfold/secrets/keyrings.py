"""Secrets in the system's keyring (macOS Keychain, Secret Service, KWallet, Windows, files), by the package `keyring`.

Service `runfold/<workspace>`, user name = the secret's name. Keyrings list nothing and know no content types; the entry
`.index` of the same service holds both for what was set through Runfold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from runfold.exceptions import ServiceAwayError, UserErrorException

from .providers import CONTENT_TYPE, Place, Stored

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")
_INDEX = ".index"  # no secret's name begins with a dot


class KeyringProvider:
    """See the module.

    :raises UserErrorException: RUNFOLD_SECRETS names it, and the package is missing.
    """

    unwritable = None

    def __init__(self, place: Place) -> None:
        self._service = f"runfold/{place.workspace}"
        self._backend: KeyringBackend | None = None
        self.unready: str | None = None
        try:
            import keyring
            from keyring.backends import fail, null
        except ImportError as error:
            if place.asked_for:
                raise UserErrorException(
                    "RUNFOLD_SECRETS names keyring, and the package is missing: pip install 'runfold[secrets]'.",
                    inner_exception=error,
                ) from error
            self.unready = "the package keyring is not installed"
            return
        self._backend = keyring.get_keyring()
        if isinstance(self._backend, (fail.Keyring, null.Keyring)):
            self.unready = "this system has no keyring"

    def get(self, name: str) -> Stored | None:
        """The password of that user name."""
        value = self._asked(lambda backend: backend.get_password(self._service, name))
        return None if value is None else Stored(value, self.names().get(name, CONTENT_TYPE))

    def set(self, name: str, secret: Stored) -> None:
        """Keeps the password, and its content type in the index."""
        self._asked(lambda backend: backend.set_password(self._service, name, secret.value))
        self._index({**self.names(), name: secret.content_type})

    def delete(self, name: str) -> bool:
        """Deletes the password."""
        if self._asked(lambda backend: backend.get_password(self._service, name)) is None:
            return False
        self._asked(lambda backend: backend.delete_password(self._service, name))
        self._index({known: told for known, told in self.names().items() if known != name})
        return True

    def names(self) -> Mapping[str, str]:
        """What was set through Runfold."""
        told = self._asked(lambda backend: backend.get_password(self._service, _INDEX))
        try:
            known = json.loads(told or "{}")
        except ValueError:
            return {}
        return {str(name): str(content_type) for name, content_type in known.items()} if isinstance(known, dict) else {}

    def _index(self, known: Mapping[str, str]) -> None:
        text = json.dumps(known, sort_keys=True)
        self._asked(lambda backend: backend.set_password(self._service, _INDEX, text))

    def _asked(self, ask: Callable[[KeyringBackend], T]) -> T:
        from keyring.errors import KeyringError

        if self._backend is None:
            raise UserErrorException(f"The keyring cannot be asked: {self.unready}.")
        try:
            return ask(self._backend)
        except KeyringError as error:
            about = type(self._backend)
            raise ServiceAwayError(
                "keyring", "PYTHON_KEYRING_BACKEND", f"{about.__module__}.{about.__qualname__}", type(error).__name__
            ) from error
