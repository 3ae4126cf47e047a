"""The edge cases of run_api section 11 that need a ledger: what was said comes back as the original's users know it.

The numbers in the docstrings are those of that section. Cases that a journal shows are in
tests/producer/facade/test_edge_cases.py.
"""

from __future__ import annotations

from tests.crossings.saying import said
from tests.stack import Stack


def test_one_element_reads_as_a_scalar_and_one_row_as_a_dict(stack: Stack) -> None:
    """1, 2: a one-element list reads back as a scalar, a single-row table as a dict of scalars."""
    text = """
run.log_list("list", [7]); run.log_table("table", {"x": [1], "y": ["a"]}); run.log_row("row", a=1)
run.log_table("columns", {"x": 1, "y": 2}); run.log_row("empty")
found = run.get_metrics()"""
    assert said(stack, text) == {
        "list": 7,
        "table": {"x": 1, "y": "a"},
        "row": {"a": 1},
        "columns": {"x": 1, "y": 2},
        "empty": {},
    }


def test_numbers_keep_or_share_their_type_as_in_the_original(stack: Stack) -> None:
    """3, 4: int then float in one metric; np.int64 in log, list, row and table."""
    text = """
import numpy as np
run.log("int first", 1); run.log("int first", 2.5)
run.log("float first", 1.5); run.log("float first", 2)
run.log_list("mixed", [1, 2.5, 3]); run.log_list("text", [1, "a"])
run.log("np", np.int64(3)); run.log_list("nps", np.arange(3)); run.log_row("row", c=np.int64(4))
run.log_table("t", {"x": list(np.arange(2)), "y": np.arange(2)})
found = run.get_metrics()"""
    assert repr(said(stack, text)) == repr(
        {
            "int first": [1, 2.5],
            "float first": [1.5, 2.0],
            "mixed": [1.0, 2.5, 3.0],
            "text": [1, "a"],
            "np": 3,
            "nps": [0, 1, 2],
            "row": {"c": 4},
            "t": {"x": [0, 1], "y": [0, 1]},
        }
    )


def test_ragged_rows_and_none_and_what_is_no_number(stack: Stack) -> None:
    """5, 7, 8, 9, 10: generators, empty lists and tables, ragged rows, None among floats, nan and infinities."""
    text = """
run.log_list("generated", (i * i for i in range(4))); run.log_list("keys", {"a": 1, "b": 2})
run.log_list("empty", []); run.log_table("empty", {}); run.log_table("empty", {"x": []})
run.log_row("ragged", x=1); run.log_row("ragged", y=0.5)
run.log_list("holes", [1.5, None, 2]); run.log("nan", math.nan)
run.log_list("ends", [math.inf, -math.inf, math.nan])
run.log_list("more", [1]); run.log_list("more", [2, 3])
found = run.get_metrics()"""
    found = said(stack, text)
    assert repr(found.pop("nan")) == "nan"
    assert repr(found.pop("ends")) == "[inf, -inf, nan]"
    assert found == {
        "generated": [0, 1, 4, 9],
        "keys": ["a", "b"],
        "ragged": {"x": [1, None], "y": [None, 0.5]},
        "holes": [1.5, None, 2.0],
        "more": [1, 2, 3],
    }


def test_metrics_that_were_logged_side_by_side_stay_aligned(stack: Stack) -> None:
    """11, 12: two metrics stay index-aligned over thousands of calls; flush makes everything readable."""
    text = """
for i in range(4000):
    run.log("alpha", i); run.log("mse", i * 2.0)
run.flush()
found = Run.get(ws, run.id).get_metrics()
found = [len(found["alpha"]), found["alpha"] == list(range(4000)), found["mse"] == [2.0 * i for i in range(4000)]]"""
    assert said(stack, text) == [4000, True, True]


def test_a_large_table_of_rows_is_exact(stack: Stack) -> None:
    """39: 3,000 rows of 15 columns, by rows and by table."""
    text = """
import time
begun = time.perf_counter()
for i in range(3000):
    run.log_row("rows", **{f"c{k}": i * k + 0.5 for k in range(15)})
run.log_table("table", {f"c{k}": [i * k for i in range(3000)] for k in range(15)})
logged = time.perf_counter() - begun
run.flush(); begun = time.perf_counter(); metrics = run.get_metrics(); read = time.perf_counter() - begun
found = [logged, read, metrics["rows"] == {f"c{k}": [i * k + 0.5 for i in range(3000)] for k in range(15)},
         metrics["table"] == {f"c{k}": [i * k for i in range(3000)] for k in range(15)}]"""
    logged, read, rows, table = said(stack, text)
    assert rows
    assert table
    assert logged < 10  # 0.3 s on an idle machine
    assert read < 5  # 0.2 s


def test_recursive_metrics_leave_out_runs_without_any(stack: Stack) -> None:
    """14: recursive get_metrics omits metric-less runs; the reference's example; name and run_type filter."""
    text = """
run.log("A", 1)
child = run.child_run("kid"); child.log("A", 2); silent = run.child_run(); deep = child.child_run(); deep.log("B", 3)
found = [run.get_metrics(),
         run.get_metrics(recursive=True) == {run.id: {"A": 1}, child.id: {"A": 2}, deep.id: {"B": 3}},
         run.get_metrics("B", recursive=True) == {deep.id: {"B": 3}}, run.get_metrics(name="x"),
         run.get_metrics(recursive=True, run_type="other") == {run.id: {"A": 1}}]"""
    assert said(stack, text) == [{"A": 1}, True, True, {}, True]


def test_charts_and_images_are_addresses_or_objects(stack: Stack) -> None:
    """15, 16: populate on an image; JSON metrics with a wrong or no schema are kept, and the run is warned."""
    text = """
import zlib, struct
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
png = (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
       + chunk(b"IDAT", zlib.compress(b"\\0\\0")) + chunk(b"IEND", b""))
class Plot:
    def savefig(self, target, **kwargs): target.write(png)
run.log_image("image", plot=Plot())
run.log_residuals("bare", {"edges": [1]})
run.log_residuals("good", json.dumps({"schema_type": "residuals", "schema_version": "1.0.0",
                                      "data": {"bin_edges": [-1, 0, 1], "bin_counts": [7, 5]}}))
run.log_residuals("good", {"schema_type": "residuals", "schema_version": "1.0.0",
                           "data": {"bin_edges": [0, 1], "bin_counts": [1]}})
plain, full = run.get_metrics(), run.get_metrics(populate=True)
image = full["image"]
try:
    image.convert_to_object(); value = None
except UserErrorException as e:
    value = "`data` holds its bytes" in e.message
found = [sorted(plain), plain["good"], full["good"].convert_to_object()["data"]["bin_counts"],
         image.data == png, image.metric_type, image.filename.startswith("image_"), image.origin,
         image.container == "dcid." + run.id, image.data_location == plain["image"], run.id,
         [each["source"] for each in run.get_details()["warnings"]], "good" in run.get_file_names(), value]"""
    names, good, counts, same, kind, named, origin, container, located, run_id, warned, stored, refused = said(
        stack, text
    )
    assert names == ["bare", "good", "image"]
    assert good == f"aml://artifactId/ExperimentRun/dcid.{run_id}/good"
    assert (counts, same, kind, named, origin, container, located) == (
        [7, 5], True, "image", True, "ExperimentRun", True, True,
    )  # fmt: skip
    assert set(warned) == {"bare"}
    assert stored
    assert refused


def test_canceled_never_raises_and_failed_does(stack: Stack) -> None:
    """21: Canceled does not raise in wait; Failed does unless told not to; a finished run is not waited for."""
    text = """
import time
run.cancel()
begun = time.monotonic(); status = run.wait_for_completion()["status"]; took = time.monotonic() - begun
other = experiment.start_logging(snapshot_directory=None, outputs=False); other.fail(ValueError("oh"))
try:
    other.wait_for_completion(); error = None
except ActivityFailedException as e:
    error = e.message
shown = other.wait_for_completion(show_output=True, raise_on_error=False)
found = [status, took < 2, error, shown["error"]["error"]["message"]]"""
    status, at_once, error, message = said(stack, text)
    assert (status, at_once) == ("Canceled", True)
    assert error.startswith('Activity Failed:\n{\n    "error": {\n        "code": "UserError",')
    assert "User program failed with ValueError: oh" in error
    assert message == "User program failed with ValueError: oh"


def test_the_cached_status_is_the_originals(stack: Stack) -> None:
    """22, 36: the status cache after start_logging; get_details has no endTimeUtc while running."""
    text = """
before = run.status; fetched = run.get_status(); running = run.get_details()
run.log("a", 1); child = run.child_run(); kid = child.status
run.complete(); done = run.get_details()
found = [before, fetched, run.get_detailed_status(), kid, child.get_status(), "endTimeUtc" in running,
         "endTimeUtc" in done, done["status"], running["target"], running["runId"] == run.id, done["logFiles"],
         sorted(running), running["startTimeUtc"][-1], run.completeness()["complete"]]"""
    found = said(stack, text)
    assert found[:5] == ["NotStarted", "Running", {"status": "Completed", "details": None}, "NotStarted", "Running"]
    assert found[5:11] == [False, True, "Completed", "local", True, {}]
    keys = ["inputDatasets", "logFiles", "outputDatasets", "properties", "runId", "startTimeUtc", "status"]
    assert found[11] == sorted([*keys, "submittedBy", "target"])
    assert found[12:] == ["Z", "complete"]


def test_a_property_stays(stack: Stack) -> None:
    """25: overwriting a property is refused; the same value again is nothing."""
    text = """
run.add_properties({"p": "1"}); run.add_properties({"p": "1"}); run.add_properties({}); run.add_properties(None)
try:
    run.add_properties({"p": "2", "q": "3"}); refused = None
except UserErrorException as e:
    refused = type(e).__name__
found = [refused, run.get_properties(), [each["rule"] for each in run.decisions() if each["verdict"] == "refused"]]"""
    assert said(stack, text) == ["PropertyImmutableError", {"p": "1"}, ["property"]]


def test_filters_and_order_of_lists(stack: Stack) -> None:
    """26, 27: filter by key, dict, several, null value, number; lists are lazy, newest first."""
    text = """
runs = [run] + [experiment.start_logging(snapshot_directory=None, outputs=False) for _ in range(2)]
runs[0].set_tags({"k": None, "n": 1}); runs[1].set_tags({"k": "v", "n": "2"}); runs[2].tag("other")
runs[1].add_properties({"azureml.runsource": "mine"})
kid = run.child_run(); kid.set_tags({"n": 1}); deep = kid.child_run()
place = {each.id: i for i, each in enumerate([*runs, kid, deep])}
def which(listed): return [place[each.id] for each in listed]
lazy = experiment.get_runs()
found = [which(experiment.get_runs()), which(experiment.get_runs(tags="k")),
         which(experiment.get_runs(tags={"k": None})),
         which(experiment.get_runs(tags={"k": "v", "n": 2})), which(Run.list(experiment, tags={"n": 1})),
         sorted(which(Run.list(experiment, include_children=True))), which(Run.list(experiment, type="mine")),
         which(run.get_children()), which(run.get_children(recursive=True)), which(run.get_children(tags={"n": 1})),
         which(Run.list(experiment, status="Completed")), iter(lazy) is lazy, len(list(lazy)), len(list(lazy)),
         which(run.get_children(type="mine"))]"""
    assert said(stack, text, "listed") == [
        [2, 1, 0], [1, 0], [0], [1], [0], [0, 1, 2, 3, 4], [1], [3], [4, 3], [3], [], True, 3, 0, [],
    ]  # fmt: skip


def test_type_providers_make_the_objects(stack: Stack) -> None:
    """27: get, list and get_run rehydrate by run type; list_by_compute gives records."""
    text = """
from runfold.run import types
class Mine(Run): pass
from runfold_schemas.events import RunEnrolled, RunStarted
special = run.id + "-special"
run._handle.session.fact(special, RunStarted, experiment="typed", run_type="mine", target="here")
run._handle.session.about("experiment", "typed", RunEnrolled, run_id=special)
Run.add_type_provider("mine", lambda experiment, run_dto, **kwargs: Mine(experiment, run_dto.run_id, _run_dto=run_dto))
try:
    Run.add_type_provider("mine", Mine); twice = None
except ValueError as e:
    twice = str(e)
class Target: name, workspace = "here", ws
records = list(Run.list_by_compute(Target()))
found = [type(Run.get(ws, special)).__name__, [type(each).__name__ for each in Run.list(experiment)],
         [type(each).__name__ for each in Run.list(experiment, _rehydrate_runs=False)], twice,
         type(get_run(experiment, special)).__name__, type(get_run(experiment, special, rehydrate=False)).__name__,
         [(each.run_id == special, each.run_type, each.status, each.experiment_name) for each in records]]"""
    names = said(stack, text, "typed")
    assert sorted(names[1]) == ["Mine", "Run"]
    assert names[0] == "Mine"
    assert names[2:6] == [["Run", "Run"], "RunType mine already has a factory, can't add another", "Mine", "Run"]
    assert names[6] == [(True, "mine", "NotStarted", "typed")]


def test_runs_are_found_across_experiments(stack: Stack) -> None:
    """40: Run.get across experiments; get_run within one."""
    text = """
other = Experiment(ws, "elsewhere")
again = Run.get(ws, run.id)
try:
    get_run(other, run.id); error = None
except ServiceException as e:
    error = e.status_code
try:
    Run(experiment, "no such run"); missing = None
except ServiceException as e:
    missing = e.status_code
found = [again.experiment.name, again.id == run.id, error, missing, ws.get_run(run.id).id == run.id,
         Run(experiment, run.id).number == run.number]"""
    assert said(stack, text) == ["edges", True, 404, 404, True, True]


def test_children_of_one_call(stack: Stack) -> None:
    """23, 24: children come in the order asked for, started, tagged; tags merge and go."""
    text = """
numbered = run.create_children(3); tagged = run.create_children(tag_key="fold", tag_values=[1, "b"])
none = run.create_children(count=0)
run.tag("none"); run.tag("int", 1); run.set_tags({"a": "b", "int": 2}); run.remove_tags(["a"])
found = [[each.get_tags() for each in numbered], [each.tags for each in tagged], none,
         [each.get_status() for each in tagged], run.tags, run.get_tags(), tagged[0].parent is run,
         len(list(run.get_children(tags={"azureml.batch_child_number": 1})))]"""
    assert said(stack, text) == [
        [{"azureml.batch_child_number": str(n)} for n in range(3)],
        [{"fold": "1"}, {"fold": "b"}],
        [],
        ["Running", "Running"],
        {"none": None, "int": "2"},
        {"none": None, "int": "2"},
        True,
        1,
    ]


def test_names_are_kept_to_the_letter(stack: Stack) -> None:
    """38: metric names with a trailing space, slashes and brackets."""
    text = """
names = ["Label ", "[Training Step] accuracy", "a/b", "Label:0", "ü", "Label"]
for place, name in enumerate(names):
    run.log(name, place)
found = [run.get_metrics() == {name: place for place, name in enumerate(names)}, run.get_metrics("Label ")]"""
    assert said(stack, text) == [True, {"Label ": 0}]


def test_ranks_and_attempts_of_one_run_are_told_apart(stack: Stack) -> None:
    """13: what two ranks and two attempts say of one run is there once, and can be read by rank and by attempt."""
    text = """
import sys
from runfold import Run
run = Run.get_context()
for step in range(int(sys.argv[1]), int(sys.argv[2])):
    run.log("loss", float(step), step=step)
run.flush()
print(sorted(Run.get(run.experiment.workspace, run.id).get_metrics(attempt=run._handle.session.place.attempt)))
"""
    settings = stack.settings()
    job = {"RUNFOLD_WORKSPACE": settings["workspace"], "RUNFOLD_EXPERIMENT": "ranks", "RUNFOLD_RUN_ID": "ranks-1"}
    for rank in ("0", "1"):
        stack.script(text, "0", "4", RANK=rank, WORLD_SIZE="2", **job)
    stack.script(text, "2", "6", RANK="0", WORLD_SIZE="2", TORCHELASTIC_RESTART_COUNT="1", **job)
    read = """
found = run.get_metrics()
run = Run.get(ws, "ranks-1")
found = [sorted(run.get_metrics()["loss"]), run.get_metrics(rank=0)["loss"], run.get_metrics(rank=1)["loss"],
         run.get_metrics(rank=0, attempt=1)["loss"],
         sorted({(each["rank"], each["attempt"]) for each in run.completeness()["writers"]})]"""
    every, first, second, restarted, writers = said(stack, read, "ranks")
    assert first == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert second == [0.0, 1.0, 2.0, 3.0]
    assert restarted == [2.0, 3.0, 4.0, 5.0]
    assert every == sorted([*first, *second])
    assert writers == [(0, 0), (0, 1), (1, 0)]


def test_an_experiment_has_words_of_its_own(stack: Stack) -> None:
    """Experiment: tags, archive, reactivate, list by view, delete, as section 10 says."""
    text = """
mine = Experiment(ws, "words"); mine.set_tags({"a": 1, "b": None}); mine.remove_tags(["b"])
fresh = Experiment(ws, "words")
tags, active = fresh.tags, fresh.archived_time
mine.archive()
views = {view: [each.name for each in Experiment.list(ws, "words", view_type=view)] for view in
         ("ActiveOnly", "ArchivedOnly", "All")}
archived = Experiment.list(ws, "words", "ArchivedOnly")[0].archived_time is not None
mine.reactivate(); back = [each.name for each in Experiment.list(ws, tags={"a": 1})]
Experiment.delete(ws, mine.id)
try:
    Experiment.delete(ws, "never there"); error = None
except UserErrorException as e:
    error = "never there" in e.message
found = [tags, active, views, archived, back, "words" in ws.experiments, "edges" in ws.experiments, error]"""
    assert said(stack, text) == [
        {"a": "1"},
        None,
        {"ActiveOnly": [], "ArchivedOnly": ["words"], "All": ["words"]},
        True,
        ["words"],
        False,
        True,
        True,
    ]


def test_a_workspace_answers_what_scripts_ask(stack: Stack) -> None:
    """Workspace: what section 10 lists is there, and says what it is."""
    text = """
name = ws.name
same = Workspace.get(name, subscription_id="S", resource_group="G"), Workspace.create(name, exist_ok=True)
try:
    Workspace.create(name); exists = None
except WorkspaceException as e:
    exists = "exist_ok" in e.message
try:
    Workspace.get("never-there"); missing = None
except WorkspaceException as e:
    missing = "never-there" in e.message
found = [[each.name == name for each in same], exists, missing, name in Workspace.list("S"),
         "local" in ws.compute_targets,
         [isinstance(each, dict) for each in (ws.models, ws.datasets, ws.environments)],
         ws.get_default_datastore().name in ws.datastores,
         ws.get_details()["name"] == name, ws.get_default_compute_target("CPU").name,
         type(ws.get_default_keyvault()).__name__,
         run.get_portal_url().startswith(ws.discovery_url + "/runs/" + run.id + "?wsid=/subscriptions/")]"""
    found = said(stack, text)
    assert found[:5] == [[True, True], True, True, True, True]
    assert found[5:] == [[True, True, True], True, True, "local", "Keyvault", True]
