"""TabularDataset: a table in files or a database, to be loaded into pandas."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runfold.exceptions import DatasetTimestampMissingError, UserErrorException

from . import definitions, tables
from .dataset import AbstractDataset, texts
from .expressions import Expression

if TYPE_CHECKING:
    import pandas

    from .file_dataset import FileDataset


_TIMES = ("timestamp", "partition_timestamp")  # names of columns, in a definition


class TabularDataset(AbstractDataset):
    """A table, by `Dataset.Tabular.from_delimited_files` and its kin."""

    _kind = "tabular"

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> pandas.DataFrame:
        """The whole table.

        :param on_error: 'null': what has another type than its column was set to is no value; 'fail': it raises.
        :param out_of_range_datetime: Likewise for times that pandas cannot hold.
        :raises UserErrorException: pandas is missing, or the data is not what the definition says.
        """
        for name, given in (("on_error", on_error), ("out_of_range_datetime", out_of_range_datetime)):
            if given not in ("null", "fail"):
                raise UserErrorException(f"{name} is 'null' or 'fail', it was {given!r:.100}.")
        return tables.frame(self._definition, self._workspace, strict="fail" in (on_error, out_of_range_datetime))

    def to_csv_files(self, separator: str = ",") -> FileDataset:
        """The table as a dataset of one delimited file, in a new folder for temporary files."""
        target = self._written("part.csv", lambda frame, path: frame.to_csv(path, sep=separator, index=False))
        return _files(target)

    def to_parquet_files(self) -> FileDataset:
        """The table as a dataset of one Parquet file, in a new folder for temporary files."""
        return _files(self._written("part.parquet", lambda frame, path: frame.to_parquet(path, index=False)))

    def keep_columns(self, columns: str | list[str], validate: bool = False) -> TabularDataset:
        """Only these columns.

        :param validate: Whether it is looked at once that they are there.
        """
        return self._validated(self._step("keep_columns", texts("keep_columns", columns)), validate)

    def drop_columns(self, columns: str | list[str]) -> TabularDataset:
        """All but these columns."""
        return self._step("drop_columns", texts("drop_columns", columns))

    def filter(self, expression: Expression) -> TabularDataset:
        """Only the rows for which a condition holds.

        :param expression: Such as `(dataset["a"] > 5) & ~dataset["b"].is_null()`.
        """
        if not isinstance(expression, Expression):
            raise UserErrorException(
                f"filter takes a condition such as dataset['a'] > 5, it was given {expression!r:.200}."
            )
        return self._step("filter", expression.tree)

    def __getitem__(self, column: str) -> Expression:
        return Expression(["column", texts("column", column)[0]])

    def with_timestamp_columns(
        self,
        timestamp: str | None = None,
        partition_timestamp: str | None = None,
        validate: bool = False,
        **kwargs: Any,
    ) -> TabularDataset:
        """Names the column that time_before and its kin look at.

        :param timestamp: The column; None takes both names away. So does the original's older name for it,
            fine_grain_timestamp.
        :param partition_timestamp: The coarser column that folders follow, or coarse_grain_timestamp; only told.
        :param validate: Whether it is looked at once that they are there.
        :raises UserErrorException: There is a coarser column alone.
        """
        fine = timestamp or kwargs.get("fine_grain_timestamp")
        coarse = partition_timestamp or kwargs.get("coarse_grain_timestamp")
        if fine is None and coarse is not None:
            raise UserErrorException(
                f"partition_timestamp {coarse!r:.100} needs a timestamp: name the column that times are compared with."
            )
        definition = {key: value for key, value in self._definition.items() if key not in _TIMES}
        for key, name in zip(_TIMES, (fine, coarse), strict=True):
            if name is not None:
                definition[key] = texts(key, name)[0]
        return self._validated(type(self)._of(definition, self._workspace), validate)

    @property
    def timestamp_columns(self) -> tuple[str | None, str | None]:
        """The column that times are compared with, and the coarser one."""
        return self._definition.get("timestamp"), self._definition.get("partition_timestamp")

    def time_before(
        self, end_time: datetime.datetime, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """Rows up to a time."""
        return self._timed(None, end_time, include_boundary)

    def time_after(
        self, start_time: datetime.datetime, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """Rows from a time on."""
        return self._timed(start_time, None, include_boundary)

    def time_between(
        self,
        start_time: datetime.datetime,
        end_time: datetime.datetime,
        include_boundary: bool = True,
        validate: bool = True,
    ) -> TabularDataset:
        """Rows from one time to another."""
        return self._timed(start_time, end_time, include_boundary)

    def time_recent(
        self, time_delta: datetime.timedelta, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """Rows of the last days, hours, ... before now."""
        return self._timed(datetime.datetime.now(datetime.timezone.utc) - time_delta, None, include_boundary)

    def _timed(
        self, after: datetime.datetime | None, before: datetime.datetime | None, inclusive: bool
    ) -> TabularDataset:
        if "timestamp" not in self._definition:
            raise DatasetTimestampMissingError("no timestamp column is named; with_timestamp_columns does that")
        for each in (after, before):
            if each is not None and not isinstance(each, datetime.datetime):
                raise UserErrorException(f"A datetime is needed, it was {each!r:.100}.")
        bounds = [each.isoformat() if each is not None else None for each in (after, before)]
        return self._step("time", *bounds, bool(inclusive))

    def _validated(self, made: TabularDataset, validate: bool) -> TabularDataset:
        if validate:
            made.take(1).to_pandas_dataframe()
        return made

    def _written(self, name: str, write: Any) -> Path:
        target = Path(tempfile.mkdtemp(prefix="runfold-table-")) / name
        write(self.to_pandas_dataframe(), target)
        return target


def _files(path: Path) -> FileDataset:
    from .file_dataset import FileDataset

    return FileDataset._of({"kind": "file", "paths": [definitions.location(str(path))]})
