"""Where this process's words are kept: the journal of a workspace, in the folder where it belongs.

Where none can be made there (read-only, full, no such user), it is made among temporary files; where none can be made
anywhere nothing is kept. Each is told once, and neither raises: the training goes on.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runfold import notices
from runfold.journal import process
from runfold.journal.silent import SilentJournal

if TYPE_CHECKING:
    from runfold.journal.writer import Journal

OFFLINE_BYTES_MAX = 256 << 20  # of an offline journal, which may never be shipped


def journal(workspace: str | None, root: Path, heir: Callable[[str | None], Any]) -> Journal | SilentJournal:
    """The process's open journal for a workspace.

    :param workspace: Whose; None for offline runs.
    :param root: Folder of journals, where it belongs.
    :param heir: See `Journal.create`.
    """
    limits = {"budget_bytes": OFFLINE_BYTES_MAX} if workspace is None else {}
    reason: OSError | None = None
    for each in (root, *_makeshifts()):
        try:
            made = process.current(workspace, each, heir=heir, **limits)
        except OSError as error:
            reason = reason or error
            continue
        if reason is not None:
            notices.once("journal", f"no journal can be made ({reason}); it is kept below {each} instead.")
        return made
    notices.once("journal", f"no journal can be made anywhere ({reason}): NOTHING IS KEPT. Set RUNFOLD_JOURNAL.")
    return SilentJournal(root)


def _makeshifts() -> list[Path]:
    # Not gettempdir(): it raises where there is none.
    folders = (os.environ.get("TMPDIR") or tempfile.tempdir or "/tmp", "/dev/shm")
    return [Path(folder) / f"runfold-journals-{os.geteuid()}" for folder in folders]
