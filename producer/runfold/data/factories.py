"""Dataset.File and Dataset.Tabular: how datasets are made."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runfold.exceptions import UserErrorException

from . import definitions, files, partitions

if TYPE_CHECKING:
    from runfold.workspace import Workspace

    from .dataset import AbstractDataset
    from .file_dataset import FileDataset
    from .tabular import TabularDataset

D = TypeVar("D", bound="AbstractDataset")
HEADERS = {  # the original's PromoteHeadersBehavior beside True and False
    True: True,
    False: False,
    "ALL_FILES_HAVE_SAME_HEADERS": True,
    "NO_HEADERS": False,
    "ONLY_FIRST_FILE_HAS_HEADERS": "ONLY_FIRST_FILE_HAS_HEADERS",
    "COMBINE_ALL_FILES_HEADERS": True,
}


class FileDatasetFactory:
    """Makes file datasets."""

    @staticmethod
    def from_files(
        path: Any, validate: bool = True, partition_format: str | None = None, is_file: bool = False
    ) -> FileDataset:
        """Files at paths and URLs.

        :param path: A path, a URL, a (datastore, path) tuple, or a list of these; `*`, `?` and `**` fit names.
        :param validate: Whether it is looked at once that there is a file, where that needs no download.
        :param partition_format: How paths are partitioned; kept with the definition.
        :param is_file: The path is one file: nothing is looked up to know that.
        :raises UserErrorException: It is no such path, or nothing is there.
        """
        from .file_dataset import FileDataset

        definition: dict[str, Any] = {"kind": "file", "paths": definitions.paths(path)}
        if partition_format is not None:
            definition["partition_format"] = str(partition_format)
        made = FileDataset._of(definition, workspace_of(path))
        return _validated(made, validate and not is_file)

    @staticmethod
    def upload_directory(
        src_dir: str | os.PathLike[str],
        target: Any,
        pattern: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> FileDataset:
        """Uploads a directory to a datastore, and makes a dataset of it.

        :param src_dir: The directory.
        :param target: A (datastore, path) tuple or DataPath, or a datastore; a path is drawn where there is none.
        :param pattern: Which of its files, such as '*.csv' or '**/*.png'; all where None.
        :param overwrite: Whether files that are there are replaced; else they stay, and are not uploaded.
        """
        from .file_dataset import FileDataset

        source = Path(src_dir)
        if not source.is_dir():
            raise UserErrorException(f"src_dir {os.fspath(src_dir)!r} is no directory.")
        store, path = target_of(target)
        found = sorted(each for each in source.glob(pattern or "**/*") if each.is_file())
        if not found:
            raise UserErrorException(f"There is no file in {os.fspath(src_dir)!r} that fits {pattern or '**'!r}.")
        store.upload_files(
            [str(each) for each in found],
            relative_root=str(source),
            target_path=path,
            overwrite=overwrite,
            show_progress=show_progress,
        )
        pattern_there = path if pattern is None else "/".join(filter(None, (path, pattern)))
        definition = {"kind": "file", "paths": [{"datastore": store.name, "path": pattern_there}]}
        return FileDataset._of(definition, store.workspace)


class TabularDatasetFactory:
    """Makes tabular datasets."""

    @staticmethod
    def from_delimited_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: dict[str, Any] | None = None,
        separator: str = ",",
        header: Any = True,
        partition_format: str | None = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> TabularDataset:
        """A table in delimited files.

        :param path: As in `Dataset.File.from_files`; the rows of all files follow each other.
        :param include_path: Whether a column `Path` says where a row comes from.
        :param partition_format: Columns that the paths tell, such as '/{region}/{day:yyyy/MM/dd}/data.csv': text, or a
            time where a pattern of yyyy, MM, dd, HH, mm, ss follows; from the first of them to the path's end.
        :param infer_column_types: Whether numbers, truth values and ISO 8601 times are told from text.
        :param set_column_types: DataType by column name.
        :param separator: Between fields.
        :param header: True: each file begins with the names of its columns; False: none does.
        :param support_multi_line: Accepted; line breaks in quotes are always part of a field.
        :param empty_as_string: Whether an empty field is the empty text; else it is no value.
        :param encoding: Of the files.
        """
        behaviour = getattr(header, "name", header)
        if not isinstance(behaviour, (bool, str)) or behaviour not in HEADERS:
            raise UserErrorException(f"header is {header!r:.100}; allowed are {', '.join(map(str, HEADERS))}.")
        if not isinstance(separator, str) or not separator:
            raise UserErrorException(f"separator must be text such as ',', it is {separator!r:.100}.")
        options = {
            "separator": separator,
            "header": HEADERS[behaviour],
            "infer_column_types": bool(infer_column_types),
            "empty_as_string": bool(empty_as_string),
            "encoding": encoding,
        }
        return _tabular("delimited", path, options, validate, include_path, set_column_types, partition_format)

    @staticmethod
    def from_parquet_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: dict[str, Any] | None = None,
        partition_format: str | None = None,
    ) -> TabularDataset:
        """A table in Parquet files; parameters as in `from_delimited_files`."""
        return _tabular("parquet", path, {}, validate, include_path, set_column_types, partition_format)

    @staticmethod
    def from_json_lines_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: dict[str, Any] | None = None,
        partition_format: str | None = None,
        invalid_lines: str = "error",
        encoding: str = "utf8",
    ) -> TabularDataset:
        """A table in files of JSON objects, one a line; parameters as in `from_delimited_files`.

        :param invalid_lines: 'error' or 'drop': what a line is that is no JSON object.
        """
        if invalid_lines not in ("error", "drop"):
            raise UserErrorException(f"invalid_lines is 'error' or 'drop', it was {invalid_lines!r:.100}.")
        options = {"invalid_lines": invalid_lines, "encoding": encoding}
        return _tabular("json_lines", path, options, validate, include_path, set_column_types, partition_format)

    @staticmethod
    def from_sql_query(
        query: Any, validate: bool = True, set_column_types: dict[str, Any] | None = None, query_timeout: int = 30
    ) -> TabularDataset:
        """The answer of a database.

        :param query: A (datastore, 'SELECT ...') tuple; the datastore is one of a database.
        :param validate: Whether the query is asked once.
        :param query_timeout: Seconds.
        """
        from .tabular import TabularDataset

        if isinstance(query, definitions.DataPath):
            store, text = query._datastore, query.path_on_datastore
        elif isinstance(query, tuple) and len(query) == 2:
            store, text = query
        else:
            store, text = None, None
        if not isinstance(getattr(store, "name", None), str) or not isinstance(text, str) or not text.strip():
            raise UserErrorException(f"query must be a (datastore, 'SELECT ...') tuple, it is {query!r:.200}.")
        definition: dict[str, Any] = {
            "kind": "tabular",
            "format": "sql",
            "datastore": store.name,
            "query": text,
            "options": {"query_timeout": definitions.count("query_timeout", query_timeout)},
        }
        if set_column_types is not None:
            definition["columns"] = definitions.columns(set_column_types)
        made = TabularDataset._of(definition, store.workspace)
        if validate:
            made.to_pandas_dataframe()
        return made

    @staticmethod
    def register_pandas_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        show_progress: bool = True,
        row_group_size: int | None = None,
        make_target_path_unique: bool = True,
    ) -> TabularDataset:
        """Stores a pandas frame as Parquet on a datastore, and registers it as a dataset, in a new version.

        :param dataframe: The frame.
        :param target: A datastore, a (datastore, path) tuple or DataPath.
        :param name: To be registered under.
        :param row_group_size: Rows in a row group of the file.
        :param make_target_path_unique: Whether a folder is drawn below the path, so that nothing is overwritten.
        """
        groups = {} if row_group_size is None else {"row_group_size": row_group_size}
        if not callable(getattr(dataframe, "to_parquet", None)):
            raise UserErrorException(f"A pandas DataFrame is needed, it was a {type(dataframe).__name__}.")
        return _registered(
            lambda path: dataframe.to_parquet(path, index=False, **groups),
            target, name, description, tags, show_progress, make_target_path_unique,
        )  # fmt: skip

    @staticmethod
    def register_dask_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        show_progress: bool = True,
    ) -> TabularDataset:
        """As `register_pandas_dataframe`, of a Dask frame, which is computed."""
        if not callable(getattr(dataframe, "compute", None)):
            raise UserErrorException(f"A Dask DataFrame is needed, it was a {type(dataframe).__name__}.")
        frame = dataframe.compute()
        return TabularDatasetFactory.register_pandas_dataframe(frame, target, name, description, tags, show_progress)

    @staticmethod
    def register_spark_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        show_progress: bool = True,
    ) -> TabularDataset:
        """As `register_pandas_dataframe`, of a Spark frame, which is collected."""
        if not callable(getattr(dataframe, "toPandas", None)):
            raise UserErrorException(f"A Spark DataFrame is needed, it was a {type(dataframe).__name__}.")
        frame = dataframe.toPandas()
        return TabularDatasetFactory.register_pandas_dataframe(frame, target, name, description, tags, show_progress)


def target_of(target: Any) -> tuple[Any, str]:
    """Datastore and path that something is to be uploaded to."""
    store, path = target if isinstance(target, tuple) and len(target) == 2 else (target, None)
    if isinstance(target, definitions.DataPath):
        store, path = target._datastore, target.path_on_datastore
    if not callable(getattr(store, "upload_files", None)):
        raise UserErrorException(
            f"target must be a datastore, a (datastore, 'path') tuple or a DataPath, it is {target!r:.200}."
        )
    return store, definitions.relative(path) or str(uuid.uuid4())


def workspace_of(path: Any) -> Workspace | None:
    """The workspace of the datastores that paths name."""
    for each in path if isinstance(path, list) else [path]:
        store = each[0] if isinstance(each, tuple) and each else getattr(each, "_datastore", None)
        store = store or getattr(each, "datastore", None)  # of a DataReference
        workspace: Workspace | None = getattr(store, "workspace", None)
        if workspace is not None:
            return workspace
    return None


def _tabular(
    form: str,
    path: Any,
    options: dict[str, Any],
    validate: bool,
    include_path: bool,
    set_column_types: Any,
    partition_format: str | None,
) -> TabularDataset:
    from .tabular import TabularDataset

    definition: dict[str, Any] = {
        "kind": "tabular",
        "format": form,
        "paths": definitions.paths(path),
        "options": {**options, "include_path": bool(include_path)},
    }
    if set_column_types is not None:
        definition["columns"] = definitions.columns(set_column_types)
    if partition_format is not None:
        partitions.pattern(partition_format)  # what is wrong is told before anything is read
        definition["partition_format"] = str(partition_format)
    return _validated(TabularDataset._of(definition, workspace_of(path)), validate)


def _validated(made: D, validate: bool) -> D:
    """The dataset, once its files were looked for; what only a download would tell is left to its use."""
    local = [each for each in made._definition["paths"] if isinstance(each, dict) or not definitions.is_url(each)]
    if validate and local:
        for each in local:
            if not files.find({"paths": [each]}, made._workspace):
                where = f"{each['path']!r} on datastore {each['datastore']!r}" if isinstance(each, dict) else repr(each)
                raise UserErrorException(f"There is no file at {where}; validate=False takes it nevertheless.")
    return made


def _registered(
    write: Callable[[Path], None],
    target: Any,
    name: str,
    description: str | None,
    tags: dict[str, str] | None,
    show_progress: bool,
    unique: bool,
) -> TabularDataset:
    store, path = target_of(target)
    folder = "/".join(filter(None, (path, str(uuid.uuid4()) if unique else "")))
    with tempfile.TemporaryDirectory(prefix="runfold-") as made:
        write(Path(made) / "part-00000.parquet")
        store.upload_files(
            [str(Path(made) / "part-00000.parquet")],
            relative_root=made,
            target_path=folder,
            overwrite=True,
            show_progress=show_progress,
        )
    dataset = TabularDatasetFactory.from_parquet_files((store, f"{folder}/part-00000.parquet"), validate=False)
    return dataset.register(store.workspace, name, description, tags, create_new_version=True)
