"""Kafka's jars: pinned by path, size and SHA-256 in kafka.lock.json, fetched from a Maven repository.

No registry's address stands in this project. The repository is RUNFOLD_MAVEN_REPOSITORY, else a mirror of Maven Central
in the user's Maven settings, else the public one that the `jgo` package knows.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import xml.etree.ElementTree
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from runfold_deploy.stack.errors import StackError

_PARALLEL = 8
_TIMEOUT_S = 60
_CHUNK_BYTES = 256 * 1024


class Jar(NamedTuple):
    """One pinned file of a Maven repository."""

    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """File name."""
        return PurePosixPath(self.path).name


Advance = Callable[[int], None]
"""Hears of bytes that arrived, from any thread."""
Progress = Callable[[list[Jar], Callable[[Advance], None]], None]
"""Called with the jars to fetch and what fetches them; shows how far that is."""


class Lock(NamedTuple):
    """All files of one Kafka release; `digest` names the whole."""

    kafka: str
    jars: tuple[Jar, ...]
    digest: str


@cache
def kafka_lock() -> Lock:
    """The pinned release."""
    text = files("runfold_deploy.stack").joinpath("kafka.lock.json").read_bytes()
    body = json.loads(text)
    return Lock(body["kafka"], tuple(Jar(**jar) for jar in body["jars"]), hashlib.sha256(text).hexdigest()[:16])


def missing(folder: Path, lock: Lock) -> list[Jar]:
    """Jars that are not there in their full size. What is there was checked when it was fetched."""
    return [jar for jar in lock.jars if not _has_size(folder / jar.name, jar.size)]


def fetch(folder: Path, jars: list[Jar], environment: Mapping[str, str], advance: Advance) -> None:
    """Fetches the jars, eight at a time; `advance` hears of bytes. A file appears whole and checked, or not at all.

    Raises:
        StackError: the repository cannot be reached, or a file there is not the pinned one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base = maven_repository(environment).rstrip("/")
    with ThreadPoolExecutor(_PARALLEL) as pool:
        waiting = [pool.submit(_fetch_one, folder, base, jar, advance) for jar in jars]
        try:
            for future in waiting:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def maven_repository(environment: Mapping[str, str]) -> str:
    """Address of the repository to fetch from."""
    named = environment.get("RUNFOLD_MAVEN_REPOSITORY")
    if named:
        return named
    mirror = _mirror(Path(environment.get("HOME") or Path.home()) / ".m2" / "settings.xml")
    if mirror:
        return mirror
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL)


def _mirror(settings: Path) -> str | None:
    """The mirror of Maven Central in a settings file, whatever namespace its elements have."""
    try:
        tree = xml.etree.ElementTree.parse(settings)
    except (OSError, xml.etree.ElementTree.ParseError):
        return None
    for element in tree.iter():
        if _local(element.tag) == "mirror":
            mirror = {_local(child.tag): (child.text or "").strip() for child in element}
            covered = {part.strip() for part in mirror.get("mirrorOf", "").split(",")}
            if covered & {"*", "central", "external:*"} and "!central" not in covered:
                return mirror.get("url") or None
    return None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _fetch_one(folder: Path, base: str, jar: Jar, advance: Advance) -> None:
    digest = hashlib.sha256()
    descriptor, part = tempfile.mkstemp(dir=folder, prefix=f".{jar.name}.")
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            urllib.request.urlopen(f"{base}/{jar.path}", timeout=_TIMEOUT_S) as body,
        ):
            while chunk := body.read(_CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
                advance(len(chunk))
        if digest.hexdigest() != jar.sha256:
            raise StackError(
                f"{jar.path} of {_shown(base)} has the SHA-256 {digest.hexdigest()}, pinned is {jar.sha256}: "
                f"that repository serves something else. Name another by RUNFOLD_MAVEN_REPOSITORY."
            )
        Path(part).chmod(0o644)
        shutil.move(part, folder / jar.name)
    except OSError as error:  # URLError is one
        raise StackError(
            f"{jar.path} cannot be fetched from {_shown(base)}: {error}. Check the network, or name one "
            f"that can be reached by RUNFOLD_MAVEN_REPOSITORY or a mirror in Maven's settings, then: runfold up"
        ) from error
    finally:
        Path(part).unlink(missing_ok=True)


def _shown(address: str) -> str:
    """The address without a password that may stand in it."""
    scheme, _, rest = address.rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
