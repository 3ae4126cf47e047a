"""Secrets in HashiCorp Vault or OpenBao: a KV engine of version 2, by the package `hvac`.

VAULT_ADDR, VAULT_TOKEN (or ~/.vault-token) and VAULT_NAMESPACE are Vault's own variables; the setting
RUNFOLD_VAULT_PATH says where, `<mount>/<path>`, with {workspace} for the workspace's name. Both ways in which teams lay
secrets out are read: `<path>/<name>` with a field `value`, and one secret `<path>` with a field for each name. What
Runfold sets has the first form, its content type in `custom_metadata`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from runfold.exceptions import AuthenticationException, ServiceAwayError, UserErrorException

from .providers import CONTENT_TYPE, Place, Stored

if TYPE_CHECKING:
    import hvac

T = TypeVar("T")
FIELD = "value"
TIMEOUT_S = 10


class VaultProvider:
    """See the module.

    :raises UserErrorException: VAULT_ADDR is set or RUNFOLD_SECRETS names it, and the package is missing.
    """

    unwritable = None

    def __init__(self, place: Place) -> None:
        self.address = os.environ.get("VAULT_ADDR") or None
        self.unready: str | None = None if self.address else "VAULT_ADDR is not set"
        self._mount, _, self._path = place.vault_path.format(workspace=place.workspace).strip("/").partition("/")
        self._client: hvac.Client | None = None
        if self.address is None and not place.asked_for:
            return
        try:
            import hvac
        except ImportError as error:
            raise UserErrorException(
                "HashiCorp Vault is asked for secrets (VAULT_ADDR, RUNFOLD_SECRETS), and the package hvac is missing: "
                "pip install 'runfold[secrets]'.",
                inner_exception=error,
            ) from error
        if self.address is not None:
            self._client = hvac.Client(
                self.address, namespace=os.environ.get("VAULT_NAMESPACE") or None, timeout=TIMEOUT_S
            )

    def get(self, name: str) -> Stored | None:
        """`<path>/<name>`, else the field of that name in `<path>`."""
        own = self._read(self._below(name))
        if own is not None:
            fields, metadata = own
            value = fields.get(FIELD, next(iter(fields.values())) if len(fields) == 1 else None)
            if value is not None:
                told = (metadata.get("custom_metadata") or {}).get("content_type")
                return Stored(str(value), str(told or CONTENT_TYPE))
        together = self._read(self._path) if self._path else None
        if together is not None and together[0].get(name) is not None:
            return Stored(str(together[0][name]), CONTENT_TYPE)
        return None

    def set(self, name: str, secret: Stored) -> None:
        """A new version of `<path>/<name>`."""
        path = self._below(name)
        self._asked(
            lambda kv: kv.create_or_update_secret(path=path, secret={FIELD: secret.value}, mount_point=self._mount)
        )
        if secret.content_type != CONTENT_TYPE:
            metadata = {"content_type": secret.content_type}
            self._asked(lambda kv: kv.update_metadata(path=path, custom_metadata=metadata, mount_point=self._mount))

    def delete(self, name: str) -> bool:
        """The newest version; Vault keeps older ones as it is told to."""
        path = self._below(name)
        if self._read(path) is None:
            return False
        self._asked(lambda kv: kv.delete_latest_version_of_secret(path=path, mount_point=self._mount))
        return True

    def names(self) -> Mapping[str, str]:
        """Secrets below `<path>`, and the fields of `<path>` itself. A folder is no secret."""
        listed = self._asked(lambda kv: kv.list_secrets(path=self._path, mount_point=self._mount))
        own = [name for name in listed["data"]["keys"] if not name.endswith("/")] if listed else []
        together = self._read(self._path) if self._path else None
        return dict.fromkeys([*own, *(together[0] if together else {})], CONTENT_TYPE)

    def _below(self, name: str) -> str:
        return f"{self._path}/{name}" if self._path else name

    def _read(self, path: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        answer = self._asked(
            lambda kv: kv.read_secret_version(path=path, mount_point=self._mount, raise_on_deleted_version=True)
        )
        return None if answer is None else (answer["data"]["data"] or {}, answer["data"].get("metadata") or {})

    def _asked(self, ask: Callable[[Any], T]) -> T | None:
        """What the KV engine says; None where there is nothing of that path."""
        import hvac.exceptions
        import requests

        if self._client is None:
            raise UserErrorException(f"Vault cannot be asked: {self.unready}.")
        try:
            return ask(self._client.secrets.kv.v2)
        except hvac.exceptions.InvalidPath:
            return None
        except (hvac.exceptions.Unauthorized, hvac.exceptions.Forbidden) as error:
            raise AuthenticationException(
                f"Vault at {self.address} (VAULT_ADDR) refuses {self._mount}/{self._path} (RUNFOLD_VAULT_PATH): "
                f"{type(error).__name__}. Check VAULT_TOKEN and its policy."
            ) from error
        except (hvac.exceptions.VaultError, requests.exceptions.RequestException) as error:
            raise ServiceAwayError("Vault", "VAULT_ADDR", self.address, type(error).__name__) from error
