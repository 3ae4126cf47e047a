"""Files whose upload was put off: copied into the journal while API or object store were away, uploaded here.

`<journal>/spool/<sha256>` holds the bytes, `<sha256>.json` beside it `{run_id, sha256, size, media_type}` and, when
the same bytes belong to several runs, one file `<sha256>.<anything>.json` for each; `run_id` is the owner of the bytes,
`model/<name>` for a model's. Large ones go in parts, and on where they were cut. The description is written last,
so what has none is still being copied. ArtifactLogged is in the journal already; the object follows here, at least
once: object storage is addressed by content, so a repeat changes nothing.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Spooled(NamedTuple):
    """One file to upload."""

    run_id: str
    sha256: str
    size: int
    media_type: str | None
    path: Path


Upload = Callable[[Spooled], None]  # raises when the file is not stored, whatever the reason


def spooled(journal: Path) -> list[Spooled]:
    """What waits in a journal's spool, oldest first. Descriptions that cannot be read are left alone."""
    waiting = []
    for description in sorted((journal / "spool").glob("*.json"), key=_age):
        try:
            told = json.loads(description.read_bytes())
            sha256 = str(told["sha256"])
            waiting.append(Spooled(str(told["run_id"]), sha256, int(told["size"]), told.get("media_type"), description))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return waiting


def upload_spooled(journal: Path, upload: Upload, deadline: float = math.inf) -> tuple[int, Exception | None]:
    """Uploads what waits and deletes what was stored.

    Args:
        journal: folder of the journal.
        upload: stores one file.
        deadline: `time.monotonic()` after which no further file is begun.

    Returns:
        How many files are left, and what the failure was that ended it, since the next file would meet the same.
    """
    waiting = spooled(journal)
    for done, file in enumerate(waiting):
        if time.monotonic() >= deadline:
            return len(waiting) - done, None
        body = journal / "spool" / file.sha256
        try:
            upload(file._replace(path=body))
        except FileNotFoundError:
            pass  # another shipper was faster: it deletes the body after storing it
        except Exception as error:  # noqa: BLE001 - whatever it is, the file stays here and is tried again
            return len(waiting) - done, error
        file.path.unlink(missing_ok=True)
        if not any(other.sha256 == file.sha256 for other in waiting[done + 1 :]):
            body.unlink(missing_ok=True)
    return 0, None


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
