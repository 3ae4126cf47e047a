"""A model is a further fact: versions are the ledger's, properties stay, files come back byte for byte."""

from __future__ import annotations

import json

import pytest

from tests.stack import Stack

HEAD = """
import json, os, sys, tempfile
os.chdir(tempfile.mkdtemp())
from runfold import Dataset, Datastore, Experiment, Model, Run, Workspace
from runfold.exceptions import *
ws = Workspace.from_config()
def start(name="models"):
    return Experiment(ws, name).start_logging(snapshot_directory=None, outputs=False)
"""


def test_versions_are_counted_by_the_ledger_whoever_registers(stack: Stack) -> None:
    script = (
        HEAD
        + """
run = start()
run.upload_file("outputs/m.bin", __import__("io").BytesIO(os.urandom(1000)))
print("ready", flush=True); sys.stdin.readline()
print(json.dumps([run.register_model("raced", "outputs/m.bin").version for _ in range(5)]))
run.complete()
"""
    )
    racers = [stack.background(script) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline().strip() == "ready"
    versions = [json.loads(racer.communicate("go\n", timeout=90)[0]) for racer in racers]
    assert sorted(versions[0] + versions[1]) == list(range(1, 11))


def test_a_model_of_a_folder_comes_back_as_it_was(stack: Stack) -> None:
    said = json.loads(
        stack.script(
            HEAD
            + """
run = start()
os.makedirs("outputs/model/sub")
for name, size in (("a.bin", 10), ("sub/b.bin", 300_000), ("sub/c d.txt", 0)):
    open(f"outputs/model/{name}", "wb").write(os.urandom(size))
run.upload_file("outputs/model/a.bin", "outputs/model/a.bin")
run.upload_file("outputs/model/sub/b.bin", "outputs/model/sub/b.bin")
run.upload_file("outputs/model/sub/c d.txt", "outputs/model/sub/c d.txt")
model = run.register_model(
    "folder", "./outputs/model/", tags={"n": 1, "none": None}, properties={"p": 0.5}, description="d",
    model_framework=Model.Framework.SCIKITLEARN, model_framework_version="1.5",
)
again = Model(ws, "folder")
path = again.download("back")
same = {
    name: open(f"{path}/{name}", "rb").read() == open(f"outputs/model/{name}", "rb").read()
    for name in ("a.bin", "sub/b.bin", "sub/c d.txt")
}
refused = []
for call in (lambda: again.download("back"), lambda: Model(ws, "folder", version=9), lambda: Model(ws, "none"),
             lambda: run.register_model("folder", "outputs/nothing"), lambda: run.register_model("-bad", "outputs")):
    try:
        call()
    except Exception as error:
        refused.append([type(error).__name__, error.message])
print(json.dumps(dict(
    id=model.id, again=again.id, path=path, same=same, tags=again.tags, properties=again.properties,
    framework=[again.model_framework, again.model_framework_version], run=again.run_id == run.id,
    experiment=again.experiment_name, description=again.description, refused=refused,
    urls=sorted(again.get_sas_urls()), exist=again.download("back", exist_ok=True), of_run=again.run.id == run.id,
)))
run.complete()
"""
        ).stdout
    )
    assert said["id"] == said["again"] == "folder:1"
    assert said["path"] == said["exist"] == "back/model"
    assert said["same"] == {"a.bin": True, "sub/b.bin": True, "sub/c d.txt": True}
    assert (said["tags"], said["properties"]) == ({"n": "1", "none": None}, {"p": "0.5"})
    assert (said["framework"], said["description"]) == (["ScikitLearn", "1.5"], "d")
    assert said["run"]
    assert said["of_run"]
    assert said["experiment"] == "models"
    assert said["urls"] == ["model/a.bin", "model/sub/b.bin", "model/sub/c d.txt"]
    kinds = [kind for kind, _ in said["refused"]]
    assert kinds == [
        "WebserviceException",
        "WebserviceException",
        "WebserviceException",
        "ModelPathNotFoundException",
        "WebserviceException",
    ]
    assert "outputs/model/sub/b.bin" in said["refused"][3][1]


def test_files_of_the_machine_are_registered_as_the_original_does_it(stack: Stack) -> None:
    done = stack.script(
        HEAD
        + """
os.makedirs("net/layers"); open("net/layers/0.bin", "wb").write(b"0"); open("net/readme", "w").write("r")
open("one.pkl", "wb").write(b"pickle")
first = Model.register(ws, "net", "machine", tags={"a": "b"})
second = Model.register(workspace=ws, model_path="one.pkl", model_name="machine")
some = Model.register(ws, "net", "machine", child_paths=["layers"])
print(json.dumps([m.id for m in (first, second, some)]))
print(json.dumps([Model(ws, "machine", version=v).download(f"v{v}") for v in (1, 2, 3)]))
print(json.dumps(sorted(os.path.join(d, f) for d, _, fs in os.walk(".") for f in fs if d.startswith("./v"))))
open("/tmp/outside.bin", "wb").write(b"x")
for path in ("missing", "/tmp/outside.bin"):
    try:
        Model.register(ws, path, "machine")
    except OSError as error:
        print(type(error).__name__)
"""
    ).stdout.splitlines()
    assert done[:3] == ["Registering model machine"] * 3
    assert json.loads(done[3]) == ["machine:1", "machine:2", "machine:3"]
    assert json.loads(done[4]) == ["v1/net", "v2/one.pkl", "v3/net"]
    assert json.loads(done[5]) == ["./v1/net/layers/0.bin", "./v1/net/readme", "./v2/one.pkl", "./v3/net/layers/0.bin"]
    assert done[6:] == ["FileNotFoundError", "PermissionError"]


def test_tags_change_properties_stay_and_lists_are_filtered(stack: Stack) -> None:
    said = json.loads(
        stack.script(
            HEAD
            + """
open("m", "w").write("m")
model = Model.register(ws, "m", "worded", tags={"a": "1", "b": "2"}, properties={"p": "1"})
other = Model.register(ws, "m", "worded", tags={"a": "2"})
model.add_tags({"c": 3}); model.remove_tags(["b"]); model.add_properties({"q": "2"})
errors = []
for call in (lambda: model.add_properties({"p": "other"}), lambda: Model.list(ws, tags={"a": "1"}),
             lambda: Model.list(ws, page_count=5), lambda: Model.register(ws, "m", "worded", tags=["a"]),
             lambda: Model.register(ws, "m", "worded", model_framework_version="1")):
    try:
        call()
    except Exception as error:
        errors.append([type(error).__name__, error.message])
stale = Model(ws, "worded", version=1); stale._record["properties"] = {}
try:
    stale.add_properties({"p": "other"})
except WebserviceException as error:
    errors.append([type(error).__name__, error.message])
ids = lambda **asked: [m.id for m in Model.list(ws, **asked)]
found = dict(
    all=ids(name="worded"), latest=ids(name="worded", latest=True), a=ids(name="worded", tags=["a"]),
    a1=ids(name="worded", tags=[["a", "1"]]), both=ids(name="worded", tags=["a", ["c", "3"]]),
    q=ids(name="worded", properties=[["q", "2"]]), none=ids(name="worded", tags=[["a", "3"]]),
    newest=Model(ws, "worded").id, by_tag=Model(ws, "worded", tags=["c"]).id, by_id=Model(ws, id="worded:1").id,
)
model.update(tags={"z": "9"}, description="text")
again = Model(ws, "worded", version=1)
model.delete()
after = ids(name="worded")
copy = Model.deserialize(ws, json.loads(json.dumps(again.serialize())))
print(json.dumps(dict(errors=errors, found=found, tags=again.tags, properties=again.properties,
                      description=again.description, after=after, copy=[copy.id, copy.tags, copy.properties])))
"""
        ).stdout.splitlines()[-1]
    )
    found = said["found"]
    assert found["all"] == ["worded:2", "worded:1"]
    assert found["latest"] == ["worded:2"]
    assert found["a"] == ["worded:2", "worded:1"]
    assert found["a1"] == found["both"] == found["q"] == ["worded:1"]
    assert found["none"] == []
    assert (found["newest"], found["by_tag"], found["by_id"]) == ("worded:2", "worded:1", "worded:1")
    kinds = [kind for kind, _ in said["errors"]]
    assert kinds == [
        "WebserviceException",
        "UserErrorException",
        "WebserviceException",
        "WebserviceException",
        "WebserviceException",
        "ModelRefusedError",
    ]
    for place in (0, 5):
        assert said["errors"][place][1].startswith(
            "Error, properties are immutable, the following keys cannot be added/modified: p"
        )
    assert (said["tags"], said["description"]) == ({"z": "9"}, "text")
    assert said["properties"] == {"p": "1", "q": "2"}
    assert said["after"] == ["worded:2"]
    assert said["copy"] == ["worded:1", {"z": "9"}, {"p": "1", "q": "2"}]


def test_datasets_are_related_to_models_and_found_by_them(stack: Stack) -> None:
    said = json.loads(
        stack.script(
            HEAD
            + """
from runfold.model import ResourceConfiguration
open("m", "w").write("m"); open("t.csv", "w").write("a,b\\n1,2\\n")
named = Dataset.Tabular.from_delimited_files("t.csv").register(ws, "related")
model = Model.register(ws, "m", "related", datasets=[(Dataset.Scenario.TRAINING, named)], sample_input_dataset=named,
                       resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5))
model.add_dataset_references([(Dataset.Scenario.VALIDATION, named)])
model.update(resource_configuration=ResourceConfiguration(cpu=2), sample_output_dataset=named)
anonymous = Dataset.File.from_files("t.csv")
Model.register(ws, "m", "anonymous", datasets=[("used", anonymous)], sample_input_dataset=anonymous)
paths = [Model(ws, "anonymous").datasets["used"][0].to_path(), Model(ws, "anonymous").sample_input_dataset.to_path()]
again = Model(ws, "related")
print(json.dumps(dict(
    datasets={k: [d.id for d in v] for k, v in again.datasets.items()}, sample=again.sample_input_dataset.id,
    output=again.sample_output_dataset.id, cpu=again.resource_configuration.cpu,
    by_dataset=[m.id for m in Model.list(ws, dataset_id=named.id)], paths=paths, listed=list(ws.datasets),
)))
"""
        ).stdout.splitlines()[-1]
    )
    assert said.pop("listed").count("related") == 1
    assert said == {
        "paths": [["/t.csv"], ["/t.csv"]],
        "datasets": {"training": ["related:1"], "validation": ["related:1"]},
        "sample": "related:1",
        "output": "related:1",
        "cpu": 2,
        "by_dataset": ["related:1"],
    }


@pytest.mark.parametrize("method", ["deploy", "package", "profile", "print_configuration"])
def test_serving_is_a_providers_and_says_so(method: str) -> None:
    import inspect

    from runfold import Model
    from runfold.exceptions import WebserviceException

    call = getattr(Model, method)
    with pytest.raises(WebserviceException, match=r"runfold\.serving"):
        call(*[None for each in inspect.signature(call).parameters.values() if each.default is each.empty])


def test_a_version_that_was_not_decided_in_time_is_fetched_when_it_is_asked_for(stack: Stack) -> None:
    said = stack.script(
        HEAD
        + """
open("m", "w").write("m")
first, second = (Model.register(ws, "m", "late") for _ in range(2))
dataset = Dataset.File.from_files("m").register(ws, "late_data")
print(json.dumps([first.id, second.id, dataset.id, dataset.version]))
""",
        RUNFOLD_DECISION_WAIT_S="0",
    )
    assert json.loads(said.stdout.splitlines()[-1]) == ["late:1", "late:2", "late_data:1", 1]
    assert "not known to be accepted" in said.stderr
