"""A whole project to a file: streamed, unsampled, from one snapshot, and never under its name before it is whole."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from .asking import TRANSFER_TIMEOUT_S, Asking
from .transport import Answer

BLOCK_BYTES = 1 << 18
ACCEPTED = {"arrow": "arrow", "parquet": "parquet", "ndjson": "ndjson"}


class Exporting(Asking):
    """Exports."""

    def export(
        self,
        target: Path,
        *,
        what: str,
        format: str,
        q: str = "",
        experiment: str | None = None,
        replace: bool = False,
        moved: Callable[[int], None] | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> str | None:
        """Writes the export of runs that match `q` to a file, which appears whole or not at all.

        An export is one snapshot, so what was cut is begun anew and not gone on with; nothing of it is left.

        :param target: The file; its folder exists.
        :param what: points, runs, events or logs.
        :param format: arrow, parquet or ndjson.
        :param replace: Whether a file of that name goes; it stays until the new one is whole.
        :param moved: Told of the bytes that came, piece by piece; what was begun anew is taken back.
        :returns: The watermark of the snapshot, where the API names it.
        :raises FileExistsError: There is a file of that name, now or at the end, and `replace` is false.
        :raises FilterError: `q` cannot be read.
        """
        if not replace and target.exists():
            raise FileExistsError(f"{target} exists already")
        path = target.with_name(f".{target.name[:200]}.{uuid.uuid4().hex[:12]}.part")
        try:
            query = {"what": what, "format": format, "q": q or None, "experiment": experiment}
            watermark = self._transport.ask(
                self._path("/export"),
                query,
                deadline=time.monotonic() + timeout_s,
                use=lambda answer: _written(answer, path, moved),
            )
            if replace:
                path.replace(target)
            else:
                os.link(path, target)  # exclusive, unlike a rename
        finally:
            path.unlink(missing_ok=True)
        return watermark


def _written(answer: Answer, path: Path, moved: Callable[[int], None] | None) -> str | None:
    came = 0
    try:
        with path.open("wb") as file:
            while piece := answer.read(BLOCK_BYTES):
                file.write(piece)
                came += len(piece)
                if moved is not None:
                    moved(len(piece))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        if moved is not None and came:
            with contextlib.suppress(Exception):
                moved(-came)
        raise
    return answer.headers.get("Runfold-Watermark")
