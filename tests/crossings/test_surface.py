"""A behaviour per row of sections 3 and 8 of run_api that no other test holds: seen by a script, and through the ledger."""

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
         [all(words in shown for words in (each, "<table", "Details Page", 'href="' + portal))
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
found = [details["logFiles"], urllib.request.urlopen(address).read(), default == [f"assets/{{run.id}}/logs/user_log.txt"],
         chosen, Path(chosen[0]).read_text(), details["runId"] == run.id]"""
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
