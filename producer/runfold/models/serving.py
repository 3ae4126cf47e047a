"""deploy, package, profile and print_configuration: done by whoever provides serving, under an entry point.

A ledger serves no models. A package that does registers a class under the group `runfold.serving`, with the methods of
`Provider`; the one that RUNFOLD_SERVING names is asked, or the only one there is.
"""

from __future__ import annotations

import os
from typing import Any, Protocol, cast

from runfold.exceptions import WebserviceException

GROUP = "runfold.serving"


class Provider(Protocol):
    """What a package that serves models can do; arguments are those of the methods of Model, by name."""

    def deploy(self, **arguments: Any) -> Any:
        """Serves models as a web service, and returns it."""

    def package(self, **arguments: Any) -> Any:
        """Makes an image, or the files for one, and returns what tells of it."""

    def profile(self, **arguments: Any) -> Any:
        """Measures how a model behaves with some resources."""

    def print_configuration(self, **arguments: Any) -> Any:
        """Prints what `deploy` would do."""


def ask(what: str, **arguments: Any) -> Any:
    """Lets a provider do it.

    :param what: Name of the method.
    :raises WebserviceException: Nobody provides serving, or which of several is not said; the message lists them.
    """
    return getattr(_provider(what), what)(**arguments)


def _provider(what: str) -> Provider:
    from importlib.metadata import entry_points

    found = {each.name: each for each in entry_points(group=GROUP)}
    there = ", ".join(sorted(found)) or "none"
    wanted = os.environ.get("RUNFOLD_SERVING") or (next(iter(found)) if len(found) == 1 else None)
    if wanted is None or wanted not in found:
        asked = f"RUNFOLD_SERVING names {wanted!r}" if wanted else "RUNFOLD_SERVING names none of them"
        raise WebserviceException(
            f"Model.{what} needs a provider that serves models; installed providers: {there}"
            + (f", and {asked}" if found or wanted else "")
            + f". A package provides one by the entry-point group {GROUP}; Model.download gives the files to others."
        )
    return cast(Provider, found[wanted].load()())
