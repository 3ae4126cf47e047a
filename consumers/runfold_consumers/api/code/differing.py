"""What differs between snapshots of code: the files that not all of them have, or not with the same content. Pure.

The same content is what has the same size, CRC-32 and mode. Two files that somebody made to look alike may differ
nevertheless: who must know compares the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runfold_consumers.api.code.zips import File


class Content(NamedTuple):
    """What a file of a path is."""

    size: int
    crc32: int
    executable: bool


class Difference(NamedTuple):
    """A path that is not the same everywhere."""

    path: str
    contents: tuple[Content, ...]
    """All that there are, in the order of the first snapshot that has each."""
    which: tuple[int | None, ...]
    """Of each snapshot the place in `contents`; None where it has no file of that path."""


class Comparison:
    """Snapshots, added one after the other."""

    def __init__(self) -> None:
        self.snapshots = 0
        self._paths: dict[str, dict[int, Content]] = {}
        self._contents: dict[Content, Content] = {}  # each once, however many snapshots have it

    def __len__(self) -> int:
        """Paths in all."""
        return len(self._paths)

    def add(self, files: Iterable[File]) -> None:
        """Adds a snapshot."""
        for file in files:
            content = Content(file.size, file.crc32, file.executable)
            of_path = self._paths.setdefault(file.path, {})
            of_path[self.snapshots] = self._contents.setdefault(content, content)
        self.snapshots += 1

    def differences(self) -> list[Difference]:
        """What differs, by path."""
        return sorted(self._differing())

    def _differing(self) -> Iterator[Difference]:
        for path, of_path in self._paths.items():
            contents = tuple(dict.fromkeys(of_path.values()))
            if len(contents) > 1 or len(of_path) < self.snapshots:
                place = {content: at for at, content in enumerate(contents)}
                which = (place[of_path[at]] if at in of_path else None for at in range(self.snapshots))
                yield Difference(path, contents, tuple(which))
