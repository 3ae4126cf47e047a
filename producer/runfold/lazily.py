"""Names of a package that are loaded when they are first used, so that importing the package costs next to nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module


def load(package: str, homes: Mapping[str, str], name: str) -> object:
    """For a package's `__getattr__`: what a name means, which is an attribute of the package from then on.

    :param homes: The module of each name, from the package on, such as ".run".
    :raises AttributeError: The package has no such name.
    """
    home = homes.get(name)
    if home is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    found: object = getattr(import_module(home, package), name)
    setattr(sys.modules[package], name, found)
    return found
