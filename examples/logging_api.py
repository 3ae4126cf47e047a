"""Everything that can be logged, and what is read back: the tour of the logging API."""

import random
import time

import azureml.core
from azureml.core import Experiment, Workspace
from azureml.widgets import RunDetails

print("This notebook was created using version 1.61.0 of the Azure ML SDK")
print("You are currently using version", azureml.core.VERSION, "of the Azure ML SDK")

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="logging-api-test")
run = experiment.start_logging(snapshot_directory=None, outputs=False)
print("run", run.id)

run.log("scalar", 1.5)
run.log("text", "a word")
for n in range(10):
    run.log("Fibonacci mod 10", n * n % 10)
run.log_list("even", list(range(0, 20, 2)))
run.log_row("single row", a=1, b="two", c=3.0)
for angle in range(8):
    run.log_row("Cosine Wave", angle=angle, cos=1 - angle**2 / 2)

random.seed(1)
columns = {f"column {c}": [random.random() for _ in range(3000)] for c in range(15)}
begun = time.time()
run.log_table("table", columns)
for row in range(3000):
    run.log_row("rows", **{name: values[row] for name, values in columns.items()})
print("45,000 values twice in", round(time.time() - begun, 1), "s")

run.log_accuracy_table(
    "accuracy",
    {
        "schema_type": "accuracy_table",
        "schema_version": "1.0.1",
        "data": {
            "class_labels": ["a"],
            "probability_thresholds": [0.0, 1.0],
            "percentile_thresholds": [0.1, 0.9],
            "probability_tables": [[[6, 4, 0, 0], [0, 0, 4, 6]]],
            "percentile_tables": [[[6, 4, 0, 0], [1, 0, 4, 5]]],
        },
    },
)
run.complete()

metrics = run.get_metrics()
assert metrics["scalar"] == 1.5
assert metrics["even"] == list(range(0, 20, 2))
assert metrics["single row"] == {"a": 1, "b": "two", "c": 3.0}
assert metrics["table"] == metrics["rows"] == columns
assert run.get_metrics(name="text") == {"text": "a word"}
assert run.get_metrics(name="nothing") == {}
RunDetails(run).show()
