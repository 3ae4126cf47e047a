"""A version's files on disk: whole, compared with their digests, never outside the target directory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from runfold import validation
from runfold.exceptions import WebserviceException

if TYPE_CHECKING:
    from runfold.reading.records import ModelRecord
    from runfold.session import Session

DOWNLOADS = 8  # at once


def download(session: Session, record: ModelRecord, target_dir: str, replace: bool) -> str:
    """Writes all files, and returns the path that they have in common.

    :param replace: Whether files that are there are replaced.
    :raises WebserviceException: A file is there already, or is the directory; nothing was written.
    :raises ArtifactMismatchError: Stored bytes are others than the registration names.
    """
    root = Path(target_dir)
    paths = [validation.artifact_path(each["path"]) for each in record["files"]]
    targets = [root / path for path in paths]
    if root.exists() and not root.is_dir():
        raise WebserviceException(f"target_dir must be a directory, {root} is a file.")
    if not replace:
        for target in targets:
            if target.exists():
                raise WebserviceException(
                    f"File already exists: {target}. Pass exist_ok=True to replace it, or another target_dir."
                )
    for parent in {target.parent for target in targets}:
        parent.mkdir(parents=True, exist_ok=True)

    def fetched(path: str, target: Path) -> None:
        content = session.api.model_content(record["name"], record["version"], path)
        session.api.download(content, target)

    with ThreadPoolExecutor(DOWNLOADS, thread_name_prefix="runfold-model") as pool:
        for _ in pool.map(fetched, paths, targets):
            pass
    return str(root / shared(paths))


def shared(paths: list[str]) -> str:
    """The path that files have in common: the file itself, the folder that all are in, or '.'."""
    if len(paths) == 1 and "/" not in paths[0]:
        return paths[0]
    firsts = {PurePosixPath(path).parts[0] for path in paths}
    return firsts.pop() if len(firsts) == 1 else "."
