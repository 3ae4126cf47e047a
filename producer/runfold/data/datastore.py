"""Datastore: a name for a place where data is. Definitions are registered as assets, without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from runfold.exceptions import UserErrorException
from runfold_schemas.events import AssetChanged

from . import definitions, files
from .progress import Progress
from .registering import Registering

if TYPE_CHECKING:
    from runfold.workspace import Workspace

    from .references import DataReference

D = TypeVar("D", bound="Datastore")
_NAME = re.compile(r"[A-Za-z0-9_]{1,255}\Z")
TRANSFERS = 8  # at once


class Datastore(Registering):
    """A datastore of a workspace: `Datastore(workspace, name)` finds it, `Datastore.register_*` makes it known.

    :param workspace: The workspace.
    :param name: Its name; the default datastore where None.
    :raises UserErrorException: There is none of that name.
    """

    datastore_type = ""

    _workspace: Workspace
    _name: str
    _definition: dict[str, Any]

    def __new__(cls, workspace: Workspace, name: str | None = None) -> Datastore:
        """The datastore of that name, of its own class."""
        return Datastore.get_default(workspace) if name is None else Datastore.get(workspace, name)

    def __init__(self, workspace: Workspace, name: str | None = None) -> None:
        pass

    @classmethod
    def _of(cls: type[D], workspace: Workspace, name: str, definition: dict[str, Any]) -> D:
        made: D = object.__new__(cls)
        made._workspace, made._name, made._definition = workspace, name, definition
        return made

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return self._workspace

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    def __getattr__(self, name: str) -> Any:
        """What the definition says: account_name, container_name, ..."""
        if not name.startswith("_") and name in self._definition:
            return self._definition[name]
        raise AttributeError(f"datastore {self._name!r} of type {self.datastore_type} has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r}, {definitions.text_of(self._definition)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Datastore) and (self._name, self._definition) == (other._name, other._definition)

    def __hash__(self) -> int:
        return hash(self._name)

    # Finding

    @staticmethod
    def get(workspace: Workspace, datastore_name: str) -> Datastore:
        """A datastore by name, fetched.

        :raises UserErrorException: There is none.
        """
        from . import finding

        return finding.datastore(checked_workspace(workspace), datastore_name)

    @staticmethod
    def get_default(workspace: Workspace) -> Datastore:
        """The default datastore: the one that set_as_default named last, else workspaceblobstore."""
        from . import finding

        return finding.default_datastore(checked_workspace(workspace))

    def set_as_default(self) -> None:
        """Makes it the workspace's default."""
        session = self._workspace._session
        for each in session.read(lambda api: list(api.assets("datastore", latest=True))):
            if each["is_default"] and each["name"] != self._name:
                session.about("datastore", each["name"], AssetChanged, version=0, is_default=False)
        if not self._built_in:
            session.about("datastore", self._name, AssetChanged, version=0, is_default=True)

    def unregister(self) -> None:
        """Takes the name away; the data stays where it is.

        :raises UserErrorException: It is one of the ledger's own.
        """
        if self._built_in:
            raise UserErrorException(f"Datastore {self._name!r} is the ledger's own and stays.")
        session = self._workspace._session
        session.about("datastore", self._name, AssetChanged, version=0, deleted=True, is_default=False)

    @property
    def _built_in(self) -> bool:
        from . import stores

        return self._name in stores.BUILT_IN

    # Files

    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataReference:
        """A path on it, as a script's argument or a dataset's path."""
        from .references import DataReference

        return DataReference(self, data_reference_name, path)

    def as_mount(self) -> DataReference:
        """The whole of it, as files in a folder."""
        return self.path().as_mount()

    def as_download(self, path_on_compute: str | None = None) -> DataReference:
        """The whole of it, as a copy of the files in a folder."""
        return self.path().as_download(path_on_compute)

    def as_upload(self, path_on_compute: str | None = None) -> DataReference:
        """A folder whose files are uploaded when the script has ended."""
        return self.path().as_upload(path_on_compute)

    def upload(
        self,
        src_dir: str | os.PathLike[str],
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Uploads a directory.

        :param src_dir: The directory.
        :param target_path: Where; at the root where None.
        :param overwrite: Whether files that are there are replaced; else they are skipped.
        :param show_progress: Whether it is printed, as the original does.
        :returns: The path.
        :raises UserErrorException: `src_dir` is no directory.
        """
        root = Path(src_dir)
        if not root.is_dir():
            raise UserErrorException(f"src_dir {os.fspath(src_dir)!r} is no directory; upload_files takes files.")
        found = sorted(str(each) for each in root.rglob("*") if each.is_file())
        return self.upload_files(found, str(root), target_path, overwrite, show_progress)

    def upload_files(
        self,
        files: Sequence[str | os.PathLike[str]],
        relative_root: str | None = None,
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Uploads files.

        :param files: Paths.
        :param relative_root: Their paths from there on are kept; base names where None.
        :param target_path: Where; at the root where None.
        :param overwrite: Whether files that are there are replaced; else they are skipped.
        :returns: The path.
        :raises UserErrorException: A file is not there, not below `relative_root`, or two have one name.
        """
        base = definitions.relative(target_path)
        wanted = _targets(files, relative_root, base)
        say = Progress(show_progress, "upload", len(wanted))
        there = set() if overwrite or not wanted else self._there([target for _, target in wanted])

        missing = [(source, target) for source, target in wanted if target not in there]
        for source, target in wanted:
            if target in there:
                say.skipped(str(source))

        def stored(one: tuple[Path, str]) -> None:
            source, target = one
            say.begun(str(source))
            put(target, source)
            say.done(str(source))

        if missing:
            put = self._putter()
            with ThreadPoolExecutor(TRANSFERS, thread_name_prefix="runfold-datastore") as pool:
                for _ in pool.map(stored, missing):
                    pass
        say.ended()
        return self.path(base or None)

    def download(
        self,
        target_path: str | os.PathLike[str],
        prefix: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> int:
        """Downloads what is at a path.

        :param target_path: The directory; files have their path on the datastore below it.
        :param prefix: A file or folder; everything where None.
        :param overwrite: Whether files that are there are replaced; else they are skipped.
        :returns: The number of files that were written.
        """
        path = definitions.relative(prefix)
        found = self._files(path)
        single = len(found) == 1 and found[0].path == path.rpartition("/")[2] and bool(path)
        parent = path.rpartition("/")[0] if single else path
        found = [each._replace(path="/".join(filter(None, (parent, each.path)))) for each in found]
        root = Path(target_path)
        wanted = [each for each in found if overwrite or not (root / each.path).exists()]
        say = Progress(show_progress, "download", len(wanted))
        for each in found:
            if each not in wanted:
                say.skipped(each.path)
        for each in wanted:
            say.begun(each.path)
        files.fetch(wanted, root, overwrite=True)
        for each in wanted:
            say.done(each.path)
        say.ended()
        return len(wanted)

    def _files(self, path: str) -> list[files.Found]:
        """Files at a path or pattern, each by its path below it."""
        raise self._no_files()

    def _there(self, paths: list[str]) -> set[str]:
        """Those of some paths that are there."""
        raise self._no_files()

    def _putter(self) -> Callable[[str, Path], None]:
        """What stores a file at a path; places and secrets are looked up once for all files of a call."""
        raise self._no_files()

    def _no_files(self) -> UserErrorException:
        return UserErrorException(f"Datastore {self._name!r} of type {self.datastore_type} holds no files.")

    def _query(self, query: str, timeout_s: float | None) -> Any:
        """The answer of a database, as a pandas frame."""
        raise UserErrorException(f"Datastore {self._name!r} of type {self.datastore_type} is no database.")


def checked_workspace(workspace: object) -> Workspace:
    """The workspace.

    :raises UserErrorException: It is none.
    """
    from runfold.workspace import Workspace

    if not isinstance(workspace, Workspace):
        raise UserErrorException(f"A Workspace is needed, it was {workspace!r:.200}.")
    return workspace


def checked_name(name: object) -> str:
    """A name that a datastore may be registered under.

    :raises UserErrorException: It is not allowed, or one of the ledger's own.
    """
    from . import stores

    if not isinstance(name, str) or not _NAME.match(name):
        raise UserErrorException(f"A datastore's name has 1 to 255 letters, digits and '_'; it was {name!r:.200}.")
    if name in stores.BUILT_IN:
        raise UserErrorException(f"Datastore {name!r} is the ledger's own; choose another name.")
    return name


def _targets(paths: object, relative_root: object, base: str) -> list[tuple[Path, str]]:
    """Files and their paths on the datastore."""
    if isinstance(paths, (str, bytes, Mapping)) or not isinstance(paths, Sequence):
        raise UserErrorException(f"files must be a list of paths, it is {paths!r:.200}.")
    root = None if relative_root is None else Path(os.path.abspath(str(relative_root)))  # noqa: PTH100
    found: dict[str, Path] = {}
    for each in paths:
        source = Path(each)
        if not source.is_file():
            raise UserErrorException(f"There is no file {os.fspath(each)!r}.")
        below = source.name
        if root is not None:
            absolute = Path(os.path.abspath(source))  # noqa: PTH100 - links stay what they are
            if not absolute.is_relative_to(root):
                raise UserErrorException(f"{os.fspath(each)!r} is not below relative_root {os.fspath(root)!r}.")
            below = absolute.relative_to(root).as_posix()
        target = str(PurePosixPath(base) / below) if base else below
        if target in found:
            raise UserErrorException(f"{found[target]} and {source} would both be {target!r}; give relative_root.")
        found[target] = source
    return [(source, target) for target, source in found.items()]
