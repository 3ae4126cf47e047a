"""Runs, managed: tags, properties that never change, names, failures, cancellation, and finding them again."""

from azureml.core import Experiment, Run, Workspace
from azureml.exceptions import AzureMLException, UserErrorException

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="managed")

run = experiment.start_logging(snapshot_directory=None, outputs=False)
print("managed", run.id)
print(run.get_status())
run.display_name = "the managed one"
run.description = "shows how runs are managed"

run.add_properties({"author": "azureml-user"})
try:
    run.add_properties({"author": "different-user"})
    raise SystemExit("a property has changed")
except AzureMLException as error:
    print("refused", type(error).__name__)
assert run.get_properties()["author"] == "azureml-user"

run.tag("quality", "great run")
run.tag("quality", "fantastic run")
run.tag("worth another look")
run.set_tags({"epochs": 3, "draft": "yes"})
run.remove_tags(["draft"])
assert run.get_tags() == {"quality": "fantastic run", "worth another look": None, "epochs": "3"}
run.complete()

failed = experiment.start_logging(snapshot_directory=None, outputs=False)
failed.fail(error_details="the data is gone", error_code="DataLost")
print("failed", failed.id)

canceled = experiment.start_logging(snapshot_directory=None, outputs=False)
canceled.cancel()
print("canceled", canceled.id)

assert canceled.get_status() == "Canceled"
assert [each.id for each in experiment.get_runs(tags="worth another look")] == [run.id]
assert [each.id for each in experiment.get_runs(properties={"author": "azureml-user"})] == [run.id]
assert [each.id for each in Run.list(experiment, status="Failed")] == [failed.id]
assert next(experiment.get_runs()).id == canceled.id

try:
    experiment.start_logging(run_id="not/allowed", snapshot_directory=None)
except UserErrorException as error:
    print("refused", error.message)
