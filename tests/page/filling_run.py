"""What the tests of the run view look at: a run with everything that a run can have, one of several ranks and attempts.

Both scripts run on the session's stack, by the real client, and print run ids as JSON or line by line.
"""

EVERYTHING = """
import json, math, os, random, struct, sys, tempfile, zlib
from runfold import Experiment, Workspace

def png(shade):
    rows = b"".join(b"\\0" + bytes((x * 4, shade, 90) [c] for x in range(48) for c in range(3)) for _ in range(48))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", 48, 48, 8, 2, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

noise = random.Random(7)
folder = tempfile.mkdtemp()
os.chdir(folder)
experiment = Experiment(Workspace.from_config(), "everything")
run = experiment.start_logging(snapshot_directory=None, display_name="Everything")
print(run.id, flush=True)
with run:
    for step in range(3000):
        run.log("loss", 2.5 * math.exp(-step / 600) + 0.2 * noise.random(), step=step)
    for step in range(0, 3000, 10):
        odd = {500: math.nan, 900: math.inf, 1500: -math.inf}.get(step)
        run.log("val/f1", odd if odd is not None else step / 3000, step=step)
        run.log("val/accuracy", 1 - math.exp(-step / 500), step=step)
        run.log("epoch", step // 300, step=step)
    for layer in range(40):
        for step in range(20):
            run.log(f"grad/block{layer // 10}/layer{layer % 10}", step * (layer + 1) - 5, step=step)
    run.log("note", "from checkpoint 12")
    for batch in range(5):
        run.log_row("speed", batch=batch, images=100.5 + batch, phase="warm" if batch else "cold")
    run.log_table("errors", {"class": ["a", "b", "c"], "share": [0.1, math.nan, 0.25]})
    labels = ["cat", "dog"]
    run.log_confusion_matrix("confusion", {"schema_type": "confusion_matrix", "schema_version": "1.0.0",
        "data": {"class_labels": labels, "matrix": [[50, 3], [4, 44]]}})
    tables = [[[60, 40, 0, 0], [50, 10, 30, 10], [0, 0, 40, 60]], [[40, 60, 0, 0], [30, 10, 50, 10], [0, 0, 60, 40]]]
    run.log_accuracy_table("roc", {"schema_type": "accuracy_table", "schema_version": "1.0.1", "data": {
        "class_labels": labels, "probability_tables": tables, "percentile_tables": tables,
        "probability_thresholds": [0.0, 0.5, 1.0], "percentile_thresholds": [0.0, 0.5, 1.0]}})
    run.log_residuals("residuals", {"schema_type": "residuals", "schema_version": "1.0.0",
        "data": {"bin_edges": [-2, -1, 0, 1, 2], "bin_counts": [2, 12.5, 48, 3]}})
    run.log_predictions("predictions", {"schema_type": "predictions", "schema_version": "1.0.0", "data": {
        "bin_averages": [0.2, 1.1], "bin_errors": [0.05, 0.2], "bin_counts": [12, 9], "bin_edges": [0, 1, 2]}})
    run.log_confusion_matrix("broken", {"data": {"matrix": [[1, "x"]]}})
    os.makedirs("kept/deep")
    for n in range(4):
        with open("sample.png", "wb") as file:
            file.write(png(60 * n))
        run.log_image("samples", path="sample.png")
    texts = {"notes.txt": "first line", "deep/data.json": '{"a": [1, 2]}', "deep/rows.csv": 'id,name\\n1,"x, y"\\n'}
    for name, text in texts.items():
        with open(f"kept/{name}", "w") as file:
            file.write(text)
    run.upload_folder("kept", "kept")
    run.set_tags({"team": "vision", "stage": "draft"})
    run.add_properties({"data": "v7"})
    try:
        run.add_properties({"data": "v8"})
    except Exception as refused:
        print(type(refused).__name__, file=sys.stderr)
    for fold in range(3):
        with run.child_run(name=f"fold {fold}") as child:
            child.log("score", 0.5 + fold / 10, step=0)
            if fold == 1:
                with child.child_run(name="inner") as inner:
                    inner.log("score", 0.9, step=0)
    for line in range(2000):
        print(f"line {line} of the log")
    print("\\x1b[31mred alert\\x1b[0m and plain")
    print("10%\\r50%\\r100% done")
"""

RANK = """
import sys
from runfold import Run
run = Run.get_context()
first, last, shift = map(float, sys.argv[1:])
for step in range(int(first), int(last)):
    run.log("loss", shift + 1 / (step + 1), step=step)
    run.log("grad", shift + step, step=step)
run.flush()
"""

PARENT = """
from runfold import Experiment, Workspace
experiment = Experiment(Workspace.from_config(), "everything")
run = experiment.start_logging(snapshot_directory=None, display_name="Three ranks")
print(run.id)
run.flush()
"""

SPEAKING = """
import sys
from runfold import Experiment, Workspace
run = Experiment(Workspace.from_config(), "everything").start_logging(snapshot_directory=None, display_name="Speaking")
with run:
    run.log("loss", 1.0, step=0)
    run.log("loss", 0.9, step=1)
    run.flush()
    print(run.id, flush=True)
    for line in sys.stdin:
        what, _, rest = line.strip().partition(" ")
        if what == "point":
            step, value = rest.split()
            run.log("loss", float(value), step=int(step))
        elif what == "new":
            run.log(rest, 1.0, step=0)
        elif what == "say":
            print(rest, flush=True)
        elif what == "child":
            run.child_run(name=rest).flush()
        elif what == "end":
            break
        run.flush()
"""
