"""Keyvault: a workspace's secrets, which are where the team has them already: see `runfold.secrets`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import environment
from .exceptions import UserErrorException

if TYPE_CHECKING:
    from .secrets.providers import Chain
    from .session import Session
    from .workspace import Workspace


class Keyvault:
    """The secrets of a workspace, from the providers that the setting RUNFOLD_SECRETS names.

    Each read is on record, without the value: within a job about the job's run, else about the secret.

    :param workspace: The workspace.
    :raises UserErrorException: It is no Workspace.
    """

    def __init__(self, workspace: Workspace) -> None:
        from .workspace import Workspace

        if not isinstance(workspace, Workspace):
            raise UserErrorException(f"Keyvault takes a Workspace, it was given {workspace!r:.200}.")
        self._workspace = workspace

    def get_secret(self, name: str) -> str | None:
        """The value of a secret; None when no provider has it, as in the original.

        :param name: 1 to 127 letters, digits, '-', '_' and '.'.
        :raises UserErrorException: The name is not allowed.
        :raises ServiceAwayError: A provider does not answer.
        """
        return self.get_secrets([name])[name]

    def get_secrets(self, secrets: list[str]) -> dict[str, str | None]:
        """The values by name, None for a secret that no provider has.

        :param secrets: Names.
        """
        from .secrets import auditing

        job = environment.job()
        return auditing.read(self._session, secrets, job.run_id if job is not None else None)

    def get_secret_content_type(self, name: str) -> str | None:
        """The content type that a secret was set with; None when no provider has the secret.

        :param name: Its name.
        """
        found = self._chain.get(name).secret
        return None if found is None else found.content_type

    def set_secret(self, name: str, value: str, content_type: str = "application/NotProvided") -> None:
        """Keeps a secret with the first provider that can; a value that was there before is replaced.

        :param name: 1 to 127 letters, digits, '-', '_' and '.', beginning with a letter or digit.
        :param value: At most 25,600 bytes.
        :param content_type: Kept with it where the provider can (Vault, keyring).
        :raises UserErrorException: No provider can keep it, or one that is asked earlier has another value.
        """
        self._chain.set(name, value, content_type)

    def set_secrets(self, secrets_batch: dict[str, str]) -> None:
        """Keeps several secrets.

        :param secrets_batch: Values by name.
        """
        if not isinstance(secrets_batch, Mapping):
            raise UserErrorException(f"set_secrets takes a dict of names and values, not {type(secrets_batch)}.")
        for name, value in secrets_batch.items():
            self.set_secret(name, value)

    def delete_secret(self, name: str) -> None:
        """Takes a secret away.

        :param name: Its name.
        :raises UserErrorException: There is none, or its provider only reads.
        """
        self._chain.delete(name)

    def delete_secrets(self, secrets: list[str]) -> None:
        """Takes several secrets away.

        :param secrets: Their names.
        """
        from .secrets import auditing

        for name in auditing.listed(secrets):
            self._chain.delete(name)

    def list_secrets(self) -> list[dict[str, str]]:
        """The secrets that providers can list, as {"name", "content_type"}; never their values."""
        return [{"name": name, "content_type": told} for name, told in sorted(self._chain.names().items())]

    @property
    def _session(self) -> Session:
        return self._workspace._session

    @property
    def _chain(self) -> Chain:
        from .secrets import auditing

        return auditing.chain(self._session)

    def __repr__(self) -> str:
        return f"Keyvault(workspace={self._workspace!r})"
