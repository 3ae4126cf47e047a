"""A dataset is a definition: equal ones have equal ids, and files and tables follow from it alone."""

from __future__ import annotations

import datetime
import http.server
import io
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pandas
import pytest

from runfold.data import (
    DataPath,
    Dataset,
    DataType,
    FileDataset,
    OutputFileDatasetConfig,
    TabularDataset,
    definitions,
    delivering,
    files,
    stores,
)
from runfold.exceptions import DatasetTimestampMissingError, UserErrorException


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "a.csv").write_text("x,y,t\n1,foo,2024-01-01\n2,,2024-02-01\n3,bar,2024-03-01\n")
    (tmp_path / "d" / "sub" / "b.csv").write_text("x,y,t\n4,q,2024-04-01\n")
    (tmp_path / "d" / "sub" / ".c").write_text("hidden")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("d", ["/a.csv", "/sub/.c", "/sub/b.csv"]),
        ("d/", ["/a.csv", "/sub/.c", "/sub/b.csv"]),
        ("d/**", ["/a.csv", "/sub/.c", "/sub/b.csv"]),
        ("d/*.csv", ["/a.csv"]),
        ("d/**/*.csv", ["/a.csv", "/sub/b.csv"]),
        ("d/s*", ["/sub/.c", "/sub/b.csv"]),
        ("d/?.csv", ["/a.csv"]),
        ("d/[!b].csv", ["/a.csv"]),
        ("d/a.csv", ["/a.csv"]),
        (["d/a.csv", "d/sub"], ["/a.csv", "/.c", "/b.csv"]),
        (["d/a.csv", "d/a.csv"], ["/a.csv"]),
    ],
    ids=str,
)
def test_a_path_means_files(here: Path, path: Any, found: list[str]) -> None:
    assert sorted(Dataset.File.from_files(path).to_path()) == sorted(found)


def test_two_files_of_one_name_stay_two(here: Path) -> None:
    (here / "e").mkdir()
    (here / "e" / "a.csv").write_text("other")
    dataset = Dataset.File.from_files(["d/a.csv", "e/a.csv"])
    assert dataset.to_path() == ["/a.csv", "/2/a.csv"]
    assert [Path(each).read_text()[:5] for each in dataset.download("got")] == ["x,y,t", "other"]


def test_an_id_follows_from_the_definition(here: Path) -> None:
    one, same, other = (Dataset.File.from_files(each) for each in ("d", str(here / "d"), "d/**"))
    assert one.id == same.id == definitions.id_of(one._definition)
    assert one == same
    assert one.id != other.id
    assert (one.name, one.version, one.tags, one.description) == (None, None, {}, None)


BAD_PATHS = [None, 7, "", [], [7], ("store", "path"), {"a": 1}, b"x", "none", "d/*.none", [["d"]]]


@pytest.mark.parametrize("path", BAD_PATHS, ids=str)
def test_a_path_that_is_none_is_refused(here: Path, path: Any) -> None:
    with pytest.raises(UserErrorException):
        Dataset.File.from_files(path)
    with pytest.raises(UserErrorException):
        Dataset.Tabular.from_delimited_files(path)


@pytest.mark.parametrize(
    ("url", "told"), [("s3://bucket/key", "s3fs"), ("gs://bucket/key", "gcsfs"), ("nothing://x", "Nothing opens")]
)
def test_a_place_without_its_package_is_told_with_the_package(url: str, told: str) -> None:
    with pytest.raises(UserErrorException, match=told):
        Dataset.File.from_files(url).to_path()


def test_any_file_system_of_fsspec_is_read(here: Path) -> None:
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe({"/box/a.csv": b"x\n1\n", "/box/sub/b.csv": b"x\n2\n"})
    assert Dataset.File.from_files("memory://box").to_path() == ["/a.csv", "/sub/b.csv"]
    assert Dataset.File.from_files("memory://box/a.csv").to_path() == ["/a.csv"]
    assert Dataset.File.from_files("memory://box/**/*.csv").to_path() == ["/a.csv", "/sub/b.csv"]
    table = Dataset.Tabular.from_delimited_files("memory://box/*.csv").to_pandas_dataframe()
    assert table.to_dict("list") == {"x": [1]}
    filesystem.rm("/box", recursive=True)


@pytest.fixture
def web(here: Path) -> Iterator[str]:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(here))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_url_is_read_without_any_package(web: str) -> None:
    assert Dataset.File.from_files(f"{web}/d/a.csv").to_path() == ["/a.csv"]
    assert len(Dataset.Tabular.from_delimited_files(f"{web}/d/a.csv").to_pandas_dataframe()) == 3
    with pytest.raises(UserErrorException, match="404") as raised:
        Dataset.File.from_files(f"{web}/none?secret=x").download("got")
    assert "secret" not in raised.value.message


def test_a_download_is_whole_and_replaces_nothing_unasked(here: Path) -> None:
    dataset = Dataset.File.from_files("d")
    assert sorted(Path(each).relative_to(here).as_posix() for each in dataset.download("got")) == [
        "got/a.csv",
        "got/sub/.c",
        "got/sub/b.csv",
    ]
    with pytest.raises(UserErrorException, match="overwrite=True"):
        dataset.download("got")
    assert len(dataset.download("got", overwrite=True)) == 3
    assert not list((here / "got").rglob("*.part"))
    with pytest.raises(UserErrorException, match="no file"):
        dataset.skip(9).download("got2")
    assert dataset.skip(9).download("got2", ignore_not_found=True) == []


def test_a_download_that_is_cut_leaves_nothing(here: Path) -> None:
    class Cut(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("cut")

    with pytest.raises(OSError, match="cut"):
        files.fetch([files.Found("a", "x", None, Cut)], here / "got", overwrite=True)
    assert list((here / "got").iterdir()) == []


def test_nothing_is_written_outside_the_target(here: Path) -> None:
    bad = files.Found("../out", "x", None, (here / "d" / "a.csv").open)  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="outside"):
        files.fetch([bad], here / "got", overwrite=True)
    assert not (here / "out").exists()


def test_a_folder_of_this_machine_is_mounted_as_it_is_and_anything_else_for_a_while(here: Path) -> None:
    with Dataset.File.from_files("d").mount() as mounted:
        assert mounted.mount_point == str(here / "d")
    assert (here / "d" / "a.csv").exists()
    with Dataset.File.from_files("d").take(1).mount() as mounted:
        assert [each.name for each in Path(mounted.mount_point).iterdir()] == ["a.csv"]
    context = Dataset.File.from_files("d/*.csv").mount("at")
    context.start()
    assert [each.name for each in Path(context.mount_point).iterdir()] == ["a.csv"]
    context.stop()
    assert not (here / "at").exists()
    with pytest.raises(UserErrorException, match="not mounted"):
        _ = context.mount_point
    with pytest.raises(UserErrorException, match="not empty"):
        Dataset.File.from_files("d/*.csv").mount("d").start()


def table(here: Path, **options: Any) -> TabularDataset:
    return Dataset.Tabular.from_delimited_files("d/**/*.csv", **options)


def test_types_are_inferred_set_or_left(here: Path) -> None:
    inferred = table(here).to_pandas_dataframe()
    assert inferred["x"].tolist() == [1, 2, 3, 4]
    assert inferred["t"].iloc[0] == pandas.Timestamp("2024-01-01")
    assert inferred["y"].isna().tolist() == [False, True, False, False]
    left = table(here, infer_column_types=False, empty_as_string=True).to_pandas_dataframe()
    assert left.iloc[1].tolist() == ["2", "", "2024-02-01"]
    types = {"x": DataType.to_string(), "y": DataType.to_long(), "t": DataType.to_datetime("%Y-%m-%d")}
    chosen = table(here, set_column_types=types)
    assert chosen.to_pandas_dataframe()["x"].tolist() == ["1", "2", "3", "4"]
    assert chosen.to_pandas_dataframe()["y"].isna().all()
    with pytest.raises(UserErrorException, match="'y'"):
        chosen.to_pandas_dataframe(on_error="fail")


def test_a_column_is_read_as_the_type_that_it_is_set_to(here: Path) -> None:
    (here / "typed.csv").write_text('f,b,t\n"1,5",Yes,2024-01-02\n"2",0,03.01.2024\nx,maybe,never\n')
    types = {
        "f": DataType.to_float(decimal_mark=","),
        "b": DataType.to_bool(),
        "t": DataType.to_datetime(["%Y-%m-%d", "%d.%m.%Y"]),
    }
    read = Dataset.Tabular.from_delimited_files("typed.csv", set_column_types=types).to_pandas_dataframe()
    assert read["f"].tolist()[:2] == [1.5, 2.0]
    assert read["b"].tolist()[:2] == [True, False]
    assert read["t"].tolist()[:2] == [pandas.Timestamp(2024, 1, 2), pandas.Timestamp(2024, 1, 3)]
    assert read.iloc[2].isna().all()


def test_headers_separators_and_paths(here: Path) -> None:
    (here / "h.tsv").write_text("1\tä\n2\tb\n")
    bare = Dataset.Tabular.from_delimited_files("h.tsv", separator="\t", header=False).to_pandas_dataframe()
    assert bare.to_dict("list") == {"Column1": [1, 2], "Column2": ["ä", "b"]}
    (here / "i.tsv").write_text("5\tc\n")
    (here / "h.tsv").write_text("n\tt\n1\tä\n")
    first = Dataset.Tabular.from_delimited_files(
        ["h.tsv", "i.tsv"], separator="\t", header="ONLY_FIRST_FILE_HAS_HEADERS"
    ).to_pandas_dataframe()
    assert first.to_dict("list") == {"n": [1, 5], "t": ["ä", "c"]}
    with_path = table(here, include_path=True).to_pandas_dataframe()
    assert with_path["Path"].iloc[-1] == str(here / "d" / "sub" / "b.csv")


def test_paths_tell_columns(here: Path) -> None:
    for day in ("05", "06"):
        folder = here / "p" / "north" / "2024" / day
        folder.mkdir(parents=True)
        (folder / "x.csv").write_text("x\n1\n")
    table = Dataset.Tabular.from_delimited_files(
        "p/**/*.csv", include_path=True, partition_format="/{region}/{day:yyyy/MM}/*.csv"
    ).to_pandas_dataframe()
    assert list(table.columns) == ["Path", "region", "day", "x"]
    assert table["region"].tolist() == ["north"] * 2
    assert table["day"].tolist() == [pandas.Timestamp(2024, 5, 1), pandas.Timestamp(2024, 6, 1)]
    kept = Dataset.Tabular.from_delimited_files("p/**", partition_format="{year}/{month}/x.csv")
    assert kept.filter(kept["month"] == "06").to_pandas_dataframe()["year"].tolist() == ["2024"]
    with pytest.raises(UserErrorException, match="does not fit"):
        Dataset.Tabular.from_delimited_files("p/**", partition_format="{a}/y.csv").to_pandas_dataframe()
    for wrong in ("/x.csv", "{a}/{a}.csv", "{a:days}/x.csv", 3):
        with pytest.raises(UserErrorException, match=r"partition_format|pattern"):
            Dataset.Tabular.from_delimited_files("p/**", partition_format=wrong)  # type: ignore[arg-type]


def test_steps_follow_each_other(here: Path) -> None:
    whole = table(here)
    chosen = whole.filter((whole["x"] > 1) & ~whole["y"].is_null()).keep_columns(["y", "x"])
    assert chosen.to_pandas_dataframe().to_dict("list") == {"y": ["bar", "q"], "x": [3, 4]}
    assert whole.skip(1).take(2).drop_columns("t").to_pandas_dataframe()["x"].tolist() == [2, 3]
    assert whole.filter(whole["y"].starts_with("b")).to_pandas_dataframe()["x"].tolist() == [3]
    assert whole.filter(whole["y"].ends_with("r")).to_pandas_dataframe()["x"].tolist() == [3]
    assert whole.filter(whole["y"].contains(".")).to_pandas_dataframe().empty
    assert whole.filter(whole["t"] >= pandas.Timestamp(2024, 3, 1)).to_pandas_dataframe()["x"].tolist() == [3, 4]
    first, second = whole.random_split(0.5, seed=3)
    again, _ = whole.random_split(0.5, seed=3)
    assert again.id == first.id
    both = first.to_pandas_dataframe()["x"].tolist() + second.to_pandas_dataframe()["x"].tolist()
    assert sorted(both) == [1, 2, 3, 4]
    files_first, files_second = Dataset.File.from_files("d").random_split(0.5)
    assert sorted(files_first.to_path() + files_second.to_path()) == ["/a.csv", "/sub/.c", "/sub/b.csv"]


def test_times_are_compared_with_the_column_that_is_named(here: Path) -> None:
    whole = table(here)
    with pytest.raises(DatasetTimestampMissingError):
        whole.time_after(pandas.Timestamp(2024, 1, 1))
    timed = whole.with_timestamp_columns("t", validate=True)
    start, end = pandas.Timestamp(2024, 2, 1), datetime.datetime(2024, 3, 1, tzinfo=datetime.timezone.utc)
    assert timed.time_between(start, end).to_pandas_dataframe()["x"].tolist() == [2, 3]
    assert timed.time_between(start, end, include_boundary=False).to_pandas_dataframe().empty
    assert timed.time_before(start).to_pandas_dataframe()["x"].tolist() == [1, 2]
    assert timed.time_recent(datetime.timedelta(days=1)).to_pandas_dataframe().empty
    coarse = whole.with_timestamp_columns(fine_grain_timestamp="t", coarse_grain_timestamp="x")
    assert coarse.timestamp_columns == ("t", "x")
    assert coarse.with_timestamp_columns("t").timestamp_columns == ("t", None)
    assert coarse.with_timestamp_columns(None).timestamp_columns == (None, None)
    with pytest.raises(UserErrorException, match="needs a timestamp"):
        coarse.with_timestamp_columns(None, partition_timestamp="x")


def test_json_lines_and_parquet(here: Path) -> None:
    (here / "j").write_text('{"a": 1}\n\n{"a": 2, "b": "x"}\n')
    assert Dataset.Tabular.from_json_lines_files("j").to_pandas_dataframe()["a"].tolist() == [1, 2]
    (here / "k").write_text('{"a": 1}\nno\n[1]\n')
    with pytest.raises(UserErrorException, match="line 2"):
        Dataset.Tabular.from_json_lines_files("k").to_pandas_dataframe()
    dropped = Dataset.Tabular.from_json_lines_files("k", invalid_lines="drop").to_pandas_dataframe()
    assert dropped.to_dict("list") == {"a": [1]}
    stored = table(here).to_parquet_files()
    assert isinstance(stored, FileDataset)
    back = Dataset.Tabular.from_parquet_files(stored._definition["paths"][0]).to_pandas_dataframe()
    pandas.testing.assert_frame_equal(back, table(here).to_pandas_dataframe())
    assert Dataset.Tabular.from_delimited_files(table(here).to_csv_files()._definition["paths"]).take(1) is not None


@pytest.mark.parametrize(
    "call",
    [
        lambda whole: whole.take(-1),
        lambda whole: whole.take("1"),
        lambda whole: whole.random_split(1.5),
        lambda whole: whole.random_split(0.5, seed=-1),
        lambda whole: whole.keep_columns(7),
        lambda whole: whole.keep_columns("none", validate=True),
        lambda whole: whole.filter("x > 1"),
        lambda whole: whole.filter(whole["none"] > 1).to_pandas_dataframe(),
        lambda whole: whole.filter(whole["x"] > [1]),
        lambda whole: whole["x"] > 1 and whole["x"] < 3,
        lambda whole: whole.to_pandas_dataframe(on_error="x"),
        lambda whole: whole.as_named_input("1x"),
        lambda whole: whole.as_named_input("a-b"),
        lambda whole: whole.as_named_input("x").as_mount(),
        lambda whole: whole.register("workspace", "name"),
        lambda whole: whole.add_tags({"a": "b"}),
        lambda whole: whole.unregister_all_versions(),
        lambda whole: Dataset.Tabular.from_delimited_files("d/a.csv", header="maybe"),
        lambda whole: Dataset.Tabular.from_delimited_files("d/a.csv", separator=""),
        lambda whole: Dataset.Tabular.from_delimited_files("d/a.csv", set_column_types={"x": int}),
        lambda whole: Dataset.Tabular.from_sql_query("SELECT 1"),
        lambda whole: Dataset.Tabular.register_pandas_dataframe([1], None, "name"),
        lambda whole: Dataset.Tabular.register_pandas_dataframe(pandas.DataFrame(), "store", "name"),
        lambda whole: Dataset.File.upload_directory("none", None),
        lambda whole: OutputFileDatasetConfig(7),  # type: ignore[arg-type]
        lambda whole: OutputFileDatasetConfig("x", "store"),  # type: ignore[arg-type]
        lambda whole: Dataset.get("workspace"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_is_refused_with_what_is_allowed(here: Path, call: Any) -> None:
    with pytest.raises(UserErrorException):
        call(table(here))


class Store:
    name, workspace = "store", None


def test_a_path_on_a_datastore_is_written_in_four_ways() -> None:
    wanted = [{"datastore": "store", "path": "a/b"}]
    for path in ((Store(), "a/b"), (Store(), "./a//b/"), DataPath(Store(), "a/b"), [(Store(), ["a/b"])]):
        assert definitions.paths(path) == wanted
    for bad in ("../x", "a/../../b"):
        with pytest.raises(UserErrorException):
            definitions.paths((Store(), bad))


def test_an_output_says_which_of_its_files_are_uploaded() -> None:
    output = OutputFileDatasetConfig("out")
    assert output.as_upload(source_globs="*.csv")._told()["globs"] == ["*.csv"]
    assert output.as_upload(source_globs=["a", "./b/*"])._told()["globs"] == ["a", "b/*"]
    assert output._told()["globs"] == []


def test_a_jobs_data_is_brought_and_placeholders_give_way(here: Path) -> None:
    from runfold.workspace import Workspace

    workspace = Workspace("", "", "local")
    inputs = [
        Dataset.File.from_files("d").as_named_input("folder").as_mount(),
        Dataset.File.from_files("d/a.csv").as_named_input("one").as_download(),
        Dataset.File.from_files("d/a.csv").as_named_input("one_mounted").as_mount(),
        Dataset.File.from_files("d/*.csv").as_named_input("some").as_mount("elsewhere/in"),
        table(here).as_named_input("table"),
    ]
    output = OutputFileDatasetConfig("out")
    variables = {
        key: value for each in [*inputs, output] for key, value in each._job_variables().items() if key.islower()
    }
    carried = {
        key: value
        for each in [*inputs, output]
        for key, value in each._job_variables().items()
        if key.startswith("RUNFOLD")
    }
    job = here / "job"
    job.mkdir()
    command = ["python", *(each._as_argument() for each in [*inputs, output]), f"--in={inputs[1]}"]
    got, environment = delivering.deliver(workspace, command, {**variables, **carried, "OTHER": "x"}, job)
    one = str(job / ".runfold-data" / "one" / "a.csv")
    assert got == [
        "python",
        str(here / "d"),
        one,
        str(here / "d" / "a.csv"),
        str(job / "elsewhere" / "in"),
        inputs[4].dataset.id,
        str(job / ".runfold-data" / "outputs" / "out"),
        f"--in={one}",
    ]
    assert Path(one).read_text() == (here / "d" / "a.csv").read_text()
    assert [each.name for each in (job / "elsewhere" / "in").iterdir()] == ["a.csv"]
    assert (environment["folder"], environment["one"], environment["OTHER"]) == (str(here / "d"), one, "x")
    assert environment["table"] == inputs[4].dataset.id
    assert (job / ".runfold-data" / "outputs" / "out").is_dir()


def test_an_upload_asks_for_secrets_once_however_many_files_it_has(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runfold.secrets import auditing
    from runfold.workspace import Workspace

    asked: list[object] = []
    chain = auditing.chain
    monkeypatch.setattr(auditing, "chain", lambda session: (asked.append(session), chain(session))[1])
    place = stores.of_definition(Workspace("", "", "local"), "place", {"type": "Url", "url": f"file://{here}/place"})
    place.upload("d", "one", overwrite=True, show_progress=False)
    assert len(asked) == 1
    assert sorted(each.name for each in (here / "place").rglob("*") if each.is_file()) == [".c", "a.csv", "b.csv"]


def test_expressions_survive_json(here: Path) -> None:
    import json

    whole = table(here)
    chosen = whole.filter((whole["x"] * 2 % 3 == 1) | whole["y"].contains("o"))
    same = TabularDataset._of(json.loads(definitions.text_of(chosen._definition)))
    assert same.to_pandas_dataframe()["x"].tolist() == chosen.to_pandas_dataframe()["x"].tolist() == [1, 2]
