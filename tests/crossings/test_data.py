"""Datasets and datastores: definitions are facts, data stays where it is, and a run's use of it is on record."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stack import Stack

HEAD = """
import json, os, sys, tempfile
os.chdir(tempfile.mkdtemp())
from runfold import Dataset, Datastore, Experiment, Keyvault, Model, Run, Workspace
from runfold.exceptions import *
ws = Workspace.from_config()
def names(error):
    return [type(error).__name__, getattr(error, "message", str(error))]
def refused(call):
    try:
        call()
    except Exception as error:
        return names(error)
"""


def said(stack: Stack, script: str, *words: str, **environment: str) -> dict[str, object]:
    """What the last line of a script says, as JSON."""
    return dict(json.loads(stack.script(HEAD + script, *words, check=True, **environment).stdout.splitlines()[-1]))


def test_a_dataset_has_versions_and_is_found_from_another_process(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    first = said(
        stack,
        """
ds = Dataset.Tabular.from_delimited_files(sys.argv[1])
one = ds.register(ws, "table", description="first", tags={"n": 1})
again = ds.register(ws, "table")
other = refused(lambda: ds.take(1).register(ws, "table"))
two = ds.take(1).register(ws, "table", create_new_version=True)
two.add_tags({"k": "v"})
print(json.dumps(dict(ids=[one.id, again.id, two.id], other=other)))
""",
        str(tmp_path / "a.csv"),
    )
    assert first["ids"] == ["table:1", "table:1", "table:2"]
    assert first["other"][0] == "AssetExistsError"  # type: ignore[index]
    assert said(
        stack,
        """
latest, one = Dataset.get_by_name(ws, "table"), Dataset.get_by_name(ws, "table", version=1)
by_id = Dataset.get_by_id(ws, "table:1")
before = [latest.version, len(latest.to_pandas_dataframe()), one.to_pandas_dataframe().to_dict("list"), by_id.id]
texts = [one.description, one.tags, latest.tags, "table" in ws.datasets]
missing = [refused(lambda: Dataset.get_by_name(ws, "none"))[0], refused(lambda: Dataset.get_by_id(ws, "none:1"))[0],
           refused(lambda: Dataset.get_by_name(ws, "table", version=7))[0]]
one.unregister_all_versions()
gone = refused(lambda: Dataset.get_by_name(ws, "table"))[0]
back = by_id.register(ws, "table", create_new_version=True)
found = Dataset.get_by_name(ws, "table").id
print(json.dumps(dict(before=before, texts=texts, missing=missing, gone=gone, back=found)))
""",
    ) == {
        "before": [2, 1, {"x": [1, 3], "y": [2, 4]}, "table:1"],
        "texts": ["first", {"n": "1"}, {"k": "v"}, True],
        "missing": ["UserErrorException"] * 3,
        "gone": "UserErrorException",
        "back": "table:3",
    }


def test_files_go_to_the_default_datastore_and_come_back(stack: Stack) -> None:
    assert said(
        stack,
        """
store = ws.get_default_datastore()
os.makedirs("src/sub")
open("src/a b.txt", "w").write("a"); open("src/sub/ü.bin", "wb").write(os.urandom(100_000)); open("src/e", "w")
store.upload("src", target_path="up/one", show_progress=False)
open("src/a b.txt", "w").write("changed")
store.upload("src", target_path="up/one", show_progress=False)
kept = open(Dataset.File.from_files((store, "up/one/a b.txt")).download("k")[0]).read()
store.upload("src", target_path="up/one", overwrite=True, show_progress=False)
n = store.download("back", prefix="up/one", show_progress=False)
again = store.download("back", prefix="up/one", show_progress=False)
same = all(open(f"back/up/one/{p}", "rb").read() == open(f"src/{p}", "rb").read()
           for p in ("a b.txt", "sub/ü.bin", "e"))
one = store.download("single", prefix="up/one/e", show_progress=False)
ds = Dataset.File.from_files((store, "up/one"))
with ds.mount() as mounted:
    at = mounted.mount_point
    listed = sorted(os.path.relpath(os.path.join(d, f), at) for d, _, fs in os.walk(at) for f in fs)
globs = [Dataset.File.from_files((store, p)).to_path() for p in ("up/**/*.bin", "up/one/*", "up/*/e")]
globs.append(Dataset.File.from_files(store.path("up/one/e")).to_path())
uploaded = Dataset.File.upload_directory("src", (store, "dir"), pattern="*.txt", show_progress=False)
bad = [refused(lambda: store.upload("none")), refused(lambda: store.upload_files(["none"])),
       refused(lambda: store.path("../x")),
       refused(lambda: store.unregister()), refused(lambda: Datastore.get(ws, "none"))]
print(json.dumps(dict(
    name=store.name, kept=kept, n=n, again=again, same=same, one=[one, os.listdir("single/up/one")],
    paths=ds.to_path(), listed=listed, globs=globs, uploaded=uploaded.to_path(), bad=[b[0] for b in bad],
)))
""",
    ) == {
        "name": "workspaceblobstore",
        "kept": "a",
        "n": 3,
        "again": 0,
        "same": True,
        "one": [1, ["e"]],
        "paths": ["/a b.txt", "/e", "/sub/ü.bin"],
        "listed": ["a b.txt", "e", "sub/ü.bin"],
        "globs": [["/one/sub/ü.bin"], ["/a b.txt", "/e", "/sub/ü.bin"], ["/one/e"], ["/e"]],
        "uploaded": ["/a b.txt"],
        "bad": ["UserErrorException"] * 5,
    }


def test_more_files_than_a_page_are_all_there(stack: Stack) -> None:
    assert said(
        stack,
        """
store = ws.get_default_datastore()
os.makedirs("many")
for n in range(1100):
    open(f"many/{n}", "w").write(str(n))
store.upload("many", "many", show_progress=False)
print(json.dumps(dict(n=store.download("back", "many", show_progress=False), same=open("back/many/1099").read())))
""",
    ) == {"n": 1100, "same": "1099"}


def test_datastores_are_registered_without_their_secrets(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "x.csv").write_text("a\n1\n")
    (tmp_path / "secrets").mkdir()
    answer = said(
        stack,
        """
blob = Datastore.register_azure_blob_container(ws, "raw", "container", "account", account_key="hush-hush")
url = Datastore.register_url(ws, "place", sys.argv[1])
table = Dataset.Tabular.from_delimited_files((url, "*.csv")).to_pandas_dataframe().to_dict("list")
url.upload_files([__import__("shutil").copy(sys.argv[1] + "/x.csv", "y.csv")], target_path="new", show_progress=False)
url.set_as_default()
first = [Datastore.get_default(ws).name, ws.get_default_datastore().name, Datastore(ws).name]
Datastore(ws, "workspaceblobstore").set_as_default()
missing = refused(lambda: Dataset.File.from_files((blob, "x")))
taken = refused(lambda: Datastore.register_url(ws, "place", "/elsewhere"))
Datastore.register_url(ws, "place", sys.argv[1] + "/new", overwrite=True)
names_there = sorted(ws.datastores)
blob.unregister()
print(json.dumps(dict(
    kind=[blob.datastore_type, blob.account_name, Datastore.get(ws, "place").datastore_type], table=table,
    then=Datastore.get_default(ws).name, missing=missing, taken=taken[0], names=names_there, first=first,
    after=sorted(ws.datastores), new=Dataset.File.from_files((Datastore(ws, "place"), "")).to_path(),
    bad=refused(lambda: Datastore.register_url(ws, "a-b", "/x"))[0],
)))
""",
        str(tmp_path / "place"),
        RUNFOLD_SECRETS="environment,files",
        RUNFOLD_SECRETS_DIRECTORY=str(tmp_path / "secrets"),
    )
    missing = answer.pop("missing")
    assert "adlfs" in missing[1]  # type: ignore[index]
    assert answer == {
        "kind": ["AzureBlob", "account", "Url"],
        "table": {"a": [1]},
        "first": ["place"] * 3,
        "then": "workspaceblobstore",
        "taken": "AssetExistsError",
        "names": ["place", "raw", "workspaceblobstore", "workspacefilestore"],
        "after": ["place", "workspaceblobstore", "workspacefilestore"],
        "new": ["/y.csv"],
        "bad": "UserErrorException",
    }
    assert (tmp_path / "secrets" / "datastore-raw-account-key").read_text() == "hush-hush"
    assert "hush" not in json.dumps(stack.get("assets/datastore?include_deleted=true"))
    journals = b"".join(
        path.read_bytes() for path in stack.home.rglob("*") if path.is_file() and "journals" in str(path)
    )
    assert b"datastore" in journals
    assert b"hush-hush" not in journals


def test_a_frame_is_stored_and_registered(stack: Stack) -> None:
    assert said(
        stack,
        """
import pandas
frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None]})
store = ws.get_default_datastore()
made = Dataset.Tabular.register_pandas_dataframe(frame, (store, "frames"), "frame", show_progress=False)
back = Dataset.get_by_name(ws, "frame").to_pandas_dataframe()
print(json.dumps(dict(id=made.id, a=back["a"].tolist(), b=[None if pandas.isna(v) else v for v in back["b"]])))
""",
    ) == {"id": "frame:1", "a": [1, 2], "b": ["x", None]}


def test_a_query_is_answered_by_a_database(stack: Stack) -> None:
    from psycopg.conninfo import conninfo_to_dict

    known = conninfo_to_dict(str(stack.environment["RUNFOLD_POSTGRES"]))
    assert said(
        stack,
        """
known = json.loads(sys.argv[1])
store = Datastore.register_azure_postgre_sql(
    ws, "dwh", known["host"], known["dbname"], known["user"], known.get("password") or "x",
    port_number=known.get("port"), enforce_ssl=False)
ds = Dataset.Tabular.from_sql_query((store, "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y' ORDER BY a"))
wrong = refused(lambda: Dataset.Tabular.from_sql_query((store, "SELECT nonsense")))
print(json.dumps(dict(rows=ds.to_pandas_dataframe().to_dict("list"), wrong=wrong[0])))
""",
        json.dumps({key: str(value) for key, value in known.items()}),
    ) == {"rows": {"a": [1, 2], "b": ["x", "y"]}, "wrong": "UserErrorException"}


def test_a_script_finds_its_inputs_and_the_run_remembers_them(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    made = said(
        stack,
        """
named = Dataset.Tabular.from_delimited_files(sys.argv[1]).register(ws, "inputs")
run = Experiment(ws, "inputs").start_logging(snapshot_directory=None, outputs=False); run.flush()
print(json.dumps(dict(run_id=run.id)))
""",
        str(tmp_path / "a.csv"),
    )
    run_id = str(made["run_id"])
    workspace = str(stack.settings()["workspace"])
    used = said(
        stack,
        """
run = Run.get_context(allow_offline=False)
table = run.input_datasets["train"].to_pandas_dataframe()
run.input_datasets["extra"] = Dataset.File.from_files(sys.argv[1])
run.output_datasets["out"] = Dataset.File.from_files(sys.argv[1])
run.complete(); run.flush()
print(json.dumps(dict(rows=len(table), path=run.input_datasets["folder"], names=sorted(run.input_datasets))))
""",
        str(tmp_path / "a.csv"),
        RUNFOLD_WORKSPACE=workspace,
        RUNFOLD_EXPERIMENT="inputs",
        RUNFOLD_RUN_ID=run_id,
        AZUREML_DATASET_ENVIRONMENT_VARS="train:direct,folder:mount",
        train="inputs:1",
        folder="/mnt/data",
    )
    assert used == {"rows": 1, "path": "/mnt/data", "names": ["extra", "folder", "train"]}
    links = {(each["direction"], each["name"]): each for each in stack.get(f"runs/{run_id}")["datasets"]}
    assert set(links) == {("input", "train"), ("input", "extra"), ("output", "out")}
    assert links["input", "train"]["dataset_id"] == "inputs:1"
    assert links["input", "train"]["dataset_version"] == 1
    told = said(
        stack,
        """
run = Run.get(ws, sys.argv[1])
details = run.get_details()
inputs = details["inputDatasets"]
extra = next(each for each in inputs if each["consumptionDetails"]["inputName"] == "extra")
print(json.dumps(dict(
    text=str(inputs), paths=extra["dataset"].to_path(), by_id=Dataset.get_by_id(ws, extra["dataset"].id).to_path(),
    output=[each["outputDetails"] for each in details["outputDatasets"]],
)))
""",
        run_id,
    )
    assert "'id': 'inputs:1'" in str(told["text"])
    assert told["paths"] == told["by_id"] == ["/a.csv"]
    assert told["output"] == [{"outputName": "out"}]


def test_secrets_are_read_from_providers_and_only_the_read_is_on_record(stack: Stack) -> None:
    answer = said(
        stack,
        """
run = Experiment(ws, "secrets").start_logging(snapshot_directory=None, outputs=False)
values = [run.get_secret("db-password"), run.get_secret("none"), run.get_secrets(["db-password", "none"])]
vault = ws.get_default_keyvault()
run.complete()
print(json.dumps(dict(run_id=run.id, values=values, vault=vault.get_secret("db-password"),
                      bad=refused(lambda: run.get_secret("../x"))[0],
                      names=[each["name"] for each in vault.list_secrets()])))
""",
        RUNFOLD_SECRETS="environment",
        RUNFOLD_SECRET_DB_PASSWORD="open-sesame",
    )
    assert answer["values"] == ["open-sesame", None, {"db-password": "open-sesame", "none": None}]
    assert (answer["vault"], answer["bad"], answer["names"]) == ("open-sesame", "UserErrorException", ["db-password"])
    happened = stack.get(f"runs/{answer['run_id']}/events")["timeline"]
    reads = [each["body"] for each in happened if each["event"].endswith("SecretRead") and each["body"]]
    assert [(each["name"], each["provider"], each["found"]) for each in reads] == [
        ("db-password", "environment", True),
        ("none", "environment", False),
        ("db-password", "environment", True),
        ("none", "environment", False),
    ]
    assert "open-sesame" not in json.dumps(happened)
    assert b"open-sesame" not in b"".join(p.read_bytes() for p in stack.home.rglob("*") if p.is_file())


def test_a_submitted_script_gets_its_data_and_what_it_writes_becomes_a_dataset(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("x\n1\n2\n")
    answer = said(
        stack,
        """
from runfold import ScriptRunConfig
from runfold.data import OutputFileDatasetConfig
os.makedirs("src")
open("src/train.py", "w").write('''
import argparse, os
from azureml.core import Run
parser = argparse.ArgumentParser()
for name in ("local", "copied", "table", "out", "old", "older"):
    parser.add_argument("--" + name)
args = parser.parse_args()
run = Run.get_context()
assert os.listdir(args.local) == ["a.csv"], args.local
assert run.input_datasets["local"] == args.local == os.environ["local"]
assert open(args.copied).read() == "stored", args.copied
assert os.listdir(args.old) == ["s.txt"]
assert os.listdir(args.older) == ["s.txt"]
assert args.older == os.environ["AZUREML_DATAREFERENCE_older"] != args.old
frame = run.input_datasets["table"].to_pandas_dataframe()
run.log("rows", len(frame))
open(os.path.join(args.out, "result.txt"), "w").write(str(frame["x"].sum()))
print(run.output_datasets["out"])
''')
store = ws.get_default_datastore()
open("s.txt", "w").write("stored")
store.upload_files(["s.txt"], target_path="job", show_progress=False)
table = Dataset.Tabular.from_delimited_files(sys.argv[1] + "/*.csv").register(ws, "job_table")
out = OutputFileDatasetConfig("out", (store, "results/{run-id}")).as_upload().register_on_complete("job_result")
config = ScriptRunConfig("src", "train.py", arguments=[
    "--local", Dataset.File.from_files(sys.argv[1]).as_named_input("local").as_mount(),
    "--copied", Dataset.File.from_files((store, "job/s.txt")).as_named_input("copied").as_download(),
    "--table", table.as_named_input("table"), "--out", out, "--old", store.path("job").as_download(),
    "--older", str(store.path("job", "older")),
])
config.run_config.data_references = {"older": store.path("job", "older").as_download().to_config()}
config.run_config.environment.python.user_managed_dependencies = True
run = Experiment(ws, "jobs").submit(config)
details = run.wait_for_completion(wait_post_processing=True, raise_on_error=False)
done = details["status"] == "Completed"
result = Dataset.get_by_name(ws, "job_result").download("got")[0] if done else os.devnull
print(json.dumps(dict(
    status=details["status"], error=str(details.get("error")), rows=run.get_metrics().get("rows"),
    result=open(result).read(),
    inputs=sorted(each["consumptionDetails"]["inputName"] + ":" + each["consumptionDetails"]["mechanism"]
                  for each in details["inputDatasets"]),
    outputs=[each["dataset"].id for each in details["outputDatasets"]],
)))
""",
        str(tmp_path / "data"),
    )
    assert answer == {
        "status": "Completed",
        "error": "None",
        "rows": 2,
        "result": "3",
        "inputs": [
            "copied:Download",
            "local:Mount",
            "older:Download",
            "table:Direct",
            "workspaceblobstore_job:Download",
        ],
        "outputs": ["job_result:1"],
    }
