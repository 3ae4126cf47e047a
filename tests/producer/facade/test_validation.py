"""Bad input is told in the original's words and family, and nothing of it reaches a journal (run_api section 8.2)."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold import validation
from runfold.exceptions import AzureMLException, UserErrorException
from runfold_schemas import limits
from tests.producer.facade.scripts import began, facts, points

np = pytest.importorskip("numpy")


class Count(enum.IntEnum):
    THREE = 3


class Scalar:
    """What torch and jax give for one number."""

    ndim = 0

    def item(self) -> float:
        return 0.5

    def __repr__(self) -> str:  # names the test, the same in every process
        return "Scalar()"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.uint64(2**63), 2**63),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(7), 7),
        (np.array(0.25), 0.25),
        (np.array(False), False),
        (Scalar(), 0.5),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 2), 0.5),
        (Count.THREE, 3),
        (2**300, 2**300),
        (None, None),
        (True, True),
        ("", ""),
    ],
    ids=repr,
)
def test_what_is_a_number_to_its_user_is_a_number(value: object, expected: object) -> None:
    found, converted = validation.scalar("m", value)
    assert (found, type(found), converted) == (expected, type(expected), False)


@pytest.mark.parametrize(
    "value", [(1, 2), {1}, b"x", {"a": 1}, np.array([1, 2]), 1j, object, Decimal("sNaN"), Fraction(10**400)], ids=repr
)
def test_log_keeps_the_text_of_what_is_no_number(value: object) -> None:
    assert validation.scalar("m", value) == (repr(value), True)


@pytest.mark.parametrize(
    "value", [[1], range(3), (i for i in ""), lambda: (yield)], ids=["list", "range", "gen", "genf"]
)
def test_log_refuses_lists_in_the_originals_words(value: object) -> None:
    with pytest.raises(UserErrorException) as raised:
        validation.scalar("m", value)
    assert raised.value.message == "run.log does not support list type. Use run.log_list instead"


def test_nan_and_infinities_stay_floats() -> None:
    for value in (math.nan, math.inf, -math.inf, -0.0, np.float64("nan")):
        found, _ = validation.scalar("m", value)
        assert type(found) is float
        assert math.copysign(1, found) == math.copysign(1, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [((1, 2), [1, 2]), (range(2), [0, 1]), ({"a": 1}, ["a"]), ("ab", ["a", "b"]), (iter([1.5]), [1.5]), ([], [])],
)
def test_log_list_takes_whatever_can_be_iterated(value: object, expected: list[object]) -> None:
    assert validation.elements("m", value) == expected


def test_log_list_of_a_number_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        validation.elements("m", 5)


@pytest.mark.parametrize("call", [lambda v: validation.elements("m", [v]), lambda v: validation.row("m", {"c": v})])
def test_elements_of_other_types_are_refused_in_the_originals_words(call: Callable[[object], object]) -> None:
    with pytest.raises(
        AzureMLException, match=r"Value of type <class 'tuple'> is not supported, supported types include"
    ):
        call((1,))
    with pytest.raises(AzureMLException, match=r"is out of range bits \(Range: \[0 - 64\]\)"):
        call(2**300)
    call(2**300 - 1)


def test_rows_hold_no_lists() -> None:
    with pytest.raises(AzureMLException, match=r"Rows cannot contain list values, column x contains a list\."):
        validation.row("m", {"x": [1]})


def test_columns_of_a_table_are_equally_long() -> None:
    with pytest.raises(
        AzureMLException,
        match=r"Columns must have the same length, column x had length 1, however, column y had length 2\.",
    ):
        validation.table("m", {"x": [1], "y": [1, 2]})
    with pytest.raises(UserErrorException, match="dict of columns"):
        validation.table("m", [1])
    assert validation.table("m", {}) == validation.table("m", {"x": []}) == []
    assert validation.table("m", {"x": 1, "y": "a"}) == [{"x": 1, "y": "a"}]
    assert validation.table("m", {"x": np.array([1, 2]), "y": (3, 4)}) == [{"x": 1, "y": 3}, {"x": 2, "y": 4}]


@pytest.mark.parametrize(
    ("given_path", "stored"),
    [
        ("./outputs/m.pkl", "outputs/m.pkl"),
        ("a//b/./c", "a/b/c"),
        (Path("a/b"), "a/b"),
        (" a ", " a "),
        ("a/", "a"),
        ("...", "..."),
        ("a..b", "a..b"),
    ],
)
def test_artifact_names_are_normalised(given_path: object, stored: str) -> None:
    assert validation.artifact_path(given_path) == stored


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "/",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a/..",
        "a\\b",
        "..\\x",
        "a\0b",
        "a\udc80",
        7,
        None,
        b"x",
        "x" * 1025,
    ],
    ids=repr,
)
def test_path_tricks_are_refused(name: object) -> None:
    with pytest.raises(UserErrorException):
        validation.artifact_path(name)


@given(st.text(max_size=40))
def test_an_accepted_artifact_name_stays_below_its_run(name: str) -> None:
    try:
        stored = validation.artifact_path(name)
    except UserErrorException:
        return
    assert validation.artifact_path(stored) == stored
    assert not stored.startswith("/")
    assert not {"", ".", ".."} & set(stored.split("/"))


@given(st.text(st.characters(), max_size=40))
def test_an_accepted_text_can_be_stored(text: str) -> None:
    try:
        kept = validation.text("text", text, 50)
    except UserErrorException:
        return
    assert kept == text
    assert "\0" not in kept
    assert 0 < len(kept.encode()) <= 50


@pytest.mark.parametrize("name", [7, None, b"x", "", "a\0", "\ud800", "x" * 1025, ["a"]], ids=repr)
def test_metric_names_that_cannot_be_stored_are_refused(name: object) -> None:
    with pytest.raises(UserErrorException):
        validation.metric_name(name)


def test_metric_names_are_kept_verbatim() -> None:
    for name in ("[Training Step] accuracy ", "Label:0", "a/b", "\N{GREEK SMALL LETTER ALPHA}", "x" * 1024):
        assert validation.metric_name(name) == name


def test_steps_are_whole_numbers_of_64_bits() -> None:
    assert [validation.step(value) for value in (None, 3, np.int64(3), 3.0, True, -(2**63))] == [
        None,
        3,
        3,
        3,
        1,
        -(2**63),
    ]
    for value in (1.5, "1", 2**63, 10**5000, [1]):
        with pytest.raises(UserErrorException, match="step"):
            validation.step(value)


def test_tag_values_become_text() -> None:
    assert validation.tags({"a": 1, "b": True, "c": None, "d": "x"}) == (
        {"a": "1", "b": "True", "c": None, "d": "x"},
        ["a", "b"],
    )
    for value in ("x", None, 7, {None: "a"}, {"": "a"}, {"a": "\0"}, {"a": "x" * (limits.TAG_VALUE_BYTES_MAX + 1)}):
        with pytest.raises(UserErrorException):
            validation.tags(value)


def test_no_properties_are_none() -> None:
    assert validation.properties(None) == validation.properties({}) == ({}, [])


@pytest.mark.parametrize("keys", ["abc", b"abc", 7, None, [None]], ids=repr)
def test_remove_tags_takes_a_list_of_keys(keys: object) -> None:
    with pytest.raises(UserErrorException):
        validation.tag_keys(keys)


@pytest.mark.parametrize("run_id", ["", "a/b", "a\\b", "a\n", "x" * 257, 7, None, "a\0"], ids=repr)
def test_run_ids_are_printable_and_no_paths(run_id: object) -> None:
    with pytest.raises(UserErrorException):
        validation.run_id(run_id)


def test_experiment_names_follow_the_originals_rule() -> None:
    for name in ("a", "9-_", "a" * 255, "a\u00e9"):
        assert validation.experiment_name(name) == name
    refused: tuple[object, ...] = ("", "-a", "a b", "a\n", "a" * 256, 7, None)
    for given_name in refused:
        with pytest.raises(UserErrorException, match="Experiment name must be between 1 and 255 characters long"):
            validation.experiment_name(given_name)


def test_workspaces_are_mapped_to_names_of_topics() -> None:
    assert validation.ledger_name("My_Workspace-1") == "my-workspace-1"
    with pytest.raises(UserErrorException, match="RUNFOLD_WORKSPACE"):
        validation.ledger_name("a\u00e9\u00e9")


def test_an_unknown_status_is_told_with_those_that_there_are() -> None:
    assert validation.status(None) is None
    assert validation.status("Completed") == "Completed"
    for status in ("Done", 7):
        with pytest.raises(UserErrorException, match="NotStarted, Unapproved"):
            validation.status(status)


def test_filters_are_a_key_or_a_dict_of_texts() -> None:
    assert validation.filters("tags", {"n": 1, "m": None}) == {"n": "1", "m": None}
    with pytest.raises(ValueError, match="Unknown filter type for run tags"):
        validation.filters("tags", ["a"])


BAD = r"""
run.log("a", [1])
run.log(7, 1.0)
run.log([], 1.0)
run.log("", 1.0)
run.log("a\0", 1.0)
run.log("a", "\ud800")
run.log("a", 1.0, step="x")
run.log("a", 1.0, step=2**70)
run.log("x" * 2000, 1.0)
run.log("a", "x" * 70_000)
run.log_list("a", [1, 2**300])
run.log_list("a", [1, object()])
run.log_list("a", 5)
run.log_row("a", x=[1])
run.log_row("a", **{"": 1})
run.log_table("a", [1])
run.log_table("a", {"x": [1], "y": []})
run.log_table("a", {None: [1]})
run.log_image("a")
run.log_image("a", path=io.BytesIO(b"no image"))
run.log_image("a", path="/nowhere.png")
run.log_image("a", plot=7)
run.log_image("a", path="x", plot=7)
run.log_confusion_matrix("a", "{")
run.log_confusion_matrix("a", {1, 2})
run.log_accuracy_table("a", "{")
run.log_predictions("a", "not JSON")
run.log_residuals("a", object())
run.log_residuals("a", {}, strict=True)
run.log_residuals(7, {})
run.get_metrics(name=7)
run.get_metrics(run_type=7)
run.get_metrics(rank=-1)
run.get_metrics(attempt="first")
run.tag(None)
run.tag("a", "\0")
run.set_tags("x")
run.remove_tags("x")
run.add_properties("x")
run.add_properties({"a": "\ud800"})
run.add_properties({str(n): "x" * 60_000 for n in range(20)})
run.upload_file("../x", "/etc/hostname")
run.upload_file("x", 7)
run.upload_file("x", "/")
run.upload_file("x", "/nowhere")
run.child_run(run_id="a/b")
run.child_run(name=7)
run.child_run(outputs=7)
run.create_children()
run.create_children(101)
run.create_children("two")
run.create_children(True)
run.create_children(1, tag_key="k")
run.create_children(tag_key="k")
run.create_children(tag_values=["v"])
run.create_children(tag_key=7, tag_values=["v"])
run.create_children(tag_key="k", tag_values="ab")
run.create_children(tag_key="k", tag_values=["\0"])
run.get_all_logs(7)
run.get_all_logs("/etc/hostname")
run.flush("soon")
run.flush(-1)
run.fail(b"x")
run.fail(error_code="\0")
run.get_children(properties=[])
run.get_children(type=7)
run.get_children(status="Done")
Run.list("experiment")
Run.list(experiment, type=7)
Run.list_by_compute("local")
Run.list_by_compute(type("T", (), {"name": "here", "workspace": experiment.workspace}), status="Done")
Run.list_by_compute(type("T", (), {"name": "here", "workspace": experiment.workspace}), tags=7)
Run.add_type_provider(7, print)
Run.add_type_provider("a", 7)
Run.add_type_provider("azureml.scriptrun", print)
Run.get("workspace", "r")
Run("experiment", "r")
get_run("experiment", "r")
get_run(experiment, 7)
Run.get_submitted_run()
Run.list(experiment, status="Done")
Run.list(experiment, tags=7)
Run.get(experiment.workspace, 7)
Run(experiment, "a/b")
Experiment(experiment.workspace, "a b")
Experiment("workspace", "a")
Workspace("s", "g", "a")
Workspace.get("a")
Workspace.create(7)
experiment.get_runs(tags=7)
experiment.tag(None)
experiment.set_tags("x")
experiment.remove_tags("x")
experiment.reactivate("new name")
Experiment.list("workspace")
Experiment.list(experiment.workspace, view_type="Some")
Experiment.list(experiment.workspace, experiment_name=7)
Experiment.list(experiment.workspace, tags=7)
Experiment.delete(experiment.workspace, 7)
Experiment.delete("workspace", "a")
Experiment.from_directory("/nowhere/at/all")
experiment.start_logging(snapshot_directory=7)
experiment.start_logging(run_id="")
experiment.start_logging(outputs=7)
setattr(run, "display_name", 7)
setattr(run, "description", "\0")
"""


def test_nothing_of_bad_input_is_journaled(tmp_path: Path) -> None:
    done = began(
        f"""
        import io
        from runfold.run import get_run
        for call in {BAD!r}.strip().splitlines():
            try:
                eval(call)
            except (AzureMLException, TypeError, ValueError, FileNotFoundError) as told:
                assert len(str(told)) > 10
            else:
                print(call)
        """,
        tmp_path,
        RUNFOLD_EXIT_DEADLINE_S="0.1",
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert len(facts(tmp_path)) == 4  # what start_logging said
    assert points(tmp_path) == []
