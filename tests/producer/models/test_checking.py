"""What may be said of models: a table of what is allowed, and of what is refused with the original's exceptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runfold.data import Dataset
from runfold.exceptions import (
    ModelNotFoundException,
    ModelPathNotFoundException,
    UserErrorException,
    WebserviceException,
)
from runfold.model import Model, ResourceConfiguration
from runfold.models import checking, downloading, payload, registering
from runfold.models.checking import ModelPath
from runfold_schemas.events import ModelFile

STORED = [
    "logs/a.txt",
    "outputs/m.pkl",
    "outputs/model.h5",
    "outputs/model/a",
    "outputs/model/b/c",
    "outputs/model.json",
]


@pytest.mark.parametrize(
    ("asked", "path", "files"),
    [
        ("outputs/m.pkl", "outputs/m.pkl", [("outputs/m.pkl", "m.pkl")]),
        ("./outputs/m.pkl", "outputs/m.pkl", [("outputs/m.pkl", "m.pkl")]),
        (Path("outputs") / "m.pkl", "outputs/m.pkl", [("outputs/m.pkl", "m.pkl")]),
        (
            "outputs/model",
            "outputs/model",
            [("outputs/model/a", "model/a"), ("outputs/model/b/c", "model/b/c")],
        ),
        ("outputs/model/", "outputs/model", [("outputs/model/a", "model/a"), ("outputs/model/b/c", "model/b/c")]),
        (
            "outputs/model.",
            "outputs/model.",
            [("outputs/model.h5", "model.h5"), ("outputs/model.json", "model.json")],
        ),
        ("logs", "logs", [("logs/a.txt", "logs/a.txt")]),
        (".", "", [(each, each) for each in STORED]),
    ],
)
def test_a_path_means_a_file_a_folder_or_how_paths_begin(asked: Any, path: str, files: list[tuple[str, str]]) -> None:
    assert checking.within_run(asked, STORED) == (path, [ModelPath(*each) for each in files])


@pytest.mark.parametrize("asked", ["outputs/none", "utputs", "m.pkl", "logs/b", "outputs/mod/"])
def test_a_path_that_the_run_does_not_store_is_refused_with_what_it_stores(asked: str) -> None:
    with pytest.raises(ModelPathNotFoundException, match=r"outputs/model/b/c"):
        checking.within_run(asked, STORED)


BAD_WORDS: list[tuple[dict[str, Any], str]] = [
    ({"model_name": ""}, "1 to 255"),
    ({"model_name": "-x"}, "1 to 255"),
    ({"model_name": "a b"}, "1 to 255"),
    ({"model_name": "a/b"}, "1 to 255"),
    ({"model_name": "x" * 256}, "1 to 255"),
    ({"model_name": "x\n"}, "1 to 255"),
    ({"model_name": None}, "1 to 255"),
    ({"tags": ["a"]}, "dict"),
    ({"tags": "a"}, "dict"),
    ({"properties": [("a", "b")]}, "dict"),
    ({"model_framework_version": "1.0"}, "model_framework is not given"),
    ({"model_framework": 7}, "str"),
    ({"model_framework": "Onnx", "model_framework_version": 1.5}, "str"),
    ({"datasets": {"training": "x"}}, "list of"),
    ({"datasets": "training"}, "list of"),
    ({"datasets": [("training",)]}, "list of"),
    ({"datasets": [("training", 7)]}, "Dataset or its id"),
    ({"sample_input_dataset": 7}, "Dataset or its id"),
]


@pytest.mark.parametrize(("words", "told"), BAD_WORDS, ids=lambda each: str(each)[:40])
def test_words_that_are_not_allowed_are_refused_before_anything_is_stored(words: dict[str, Any], told: str) -> None:
    given = {"model_name": "m", **words}
    with pytest.raises(WebserviceException, match=told):
        registering.words(given.pop("model_name"), **given)


@pytest.mark.parametrize(
    "words",
    [
        {"description": 7},
        {"resource_configuration": {"cpu": 1}},
        {"tags": {None: "x"}},
        {"properties": {"k": "x" * 70_000}},
        {"tags": {"k": "a\0b"}},
    ],
    ids=str,
)
def test_what_no_event_can_carry_is_refused(words: dict[str, Any]) -> None:
    with pytest.raises(UserErrorException):
        registering.words("m", **words)


def test_datasets_are_read_once_whatever_gives_them(here: Path) -> None:
    (here / "a.csv").write_text("x")
    dataset = Dataset.File.from_files("a.csv")
    said = registering.words("m", datasets=iter([("training", dataset)]), sample_input_dataset=dataset)
    assert said.fields["datasets"] == [("training", dataset.id)]
    assert said.used == [dataset, dataset]


def test_a_model_is_read_from_what_it_was_written_to(here: Path) -> None:
    (here / "m").write_text("m")
    said = registering.words(
        "m",
        tags={"a": None},
        properties={"p": "1"},
        datasets=[("training", "d:1")],
        resource_configuration=ResourceConfiguration(cpu=1),
    )
    record = registering._record(
        "m",
        3,
        {
            **said.fields,
            "files": [ModelFile("m", "0" * 64, 1, None)],
            "path": "m",
            "objects_run_id": "model/m",
            "run_id": None,
            "experiment": None,
        },
    )
    told = payload.written("ws", "m:3", "aml://asset/m:3", record)
    assert payload.read(json.loads(json.dumps(told))) == record
    for key in ("name", "datasets", "createdBy", "resourceRequirements"):
        with pytest.raises(WebserviceException, match=key):
            payload.read({name: value for name, value in told.items() if name != key})


def test_values_that_are_no_strings_become_their_text() -> None:
    said = registering.words("m", tags={"a": 1, "b": None, "c": True}, properties={"p": 0.5}).fields
    assert said["tags"] == {"a": "1", "b": None, "c": "True"}
    assert said["properties"] == {"p": "0.5"}


@pytest.mark.parametrize("given", [{"a": "1"}, "a", [["a"]], [["a", "b", "c"]], [7], 7], ids=str)
def test_filters_are_a_list_of_keys_and_pairs(given: Any) -> None:
    with pytest.raises(UserErrorException, match="list of 'key'"):
        checking.filters("tags", given)


def test_filters_compare_with_text() -> None:
    assert checking.filters("tags", ["a", ["b", 1], ("c", None)]) == ["a", {"b": "1"}, {"c": None}]


@pytest.mark.parametrize("count", [19, 256, "255", None, True])
def test_a_page_has_20_to_255_models(count: Any) -> None:
    with pytest.raises(WebserviceException, match="20 to 255"):
        checking.page_count(count)


@pytest.mark.parametrize("version", [0, -1, "x", 1.5, True, 2**31])
def test_a_version_is_a_number_from_1(version: Any) -> None:
    with pytest.raises(WebserviceException, match="int from 1"):
        checking.version(version)


@pytest.mark.parametrize("model_id", ["m", "m:", "m:x", ":1", "m:0", 7])
def test_an_id_is_name_and_version(model_id: Any) -> None:
    with pytest.raises(WebserviceException):
        checking.model_id(model_id)
    assert checking.model_id("a.b-c:12") == ("a.b-c", 12)


@pytest.mark.parametrize(
    ("paths", "common"),
    [(["m.pkl"], "m.pkl"), (["a/x", "a/y/z"], "a"), (["a/x"], "a"), (["a", "b"], "."), (["a/x", "b/x"], ".")],
)
def test_the_path_that_files_have_in_common(paths: list[str], common: str) -> None:
    assert downloading.shared(paths) == common


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_of_the_machine_keep_their_paths(here: Path) -> None:
    (here / "net" / "sub").mkdir(parents=True)
    for name in ("net/a", "net/sub/b", "one"):
        (here / name).write_text(name)
    assert registering.local_files("one", None)[1] == [("one", here / "one")]
    assert [inner for inner, _ in registering.local_files("net", None)[1]] == ["net/a", "net/sub/b"]
    assert [inner for inner, _ in registering.local_files(Path("./net/"), ["sub"])[1]] == ["net/sub/b"]
    assert [inner for inner, _ in registering.local_files(".", None)[1]] == ["net/a", "net/sub/b", "one"]


def test_paths_of_the_machine_that_cannot_be(here: Path) -> None:
    (here / "empty").mkdir()
    (here / "net").mkdir()
    (here / "net" / "a").write_text("a")
    outside = here.parent / "outside"
    outside.write_text("x")
    (here / "link").symlink_to(outside)
    for path, children, kind in (
        ("none", None, FileNotFoundError),
        (outside, None, PermissionError),
        ("link", None, PermissionError),
        (7, None, WebserviceException),
        ("empty", None, WebserviceException),
        ("net", ["b"], FileNotFoundError),
        ("net", "a", WebserviceException),
        ("net", ["../outside"], UserErrorException),
    ):
        with pytest.raises(kind):
            registering.local_files(path, children)


def test_without_a_job_models_are_looked_for_on_the_machine(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNFOLD_RUN_ID", "AZUREML_RUN_ID", "AZUREML_MODEL_DIR"):
        monkeypatch.delenv(name, raising=False)
    for version in (2, 10):
        (here / "azureml-models" / "m" / str(version)).mkdir(parents=True)
        (here / "azureml-models" / "m" / str(version) / "x.pkl").write_text("x")
    assert Model.get_model_path("m") == str(Path("azureml-models", "m", "10", "x.pkl"))
    assert Model.get_model_path("m", version=2) == str(Path("azureml-models", "m", "2", "x.pkl"))
    for name, wanted in (("m", 3), ("other", None)):
        with pytest.raises(ModelNotFoundException):
            Model.get_model_path(name, wanted)


def test_resources_are_written_as_the_original_writes_them() -> None:
    made = ResourceConfiguration(cpu=1, memory_in_gb=0.5)
    assert made.serialize() == {"cpu": 1, "memoryInGB": 0.5, "gpu": None}
    assert ResourceConfiguration.deserialize(made.serialize()) == made
    assert ResourceConfiguration.deserialize(None) is None
    for bad in ("1", -1, True):
        with pytest.raises(UserErrorException):
            ResourceConfiguration(cpu=bad)  # type: ignore[arg-type]


def test_frameworks_have_the_originals_names() -> None:
    assert {name: value for name, value in vars(Model.Framework).items() if name.isupper()} == {
        "CUSTOM": "Custom",
        "MULTI": "Multi",
        "ONNX": "Onnx",
        "SCIKITLEARN": "ScikitLearn",
        "TENSORFLOW": "TensorFlow",
    }


@pytest.mark.parametrize("call", [Model, Model.list, lambda ws: Model.register(ws, "x", "y")])
def test_a_workspace_is_needed(call: Any) -> None:
    with pytest.raises(UserErrorException, match="Workspace"):
        call("workspace")
