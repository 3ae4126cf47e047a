"""A behaviour per row of sections 3 and 8 of run_api that no other test holds, seen by a script through the ledger."""

from __future__ import annotations

from pathlib import Path

from tests.crossings.saying import said
from tests.stack import Stack


def test_a_run_prints_and_shows_itself(stack: Stack) -> None:
    """str, repr, what a notebook shows, names by default; what may be set and what not."""
    text = """
html = [each._repr_html_() for each in (run, experiment)]
named = experiment.start_logging("<b>", snapshot_directory=None, outputs=False)
fixed = []
for name in ("id", "name", "experiment", "number", "parent", "properties", "status", "tags", "type"):
    try:
        setattr(run, name, "x")
    except AttributeError:
        fixed.append(name)
run.display_name = "label"; run.description = "words"; again = Run.get(ws, run.id)
run.tags["mine"] = "x"; run.properties["mine"] = "x"
found = [str(run) == repr(run) == f"Run(Experiment: edges,\\nId: {run.id},\\nType: None,\\nStatus: NotStarted)",
         [all(words in shown for words in (each, "<table", "Details Page", "Docs Page", 'href="' + portal))
          for shown, each, portal in ((html[0], run.id, run.portal_url), (html[1], "edges", run.portal_url))],
         named.name, "<b>" in named._repr_html_(), fixed, again.display_name, again.description, run.tags,
         run.properties, experiment.start_logging(snapshot_directory=None, outputs=False).name.startswith("run_"),
         run.identity == "Run#" + run.id, run.parent, run.type, run.experiment is experiment]"""
    assert said(stack, text) == [
        True, [True, True], "<b>", False,
        ["id", "name", "experiment", "number", "parent", "properties", "status", "tags", "type"],
        "label", "words", {}, {}, True, True, None, None, True,
    ]  # fmt: skip


def test_packages_register_type_providers_by_an_entry_point(stack: Stack, tmp_path: Path) -> None:
    """The group azureml_run_type_providers; a provider that cannot be loaded is told, and hides nothing."""
    (tmp_path / "provider.py").write_text(
        "from runfold import Run\nclass Sweep(Run): pass\n"
        "def made(experiment, run_dto, **kwargs): return Sweep(experiment, run_dto.run_id, _run_dto=run_dto)\n"
    )
    metadata = tmp_path / "provider-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: provider\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[azureml_run_type_providers]\nhyperdrive = provider:made\nbroken = provider:missing\n"
    )
    text = """
from runfold_schemas.events import RunEnrolled, RunStarted
for kind in ("hyperdrive", "broken", "nobody's"):
    run._handle.session.fact(run.id + kind, RunStarted, experiment="provided", run_type=kind)
    run._handle.session.about("experiment", "provided", RunEnrolled, run_id=run.id + kind)
try:
    Run.add_type_provider("hyperdrive", Run); twice = None
except ValueError as e:
    twice = str(e)
found = [{each.type: type(each).__name__ for each in Run.list(experiment)}, twice,
         {type(each).__name__ for each in Run.list(experiment, _rehydrate_runs=False)}]"""
    assert said(stack, text, "provided", PYTHONPATH=str(tmp_path)) == [
        {None: "Run", "hyperdrive": "Sweep", "broken": "Run", "nobody's": "Run"},
        "RunType hyperdrive already has a factory, can't add another",
        {"Run"},
    ]


def test_every_way_out_of_a_with_block(stack: Stack, tmp_path: Path) -> None:
    """What of a block becomes which status and error; the directory is what it was, and a child's block is its own."""
    text = f"""
os.chdir({str(tmp_path)!r})
def left(by):
    one = experiment.start_logging(snapshot_directory=None, outputs=False)
    try:
        with one as same:
            assert same is one
            os.chdir("/tmp")
            if by is not None:
                raise by
        raised = None
    except BaseException as e:
        raised = type(e).__name__
    error = one.get_details().get("error", {{}}).get("error", {{}})
    return raised, one.get_status(), error.get("message"), os.getcwd() == {str(tmp_path)!r}
found = [left(by) for by in (None, ValueError("oh"), SystemExit(), SystemExit(0), SystemExit(3), SystemExit("text"),
                             KeyboardInterrupt())]
with run:
    with run.child_run("kid") as kid:
        kid.log("a", 1)
    found.append((kid.get_status(), run.get_status()))"""
    failed = "User program failed with "
    assert said(stack, text, "blocks") == [
        (None, "Completed", None, True),
        ("ValueError", "Failed", failed + "ValueError: oh", True),
        (None, "Running", None, True),
        (None, "Running", None, True),
        ("SystemExit", "Failed", failed + "SystemExit: 3", True),
        ("SystemExit", "Failed", failed + "SystemExit: text", True),
        ("KeyboardInterrupt", "Failed", failed + "KeyboardInterrupt: ", True),
        ("Completed", "Running"),
    ]


def test_errors_are_recorded_as_the_original_words_them(stack: Stack) -> None:
    """fail: text, exceptions, a code, an SDK's exception whose own code counts; complete and fail without a status."""
    text = """
def failed(*details, **kwargs):
    one = experiment.start_logging(snapshot_directory=None, outputs=False)
    one.fail(*details, **kwargs)
    return one.get_status(), one.get_details()["error"]["error"]
own = experiment.start_logging(snapshot_directory=None, outputs=False); own.complete(_set_status=False)
found = [failed("words", "Mine"), failed(KeyError("x"), error_code="C"), failed(UserErrorException("no"), "ignored"),
         failed(), failed("kept", _set_status=False), own.get_status()]"""
    more = "https://aka.ms/azureml-run-troubleshooting"
    assert said(stack, text) == [
        ("Failed", {"code": "Mine", "message": "words"}),
        ("Failed", {"code": "C", "message": "User program failed with KeyError: 'x'", "details_uri": more}),
        ("Failed", {"code": "UserError", "message": "no"}),
        ("Failed", {"code": "UserError"}),
        ("Running", {"code": "UserError", "message": "kept"}),
        "Running",
    ]


def test_a_status_never_goes_back_and_an_end_is_final(stack: Stack) -> None:
    """Refusals of statuses: each by an exception of its own that says what may follow."""
    text = """
from runfold import decisions
from runfold_schemas.events import CancelRequested, StatusChanged
def refusal(event, **said):
    lane, ordinal = run._handle.session.told(run.id, event, **said)
    try:
        run._handle.session.decisions.wait(lane, ordinal, "told"); return None
    except UserErrorException as e:
        return type(e).__name__, e.kept, e.refused, e.message.partition("From here it may become ")[2]
back = refusal(StatusChanged, status="Queued")
run.complete(); run.complete()
found = [back, refusal(StatusChanged, status="Failed"), refusal(StatusChanged, status="Completed"),
         refusal(CancelRequested), run.get_status()]"""
    allowed = "Running, Pausing, Paused, NotResponding, CancelRequested, Finalizing, Completed, Failed, Canceled."
    assert said(stack, text) == [
        ("StatusTransitionError", "Running", "Queued", allowed),
        ("StatusFinalError", "Completed", "Failed", ""),
        None,
        ("StatusFinalError", "Completed", "CancelRequested", ""),
        "Completed",
    ]


def test_an_experiment_knows_when_it_was_archived(stack: Stack) -> None:
    """archived_time is the ledger's, the same in every process; reactivating takes it away."""
    text = """
from datetime import datetime, timedelta, timezone
mine = Experiment(ws, "archived"); begun = datetime.now(timezone.utc); mine.archive(); own = mine.archived_time
seen = Experiment.list(ws, "archived", "ArchivedOnly")[0].archived_time
again = Experiment(ws, "archived").archived_time
mine.refresh(); refreshed = mine.archived_time; mine.reactivate()
found = [seen == again == refreshed, begun - timedelta(seconds=1) < seen < begun + timedelta(seconds=5),
         abs(own - seen) < timedelta(seconds=5), Experiment(ws, "archived").archived_time]"""
    assert said(stack, text) == [True, True, True, None]


def test_a_workspace_is_text_wherever_scripts_print_it(stack: Stack) -> None:
    text = """
found = [", ".join([ws.name, ws.resource_group, ws.location, ws.subscription_id]) != "",
         ",".join((lambda w: [w.subscription_id, w.resource_group, w.location])(Workspace(None, None, "other")))]"""
    assert said(stack, text) == [True, ",,"]


def test_what_is_logged_comes_back_as_what_it_was_to_its_user(stack: Stack) -> None:
    """Coercion, one by one: numpy, text, times, bytes, frames, keys that are numbers; a long repr ends no training."""
    text = """
import datetime, decimal, fractions
import numpy as np
import pandas as pd
numbers = {"longdouble": np.longdouble(0.25), "float16": np.float16(0.5), "uint8": np.uint8(3), "bool_": np.bool_(True),
           "uint64": np.uint64(2**64 - 1), "str_": np.str_("x"), "0-d": np.array(3), "decimal": decimal.Decimal("0.5"),
           "fraction": fractions.Fraction(1, 4), "none": None, "2**53+1": 2**53 + 1, "tiny": 5e-324,
           "mean": pd.Series([1, 2]).mean()}
texts = {"bytes": b"ab", "datetime": datetime.datetime(2020, 1, 1), "tuple": (1, 2), "set": {1}, "dict": {"a": 1},
         "array": np.arange(2), "complex": 1j, "datetime64": np.datetime64("2020-01-01")}
for name, value in {**numbers, **texts}.items():
    run.log(name, value)
run.log("long", tuple(range(100_000)))
run.log_table("frame", pd.DataFrame({"x": [1, 2], "y": ["a", "b"]})); run.log_table("keys", {0: [1, 2], 1: [3, 4]})
run.set_tags({7: "a", 0.5: "b"}); run.remove_tags([0.5])
logged = run.get_metrics()
found = [{name: logged[name] for name in numbers}, {name: logged[name] == repr(texts[name]) for name in texts},
         len(logged["long"]), logged["frame"], logged["keys"], run.get_tags(),
         {type(logged[name]).__name__ for name in numbers}]"""
    values, kept, long, frame, keys, tags, kinds = said(stack, text)
    assert values == {
        "longdouble": 0.25, "float16": 0.5, "uint8": 3, "bool_": True, "uint64": 2**64 - 1, "str_": "x", "0-d": 3,
        "decimal": 0.5, "fraction": 0.25, "none": None, "2**53+1": 2**53 + 1, "tiny": 5e-324, "mean": 1.5,
    }  # fmt: skip
    assert all(kept.values())
    assert long == 65536
    assert frame == {"x": [1, 2], "y": ["a", "b"]}
    assert keys == {"0": [1, 2], "1": [3, 4]}
    assert tags == {"7": "a"}
    assert kinds == {"float", "int", "bool", "str", "NoneType"}


def test_images_of_one_name_are_all_kept(stack: Stack, tmp_path: Path) -> None:
    """Plots of one name in one second, and a file logged again: the bare name is the first, the others stay."""
    text = f"""
import matplotlib; matplotlib.use("Agg")
import matplotlib.pyplot as plt
from pathlib import Path
os.chdir({str(tmp_path)!r}); plt.plot([1, 2])
for _ in range(3):
    run.log_image("plot", plot=plt)
figure, axes = plt.subplots(); axes.plot([2, 1]); run.log_image("figure", plot=figure)
Path("i").mkdir(); figure.savefig("i/a.png"); figure.savefig("i/b.jpg")
for path in ("./i/a.png", Path("i/b.jpg"), open("i/a.png", "rb"), str(Path("i/a.png").absolute())):
    run.log_image("file", path=path)
names = run.get_file_names(); shown = run.get_metrics(); full = run.get_metrics(populate=True)
plots = sorted(name for name in names if name.startswith("plot_"))
run.download_file(plots[0])
found = [len(plots), shown["plot"].endswith("/" + plots[0]), plots[0][5:-4].isdigit(), full["file"].path,
         full["file"].data == Path("i/a.png").read_bytes(), sorted(name for name in names if "i/" in name)[0],
         len(names)]"""
    assert said(stack, text) == [3, True, True, "i/a.png", True, "i/a.png", 8]


def test_logs_are_read_as_text_and_as_files(stack: Stack, tmp_path: Path) -> None:
    """get_details_with_logs, get_all_logs with and without a destination; logFiles are addresses that answer."""
    text = f"""
from pathlib import Path
import urllib.request
os.chdir({str(tmp_path)!r})
with run:
    print("a line")
details = run.get_details_with_logs()
address = run.get_details()["logFiles"]["logs/user_log.txt"]
default, chosen = run.get_all_logs(), run.get_all_logs(Path("chosen"))
found = [details["logFiles"], urllib.request.urlopen(address).read(),
         default == [f"assets/{{run.id}}/logs/user_log.txt"], chosen,
         Path(chosen[0]).read_text(), details["runId"] == run.id]"""
    assert said(stack, text) == [
        {"logs/user_log.txt": "a line\n"}, b"a line\n", True, ["chosen/logs/user_log.txt"], "a line\n", True,
    ]  # fmt: skip


def test_what_is_logged_through_a_parent_arrives_without_its_flush(stack: Stack) -> None:
    """Section 8.5: the end of the process flushes every Run object, whichever of them completed."""
    parent = said(stack, "found = run.id")
    text = f"""
kid = Run.get(ws, {parent!r}).child_run(); kid.parent.log("through", 1.0)
another = Run.get(ws, {parent!r}); another.log("another", 2.0); kid.complete()
found = kid.parent is kid.parent"""
    assert said(stack, text) is True
    assert said(stack, f"found = Run.get(ws, {parent!r}).get_metrics()") == {"through": 1.0, "another": 2.0}


def test_what_ends_a_wait_is_what_ended_it_in_the_original(stack: Stack) -> None:
    """Section 8.6: post-processing ends a silent wait unless asked for; without an error there is a fixed text."""
    text = """
import threading, time
from runfold_schemas.events import StatusChanged
def state(one, status):
    one._handle.session.fact(one.id, StatusChanged, status=status)
def waited(status, **options):
    one = experiment.start_logging(snapshot_directory=None, outputs=False)
    state(one, status)
    later = threading.Timer(1.5, state, (one, "Completed")); later.start()
    try:
        return one.wait_for_completion(**options)["status"]
    finally:
        later.join()
bare = experiment.start_logging(snapshot_directory=None, outputs=False); state(bare, "Failed")
try:
    bare.wait_for_completion(); told = None
except ActivityFailedException as e:
    told = e.message
gone = experiment.start_logging(snapshot_directory=None, outputs=False); gone.cancel()
found = [waited("Finalizing"), waited("CancelRequested"), waited("Finalizing", wait_post_processing=True),
         waited("CancelRequested", wait_post_processing=True), waited("NotResponding"), told,
         gone.wait_for_completion(raise_on_error=True)["status"], waited("Finalizing")]"""
    unset = "Detailed error not set on the Run. Please check the logs for details."
    environment = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.2", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.2"}
    assert said(stack, text, **environment) == [
        "Finalizing", "CancelRequested", "Completed", "Completed", "Completed",
        f"Activity Failed:\n\"{unset}\"", "Canceled", "Finalizing",
    ]  # fmt: skip


def test_a_job_finds_its_outputs_and_one_object_for_its_run(stack: Stack, tmp_path: Path) -> None:
    """Section 10: AZUREML_DATASET_FILE_OUTPUTS and AZUREML_LINK_DATASET_OUTPUTS; section 8.1: one shared instance."""
    text = f"""
run.add_properties({{"known": "1"}})
os.environ.update(RUNFOLD_WORKSPACE=ws.name, RUNFOLD_EXPERIMENT="edges", RUNFOLD_RUN_ID=run.id)
job = Run.get_context()
job.input_datasets["mine"] = "/some/path"
linked = job.output_datasets["linked"].link({str(tmp_path)!r})
job.flush()
details = Run.get(ws, run.id).get_details()
found = [job is Run.get_context(), job is Run.get_submitted_run(), type(job).__name__, isinstance(job, Run),
         job.output_datasets["first"], sorted(job.output_datasets), job.input_datasets["mine"],
         [each["outputDetails"]["outputName"] for each in details["outputDatasets"]], type(linked).__name__]"""
    outputs = {"AZUREML_DATASET_FILE_OUTPUTS": "first;second", "AZUREML_LINK_DATASET_OUTPUTS": "linked"}
    assert said(stack, text, **outputs, first="/out/first", second="/out/second") == [
        True, True, "_SubmittedRun", True, "/out/first", ["first", "linked", "second"], "/some/path", ["linked"],
        "FileDataset",
    ]  # fmt: skip


def test_a_chart_document_is_a_file_of_the_metrics_name(stack: Stack, tmp_path: Path) -> None:
    text = f"""
os.chdir({str(tmp_path)!r})
document = {{"schema_type": "confusion_matrix", "schema_version": "1.0.0",
             "data": {{"class_labels": ["a"], "matrix": [[1]]}}}}
run.log_confusion_matrix("per fold/matrix 1", document); run.log_confusion_matrix("text", json.dumps(document))
run.download_file("per fold/matrix 1", "here.json")
full = run.get_metrics("text", populate=True)["text"]
found = [json.load(open("here.json")) == document, full.convert_to_object() == document, full.metric_type,
         sorted(run.get_file_names()), run.get_details().get("warnings")]"""
    assert said(stack, text) == [True, True, "confusion_matrix", ["per fold/matrix 1", "text"], None]


def test_threads_of_one_run_keep_their_own_order(stack: Stack) -> None:
    """Order is exact: each thread's values in its order, all of them there once, rows whole."""
    text = """
import threading
def speak(n):
    for i in range(1000):
        run.log(f"m{n}", i); run.log("all", n * 1000 + i); run.log_row("rows", thread=n, i=i)
threads = [threading.Thread(target=speak, args=(n,)) for n in range(4)]
[each.start() for each in threads]; [each.join() for each in threads]
logged = run.get_metrics()
def of(n): return [v for v in logged["all"] if v // 1000 == n]
rows = list(zip(logged["rows"]["thread"], logged["rows"]["i"]))
found = [all(logged[f"m{n}"] == list(range(1000)) for n in range(4)), len(logged["all"]),
         all(of(n) == list(range(n * 1000, n * 1000 + 1000)) for n in range(4)),
         sorted(rows) == [(n, i) for n in range(4) for i in range(1000)],
         all([i for t, i in rows if t == n] == list(range(1000)) for n in range(4))]"""
    assert said(stack, text) == [True, 4000, True, True, True]


def test_addresses_for_people(stack: Stack) -> None:
    """get_portal_url, portal_url, get_docs_url, as section 10 writes them."""
    text = """
azure = Workspace("S", "R", ws.name)
there = Run.get(azure, run.id)
wsid = "?wsid=/subscriptions/S/resourcegroups/R/workspaces/" + ws.name
found = [there.get_portal_url() == f"{ws.discovery_url}/runs/{run.id}{wsid}", run.portal_url == ws.discovery_url, Run.get_docs_url().startswith("https://"),
         repr(azure) == f"Workspace.create(name='{ws.name}', subscription_id='S', resource_group='R')"]"""
    assert said(stack, text) == [True, True, True, True]


def test_records_of_a_compute_target_are_of_all_experiments(stack: Stack) -> None:
    text = """
other = Experiment(ws, "elsewhere").start_logging(snapshot_directory=None, outputs=False)
done = experiment.start_logging(snapshot_directory=None, outputs=False); done.complete()
local = ws.compute_targets["local"]
running = Run.list_by_compute(local, status="Running"); ids = {each.run_id for each in running}
tagged = run.tag("mine", run.id); mine = list(Run.list_by_compute(local, tags={"mine": run.id}))
found = [iter(running) is running, {run.id, other.id} <= ids, done.id in ids, isinstance(mine[0], Run),
         [each.run_id == run.id for each in mine]]"""
    assert said(stack, text) == [True, True, False, False, [True]]


def test_what_an_upload_returns(stack: Stack, tmp_path: Path) -> None:
    """Section 8.11: artifacts and their addresses by name; of upload_files a map, after the artifacts if asked for."""
    text = f"""
import datetime, pathlib
os.chdir({str(tmp_path)!r}); pathlib.Path("f").write_text("x")
one = run.upload_file("a/f", "f"); artifact = one.artifacts["a/f"]
lazy = run.upload_files(["b"], ["f"]); artifacts, more = run.upload_files(["c"], [pathlib.Path("f")], True)
found = [artifact.artifact_id == f"ExperimentRun/dcid.{{run.id}}/a/f", artifact.origin, artifact.path,
         bool(artifact.etag),
         abs(artifact.created_time - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=1),
         one.artifact_content_information["a/f"].content_uri.endswith("/a/f"), iter(lazy) is lazy, list(artifacts),
         iter(more) is more, run.get_file_names()]"""
    assert said(stack, text) == [True, "ExperimentRun", "a/f", True, True, True, True, ["c"], True, ["a/f", "b", "c"]]
