"""Submits a script to this machine, waits for it while its output is shown, and reads what it logged."""

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.conda_dependencies import CondaDependencies

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="submitted")

environment = Environment("user-managed-env")
environment.python.user_managed_dependencies = True
environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["numpy"])
environment.environment_variables = {"GREETING": "hello"}

src = ScriptRunConfig(source_directory="submitted", script="job.py", arguments=["--numbers", 5, "--scale", 0.5])
src.run_config.environment = environment
src.run_config.target = "local"

run = experiment.submit(config=src, tags={"purpose": "example"})
print("submitted", run.id)
run.wait_for_completion(show_output=True)

assert run.get_status() == "Completed"
details = run.get_details()
assert details["runDefinition"]["script"] == "job.py"
assert run.get_metrics() == {"numbers": [0.0, 0.5, 1.0, 1.5, 2.0], "sum": 5.0}
run.download_file("outputs/numbers.txt", "numbers.txt")
print("kept", open("numbers.txt").read().split())
