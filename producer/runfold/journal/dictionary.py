"""The journal's dictionary: lanes and series by id, in two files with the same bytes.

An entry is u32 length, u32 crc, JSON, zeros up to the next multiple of 16 bytes; its id stands in it. So a reader that
finds an entry damaged takes it from the copy, and finds the next one even where both are.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import NamedTuple

from crc32c import crc32c

from runfold_schemas.events import Series

NAMES = ("dictionary", "dictionary.copy")
_ENTRY = struct.Struct("<II")
_ALIGNMENT = 16
_TEXT_KINDS = ("string", "bigint")


class LaneEntry(NamedTuple):
    """What a lane id means; the writer is the journal's."""

    stream: str
    aggregate_kind: str
    aggregate_id: str


class SeriesEntry(NamedTuple):
    """What a series id means."""

    lane: int
    series: Series


def check_name(what: str, name: object, bytes_max: int) -> None:
    """Whether a metric, column or log may be called so.

    Args:
        what: metric or log, for messages.
        name: the name.
        bytes_max: its bytes of UTF-8 at most.

    Raises:
        TypeError: it is no str.
        ValueError: it is empty, too long, or no text that can be stored.
    """
    if not isinstance(name, str):
        raise TypeError(f"a {what}'s name is a str, not {type(name).__name__}: {name!r:.100}")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{what} name {name!r:.100} has a lone surrogate; names are valid Unicode text") from None
    if not 0 < size <= bytes_max or "\0" in name:
        raise ValueError(
            f"{what} name {name!r:.100} has {size} bytes; allowed are 1 to {bytes_max} bytes of UTF-8 without NUL"
        )


class DictionaryWriter:
    """Appends definitions. Its owner holds the journal's lock."""

    __slots__ = ("_files", "_offset", "_unwritten")

    def __init__(self, folder: Path) -> None:
        self._files = [os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644) for name in NAMES]
        self._offset = 0
        self._unwritten: list[bytes] = []

    def lane(self, lane_id: int, entry: LaneEntry) -> None:
        """Notes a lane; `flush` writes it."""
        self._unwritten.append(_framed(["lane", lane_id, *entry]))

    def series(self, series_id: int, entry: SeriesEntry) -> None:
        """Notes a series; `flush` writes it."""
        self._unwritten.append(_framed(["series", series_id, entry.lane, *entry.series]))

    def flush(self) -> None:
        """Writes what was noted. Whatever breaks it off, the next call writes the same bytes at the same place.

        Raises:
            OSError: a file takes no more; nothing may use the new definitions until a later call returns.
        """
        while self._unwritten:
            entry = self._unwritten[0]
            for file in self._files:
                written = os.pwrite(file, entry, self._offset)
                if written != len(entry):
                    raise OSError(28, f"the journal's dictionary took {written} of {len(entry)} bytes")
            after = self._offset + len(entry)
            # No call between these two: a signal's exception cannot part them.
            self._offset = after
            del self._unwritten[0]

    @property
    def is_flushed(self) -> bool:
        """All that was noted is written."""
        return not self._unwritten

    def abandon(self) -> None:
        """In a forked child: writes nothing more, and leaves the parent's files open."""
        self._files, self._unwritten = [], []

    def close(self) -> None:
        """Closes the files."""
        for file in self._files:
            os.close(file)


class DictionaryReader:
    """Follows a dictionary as it grows; `refresh` takes in what is new."""

    def __init__(self, folder: Path) -> None:
        self.lanes: dict[int, LaneEntry] = {}
        self.series: dict[int, SeriesEntry] = {}
        self.lane_of: dict[int, int] = {}  # of series whose points lie in point slots; those with texts have frames
        self.damaged_entries = 0  # entries that only the other copy still had
        self._paths = [folder / name for name in NAMES]
        self._offset = 0

    def refresh(self) -> bool:
        """Reads what was appended; True when anything was."""
        before = len(self.lanes) + len(self.series)
        copies = [_read(path, self._offset) for path in self._paths]
        at = 0
        end = max(map(len, copies))
        while at < end:
            found = [_entry_at(copy, at) for copy in copies]
            entry = next((entry for entry in found if entry is not None), None)
            if entry is not None:
                self.damaged_entries += None in found
                self._take(entry[0])
                at += entry[1]
                self._offset += entry[1]
                continue
            # Torn by a kill, still being written, or damaged in both: what follows, if anything, is at a multiple of
            # 16.
            following = next(
                (
                    place
                    for place in range(at + _ALIGNMENT, end, _ALIGNMENT)
                    if any(_entry_at(copy, place) for copy in copies)
                ),
                None,
            )
            if following is None:
                break
            self.damaged_entries += 1
            self._offset += following - at
            at = following
        return len(self.lanes) + len(self.series) > before

    def _take(self, entry: list[object]) -> None:
        match entry:
            case ["lane", int(lane_id), str(stream), str(kind), str(aggregate_id)]:
                self.lanes.setdefault(lane_id, LaneEntry(stream, kind, aggregate_id))
            case ["series", int(series_id), int(lane), str(name), column, str(kind), str(axis)]:
                series = Series(name, column if isinstance(column, str) else None, kind, axis)
                self.series.setdefault(series_id, SeriesEntry(lane, series))
                if kind not in _TEXT_KINDS:
                    self.lane_of.setdefault(series_id, lane)


def _framed(entry: list[object]) -> bytes:
    body = json.dumps(entry, separators=(",", ":")).encode("ascii")
    framed = _ENTRY.pack(len(body), crc32c(body)) + body
    return framed + bytes(-len(framed) % _ALIGNMENT)


def _entry_at(copy: bytes, at: int) -> tuple[list[object], int] | None:
    if at + _ENTRY.size > len(copy):
        return None
    length, crc = _ENTRY.unpack_from(copy, at)
    start = at + _ENTRY.size
    body = copy[start : start + length]
    if not length or len(body) != length or crc32c(body) != crc:
        return None
    return json.loads(body), -(-(_ENTRY.size + length) // _ALIGNMENT) * _ALIGNMENT


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read()
    except FileNotFoundError:
        return b""
