"""Definition -> files: on this machine, by http(s), on datastores, and wherever fsspec reaches.

Each file has a path within the dataset: below the folder that its pattern begins at, or its name. What is fetched
appears whole or not at all, in parallel; nothing is written outside the target directory.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from runfold.exceptions import ServiceAwayError, UserErrorException

from . import definitions

if TYPE_CHECKING:
    from runfold.workspace import Workspace

    from .datastore import Datastore

FETCHES = 8  # at once
HTTP_TRIES = 3
HTTP_S = 60.0
_GLOB = re.compile(r"[*?\[]")
_TRANSLATED = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class Found(NamedTuple):
    """A file of a dataset.

    Attributes:
        path: Within the dataset, with '/' between parts.
        source: Where it is, for people.
        local: The file itself, where it is on this machine.
        open: Opens its bytes.
        size: Number of bytes, where that is known without a request.
    """

    path: str
    source: str
    local: Path | None
    open: Callable[[], BinaryIO]
    size: int | None = None


def find(definition: Mapping[str, Any], workspace: Workspace | None) -> list[Found]:
    """All files of a dataset, by path, its steps applied.

    :param workspace: Where datastores are looked up; None where the definition names none.
    :raises UserErrorException: A place cannot be reached; the message says what is missing.
    """
    found: dict[str, Found] = {}
    stores: dict[str, Datastore] = {}  # each is looked up once
    for entry in definition["paths"]:
        for each in sorted(_of(entry, workspace, stores), key=lambda file: (file.path, file.source)):
            path, n = each.path, 1
            while path in found and found[path].source != each.source:  # two folders with a file of one name
                n += 1
                path = f"{n}/{each.path}"
            found[path] = each._replace(path=path)
    return _stepped(list(found.values()), definition.get("steps", ()))


def _stepped(found: list[Found], steps: Sequence[Sequence[Any]]) -> list[Found]:
    for what, *arguments in steps:
        if what == "take":
            found = found[: arguments[0]]
        elif what == "skip":
            found = found[arguments[0] :]
        elif what in ("sample", "split"):
            share, seed, *part = arguments
            drawn = random.Random(seed)
            inside = [drawn.random() < share for _ in found]
            found = [each for each, chosen in zip(found, inside, strict=True) if chosen != (part == [1])]
        else:
            raise UserErrorException(f"A file dataset knows no step {what!r}.")
    return found


def _of(entry: Any, workspace: Workspace | None, stores: dict[str, Datastore]) -> list[Found]:
    if isinstance(entry, Mapping):
        name = entry["datastore"]
        if workspace is None:
            raise UserErrorException(
                f"The dataset is on datastore {name!r}, and no workspace is known in which to look it up."
            )
        from . import finding

        if name not in stores:
            stores[name] = finding.datastore(workspace, name)
        return stores[name]._files(entry["path"])
    if entry.lower().startswith(("http://", "https://")):
        return [_of_http(entry)]
    if definitions.is_url(entry):
        return of_filesystem(entry, {})
    return _of_machine(entry)


def _of_machine(pattern: str) -> list[Found]:
    path = Path(pattern)
    if path.is_file():
        return [_local(path, path.name)]
    if path.is_dir():
        base, paths = path, [each for each in path.rglob("*") if each.is_file()]
    else:
        base, fits = Path(base_of(pattern)), fitting(pattern)
        paths = [each for each in base.rglob("*") if fits(each.as_posix()) and each.is_file()]
    return [_local(each, each.relative_to(base).as_posix()) for each in paths]


def _local(path: Path, within: str) -> Found:
    return Found(within, str(path), path, lambda: path.open("rb"), path.stat().st_size)


def base_of(pattern: str) -> str:
    """The folder that a pattern begins at."""
    parts = pattern.split("/")
    first = next((n for n, part in enumerate(parts) if _GLOB.search(part)), len(parts) - 1)
    return "/".join(parts[:first]) or ("/" if pattern.startswith("/") else "")


def fitting(pattern: str) -> Callable[[str], bool]:
    """Whether a path fits a pattern: `*` and `?` within a part, `**` any number of parts. A folder that fits means all
    that is in it.
    """
    translated = re.sub(
        r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.",
        lambda found: _TRANSLATED.get(found[0]) or _class_or_text(found[0]),
        pattern,
    )
    compiled = re.compile(f"{translated}(?:/.*)?")
    return lambda path: compiled.fullmatch(path) is not None


def _class_or_text(part: str) -> str:
    if len(part) > 1:
        return "[^" + part[2:] if part.startswith("[!") else part
    return re.escape(part)


def _of_http(url: str) -> Found:
    from urllib.parse import unquote, urlsplit

    name = unquote(urlsplit(url).path).rpartition("/")[2] or "index"
    return Found(name, url, None, lambda: _http(url))


def _http(url: str) -> BinaryIO:
    """An answer's body; tries again what may pass by itself."""
    import threading
    import urllib.error
    import urllib.request

    from runfold import __version__

    request = urllib.request.Request(url, headers={"User-Agent": f"runfold/{__version__}"})
    pause, shown = threading.Event(), url.partition("?")[0]
    for left in reversed(range(HTTP_TRIES)):
        try:
            opened: BinaryIO = urllib.request.urlopen(request, timeout=HTTP_S)
            return opened
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise UserErrorException(f"{shown} answers {error.code} {error.reason}.") from error
            reason = f"{error.code} {error.reason}"
        except OSError as error:
            reason = str(getattr(error, "reason", error))
        if left:
            pause.wait(1.0)
    raise ServiceAwayError("server", "path", shown, reason)


def of_filesystem(url: str, options: Mapping[str, Any]) -> list[Found]:
    """Files at a URL that fsspec opens.

    :param options: Credentials and what else the file system needs.
    :raises UserErrorException: A package is missing; the message names it.
    """
    filesystem, path = filesystem_of(url, options)

    def opened(each: str) -> Callable[[], BinaryIO]:
        return lambda: filesystem.open(each, "rb")

    try:
        if _GLOB.search(path):
            base = base_of(path)
            listed = filesystem.glob(path, detail=True)
        else:
            base, listed = path.rstrip("/"), filesystem.find(path, detail=True)
            if list(listed) == [base]:
                base = base.rpartition("/")[0]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ServiceAwayError("file system", "path", url, f"{type(error).__name__}: {error}") from error
    files = [(name, told) for name, told in listed.items() if told.get("type") == "file"]
    strip = len(base) + 1 if base else 0
    return [
        Found(name[strip:].lstrip("/"), filesystem.unstrip_protocol(name), None, opened(name), told.get("size"))
        for name, told in files
    ]


def filesystem_of(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """The file system of a URL and the path in it."""
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations
    except ImportError as error:
        raise UserErrorException(
            f"{url.partition('?')[0]} is opened by fsspec, which is missing: pip install 'runfold[data]'.",
            inner_exception=error,
        ) from error
    protocol = url.partition("://")[0]
    try:
        filesystem, path = url_to_fs(url, **options)
    except ImportError as error:
        told = known_implementations.get(protocol, {}).get("err", str(error))
        raise UserErrorException(
            f"{protocol}:// needs a package that is missing: {told}.", inner_exception=error
        ) from error
    except ValueError as error:
        raise UserErrorException(
            f"Nothing opens {protocol}://; fsspec knows {', '.join(sorted(known_implementations))}.",
            inner_exception=error,
        ) from error
    return filesystem, str(path)


def fetch(found: Sequence[Found], target: Path, overwrite: bool) -> list[str]:
    """Writes files below a directory; their paths there, in order.

    :raises UserErrorException: One is there already, and overwrite is False.
    """
    root = target.resolve()
    targets = [root / each.path for each in found]
    for each in targets:
        if not each.resolve().is_relative_to(root):
            raise UserErrorException(f"{each} is outside of {root}; nothing was written.")
        if each.exists() and not overwrite:
            raise UserErrorException(f"{each} exists already; pass overwrite=True to replace it.")
    for parent in {each.parent for each in targets} | {root}:
        parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(FETCHES, thread_name_prefix="runfold-data") as pool:
        for _ in pool.map(_written, found, targets):
            pass
    return [str(each) for each in targets]


def _written(found: Found, target: Path) -> None:
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with found.open() as source, part.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        os.replace(part, target)  # noqa: PTH105 - atomic on POSIX
    finally:
        part.unlink(missing_ok=True)
