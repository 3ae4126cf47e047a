"""Bad input for every method that takes any: the exception is of the original's family, and says what is allowed.

What is checked without a ledger, and that nothing of it is journaled, is in tests/producer/facade/test_validation.py.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.crossings.saying import said
from tests.house.test_signatures import table
from tests.stack import Stack

# What is called, the exception's type or a base of it, and what its text must name.
RUN = """
Run("experiment", "r") | UserErrorException | an Experiment is needed
Run(experiment, 7) | UserErrorException | run_id must be a str
Run(experiment, "never there") | ServiceException | was not found
Run(experiment, run.id, outputs=7) | UserErrorException | a path or a list of paths
Run.get("workspace", "r") | UserErrorException | a Workspace is needed
Run.get(ws, "never there") | RunNotFoundError | was not found
Run.get_context(allow_offline=False) | RunEnvironmentException | use experiment.start_logging
Run.get_submitted_run() | RunEnvironmentException | use experiment.start_logging
Run.list("experiment") | UserErrorException | an Experiment is needed
Run.list(experiment, tags=7) | ValueError | a key (str) or a dict of str
Run.list(experiment, properties=[]) | ValueError | Unknown filter type for run properties
Run.list(experiment, status="Done") | UserErrorException | there are NotStarted, Unapproved, Starting
Run.list(experiment, type=7) | UserErrorException | type must be a str
Run.list_by_compute("local") | UserErrorException | compute must be a compute target
Run.list_by_compute(ws.compute_targets["local"], status="Failed") | UserErrorException | one of Running, Queued
Run.add_type_provider(7, print) | UserErrorException | runtype must be a str
Run.add_type_provider("mine", 7) | UserErrorException | run_factory(experiment, run_dto)
Run.add_type_provider("azureml.scriptrun", print) | ValueError | already has a factory, can't add another
run.get_children(tags=7) | ValueError | Unknown filter type for run tags
run.get_children(status="Done") | UserErrorException | there are NotStarted
run.add_properties("x") | UserErrorException | a dict of names and values
run.add_properties({"": "1"}) | UserErrorException | at least one character
run.add_properties({"kept": "2"}) | PropertyImmutableError | properties never change
run.set_tags("x") | UserErrorException | a dict of names and values
run.set_tags({"k": "v" * 70_000}) | UserErrorException | at most 65536 are allowed
run.tag(None) | UserErrorException | tag key must be a str
run.remove_tags("x") | UserErrorException | a list of keys
run.child_run(name=7) | UserErrorException | name must be a str
run.child_run(run_id="a/b") | UserErrorException | 1 to 256 printable characters
run.child_run(outputs=7) | UserErrorException | outputs must be a str
run.create_children() | UserErrorException | count, or tag_key together with tag_values
run.create_children(101) | UserErrorException | at most 100 are allowed
run.create_children(1.5) | UserErrorException | a whole number from 0 to 100
run.create_children(1, tag_key="k") | UserErrorException | not both
run.create_children(tag_key="k") | UserErrorException | it needs both
run.create_children(tag_key="k", tag_values="ab") | UserErrorException | a list with a value for each child
run.submit_child("config") | AzureMLException | what can be submitted is: ScriptRunConfig
run.fail(b"x") | TypeError | must be a str or an exception
run.flush("soon") | UserErrorException | a number from 0
run.flush(float("nan")) | UserErrorException | a number from 0
run.clean() | ExperimentExecutionException | has no folder on this machine
run.log(7, 1) | UserErrorException | metric name must be a str
run.log("a", [1]) | UserErrorException | Use run.log_list instead
run.log("a", 1, step=1.5) | UserErrorException | a whole number or None
run.log_list("a", 5) | TypeError | not iterable
run.log_list("a", [b"x"]) | AzureMLException | supported types include [int, float, str, bool, None
run.log_row("a", x=[1]) | AzureMLException | Rows cannot contain list values, column x
run.log_table("a", [1]) | UserErrorException | takes a dict of columns
run.log_table("a", {"x": [1], "y": [1, 2]}) | AzureMLException | Columns must have the same length
run.log_image("a") | AzureMLException | one of path and plot is required
run.log_image("a", path="x", plot=7) | AzureMLException | only one at a time is supported
run.log_image("a", plot=7) | AzureMLException | Expected type: [matplotlib.pyplot]
run.log_image("a", path="/etc/hostname") | AzureMLException | Argument [/etc/hostname] is malformed.
run.log_image("a", path="/nowhere.png") | FileNotFoundError | /nowhere.png
run.log_accuracy_table("a", "{") | UserErrorException | Invalid JSON provided
run.log_confusion_matrix("a", {1, 2}) | TypeError | not JSON serializable
run.log_predictions("a", {}, strict=True) | UserErrorException | Without strict=True it is kept
run.log_residuals(7, {}) | UserErrorException | metric name must be a str
run.get_metrics(7) | UserErrorException | metric name must be a str
run.get_metrics(run_type=7) | UserErrorException | run_type must be a str
run.get_metrics(rank=-1) | UserErrorException | a whole number from 0 or None
run.get_metrics(not_before=7) | UserErrorException | as run.watermark() gives it
run.get_status(not_before="x") | UserErrorException | a watermark starts with
run.get_all_logs(7) | UserErrorException | the path of a directory
run.get_all_logs(afile) | UserErrorException | destination must be a directory
run.get_environment() | UserErrorException | There is no run definition or environment specified for the run.
run.get_secret(7) | UserErrorException | 1 to 127 letters, digits
run.get_secrets("name") | UserErrorException | A list of secrets' names is needed
run.upload_file("../x", afile) | UserErrorException | a relative path with '/' between its parts
run.upload_file("x", 7) | UserErrorException | a str, a path or a stream is needed
run.upload_file("x", "/nowhere") | FileNotFoundError | /nowhere
run.upload_file("x", "/") | UserErrorException | a file or a stream is needed
run.upload_file("stored", afile) | ArtifactExistsError | Resource Conflict: ArtifactId stored already exists
run.upload_files(["a", "b"], [afile]) | TypeError | there are 2 names and 1 paths
run.upload_files(["a"], [afile], timeout_seconds=0) | UserErrorException | a number above 0 or None
run.upload_folder("p", afile) | UserErrorException | a directory that exists
run.download_file("never there") | UserErrorException | available files include: stored
run.download_file("stored", 7) | UserErrorException | output_file_path must be a path
run.download_files("never there") | UserErrorException | available files include: stored
run.download_files(batch_size=0) | UserErrorException | a whole number from 1
run.download_files(output_directory=7) | UserErrorException | output_directory must be a path
run.take_snapshot(7) | SnapshotException | a directory or file, given as str or path
run.take_snapshot("/nowhere") | SnapshotException | neither directory nor file
run.restore_snapshot() | SnapshotException | run.take_snapshot(directory) takes one
run.restore_snapshot("never-there") | SnapshotException | There is no snapshot
run.restore_snapshot("../x") | SnapshotException | is no id of a snapshot
run.register_model("a b", "stored") | WebserviceException | 1 to 255 letters, digits
run.register_model("m", "never there") | ModelPathNotFoundException | ['stored']
run.register_model("m", "stored", model_framework_version="1") | WebserviceException | name the framework too
run.register_model("m", "stored", tags="x") | WebserviceException | tags must be a dict
run.register_model("m", "stored", properties=7) | WebserviceException | properties must be a dict
run.register_model("m", "stored", datasets="x") | WebserviceException | a list of (relationship, dataset)
run.register_model("m", "stored", resource_configuration=7) | UserErrorException | must be a ResourceConfiguration
failed.wait_for_completion() | ActivityFailedException | "message": "User program failed with KeyError: 'x'"
setattr(run, "display_name", 7) | UserErrorException | display_name must be a str
setattr(run, "description", "\\0") | UserErrorException | a NUL character
setattr(run, "id", 7) | AttributeError | no setter
"""
REST = """
Experiment("workspace", "a") | UserErrorException | takes a Workspace
Experiment(ws, "a b") | UserErrorException | between 1 and 255 characters
experiment.submit("config") | AzureMLException | what can be submitted is: ScriptRunConfig
experiment.submit(ScriptRunConfig(source, "gone.py")) | AzureMLException | inside the project folder
experiment.submit(ScriptRunConfig("/nowhere", "t.py")) | ExperimentExecutionException | is no directory
experiment.submit(ScriptRunConfig(source)) | ExperimentExecutionException | a script of its source directory
experiment.submit(ScriptRunConfig(source, "t.py", compute_target="gpus")) | AzureMLException | there are: local
experiment.submit(ScriptRunConfig(source, "t.py", [object()])) | UserErrorException | text, numbers, paths
experiment.submit(ScriptRunConfig(source, "t.py", max_run_duration_seconds="x")) | UserErrorException | above 0 or None
experiment.submit(ScriptRunConfig(source, "t.py"), tags="x") | UserErrorException | a dict of names and values
experiment.submit(ScriptRunConfig(source, "t.py"), run_id="a/b") | UserErrorException | 1 to 256 printable characters
experiment.start_logging(run_id="a/b") | UserErrorException | 1 to 256 printable characters
experiment.start_logging(outputs=7) | UserErrorException | outputs must be a str
experiment.start_logging(snapshot_directory="/nowhere") | SnapshotException | neither directory nor file
experiment.start_logging(display_name=7) | UserErrorException | display_name must be a str
experiment.get_runs(tags=7) | ValueError | Unknown filter type for run tags
experiment.tag(None) | UserErrorException | tag key must be a str
experiment.set_tags("x") | UserErrorException | a dict of names and values
experiment.remove_tags("x") | UserErrorException | a list of keys
experiment.reactivate("new name") | UserErrorException | new_name must be None
Experiment.list("workspace") | UserErrorException | takes a Workspace
Experiment.list(ws, view_type="Some") | UserErrorException | ActiveOnly, ArchivedOnly, All
Experiment.list(ws, tags=7) | ValueError | Unknown filter type
Experiment.delete(ws, "never there") | UserErrorException | Experiment.list shows those that exist
Experiment.from_directory(7) | UserErrorException | as str or path
Experiment.from_directory("/nowhere") | UserErrorException | neither a config file nor a directory
Workspace("s", "g", "a") | UserErrorException | between 3 and 33 characters
Workspace.get("never-there") | WorkspaceException | never-there
Workspace.create(ws.name) | WorkspaceException | exist_ok
Workspace.from_config("/nowhere") | UserErrorException | neither a config file nor a directory
Workspace.from_config(7) | UserErrorException | as str or path
Workspace.from_config(afile) | UserErrorException | cannot be read as JSON
ws.write_config(7) | UserErrorException | as str or path
ws.get_run("never there") | ServiceException | was not found
ws.set_default_datastore("never-there") | UserErrorException | there are
ScriptRunConfig(7) | UserErrorException | source_directory must be a path
ScriptRunConfig(source, 7) | UserErrorException | script must be a path
ScriptRunConfig(source, "t.py", "--lr 1") | UserErrorException | an item for each word
ScriptRunConfig(source, "t.py", command="x") | UserErrorException | give one of them
ScriptRunConfig(source, "t.py", run_config=7) | UserErrorException | a RunConfiguration is needed
ScriptRunConfig(source, "t.py", environment=7) | UserErrorException | an Environment is needed
ScriptRunConfig(source, "t.py", compute_target=7) | UserErrorException | a target's name or a ComputeTarget
ScriptRunConfig(source, "t.py", distributed_job_config=7) | UserErrorException | allowed are MpiConfiguration
ScriptRunConfig(source, "t.py", docker_runtime_config=7) | UserErrorException | a DockerConfiguration is needed
Model(ws) | WebserviceException | found by name, id, tags
Model("workspace", "m") | UserErrorException | A Workspace is needed
Model(ws, "never-there") | WebserviceException | not found in provided workspace
Model(ws, "m", version=0) | WebserviceException | an int from 1
Model(ws, id="m") | WebserviceException | <name>:<version>
model.add_tags("x") | WebserviceException | tags must be a dict
model.remove_tags("x") | WebserviceException | a list of keys
model.add_properties({"kept": "2"}) | WebserviceException | properties are immutable
model.add_dataset_references("x") | WebserviceException | a list of (relationship, dataset)
model.update(tags="x") | WebserviceException | tags must be a dict
model.update_tags_properties(add_tags="x") | WebserviceException | tags must be a dict
model.download(7) | WebserviceException | target_dir must be a path
model.download(afile) | WebserviceException | target_dir must be a directory
Model.list("workspace") | UserErrorException | A Workspace is needed
Model.list(ws, tags={"a": 1}) | UserErrorException | a list of 'key' or ['key', 'value']
Model.list(ws, page_count=5) | WebserviceException | from 20 to 255
Model.get_model_path("never-there") | ModelNotFoundException | Model.download
Model.register(ws, "never there", "m") | FileNotFoundError | cannot be found
Model.register(ws, "/etc/hostname", "m") | PermissionError | is outside the current directory
Model.register(ws, afile, "a b") | WebserviceException | 1 to 255 letters, digits
Model.deserialize(ws, {}) | WebserviceException | not what Model.serialize writes
Model.deploy(ws, "s", [model]) | WebserviceException | runfold.serving
Model.package(ws, [model]) | WebserviceException | runfold.serving
Model.profile(ws, "p", [model], None, None) | WebserviceException | runfold.serving
Dataset.get_by_name(ws, "never-there") | UserErrorException | Cannot find dataset
Dataset.get_by_id(ws, "never-there") | UserErrorException | Cannot find dataset
Datastore(ws, "never-there") | UserErrorException | there are
Environment(7) | TypeError | must be a str
Environment.get(ws, "x", version="1", label="l") | UserErrorException | not both
Environment.get(ws, "never-there") | UserErrorException | registered are
Keyvault(7) | UserErrorException | takes a Workspace
ws.get_default_keyvault().get_secret("") | UserErrorException | 1 to 127 letters, digits
ws.get_default_keyvault().set_secret("a b", "x") | UserErrorException | 1 to 127 letters, digits
"""
# Methods that take nothing which could be wrong.
HARMLESS = {
    "Run": """__enter__ __exit__ cancel complete get_details get_details_with_logs get_detailed_status get_file_names
        get_portal_url get_docs_url get_properties get_snapshot_id get_status get_tags start""",
    "Experiment": "archive get_docs_url get_portal_url refresh",
    "Workspace": """get_default_compute_target get_default_datastore get_default_keyvault get_details list setup""",
    "ScriptRunConfig": "",
    "Model": "__repr__ delete get_sas_urls print_configuration serialize",
}
SCRIPT = """
import tempfile, pathlib
from runfold import Dataset, Datastore, Environment, Keyvault, Model, ScriptRunConfig
source = tempfile.mkdtemp(); os.chdir(source); afile = "afile.txt"
pathlib.Path(afile).write_text("no JSON"); pathlib.Path("t.py").write_text("")
run.upload_file("stored", afile); run.add_properties({"kept": "1"})
model = run.register_model("m", "stored", properties={"kept": "1"})
failed = experiment.start_logging(snapshot_directory=None, outputs=False); failed.fail(KeyError("x"))
found = []
for call in json.loads(os.environ["CASES"]):
    try:
        eval(call); found.append((call, [], "nothing was raised"))
    except Exception as e:
        found.append((call, [base.__name__ for base in type(e).__mro__], str(getattr(e, "message", None) or e)))
"""


def cases(lines: str) -> list[tuple[str, str, str]]:
    return [tuple(line.rsplit(" | ", 2)) for line in lines.strip().splitlines()]  # type: ignore[misc]


@pytest.mark.parametrize("lines", [RUN, REST], ids=["run", "rest"])
def test_each_is_refused_by_the_originals_family_with_what_is_allowed(stack: Stack, lines: str) -> None:
    expected = cases(lines)
    found = said(stack, SCRIPT, "bad", CASES=json.dumps([call for call, _, _ in expected]))
    wrong = [
        (call, family, words, bases[:1], text)
        for (call, family, words), (_, bases, text) in zip(expected, found, strict=True)
        if family not in bases or words not in text
    ]
    assert wrong == []


@pytest.mark.parametrize("owner", sorted(HARMLESS))
def test_the_table_has_every_method(owner: str) -> None:
    calls = "\n".join(call for call, _, _ in cases(RUN) + cases(REST))
    of = {
        "Run": "(?:Run|run|failed)",
        "Experiment": "[Ee]xperiment",
        "Workspace": "(?:Workspace|ws)",
        "Model": "[Mm]odel",
    }
    named = set(re.findall(rf"^{of.get(owner, owner)}\.(\w+)\(", calls, re.MULTILINE))
    methods = {member.name for member in table() if member.owner == owner and member.parameters is not None}
    assert sorted(methods - {"__init__"} - named - set(HARMLESS[owner].split())) == []
    assert re.search(rf"^{owner}\(", calls, re.MULTILINE)
