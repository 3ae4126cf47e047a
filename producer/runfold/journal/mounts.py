"""May a file in this folder be mapped? Only where the file system is known to keep a promise made at allocation.

A store into a mapped page cannot fail politely: a full disk or a vanished server is SIGBUS, and the training is dead.
On these file systems preallocated bytes stay ours. Everywhere else the journal writes by system call.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

# Copy-on-write ones (btrfs, zfs, bcachefs) are missing on purpose: they take new space for each rewritten page.
MAPPABLE = frozenset({"ext2", "ext3", "ext4", "xfs", "tmpfs", "f2fs", "overlay", "jfs"})
_MOUNTINFO = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


def may_map(folder: Path) -> bool:
    """True when segments in this folder may be mapped into memory."""
    if sys.platform == "darwin":
        return True  # APFS or HFS+, for development
    try:
        return file_system_of(folder, _MOUNTINFO.read_text()) in MAPPABLE
    except OSError:
        return False


def file_system_of(folder: Path, mountinfo: str) -> str:
    """Type of the file system that holds a folder, by the text of /proc/self/mountinfo; empty when it does not say.

    Of several mounts at one point the last one is seen.
    """
    path = os.path.realpath(folder)
    found, length = "", -1
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        inside = point == "/" or path == point or path.startswith(point + "/")
        if inside and len(point) >= length:
            found, length = after.split(" ")[0], len(point)
    return found
