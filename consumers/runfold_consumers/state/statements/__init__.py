"""SQL of the state projector, by name: `-- name: <name>` begins a statement, comments below it tell what it is for."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statement(name: str) -> bytes:
    """The statement of this name, without its comments. Raises KeyError."""
    return _all()[name]


@cache
def _all() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in resources.files(__package__).iterdir():
        if not entry.name.endswith(".sql"):
            continue
        _, *named = _NAME.split(entry.read_text("utf-8"))
        for name, text in zip(named[::2], named[1::2], strict=True):
            lines = [line for line in text.splitlines() if line and not line.startswith("--")]
            if name in found:
                raise ValueError(f"two statements are named {name}")
            found[name] = "\n".join(lines).rstrip(";").encode()
    return found
