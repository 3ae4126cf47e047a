"""Submits a distributed training: four ranks of one script, on this machine."""

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.runconfig import PyTorchConfiguration

ws = Workspace.from_config()
environment = Environment("ranks")
environment.python.user_managed_dependencies = True

src = ScriptRunConfig(
    source_directory="elastic",
    script="train.py",
    arguments=["--steps", 20],
    compute_target="local",
    environment=environment,
    distributed_job_config=PyTorchConfiguration(process_count=4, node_count=1),
)
run = Experiment(ws, "ranks").submit(src)
print("submitted", run.id)
details = run.wait_for_completion(show_output=False)
assert details["status"] == "Completed", details
