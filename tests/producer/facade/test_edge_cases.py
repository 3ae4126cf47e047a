"""The edge cases of run_api section 11 that a journal shows, with every service away; numbers are of that section.

Those that need a ledger are in tests/crossings/test_edge_cases.py.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runfold.environment import place
from runfold_schemas import events
from tests.producer.facade.scripts import began, facts, points, ran
from tests.producer.facade.test_charts import SOUND, document

pytest.importorskip("numpy")

QUICK = {"RUNFOLD_EXIT_DEADLINE_S": "0.1", "RUNFOLD_DECISION_WAIT_S": "0.1"}
REPORT = """
def tried(call):
    try:
        return call()
    except Exception as e:
        return type(e).__name__ + ": " + str(getattr(e, "message", e))
"""


def statuses(home: Path, run_id: str | None = None) -> list[str]:
    changed = [fact for fact in facts(home) if isinstance(fact, events.StatusChanged)]
    return [fact.status for fact in changed if run_id in (None, fact.aggregate_id)]


def test_what_log_refuses_and_what_it_takes_as_text(tmp_path: Path) -> None:
    """4, 5, 6: log refuses list, range and generator; a tuple is text; numpy numbers are numbers; one warning."""
    done = began(
        REPORT
        + """
import numpy as np
from decimal import Decimal
from fractions import Fraction
for value in ([1], range(3), (i for i in ()), lambda: (yield)):
    print(tried(lambda: run.log("a", value)))
run.log("t", (1, 2)); run.log("t", (3,)); run.log("i", np.int64(3)); run.log("z", np.array(0.5))
run.log("d", Decimal("0.5")); run.log("f", Fraction(1, 4)); run.log_list("g", (i for i in range(2)))
class Graph:
    ndim = 0
    def item(self): raise RuntimeError("no value yet")
    def __repr__(self): return "<graph>"
class Eager:
    ndim = 0
    def numpy(self): return np.float32(0.5)
run.log("graph", Graph()); run.log("eager", Eager())
""",
        tmp_path,
        **QUICK,
    )
    refused = "UserErrorException: run.log does not support list type. Use run.log_list instead"
    assert done.stdout.splitlines() == [refused] * 4, done.stderr
    assert [(name, kind, value) for name, _, kind, _, value in points(tmp_path)] == [
        ("t", "string", "(1, 2)"),
        ("t", "string", "(3,)"),
        ("i", "long", 3.0),
        ("z", "double", 0.5),
        ("d", "double", 0.5),
        ("f", "double", 0.25),
        ("g", "long", 0.0),
        ("g", "long", 1.0),
        ("graph", "string", "<graph>"),
        ("eager", "double", 0.5),
    ]
    assert sum("'t'" in line for line in done.told) == 1


def test_empty_lists_and_tables_are_nothing(tmp_path: Path) -> None:
    """7: empty list, empty table, table of empty columns."""
    began("run.log_list('a', []); run.log_table('a', {}); run.log_table('a', {'x': []})", tmp_path, **QUICK)
    assert points(tmp_path) == []


def test_chart_documents_are_kept_and_warned_of_or_refused_when_strict(tmp_path: Path) -> None:
    """16: JSON metrics with a wrong schema, no schema or no JSON; strict=True refuses what would be warned of."""
    done = began(
        REPORT
        + f"""
import json, numpy
for kind, document in json.loads({json.dumps({kind: document(kind) for kind in SOUND})!r}).items():
    log, data = getattr(run, "log_" + kind), document["data"]
    log(kind, document, strict=True); log(kind + " text", json.dumps(document), "", strict=True)
    log(kind + " bare", data)
    print(tried(lambda: log(kind, data, strict=True)))
    print(tried(lambda: log(kind, "{{")))
    print(tried(lambda: log(kind, {{"x": object()}})))
    log(kind + " arrays", {{**document, "data": {{k: numpy.array(v) for k, v in data.items()}}}}, strict=True)
""",
        tmp_path,
        **QUICK,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 12, done.stderr
    for kind, strict, broken, content in zip(SOUND, lines[::3], lines[1::3], lines[2::3], strict=True):
        assert strict.startswith(f"UserErrorException: log_{kind}('{kind}'): schema_type is '{kind}', not None;")
        assert broken == "UserErrorException: Invalid JSON provided"
        assert content.startswith("TypeError: Object of type object is not JSON serializable")
    kept = [fact for fact in facts(tmp_path) if isinstance(fact, events.ArtifactLogged)]
    assert [fact.metric_name for fact in kept] == [
        name for kind in SOUND for name in (kind, f"{kind} text", f"{kind} bare", f"{kind} arrays")
    ]
    assert [fact.metric_type for fact in kept] == [kind for kind in SOUND for _ in range(4)]
    warned = [fact for fact in facts(tmp_path) if isinstance(fact, events.WarningRecorded)]
    assert {fact.source for fact in warned} == {f"{kind} bare" for kind in SOUND}
    assert all("this does not hold: " in fact.message for fact in warned)


def test_an_offline_run_is_told_apart_as_scripts_do_it(tmp_path: Path) -> None:
    """17: an offline run has no experiment, is not a Run, has the id's prefix; it takes Run's names of parameters."""
    done = ran(
        """
        from runfold import Run
        from runfold.run import _OfflineRun
        run = Run.get_context()
        print(hasattr(run, "experiment"), isinstance(run, Run), isinstance(run, _OfflineRun))
        print(run.id.startswith("OfflineRun"), run.identity == "_OfflineRun#" + run.id, run.DELIM)
        run.tag(key="k", value="v"); run.upload_files(names=["n"], paths=["p"]); run.flush(timeout_seconds=1)
        run.log("a", 1, step=2)
        """,
        tmp_path,
    )
    lines = done.stdout.splitlines()
    assert lines[:3] == ["False False True", "True True #", "Attempted to add tag k with value v"], done.stderr
    assert lines[3] == "Attempted to track files ['n'] at ['p'] with timeout Nones"


JOB = {"RUNFOLD_WORKSPACE": "jobs", "RUNFOLD_EXPERIMENT": "e", "RUNFOLD_RUN_ID": "e_1_abc"}


def test_a_submitted_script_logs_on_after_complete(tmp_path: Path) -> None:
    """18: complete() inside a submitted script, then more logging; the job owns the status, from the first on."""
    ran(
        """
        from runfold import Run
        run = Run.get_context()
        run.log("a", 1.0); run.complete(); run.log("a", 2.0); run.cancel()
        with run: run.log("a", 3.0)
        """,
        tmp_path,
        RUNFOLD_SUBMITTED="1",
        **JOB,
        **QUICK,
    )
    assert [value for *_, value in points(tmp_path)] == [1.0, 2.0, 3.0]
    assert statuses(tmp_path) == []


def test_a_submitted_run_goes_to_another_process_and_finds_its_datasets_there(tmp_path: Path) -> None:
    """A copy and a pickle of a run whose input_datasets were asked for."""
    done = ran(
        """
        import copy, pickle
        from runfold import Run
        run = Run.get_context()
        run.input_datasets["own"] = "/own"
        for each in (run, copy.copy(run), copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
            print(each.id, each.input_datasets["given"])
        """,
        tmp_path,
        AZUREML_DATASET_ENVIRONMENT_VARS="given",
        given="/path",
        **JOB,
        **QUICK,
    )
    assert done.stdout.splitlines() == ["e_1_abc /path"] * 4, done.stderr


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", ["Running", "Completed"]),
        ("raise ValueError", ["Running", "Failed"]),
        ("raise SystemExit(0)", ["Running"]),
        ("raise SystemExit(1)", ["Running", "Failed"]),
    ],
)
def test_a_with_block_keeps_its_log_and_stores_outputs_after_the_status(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    """19: with-block: normal, exception, sys.exit(0), sys.exit(1)."""
    began(
        f"""
        with experiment.start_logging(run_id="r", snapshot_directory=None) as run:
            print("said"); open("outputs/o.txt", "w").write("o")
            {body}
        """,
        tmp_path,
        **QUICK,
    )
    assert statuses(tmp_path, "r") == expected
    told = [fact for fact in facts(tmp_path) if fact.aggregate_id == "r"]
    stored = [fact.name for fact in told if isinstance(fact, events.ArtifactLogged)]
    assert stored == ["logs/user_log.txt", "outputs/o.txt"]
    kinds = [type(fact).__name__ for fact in told]
    if len(expected) == 2:
        assert kinds.index("StatusChanged", kinds.index("StatusChanged") + 1) < len(kinds) - 1  # the outputs come after
    assert (tmp_path / "logs" / "user_log.txt").read_text().startswith("said\n")


def test_complete_stores_outputs_before_the_status(tmp_path: Path) -> None:
    """31: tracked ./outputs is stored as outputs/..., before Completed."""
    began(
        """
        run = experiment.start_logging(run_id="r", snapshot_directory=None)
        open("./outputs/m.pkl", "w").write("m"); run.complete()
        """,
        tmp_path,
        **QUICK,
    )
    told = [fact for fact in facts(tmp_path) if fact.aggregate_id == "r"][-2:]
    assert [getattr(fact, "name", None) or fact.status for fact in told] == ["outputs/m.pkl", "Completed"]


def test_fail_of_bytes_is_a_type_error_and_leaves_the_run_running(tmp_path: Path) -> None:
    """20: fail(bytes)."""
    done = began(REPORT + "print(tried(lambda: run.fail(b'x')), run.fail(_set_status=False))", tmp_path, **QUICK)
    assert done.stdout.startswith("TypeError: error_details must be a str or an exception")
    assert statuses(tmp_path) == ["Running"]
    assert [fact.code for fact in facts(tmp_path) if isinstance(fact, events.ErrorRecorded)] == ["UserError"]


def test_create_children_refuses_what_contradicts_itself(tmp_path: Path) -> None:
    """23: create_children 100, 101, 0, negative, contradictory, nothing."""
    done = began(
        REPORT
        + """
print(len(run.create_children(2)), run.create_children(0), run.create_children(-1))
for call in (lambda: run.create_children(101), lambda: run.create_children(),
             lambda: run.create_children(count=1, tag_key="k"), lambda: run.create_children(tag_key="k"),
             lambda: run.create_children(tag_values=[1]), lambda: run.create_children(tag_key="k", tag_values="ab"),
             lambda: run.create_children("two"), lambda: run.create_children(tag_key="k", tag_values=range(101))):
    print(tried(call)[:60])
""",
        tmp_path,
        **QUICK,
    )
    first, *refused = done.stdout.splitlines()
    assert first == "2 [] []", done.stderr
    assert len(refused) == 8
    assert all(line.startswith("UserErrorException: ") for line in refused), refused
    tags = [(fact.key, fact.value) for fact in facts(tmp_path) if isinstance(fact, events.TagSet)]
    assert tags == [("azureml.batch_child_number", "0"), ("azureml.batch_child_number", "1")]


def test_tags_are_texts_or_nothing(tmp_path: Path) -> None:
    """24: tag None, tag int, set_tags merges, remove; a str is refused."""
    done = began(
        REPORT
        + """
run.tag("X"); print(run.tags); run.tag("n", 1); run.set_tags({"b": True, "n": None}); run.remove_tags(["X", "gone"])
print(run.tags, tried(lambda: run.set_tags("x"))[:19])
""",
        tmp_path,
        **QUICK,
    )
    assert done.stdout.splitlines() == ["{'X': None}", "{'n': None, 'b': 'True'} UserErrorException:"], done.stderr


@pytest.mark.parametrize("missing", ["AZUREML_RUN_TOKEN", "AZUREML_ARM_PROJECT_NAME", "AZUREML_SERVICE_ENDPOINT"])
def test_a_partial_job_falls_back_offline(tmp_path: Path, missing: str) -> None:
    """35: a partial job environment falls back offline."""
    job = {
        "AZUREML_RUN_ID": "r",
        "AZUREML_ARM_SUBSCRIPTION": "s",
        "AZUREML_ARM_RESOURCEGROUP": "g",
        "AZUREML_ARM_WORKSPACE_NAME": "jobs",
        "AZUREML_ARM_PROJECT_NAME": "e",
        "AZUREML_RUN_TOKEN": "t",
        "AZUREML_SERVICE_ENDPOINT": "http://x",
    }
    del job[missing]
    done = ran("from runfold import Run; print(Run.get_context().id)", tmp_path, **job)
    assert re.match(r"OfflineRun_[0-9a-f-]{36}$", done.stdout.strip())


def test_names_of_metrics_are_kept_to_the_letter(tmp_path: Path) -> None:
    """38: metric names with a trailing space, slash, brackets."""
    names = ["Label ", "[Training Step] accuracy", "a/b", "Label:0"]
    began(f"for name in {names}: run.log(name, 1.0)", tmp_path, **QUICK)
    assert [name for name, *_ in points(tmp_path)] == names


def test_rows_and_tables_of_3000_by_15_are_fast(tmp_path: Path) -> None:
    """39: 3,000 rows of 15 columns."""
    done = began(
        """
        import time
        begun = time.process_time()
        for i in range(3000):
            run.log_row("rows", **{f"c{k}": i * k + 0.5 for k in range(15)})
        run.log_table("table", {f"c{k}": [i * k for i in range(3000)] for k in range(15)})
        print(time.process_time() - begun)
        """,
        tmp_path,
        **QUICK,
    )
    assert float(done.stdout) < 3.0
    assert len(points(tmp_path)) == 2 * 3000 * 15


def test_the_hosted_services_quotas_are_refused_when_asked_for(tmp_path: Path) -> None:
    """Section 9: RUNFOLD_LIMITS=azureml refuses at the call what the client can count; else there are none."""
    script = (
        REPORT
        + """
for n in range(51): said = tried(lambda: run.log(f"m{n}", 1.0))
print(said)
print(tried(lambda: run.log_row("m0", **{f"c{n}": 1 for n in range(16)})))
print(tried(lambda: run.log("m1", "x" * 256)))
print(tried(lambda: run.log_row("m0", **{"x" * 256: 1})))
print(tried(lambda: run.set_tags({str(n): "" for n in range(51)})))
print(tried(lambda: run.tag("x" * 101)))
print(tried(lambda: run.add_properties({"k": "x" * 1001})))
print(tried(lambda: setattr(run, "display_name", "x" * 257)))
print(tried(lambda: setattr(run, "description", "x" * 5001)))
print(tried(lambda: run.fail("x" * 3001, _set_status=False)))
"""
    )
    for home in ("a", "b"):
        (tmp_path / home).mkdir()
    limited = began(script, tmp_path / "a", RUNFOLD_LIMITS="azureml", **QUICK)
    lines = limited.stdout.splitlines()
    assert len(lines) == 10, limited.stderr
    assert all(line.startswith("UserErrorException: ") and "RUNFOLD_LIMITS=azureml allows" in line for line in lines)
    assert began(script, tmp_path / "b", **QUICK).stdout.splitlines() == ["None"] * 10


def test_attempts_are_what_a_launcher_counts() -> None:
    """SLURM_RESTART_COUNT, TORCHELASTIC_RESTART_COUNT; RUNFOLD_ATTEMPT before them."""
    assert place({"SLURM_RESTART_COUNT": "2"}).attempt == 2
    assert place({"TORCHELASTIC_RESTART_COUNT": "1"}).attempt == 1
    assert place({"TORCHELASTIC_RESTART_COUNT": "1", "SLURM_RESTART_COUNT": "3"}).attempt == 3
    assert place({"RUNFOLD_ATTEMPT": "5", "SLURM_RESTART_COUNT": "3"}).attempt == 5
    assert place({"SLURM_RESTART_COUNT": "many"}).attempt == 0
