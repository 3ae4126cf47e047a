"""A ZIP that came from elsewhere: looked through before it is handed out to anybody who may extract it.

Refused are paths that leave the directory, links and devices, names that come twice, encrypted entries, and bombs:
more than the snapshot limit in all, or more than deflate can make of the bytes that are there.
"""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

from runfold.exceptions import SnapshotException

from .contents import BYTES_MAX, WALKED_MAX

_RATIO_MAX = 1_032  # deflate's own limit
_ENTRY = b"PK\x01\x02"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check(archive: Path) -> list[zipfile.ZipInfo]:
    """The entries of a snapshot's ZIP, all of them harmless.

    :raises SnapshotException: It is no ZIP, or one that must not be extracted; the text names the entry.
    """
    try:
        count = _count(archive)
        if count > WALKED_MAX:  # before they are read, which takes a kilobyte of memory each
            raise SnapshotException(f"{archive} has {count} entries, at most {WALKED_MAX} are allowed.")
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SnapshotException(f"{archive} cannot be read as a ZIP: {error}.", inner_exception=error) from error
    names: set[str] = set()
    for entry in entries:
        wrong = _wrong(entry, names)
        if wrong:
            raise SnapshotException(f"{archive} must not be extracted: entry {entry.filename!r} {wrong}.")
        names.add(entry.filename.rstrip("/"))
    files = {entry.filename for entry in entries if not entry.is_dir()}
    for name in names:
        parts = name.split("/")
        above = next((up for n in range(1, len(parts)) if (up := "/".join(parts[:n])) in files), None)
        if above is not None:
            raise SnapshotException(f"{archive} must not be extracted: {above!r} is a file and a directory.")
    packed, size = sum(entry.compress_size for entry in entries), sum(entry.file_size for entry in entries)
    if size > BYTES_MAX:
        raise SnapshotException(
            f"{archive} must not be extracted: it would be {size} bytes, at most {BYTES_MAX} are allowed."
        )
    if packed > archive.stat().st_size:  # entries that share their bytes
        raise SnapshotException(f"{archive} must not be extracted: its entries name more bytes than it has.")
    return entries


def _count(archive: Path) -> int:
    """How many entries a ZIP has, at most: by what each begins with in its directory."""
    count, before = 0, b""
    with archive.open("rb") as file:
        while data := file.read(1 << 20):
            data = before + data
            count += data.count(_ENTRY)
            before = data[1 - len(_ENTRY) :]
    return count


def _wrong(entry: zipfile.ZipInfo, names: set[str]) -> str | None:
    name = entry.filename
    parts = name.removesuffix("/").split("/")
    if not name or name.startswith("/") or "\0" in name or any(part in ("", ".", "..") for part in parts):
        return "has a path that leaves the directory"
    if entry.orig_filename != name and "\0" in entry.orig_filename:
        return "has two names"
    if name.rstrip("/") in names:
        return "comes twice"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        return "is a link or a device"
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if entry.compress_type not in _METHODS:
        return f"is compressed by method {entry.compress_type}, which snapshots do not use"
    if entry.file_size > entry.compress_size * _RATIO_MAX:
        return f"claims {entry.file_size} bytes in {entry.compress_size}"
    return None
