"""One run, from a script to the answer: what was logged is read back, at once, by the same process and by another."""

from __future__ import annotations

import json

from tests.stack import Stack
from tests.waiting import until

START = """
import json, math, sys
from runfold import Experiment, Run, Workspace
run = Experiment(Workspace.from_config(), "crossing").start_logging(snapshot_directory=None, outputs=False)
"""


def test_a_process_sees_its_own_points_after_flush(stack: Stack) -> None:
    said = stack.script(
        START + "run.log('loss', 0.25); run.log('loss', 0.125); run.flush(); print(json.dumps(run.get_metrics()))"
    )
    assert json.loads(said.stdout) == {"loss": [0.25, 0.125]}


def test_a_process_sees_its_own_tags_without_a_thought(stack: Stack) -> None:
    said = stack.script(
        START
        + "run.set_tags({'a': 1, 'b': None}); first = run.get_tags(); run.remove_tags(['a']);"
        + "print(json.dumps([first, run.get_tags()]))"
    )
    assert json.loads(said.stdout) == [{"a": "1", "b": None}, {"b": None}]


def test_another_process_sees_them_by_watermark(stack: Stack) -> None:
    writer = stack.background(
        START + "run.log('loss', 0.5); run.tag('k', 'v'); print(run.id, run.watermark(), flush=True); sys.stdin.read()"
    )
    try:
        assert writer.stdout is not None
        run_id, watermark = writer.stdout.readline().split()
        said = stack.script(
            "import sys, json; from runfold import Run, Workspace; run = Run.get(Workspace.from_config(), sys.argv[1]);"
            "print(json.dumps([run.get_metrics(), run.get_tags()]))",
            run_id,
            RUNFOLD_NOT_BEFORE=watermark,
        )
        assert json.loads(said.stdout) == [{"loss": 0.5}, {"k": "v"}]
    finally:
        writer.communicate()


def test_every_value_comes_back_as_it_was_logged(stack: Stack) -> None:
    said = stack.script(
        START
        + """
run.log('int', 3); run.log('bool', True); run.log('text', 'ünïcode'); run.log('none', None); run.log('big', 2**70)
run.log('nan', math.nan); run.log('inf', math.inf); run.log('zero', -0.0)
run.log_list('list', [1, 2, 3]); run.log_list('one', [7]); run.log_list('empty', [])
run.log_row('row', x=1, y='a'); run.log_row('rows', x=1); run.log_row('rows', x=2, y=0.5)
run.log_table('table', {'a': [1, 2], 'b': ['p', 'q']})
run.log('mixed', 1); run.log('mixed', 2.5)
print(repr(run.get_metrics()))
"""
    )
    metrics = eval(said.stdout, {"nan": float("nan"), "inf": float("inf")})
    assert repr(metrics.pop("nan")) == "nan"
    assert repr(metrics.pop("zero")) == "-0.0"
    assert metrics == {
        "int": 3,
        "bool": True,
        "text": "ünïcode",
        "none": None,
        "big": 2**70,
        "inf": float("inf"),
        "list": [1, 2, 3],
        "one": 7,
        "row": {"x": 1, "y": "a"},
        "rows": {"x": [1, 2], "y": [None, 0.5]},
        "table": {"a": [1, 2], "b": ["p", "q"]},
        "mixed": [1, 2.5],
    }
    assert type(metrics["int"]) is int
    assert metrics["bool"] is True


def test_thousands_of_calls_stay_in_order_and_aligned(stack: Stack) -> None:
    said = stack.script(
        START
        + """
for i in range(5000):
    run.log('a', i); run.log('b', float(i) / 2)
metrics = run.get_metrics()
assert metrics['a'] == list(range(5000)), metrics['a'][:20]
assert metrics['b'] == [i / 2 for i in range(5000)]
run.complete()
print(run.get_status())
"""
    )
    assert said.stdout.strip() == "Completed"


def test_parent_and_child_read_as_the_reference_shows(stack: Stack) -> None:
    said = stack.script(
        START
        + """
run.log('A', 1)
child = run.child_run(name='c'); child.log('A', 2); child.complete()
print(json.dumps([run.id, child.id, run.get_metrics(), run.get_metrics(recursive=True),
                  [c.id for c in run.get_children()], child.parent.id]))
run.complete()
"""
    )
    parent, child, own, both, children, parent_of_child = json.loads(said.stdout)
    assert own == {"A": 1}
    assert both == {parent: {"A": 1}, child: {"A": 2}}
    assert children == [child]
    assert parent_of_child == parent


def test_files_come_back_byte_for_byte(stack: Stack) -> None:
    said = stack.script(
        START
        + """
import os, tempfile, pathlib, hashlib
folder = pathlib.Path(tempfile.mkdtemp())
body = os.urandom(3_000_000)
(folder / 'm.bin').write_bytes(body)
run.upload_file('./outputs/m.bin', str(folder / 'm.bin'))
run.upload_file('small.txt', folder / 'm.bin')
names = sorted(run.get_file_names())
run.download_file('outputs/m.bin', str(folder / 'back' / 'm.bin'))
print(json.dumps([names, (folder / 'back' / 'm.bin').read_bytes() == body, run.id]))
run.complete()
"""
    )
    names, same, run_id = json.loads(said.stdout)
    assert names == ["outputs/m.bin", "small.txt"]
    assert same
    until(
        lambda: all(a["availability"] == "available" for a in stack.get(f"runs/{run_id}/artifacts")["artifacts"]),
        20,
        "the artifact projector to read both files back",
    )


def test_images_and_charts_are_files_and_metrics(stack: Stack) -> None:
    said = stack.script(
        START
        + """
import io
from matplotlib import pyplot as plt
plt.plot([1, 2]); run.log_image('plot', plot=plt)
chart = {'schema_type': 'confusion_matrix', 'schema_version': '1.0.0',
         'data': {'class_labels': ['no', 'yes'], 'matrix': [[5, 1], [2, 4]]}}
run.log_confusion_matrix('confusion', chart); run.log_confusion_matrix('confusion', chart)
metrics = run.get_metrics(); names = run.get_file_names()
run.download_file('confusion', 'DESTINATION')
print(json.dumps([metrics, names, json.load(open('DESTINATION')) == chart])); run.complete()
""".replace("DESTINATION", "/dev/shm/runfold-crossing-chart.json")
    )
    metrics, names, same = json.loads(said.stdout)
    assert set(metrics) == {"plot", "confusion"}
    assert metrics["confusion"].startswith("aml://artifactId/ExperimentRun/")
    assert metrics["confusion"].endswith("/confusion")
    assert "confusion" in names
    assert sum(name.startswith("confusion@") for name in names) == 1
    assert sum(name.startswith("plot_") and name.endswith(".png") for name in names) == 1
    assert same


def test_details_and_lists_tell_what_happened(stack: Stack) -> None:
    said = stack.script(
        START
        + """
run.tag('kind', 'listed'); run.add_properties({'p': 'q'})
running = run.get_details(); run.complete(); done = run.get_details()
found = [r.id for r in Run.list(run.experiment, tags={'kind': 'listed'}, properties='p', status='Completed')]
print(json.dumps([running, done, found, run.id, run.number]))
"""
    )
    running, done, found, run_id, number = json.loads(said.stdout)
    assert running["status"] == "Running"
    assert "endTimeUtc" not in running
    assert done["status"] == "Completed"
    assert done["endTimeUtc"] >= done["startTimeUtc"]
    assert done["properties"]["p"] == "q"
    assert run_id in found
    assert number >= 1


def test_a_failed_run_tells_its_error(stack: Stack) -> None:
    said = stack.script(
        START
        + "run.fail(ValueError('no data'), error_code='Data');"
        + "print(json.dumps([run.get_status(), run.get_details()['error']]))"
    )
    status, error = json.loads(said.stdout)
    assert status == "Failed"
    assert "no data" in json.dumps(error)
    assert "Data" in json.dumps(error)
