"""A manifest as a ZIP: the same content gives the same bytes, since nothing else goes into it.

Entries are sorted and carry one fixed time. What is read counts: a file that was rewritten since its digest was taken
is packed as it is now, one that went away is left out, and the contents that are returned say so.
"""

from __future__ import annotations

import stat
import zipfile
from typing import IO

from .contents import Contents, Entry, digest

_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP can name


def pack(contents: Contents, target: IO[bytes]) -> Contents:
    """Writes the ZIP, and returns the contents as they were packed.

    :param target: Seekable, empty.
    :raises OSError: A file cannot be read, or the target takes no more.
    """
    packed = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for entry in contents.entries:
            try:
                source = open(entry.source, "rb", buffering=0)  # noqa: PTH123, SIM115 - thousands of them
            except FileNotFoundError:
                continue
            with source, archive.open(_info(entry), "w") as written:
                size, sha256 = digest(source, entry.size, written)
            packed.append(entry._replace(size=size, sha256=sha256))
    return contents._replace(entries=tuple(packed))


def _info(entry: Entry) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(entry.path, _TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, so that the mode counts
    info.external_attr = (stat.S_IFREG | entry.mode) << 16
    return info
