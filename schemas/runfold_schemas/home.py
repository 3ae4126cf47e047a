"""Where Runfold keeps its state on this machine. Apart from `settings`, since those are heavy to load."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Where Runfold keeps its state: RUNFOLD_HOME, else /var/lib/runfold for root, else ~/.local/state/runfold.

    A user without a home directory (a container's number without a name) has it below the folder for temporary files.
    """
    named = os.environ.get("RUNFOLD_HOME")
    if named:
        return Path(os.path.abspath(os.path.expanduser(named)))  # noqa: PTH100, PTH111 - pathlib's raises without a home
    if os.geteuid() == 0:
        return Path("/var/lib/runfold")
    found = Path(os.path.expanduser("~/.local/state/runfold"))  # noqa: PTH111
    return found if found.is_absolute() else Path(os.environ.get("TMPDIR") or "/tmp") / f"runfold-{os.geteuid()}"
