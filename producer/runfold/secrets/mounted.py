"""Secrets as files: the folder RUNFOLD_SECRETS_DIRECTORY, a file for each name, as Kubernetes and Docker mount them.

One newline at a file's end is no part of its secret, since editors put it there. Where the folder can be written,
secrets are kept there too, with mode 0600.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from runfold.exceptions import UserErrorException

from .providers import CONTENT_TYPE, Place, Stored


class FilesProvider:
    """See the module."""

    def __init__(self, place: Place) -> None:
        self._directory = place.directory

    @property
    def unready(self) -> str | None:
        """Why there is nothing to read."""
        if self._directory is None:
            return "RUNFOLD_SECRETS_DIRECTORY is not set"
        return None if self._directory.is_dir() else f"RUNFOLD_SECRETS_DIRECTORY {self._directory} is no directory"

    @property
    def unwritable(self) -> str | None:
        """Mounted folders are read-only."""
        return None if os.access(self._folder, os.W_OK | os.X_OK) else f"{self._directory} is read-only"

    def get(self, name: str) -> Stored | None:
        """The file's text.

        :raises UserErrorException: It cannot be read, or is no text.
        """
        path = self._folder / name
        try:
            text = path.read_bytes().decode("utf-8")
        except (FileNotFoundError, IsADirectoryError):
            return None
        except UnicodeDecodeError:  # without its cause, which carries the bytes
            raise UserErrorException(f"The secret in {path} is no UTF-8 text; keep binary ones as base64.") from None
        except OSError as error:
            raise UserErrorException(f"The secret in {path} cannot be read: {error.strerror}.") from error
        return Stored(text[: -2 if text.endswith("\r\n") else -1] if text.endswith("\n") else text, CONTENT_TYPE)

    def set(self, name: str, secret: Stored) -> None:
        """The file appears whole, and nobody else may read it. A value that ends in a newline keeps it."""
        descriptor, part = tempfile.mkstemp(prefix=".part-", dir=self._folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(secret.value + ("\n" if secret.value.endswith("\n") else ""))
            Path(part).replace(self._folder / name)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def delete(self, name: str) -> bool:
        """Removes the file."""
        try:
            (self._folder / name).unlink()
        except FileNotFoundError:
            return False
        return True

    def names(self) -> Mapping[str, str]:
        """The files; hidden ones are the mount's own."""
        return {
            path.name: CONTENT_TYPE
            for path in sorted(self._folder.iterdir())
            if path.is_file() and not path.name.startswith(".")
        }

    @property
    def _folder(self) -> Path:
        if self._directory is None:
            raise UserErrorException("RUNFOLD_SECRETS_DIRECTORY is not set.")
        return self._directory
