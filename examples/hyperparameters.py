"""One parent, a child for each value of a hyperparameter; the best child is found by its metrics."""

from azureml.core import Experiment, Run, Workspace

ws = Workspace.from_config()
experiment = Experiment(ws, "hyperparameters")
parent: Run = experiment.start_logging(snapshot_directory=None, outputs=False)
print("parent", parent.id)


def mean_squared_error(alpha):
    return (alpha - 0.35) ** 2 + 0.1


alphas = [round(0.1 * n, 1) for n in range(8)]
for alpha in alphas:
    with parent.child_run(f"alpha-{alpha}") as child:
        child.log("alpha", alpha)
        child.log("mse", mean_squared_error(alpha))
        child.tag("kind", "grid")
        child.parent.log("tried", alpha)

repeats = parent.create_children(tag_key="seed", tag_values=["1", "2", "3"])
for repeat in repeats:
    repeat.log("mse", 0.2)
    repeat.complete()

best, lowest = None, float("inf")
for run_id, metrics in parent.get_metrics(recursive=True).items():
    if "alpha" in metrics and metrics["mse"] < lowest:
        best, lowest = run_id, metrics["mse"]
parent.log("best alpha", Run.get(ws, best).get_metrics("alpha")["alpha"])
parent.set_tags({"best": best})
parent.complete()

assert [len(list(parent.get_children(tags=filter))) for filter in ("kind", {"seed": "2"})] == [8, 1]
print("best", best, lowest)
