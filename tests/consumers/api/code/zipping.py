"""ZIPs as snapshots are, and as somebody makes them who means harm."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

from runfold_consumers.api.code.zips import ReadRange


def zipped(
    files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, executable: frozenset[str] = frozenset()
) -> bytes:
    """A ZIP with these files, in their order."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in files.items():
            info = zipfile.ZipInfo(path)
            info.compress_type = method
            info.create_system = 3
            info.external_attr = (0o100755 if path in executable else 0o100644) << 16
            archive.writestr(info, content)
    return target.getvalue()


def with_directory(body: bytes, offset: int, form: str, value: int) -> bytes:
    """The ZIP whose first directory entry says another value, `offset` bytes into it (APPNOTE 4.3.12)."""
    at = body.index(b"PK\x01\x02") + offset
    packed = struct.pack(form, value)
    return body[:at] + packed + body[at + len(packed) :]


FLAGS, METHOD, CRC, PACKED, SIZE, MODE = (8, "<H"), (10, "<H"), (16, "<L"), (20, "<L"), (24, "<L"), (38, "<L")
"""Places in a directory entry, and how they are written."""


def reader(body: bytes, told: list[tuple[int, int]] | None = None) -> ReadRange:
    """Reads ranges of a body, as the object store does; `told` gets what was asked for."""

    def read(first: int, limit: int) -> bytes:
        assert 0 <= first < len(body)
        assert limit > 0
        if told is not None:
            told.append((first, limit))
        return body[first : first + limit]

    return read
