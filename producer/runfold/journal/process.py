"""This process's journals: one per workspace, made at the first append, another one in each forked child."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from runfold.journal.writer import Journal

_journals: dict[str | None, Journal] = {}
_made_with: dict[str | None, tuple[Path, dict[str, Any]]] = {}
_lock = threading.RLock()


def current(workspace: str | None, root: Path | None = None, **options: Any) -> Journal:
    """The journal of this process for a workspace; call it when something is to be appended, not before.

    Args:
        workspace: whose; None for offline runs.
        root: folder of journals; None takes the setting RUNFOLD_JOURNAL. Looked at when a journal is
            made, as are the options.
        options: further arguments of `Journal.create`.

    Raises:
        OSError: its folder cannot be made.
    """
    journal = _journals.get(workspace)
    if journal is not None and journal.is_open:
        return journal
    with _lock:
        journal = _journals.get(workspace)
        if journal is not None and journal.is_open:
            return journal
        made_with = _made_with.get(workspace)
        if root is not None or made_with is None:
            made_with = (root or _default_root(), options)
        _made_with[workspace] = made_with
        given = {"heir": lambda run_id: current(workspace), **made_with[1]}
        journal = Journal.create(made_with[0], workspace=workspace, **given)
        meanwhile = _journals.get(workspace)
        if meanwhile is not None and meanwhile.is_open:  # a signal handler was faster
            journal.close()
            return meanwhile
        _journals[workspace] = journal
        return journal


def living() -> list[Journal]:
    """The journals that this process has open."""
    return [journal for journal in list(_journals.values()) if journal.is_open]


def close() -> None:
    """Closes them; for the end of the process, after the last append."""
    for journal in living():
        journal.close()


def _default_root() -> Path:
    from runfold_schemas.settings import Settings  # pydantic behind it is for the first append, not for the import

    return Settings.load().journals()


def _forget() -> None:
    global _lock
    # Another thread of the parent may have held it.
    _lock = threading.RLock()
    _journals.clear()


os.register_at_fork(after_in_child=_forget)
