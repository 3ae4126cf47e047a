"""What the page's tests look at: runs of two experiments, logged as users log them, by the real client.

FILL is run once on the session's stack; it prints the run ids by name, as JSON.
"""

FILL = """
import json, math, sys
from runfold import Experiment, Workspace

workspace = Workspace.from_config()
ids = {}
for experiment, teams in (("digits", ("vision", "vision", "speech", "speech")), ("ablation-lr", ("nlp", "nlp"))):
    for at, team in enumerate(teams):
        name = f"{team}-{at}"
        run = Experiment(workspace, experiment).start_logging(snapshot_directory=None, display_name=name)
        rate = 0.1 / (at + 1)
        run.tag("team", team)
        run.tag("my key", "a b")
        run.add_properties({"lr": str(rate), "azureml.git.commit": f"c{at}", "same": "s"})
        for step in range(120):
            run.log("loss", math.exp(-step / (30 + 10 * at)) + 0.05 * at, step=step)
            run.log("acc", 1 - math.exp(-step / 40) / (1 + at), step=step)
        if experiment == "ablation-lr":
            run.log("grad.norm", float("nan") if at else 1.5, step=0)
        else:
            run.log("val/loss", 0.3 + at, step=0)
        if name == "vision-1":
            try:
                run.add_properties({"lr": "7"})
            except Exception as refused:
                print(type(refused).__name__, file=sys.stderr)
            for k in range(3):
                child = run.child_run(name=f"fold-{k}")
                child.log("loss", 0.1 * k, step=0)
                child.complete()
        if name == "speech-3":
            run.fail("out of memory")
        else:
            run.complete()
        ids[name if experiment == "digits" else f"{experiment} {at}"] = run.id
print(json.dumps(ids))
"""

LIVE = """
import sys
from runfold import Experiment, Workspace

run = Experiment(Workspace.from_config(), "digits").start_logging(snapshot_directory=None, display_name=sys.argv[1])
run.log("loss", 0.5, step=0)
run.flush()
print(run.id, flush=True)
sys.stdin.readline()
run.complete()
"""

CODE = """
import json
from pathlib import Path
from runfold import Experiment, Workspace

experiment = Experiment(Workspace.from_config(), "code")
place = Path("project")
ids = {}


def took(name, files, executable=()):
    for path, content in files.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o755 if path in executable else 0o644)
    for path in place.rglob("*"):
        if path.is_file() and path.relative_to(place).as_posix() not in files:
            path.unlink()
    run = experiment.start_logging(snapshot_directory=place if files else None, display_name=name, outputs=False)
    run.complete()
    ids[name] = run.id


lines = "".join(f"step_{n}()\\n" for n in range(40)).encode()
first = {"train.py": lines, "pkg/same.py": b"same = 1\\n", "old.py": b"x\\n", "run.sh": b"#!", "data.bin": b"\\0\\1"}
took("first", first)
changed = lines.replace(b"step_20()", b"step_20(rate=0.1)")
second = {**first, "train.py": changed, "new.py": b"y = 2\\n", "data.bin": b"\\0\\2"}
del second["old.py"]
took("second", second, executable=("run.sh",))
took("again", first)
took("bare", {})
print(json.dumps(ids))
"""
