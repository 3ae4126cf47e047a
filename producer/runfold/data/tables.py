"""Definition -> pandas frame: delimited files, JSON lines, Parquet, answers of a database; then the steps, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runfold.exceptions import DatasetTimestampMissingError, UserErrorException

from . import expressions, files, partitions

if TYPE_CHECKING:
    import pandas

    from runfold.workspace import Workspace

    from .files import Found

PATH_COLUMN = "Path"  # that include_path adds
FIRST_ONLY = "ONLY_FIRST_FILE_HAS_HEADERS"


def frame(definition: Mapping[str, Any], workspace: Workspace | None, strict: bool = False) -> pandas.DataFrame:
    """The whole table.

    :param strict: Whether a value that is not of its column's type raises; else it is no value.

    :raises UserErrorException: pandas is missing, or the data is not what the definition says.
    """
    whole = _read(definition, workspace)
    for name, (kind, *formats) in definition.get("columns", {}).items():
        if name in whole.columns:
            whole[name] = _typed(name, whole[name], kind, formats, strict)
    for step in definition.get("steps", ()):
        whole = _stepped(whole, list(step), definition)
    numbered: pandas.DataFrame = whole.reset_index(drop=True)
    return numbered


def pandas_or_raise() -> Any:
    """The package, or an error that says how to get it."""
    try:
        import pandas
    except ImportError as error:
        raise UserErrorException(
            "Tabular datasets need pandas: pip install 'runfold[data]'.", inner_exception=error
        ) from error
    return pandas


def _read(definition: Mapping[str, Any], workspace: Workspace | None) -> pandas.DataFrame:
    pd = pandas_or_raise()
    form = definition["format"]
    if form == "sql":
        from . import finding

        if workspace is None:
            raise UserErrorException("A query is asked on a datastore, and no workspace is known to look it up in.")
        store = finding.datastore(workspace, definition["datastore"])
        answer: pandas.DataFrame = store._query(definition["query"], definition["options"].get("query_timeout"))
        return answer
    found = files.find({"paths": definition["paths"]}, workspace)
    if not found:
        raise UserErrorException(f"There is no file at {definition['paths']}.")
    read = {"delimited": _delimited, "json_lines": _json_lines, "parquet": _parquet}[form]
    said = definition.get("partition_format")
    pattern = None if said is None else partitions.pattern(said)
    parts = []
    for n, each in enumerate(found):
        try:
            part = read(pd, each, definition["options"], n)
            if n == 0:
                names = part.columns
            elif definition["options"].get("header") == FIRST_ONLY and len(part.columns):
                part.columns = names
        except (ValueError, UnicodeDecodeError) as error:
            raise UserErrorException(
                f"{each.source} cannot be read as {form.replace('_', ' ')}: {error}", inner_exception=error
            ) from error
        for place, (name, value) in enumerate(partitions.columns(pattern, each.source).items() if pattern else ()):
            part.insert(place, name, value)
        if definition["options"].get("include_path"):
            part.insert(0, PATH_COLUMN, each.source)
        parts.append(part)
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)  # type: ignore[no-any-return]


def _delimited(pd: Any, found: Found, options: Mapping[str, Any], n: int) -> Any:
    header = options.get("header", True)
    first_only = header == FIRST_ONLY
    with found.open() as opened:
        try:
            read = pd.read_csv(
                opened,
                sep=options.get("separator", ","),
                header=0 if (header and not first_only) or (first_only and n == 0) else None,
                dtype=None if options.get("infer_column_types", True) is not False else "string",
                keep_default_na=not options.get("empty_as_string"),
                encoding=_encoding(options),
                engine="c" if len(options.get("separator", ",")) == 1 else "python",
            )
        except pd.errors.EmptyDataError:
            return pd.DataFrame()
    if not header:
        read.columns = [f"Column{place}" for place in range(1, len(read.columns) + 1)]
    if options.get("infer_column_types", True) is True:
        for name in read.columns:
            if read[name].dtype == object or str(read[name].dtype) in ("str", "string"):
                read[name] = _as_times(pd, read[name])
    return read


def _as_times(pd: Any, column: Any) -> Any:
    """Text that is ISO 8601 throughout becomes times, as the original infers them."""
    known = column.dropna()
    if known.empty or not known.astype("string").str.match(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$").all():
        return column
    try:
        return pd.to_datetime(column, format="ISO8601")
    except ValueError:
        return column


def _encoding(options: Mapping[str, Any]) -> str:
    said = str(options.get("encoding") or "utf8")
    return "utf-8-sig" if said in ("utf8", "utf8bom", "utf-8") else {"iso88591": "iso-8859-1"}.get(said, said)


def _json_lines(pd: Any, found: Found, options: Mapping[str, Any], n: int) -> Any:
    import json

    encoding = _encoding(options)
    rows = []
    with found.open() as opened:
        for number, line in enumerate(opened, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode(encoding))
                if not isinstance(row, dict):
                    raise ValueError("no object")
            except ValueError as error:
                if options.get("invalid_lines") != "drop":
                    raise ValueError(f"line {number}: {error}; invalid_lines='drop' leaves it out") from error
                continue
            rows.append(row)
    return pd.DataFrame(rows)


def _parquet(pd: Any, found: Found, options: Mapping[str, Any], n: int) -> Any:
    import io

    try:
        if found.local is not None:
            return pd.read_parquet(found.local)
        with found.open() as opened:
            return pd.read_parquet(io.BytesIO(opened.read()))
    except ImportError as error:
        raise UserErrorException(
            "Parquet needs pyarrow: pip install 'runfold[data]'.", inner_exception=error
        ) from error


def _typed(name: str, column: Any, kind: str, formats: Sequence[str], strict: bool) -> Any:
    typed = _lenient(column, kind, formats)
    if strict and (wrong := column[typed.isna() & column.notna()]).size:
        raise UserErrorException(f"Column {name!r} has a value that is no {kind}: {wrong.iloc[0]!r:.200}.")
    return typed


def _lenient(column: Any, kind: str, formats: Sequence[str]) -> Any:
    pd = pandas_or_raise()
    if kind == "string":
        return column.astype("string").astype(object).where(column.notna(), None)
    if kind == "long":
        numbers = pd.to_numeric(column, errors="coerce")
        return numbers.astype("Int64") if numbers.isna().any() else numbers.astype("int64")
    if kind == "float":
        text = column.astype("string").str.replace(formats[0], ".", regex=False) if formats else column
        return pd.to_numeric(text, errors="coerce").astype("float64")
    if kind == "bool":
        known = dict.fromkeys(("true", "yes", "1", "1.0"), True) | dict.fromkeys(("false", "no", "0", "0.0"), False)
        return column.map(lambda value: known.get(str(value).lower()), na_action="ignore")
    if not formats:
        return pd.to_datetime(column, errors="coerce")
    times = pd.to_datetime(column, format=formats[0], errors="coerce")
    for each in formats[1:]:
        times = times.fillna(pd.to_datetime(column, format=each, errors="coerce"))
    return times


def _stepped(whole: pandas.DataFrame, step: list[Any], definition: Mapping[str, Any]) -> pandas.DataFrame:
    what, *arguments = step
    known: dict[str, Callable[..., Any]] = {
        "take": lambda count: whole.head(count),
        "skip": lambda count: whole.iloc[count:],
        "keep_columns": lambda names: whole[_known(whole, names)],
        "drop_columns": lambda names: whole.drop(columns=_known(whole, names)),
        "filter": lambda tree: whole[expressions.evaluated(tree, whole)],
        "sample": lambda share, seed: whole[_drawn(len(whole), share, seed)],
        "split": lambda share, seed, part: whole[_drawn(len(whole), share, seed) == (part == 0)],
        "time": lambda after, before, inclusive: _between(whole, definition, after, before, inclusive),
    }
    if what not in known:
        raise UserErrorException(f"A tabular dataset knows no step {what!r}.")
    done: pandas.DataFrame = known[what](*arguments)
    return done


def _known(whole: pandas.DataFrame, names: Sequence[str]) -> list[str]:
    unknown = [name for name in names if name not in whole.columns]
    if unknown:
        raise UserErrorException(
            f"There is no column {', '.join(map(repr, unknown))}; there are {', '.join(map(str, whole.columns))}."
        )
    return list(names)


def _drawn(rows: int, share: float, seed: int) -> Any:
    import numpy

    return numpy.random.default_rng(seed).random(rows) < share


def _between(
    whole: pandas.DataFrame, definition: Mapping[str, Any], after: str | None, before: str | None, inclusive: bool
) -> pandas.DataFrame:
    pd = pandas_or_raise()
    column = definition.get("timestamp")
    if column is None or column not in whole.columns:
        raise DatasetTimestampMissingError(f"there is no timestamp column {column!r}; with_timestamp_columns names it")
    times = pd.to_datetime(whole[column])
    zone = times.dt.tz
    chosen = times.notna()
    for bound, later in ((after, True), (before, False)):
        if bound is None:
            continue
        at = pd.Timestamp(bound)
        if (at.tzinfo is None) != (zone is None):
            at = at.tz_localize("UTC") if at.tzinfo is None else at.tz_convert("UTC").tz_localize(None)
        beyond = times > at if later else times < at
        chosen &= beyond | (times == at) if inclusive else beyond
    return whole[chosen]  # type: ignore[no-any-return]
