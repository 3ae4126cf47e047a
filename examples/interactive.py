"""An interactive run: a fit that is logged as numbers, lists, rows, a table, images and charts."""

import math
import random

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from azureml.core import Experiment, Workspace

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="interactive")
run = experiment.start_logging(snapshot_directory=None, display_name="a sine, fitted")
print("started", run.id)

random.seed(7)
xs = [step / 10 for step in range(63)]
ys = [math.sin(x) + random.gauss(0, 0.05) for x in xs]

amplitude = 0.0
for _ in range(20):
    gradient = sum(2 * (amplitude * math.sin(x) - y) * math.sin(x) for x, y in zip(xs, ys)) / len(xs)
    amplitude -= 0.5 * gradient
    run.log("loss", sum((amplitude * math.sin(x) - y) ** 2 for x, y in zip(xs, ys)) / len(xs))
run.log("amplitude", amplitude, description="of the sine that fits best")

errors = [amplitude * math.sin(x) - y for x, y in zip(xs, ys)]
run.log_list("errors", errors)
run.log_row("extremes", smallest=min(errors), largest=max(errors))
run.log_table("points", {"x": xs, "y": ys})

plt.plot(xs, ys, "o", xs, [amplitude * math.sin(x) for x in xs])
run.log_image("fit", plot=plt)

edges = [-0.2, -0.1, 0.0, 0.1, 0.2]
run.log_residuals(
    "residuals",
    {
        "schema_type": "residuals",
        "schema_version": "1.0.0",
        "data": {
            "bin_edges": edges,
            "bin_counts": [sum(low <= e < high for e in errors) for low, high in zip(edges, edges[1:])],
        },
    },
)
run.log_predictions(
    "predictions",
    {
        "schema_type": "predictions",
        "schema_version": "1.0.0",
        "data": {
            "bin_averages": [-0.5, 0.5],
            "bin_errors": [0.05, 0.05],
            "bin_counts": [sum(y < 0 for y in ys), sum(y >= 0 for y in ys)],
            "bin_edges": [-1.0, 0.0, 1.0],
        },
    },
)

with open("amplitude.txt", "w") as file:
    file.write(f"{amplitude:.6f}")
run.upload_file(name="results/amplitude.txt", path_or_stream="amplitude.txt")
run.complete()

metrics = run.get_metrics()
assert len(metrics["loss"]) == 20
assert metrics["points"]["x"] == xs
print("files", sorted(run.get_file_names()))
