"""Offline runs print what the original prints, lack what it lacks, and are journaled (run_api section 8.1)."""

from __future__ import annotations

import re
from pathlib import Path

from runfold_schemas import events
from tests.producer.facade.scripts import facts, points, ran

GET = "from runfold import Run\nrun = Run.get_context()\n"


def test_prints_are_the_originals_to_the_letter(tmp_path: Path) -> None:
    done = ran(
        GET
        + """
run._run_id = 'OfflineRun_1'
run.log('a', 1)
run.log_list('l', [1, 2], 'words')
run.log_table('t', {'x': [1]})
run.log_row('r', a=1, b='z')
run.log_image('i', path='/nowhere.png')
run.log_residuals('q', {})
run.log_predictions('p', {})
run.log_accuracy_table('acc', {})
run.log_confusion_matrix('c', {})
run.upload_file('n', 'p')
run.upload_files(['n'], ['p'])
run.upload_folder('n', 'p')
run.tag('k', 'v')
run.set_tags({'k': 'v'})
run.add_properties({'k': 'v'})
run.flush()
run.fail('why', 'Code')
run.complete()
run.cancel()
with run:
    pass
""",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Attempted to log scalar metric a:",
        "1",
        "Attempted to log list metric l:",
        "[1, 2]",
        "Attempted to log table metric t:",
        "{'x': [1]}",
        "Attempted to log row metric r:",
        "{'a': 1, 'b': 'z'}",
        "Attempted to log image metric i:",
        "/nowhere.png",
        "Attempted to log residual metric q:",
        "{}",
        "Attempted to log predictions metric p:",
        "{}",
        "Attempted to log accuracy_table metric acc:",
        "{}",
        "Attempted to log confusion_matrix metric c:",
        "{}",
        "Attempted to track file n at p",
        "Attempted to track files ['n'] at ['p'] with timeout Nones",
        "Attempted to track folder n at p",
        "Attempted to add tag k with value v",
        "Attempted to set tags {'k': 'v'}",
        "Attempted to add properties {'k': 'v'}",
        "Attempted to flush run with id OfflineRun_1",
        "Run failed with error code Code:",
        "why",
        "[START] Run OfflineRun_1 context",
        "[STOP] Run OfflineRun_1 context",
    ]
    assert done.told == []


def test_scripts_that_ask_whether_they_are_offline_get_the_originals_answers(tmp_path: Path) -> None:
    done = ran(
        GET
        + """
from runfold.run import _OfflineRun
names = ('experiment', 'parent', 'status', 'tags', 'get_metrics', 'get_status', 'register_model', 'input_datasets',
         'download_file', 'properties', 'number', 'get_file_names', 'remove_tags', 'type', 'name')
print([name for name in names if hasattr(run, name)])
print(isinstance(run, Run), isinstance(run, _OfflineRun), run.id != Run.get_context().id)
print(run.id)
print(run.child_run('k').id == run.id + '.k', run.child_run().id.startswith(run.id + '.'))
""",
        tmp_path,
    )
    listed, kinds, run_id, children = done.stdout.splitlines()
    assert (listed, kinds, children) == ("[]", "False True True", "True True")
    assert re.fullmatch(r"OfflineRun_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", run_id)


def test_what_the_original_took_offline_is_taken(tmp_path: Path) -> None:
    done = ran(GET + "run.log('a', [1]); run.log(7, object()); run.log('b', 2, step=3); run.set_tags('x')", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.told == []
    assert points(tmp_path) == [("b", None, "long", 3, 2.0)]


def test_nothing_is_created_before_the_first_word(tmp_path: Path) -> None:
    ran(GET + "print(run.id); run.child_run('k')", tmp_path)
    assert not (tmp_path / "journals").exists()


def test_words_are_journaled_for_no_workspace_and_no_experiment(tmp_path: Path) -> None:
    done = ran(GET + "run.log('a', 0.5)\nwith run.child_run('k') as kid: kid.tag('x', 'y')\nprint(run.id)", tmp_path)
    run_id = done.stdout.splitlines()[-1]
    journaled = facts(tmp_path)
    started = [fact for fact in journaled if isinstance(fact, events.RunStarted)]
    assert [(each.aggregate_id, each.experiment, each.parent_run_id) for each in started] == [
        (run_id, "", None),
        (f"{run_id}.k", "", run_id),
    ]
    enrolled = [fact for fact in journaled if isinstance(fact, events.RunEnrolled)]
    assert [(each.aggregate_kind, each.aggregate_id) for each in enrolled] == [("experiment", "")] * 2
    assert [fact.status for fact in journaled if isinstance(fact, events.StatusChanged)] == [
        "Running",
        "Running",
        "Completed",
    ]
    (header,) = (tmp_path / "journals").glob("*/header")
    assert '"workspace": null' in header.read_text()
    assert points(tmp_path) == [("a", None, "double", 1, 0.5)]


def test_going_offline_can_be_refused(tmp_path: Path) -> None:
    done = ran(
        """
        from runfold import Run
        from runfold.exceptions import RunEnvironmentException
        try:
            Run.get_context(allow_offline=False)
        except RunEnvironmentException as e:
            print(e.message); print(e.inner_exception)
        """,
        tmp_path,
        RUNFOLD_WORKSPACE="partial",
    )
    message, inner = done.stdout.splitlines()
    assert message.startswith("Could not load a submitted run, if outside of an execution context, use experiment.")
    assert "RUNFOLD_EXPERIMENT, RUNFOLD_RUN_ID" in inner
    assert "AZUREML_RUN_TOKEN" in inner
