"""A model: stored by a run, registered from it, listed by its tags, and downloaded again."""

import json
import os

from azureml.core import Experiment, Workspace
from azureml.core.model import Model

ws = Workspace.from_config()
run = Experiment(ws, "regression").start_logging(snapshot_directory=None)
print("run", run.id)

xs, ys = [1.0, 2.0, 3.0, 4.0], [2.1, 3.9, 6.2, 7.8]
slope = sum(x * y for x, y in zip(xs, ys)) / sum(x * x for x in xs)
run.log("slope", slope)

os.makedirs("outputs/model", exist_ok=True)
with open("outputs/model/weights.json", "w") as file:
    json.dump({"slope": slope}, file)
with open("outputs/model/readme.txt", "w") as file:
    file.write("y = slope * x")
run.complete()

model = run.register_model(
    model_name="line",
    model_path="./outputs/model",
    tags={"area": "examples", "points": 4},
    properties={"slope": round(slope, 3)},
    model_framework=Model.Framework.CUSTOM,
    model_framework_version="0.1",
    description="a line through four points",
)
print("registered", model.name, model.version, model.id)

found = Model(ws, name="line")
assert (found.version, found.tags["points"], found.run_id) == (model.version, "4", run.id)
assert model.id in [each.id for each in Model.list(ws, name="line", tags=[["area", "examples"]])]

path = found.download(target_dir="downloaded", exist_ok=True)
with open(os.path.join(path, "weights.json")) as file:
    assert json.load(file) == {"slope": slope}
print("downloaded", path)
