"""Secrets in environment variables: RUNFOLD_SECRET_<NAME>, in upper case, with '_' for whatever is no letter or digit.

`db-password` is RUNFOLD_SECRET_DB_PASSWORD. Two names that differ in nothing else have the same variable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from .providers import CONTENT_TYPE, Place, Stored

PREFIX = "RUNFOLD_SECRET_"


class EnvironmentProvider:
    """See the module.

    :param environ: Where variables are.
    """

    unready = None
    unwritable = "a process's environment is set by who starts it"

    def __init__(self, place: Place, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def get(self, name: str) -> Stored | None:
        """The variable's value; an empty one is a value."""
        value = self._environ.get(variable(name))
        return None if value is None else Stored(value, CONTENT_TYPE)

    def set(self, name: str, secret: Stored) -> None:
        """Not called: see `unwritable`."""
        raise PermissionError(self.unwritable)

    def delete(self, name: str) -> bool:
        """Not called: see `unwritable`."""
        raise PermissionError(self.unwritable)

    def names(self) -> Mapping[str, str]:
        """By what their variables say: lower case, '-' for '_'."""
        found = [name[len(PREFIX) :] for name in self._environ if name.startswith(PREFIX) and name != PREFIX]
        return {name.lower().replace("_", "-"): CONTENT_TYPE for name in found}


def variable(name: str) -> str:
    """The variable of a secret."""
    return PREFIX + re.sub(r"[^0-9A-Z]", "_", name.upper())
