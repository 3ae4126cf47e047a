"""What of a directory is no part of its snapshot: .amlignore of that directory, else its .gitignore, else nothing.

gitignore syntax, by pathspec. Only the file at the top counts, and what lies below an ignored directory is ignored.
Where .gitignore decides, .git is left out as git itself does it.
"""

from __future__ import annotations

import functools
from pathlib import Path

from pathspec import GitIgnoreSpec

FILES = (".amlignore", ".gitignore")
_REMEMBERED_MAX = 200_000


class Ignoring:
    """The rules of one ignore file; answers are remembered, since each run of a process asks the same again.

    :param text: The file's text; lines that are no pattern are passed over, as git does.
    """

    def __init__(self, text: str) -> None:
        self._spec = GitIgnoreSpec([])
        for line in text.splitlines():
            try:
                self._spec += GitIgnoreSpec.from_lines([line])
            except ValueError:
                continue
        self._remembered: dict[str, bool] = {}

    def ignores(self, path: str) -> bool:
        """Whether a path is left out.

        :param path: Relative, with '/' between its parts; of a directory, with '/' at the end.
        """
        answer = self._remembered.get(path)
        if answer is None:
            if len(self._remembered) >= _REMEMBERED_MAX:
                self._remembered.clear()
            answer = self._remembered[path] = self._spec.match_file(path)
        return answer


def of(directory: Path) -> Ignoring:
    """The rules of a directory.

    :raises OSError: Its ignore file is there and cannot be read.
    """
    for name in FILES:
        file = directory / name
        if file.is_file():
            text = file.read_bytes().decode("utf-8-sig", "replace")
            return compiled(f".git\n{text}" if name == ".gitignore" else text)
    return compiled("")


compiled = functools.lru_cache(maxsize=16)(Ignoring)
