"""Submitted jobs, from a ScriptRunConfig to the run that everybody reads: what runs, what is told, how it ends."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.crossings.jobs import ENDED, STUBBORN, SUBMIT, Jobs, alive, pids, seconds_from_cancel_to_gone
from tests.stack import send_signal
from tests.waiting import until


def test_a_script_runs_in_its_own_folder_and_its_run_tells_all(jobs: Jobs) -> None:
    (jobs.source / ".amlignore").write_text("data/\n")
    (jobs.source / "data").mkdir()
    (jobs.source / "data" / "big").write_text("ignored")
    (jobs.source / "lib.py").write_text("ANSWER = 42\n")
    run_id, files = jobs.submit(
        "import os, sys, json, pathlib, lib\nfrom runfold import Run\nrun = Run.get_context()\n"
        "print('one'); print('two', file=sys.stderr); print('three')\n"
        "run.log('answer', lib.ANSWER)\n"
        "pathlib.Path('outputs/m.txt').write_text('model')\n"
        "pathlib.Path('seen.json').write_text(json.dumps([sys.argv, os.getcwd(), sorted(os.listdir()), run.id]))\n",
        config="arguments=['--lr', 0.1, '--n', 3]",
        after="details = run.wait_for_completion()\nprint(json.dumps([run.id, run.get_file_names()]))",
    )
    run = jobs.ended(run_id)
    folder = jobs.folder(run_id)
    argv, where, listed, seen_id = json.loads((folder / "seen.json").read_text())
    assert argv == ["train.py", "--lr", "0.1", "--n", "3"]
    assert where == str(folder)
    assert seen_id == run_id
    assert "data" not in listed
    assert {"lib.py", "outputs", "logs", "train.py"} <= set(listed)
    assert run["status"] == "Completed"
    assert run["run_type"] == "azureml.scriptrun"
    assert run["definition"]["script"] == "train.py"
    assert run["definition"]["arguments"] == ["--lr", "0.1", "--n", "3"]
    assert run["snapshot_id"]
    assert run["job_folder"] == str(folder)
    assert jobs.log(run_id) == "one\ntwo\nthree\n"
    assert {"outputs/m.txt", "user_logs/std_log.txt"} <= set(files)
    assert run["warnings"] == []


def test_a_failed_script_tells_its_exit_code_and_last_words(jobs: Jobs) -> None:
    run_id = jobs.submit("import sys\nprint('before')\nraise ValueError('no such column')\n")
    run = jobs.ended(run_id)
    assert run["status"] == "Failed"
    assert "exit code 1" in run["error"]["message"]
    assert "ValueError: no such column" in run["error"]["message"]


def test_a_script_that_a_signal_ends_has_failed_by_that_signal(jobs: Jobs) -> None:
    run = jobs.ended(jobs.submit("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"))
    assert run["status"] == "Failed"
    assert "SIGSEGV" in run["error"]["message"]


def test_run_id_tags_and_parent_are_what_was_asked_for(jobs: Jobs) -> None:
    (jobs.source / "train.py").write_text("print('child')")
    parent, child, tags, found = jobs.say(
        "parent = experiment.start_logging(snapshot_directory=None, outputs=False)\n"
        "child = parent.submit_child(ScriptRunConfig(source, 'train.py'), tags={'a': 'b'})\n"
        "child.wait_for_completion()\n"
        "print(json.dumps([parent.id, child.id, child.get_tags(), [c.id for c in parent.get_children()]]))\n"
        "parent.complete()"
    )
    assert tags == {"a": "b"}
    assert found == [child]
    assert jobs.run(child)["parent_run_id"] == parent
    name, seconds, suffix = child.rsplit("_", 2)
    assert name == "submitting"
    assert abs(int(seconds) - time.time()) < 600
    assert len(bytes.fromhex(suffix)) == 4


@pytest.mark.parametrize("locally", [True, False], ids=["by this machine's file", "by the ledger alone"])
def test_cancel_ends_a_stubborn_script_within_its_grace_period_and_two_seconds(jobs: Jobs, locally: bool) -> None:
    grace = 2.0
    run_id = jobs.submit(STUBBORN, RUNFOLD_CANCEL_GRACE_S=str(grace))
    jobs.running(run_id)
    processes = pids(jobs, run_id)
    took = seconds_from_cancel_to_gone(jobs, run_id, locally)
    assert jobs.ended(run_id)["status"] == "Canceled"
    assert not any(alive(pid) for pid in processes)
    assert took < grace + 2


def test_a_supervisor_that_is_terminated_cancels_its_job(jobs: Jobs) -> None:
    run_id = jobs.submit("import threading; print('pids', flush=True); threading.Event().wait()")
    jobs.running(run_id)
    os.kill(int((jobs.folder(run_id) / ".runfold-job" / "claimed").read_text()), signal.SIGTERM)
    assert jobs.ended(run_id)["status"] == "Canceled"


def test_datasets_among_the_arguments_become_paths_and_links(jobs: Jobs) -> None:
    (jobs.source / "in.csv").write_text("a\n1\n")
    (jobs.source / "train.py").write_text(
        "import sys, pathlib\nfrom runfold import Run\nrun = Run.get_context()\n"
        "print(pathlib.Path(sys.argv[2]).exists(), 'train' in run.input_datasets)\n"
    )
    run_id = jobs.say(
        "from runfold import Dataset\n"
        "data = Dataset.File.from_files(os.path.join(source, 'in.csv'))\n"
        "config = ScriptRunConfig(source, 'train.py', ['--data', data.as_named_input('train').as_mount()])\n"
        "run = experiment.submit(config); run.wait_for_completion(); print(json.dumps(run.id))"
    )
    assert jobs.log(run_id) == "True True\n"
    assert [(each["direction"], each["name"]) for each in jobs.run(run_id)["datasets"]] == [("input", "train")]


def test_a_job_that_runs_too_long_is_ended_and_has_failed(jobs: Jobs) -> None:
    run_id = jobs.submit(
        "import threading; threading.Event().wait()",
        config="max_run_duration_seconds=1",
    )
    run = jobs.ended(run_id)
    assert run["status"] == "Failed"
    assert run["error"]["code"] == "MaxRunDurationExceeded"


def test_what_a_script_leaves_behind_is_ended(jobs: Jobs) -> None:
    run_id = jobs.submit(
        "import subprocess\n"
        "a = subprocess.Popen(['sleep', '1000']); b = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "print('pids', a.pid, b.pid, flush=True)\n"
    )
    assert jobs.ended(run_id)["status"] == "Completed"
    assert not any(alive(pid) for pid in pids(jobs, run_id))


def test_a_supervisor_that_is_killed_takes_its_script_with_it(jobs: Jobs) -> None:
    run_id = jobs.submit(STUBBORN)
    jobs.running(run_id)
    processes = pids(jobs, run_id)
    os.kill(int((jobs.folder(run_id) / ".runfold-job" / "claimed").read_text()), signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in processes), 10, "the script and its children to be gone")


def test_twenty_jobs_survive_their_submitter_and_none_runs_twice(jobs: Jobs, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    (jobs.source / "train.py").write_text(
        "import os, sys\n"
        "from runfold import Run\n"
        "run = Run.get_context(); run.log('x', 1)\n"
        f"file = os.open({str(witness)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        "os.write(file, (run.id + '\\n').encode())\n"
        "import threading; threading.Event().wait(float(sys.argv[1]))\n"
    )
    submitter = jobs.stack.background(
        SUBMIT
        + """
runs = []
def one(n):
    run = experiment.submit(ScriptRunConfig(source, 'train.py', [60 if n == 0 else 0.5]))
    os.write(1, f'{n} {run.id}\\n'.encode())
threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
os.kill(os.getpid(), signal.SIGKILL)
""",
        str(jobs.source),
        TMPDIR=jobs.temporary,
    )
    stdout, _ = submitter.communicate(timeout=120)
    assert submitter.returncode == -signal.SIGKILL
    runs = dict(line.split() for line in stdout.splitlines())
    assert len(runs) == 20
    victim = runs.pop("0")
    until(lambda: witness.exists() and victim in witness.read_text(), 60, "the victim's script to run")
    send_signal(int((jobs.folder(victim) / ".runfold-job" / "claimed").read_text()), signal.SIGKILL)
    for run_id in runs.values():
        assert jobs.ended(run_id, 90)["status"] == "Completed"
    seen = witness.read_text().split()
    assert sorted(seen) == sorted([*runs.values(), victim])


def test_a_submitter_that_is_killed_halfway_leaves_no_run_without_an_end(jobs: Jobs, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    (jobs.source / "train.py").write_text(
        f"import os\nfile = os.open({str(witness)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        "os.write(file, (os.environ['RUNFOLD_RUN_ID'] + '\\n').encode())\n"
    )
    submitter = jobs.stack.background(
        SUBMIT
        + """
def one(n):
    os.write(1, f"{experiment.submit(ScriptRunConfig(source, 'train.py'), tags={'halfway': words[0]}).id}\\n".encode())
for n in range(20): threading.Thread(target=one, args=(n,)).start()
""",
        str(jobs.source),
        jobs.temporary,
        TMPDIR=jobs.temporary,
        RUNFOLD_HEARTBEAT_S="1",
    )
    assert submitter.stdout is not None
    for _ in range(5):
        assert submitter.stdout.readline()
    submitter.kill()
    submitter.communicate()

    def ended() -> bool:
        query = urlencode({"experiment": "submitting", "tags": json.dumps({"halfway": jobs.temporary}), "limit": 100})
        found = jobs.stack.get(f"runs?{query}")["runs"]
        return len(found) >= 5 and all(run["status"] in (*ENDED, "NotResponding") for run in found)

    # What was not even submitted is missed by its heartbeats, as the node's shipper says them: for 120 s.
    until(ended, 180, "every run to end, or to be called NotResponding", pause_s=0.5)
    seen = witness.read_text().split()
    assert len(seen) == len(set(seen))


def test_a_silent_run_is_called_not_responding(jobs: Jobs) -> None:
    run_id = jobs.submit("import threading; threading.Event().wait()", RUNFOLD_HEARTBEAT_S="1")
    jobs.running(run_id)
    os.kill(int((jobs.folder(run_id) / ".runfold-job" / "claimed").read_text()), signal.SIGKILL)
    until(lambda: jobs.run(run_id)["status"] == "NotResponding", 60, "the watchdog to speak", pause_s=0.5)


@pytest.mark.parametrize("how", ["MpiConfiguration(3)", "PyTorchConfiguration('Gloo', process_count=3)"])
def test_ranks_log_into_one_run(jobs: Jobs, how: str) -> None:
    run_id, metrics = jobs.submit(
        "import os\nfrom runfold import Run\nrun = Run.get_context()\n"
        "rank = int(os.environ.get('OMPI_COMM_WORLD_RANK') or os.environ['RANK'])\n"
        "print('I am', rank, 'of', os.environ['WORLD_SIZE'], os.environ['LOCAL_RANK'])\n"
        "run.log(f'rank{rank}', rank + 0.5)\n",
        config=f"distributed_job_config={how}",
        after="run.wait_for_completion(); print(json.dumps([run.id, run.get_metrics()]))",
    )
    assert metrics == {f"rank{rank}": rank + 0.5 for rank in range(3)}
    for rank in range(3):
        assert jobs.log(run_id, f"user_logs/std_log_process_{rank:02d}.txt") == f"I am {rank} of 3 {rank}\n"


def test_a_rank_that_fails_ends_the_others(jobs: Jobs) -> None:
    run_id = jobs.submit(
        "import os, sys, threading\nif os.environ['RANK'] == '1': sys.exit(7)\nthreading.Event().wait()\n",
        config="distributed_job_config=PyTorchConfiguration(process_count=2)",
    )
    run = jobs.ended(run_id)
    assert run["status"] == "Failed"
    assert "Rank 1" in run["error"]["message"]
    assert "exit code 7" in run["error"]["message"]


@pytest.mark.parametrize(("code", "ends"), [(1, "Completed"), (9, "Failed")])
def test_a_task_that_fails_is_started_again_unless_its_code_is_final(jobs: Jobs, code: int, ends: str) -> None:
    run_id = jobs.submit(
        "import pathlib, sys\nseen = pathlib.Path('seen')\nprint('try')\n"
        f"if not seen.exists(): seen.touch(); sys.exit({code})\n",
        config="distributed_job_config=ParallelTaskConfiguration(2, 1, terminal_exit_codes=[9])",
    )
    assert jobs.ended(run_id)["status"] == ends
    assert jobs.log(run_id) == "try\n" * (2 if code == 1 else 1)


def test_parameter_servers_end_with_the_last_worker(jobs: Jobs) -> None:
    run_id = jobs.submit(
        "import json, os, threading\nconfig = json.loads(os.environ['TF_CONFIG'])\nprint(config['task'])\n"
        "if config['task']['type'] == 'ps': threading.Event().wait()\n",
        config="distributed_job_config=TensorflowConfiguration(2, 1)",
    )
    assert jobs.ended(run_id)["status"] == "Completed"


def test_the_job_gets_its_variables_and_no_secret_becomes_an_event(jobs: Jobs) -> None:
    (jobs.source / "train.py").write_text(
        "import json, os, pathlib\npathlib.Path('seen.json').write_text(json.dumps(dict(os.environ)))\n"
    )
    run_id = jobs.say(
        "environment = Environment('e'); environment.environment_variables = {'A': 'environment', 'B': 2}\n"
        "config = ScriptRunConfig(source, 'train.py', environment=environment)\n"
        "config.run_config.environment_variables['A'] = 'run'\n"
        "config.run_config.environment_variables['DB_PASSWORD'] = 'hunter2'\n"
        "print(json.dumps(experiment.submit(config).id))",
        MY_SECRET="from-outside",
        RANK="5",
        WORLD_SIZE="8",
    )
    run = jobs.ended(run_id)
    seen = json.loads((jobs.folder(run_id) / "seen.json").read_text())
    assert (seen["A"], seen["B"], seen["DB_PASSWORD"], seen["MY_SECRET"]) == ("run", "2", "hunter2", "from-outside")
    assert (seen["RUNFOLD_RUN_ID"], seen["AZUREML_RUN_ID"]) == (run_id, run_id)
    assert seen["AZUREML_OUTPUT_DIRECTORY"] == "./outputs"
    assert "RANK" not in seen
    told = json.dumps(run) + json.dumps(jobs.stack.get(f"runs/{run_id}/events"))
    assert "hunter2" not in told
    assert "from-outside" not in told
    assert "DB_PASSWORD" in told


def test_a_command_runs_in_the_shell(jobs: Jobs) -> None:
    run_id = jobs.say(
        "config = ScriptRunConfig(source, command='echo $RUNFOLD_SUBMITTED && echo two words')\n"
        "print(json.dumps(experiment.submit(config).id))"
    )
    assert jobs.ended(run_id)["status"] == "Completed"
    assert jobs.log(run_id) == "1\ntwo words\n"


def test_a_script_in_the_originals_style_finds_its_run(jobs: Jobs) -> None:
    run_id, metrics = jobs.submit(
        "from azureml.core import Run\nrun = Run.get_context(allow_offline=False)\nrun.log('a', 1)\nrun.complete()\n"
        "run.log('a', 2)\n",
        after="run.wait_for_completion(); print(json.dumps([run.id, run.get_metrics()]))",
    )
    assert metrics == {"a": [1, 2]}
    assert jobs.run(run_id)["status"] == "Completed"


def test_a_job_submits_jobs_that_outlive_it(jobs: Jobs) -> None:
    (jobs.source / "child.py").write_text("import threading; threading.Event().wait(1); print('child')")
    run_id = jobs.submit(
        "from runfold import Run\nfrom runfold.submitting import ScriptRunConfig\nrun = Run.get_context()\n"
        "print(run.submit_child(ScriptRunConfig('.', 'child.py')).id)\n"
    )
    assert jobs.ended(run_id)["status"] == "Completed"
    child = jobs.log(run_id).strip()
    assert jobs.ended(child)["status"] == "Completed"
    assert jobs.log(child) == "child\n"


def test_a_flood_of_output_takes_no_memory_and_is_kept(jobs: Jobs) -> None:
    lines, width = 600_000, 99
    run_id = jobs.submit(
        f"import sys\nfor n in range({lines}): sys.stdout.write(f'{{n:0{width}d}}\\n')\n", PYTHONUNBUFFERED=""
    )
    supervisor = int(until((jobs.folder(run_id) / ".runfold-job" / "claimed").read_text, 20, "a supervisor"))
    peak = 0
    while jobs.run(run_id)["status"] not in ENDED:
        status = Path("/proc") / str(supervisor) / "status"
        found = (
            [line for line in status.read_text().splitlines() if line.startswith("VmHWM")] if status.exists() else []
        )
        peak = max(peak, *(int(line.split()[1]) >> 10 for line in found), 0)
    assert jobs.run(run_id)["status"] == "Completed"
    assert 0 < peak < 200
    log = jobs.folder(run_id) / "user_logs" / "std_log.txt"
    assert log.stat().st_size == lines * (width + 1)
    stored = [each for each in jobs.stack.get(f"runs/{run_id}/artifacts")["artifacts"] if "std_log" in each["path"]]
    assert stored[0]["size"] == log.stat().st_size


def test_clean_removes_the_job_folder_once(jobs: Jobs) -> None:
    (jobs.source / "train.py").write_text("print('x')")
    lines, second, there = jobs.say(
        "from runfold.exceptions import ExperimentExecutionException\n"
        "run = experiment.submit(ScriptRunConfig(source, 'train.py')); run.wait_for_completion()\n"
        "lines = run.clean()\n"
        "try:\n    run.clean(); second = None\n"
        "except ExperimentExecutionException as error:\n    second = error.message\n"
        "print(json.dumps([lines, second, os.listdir(os.environ['TMPDIR'] + '/azureml_runs')]))"
    )
    assert len(lines) == 1
    assert second
    assert there == []


def test_environments_are_registered_in_versions_and_read_back(jobs: Jobs) -> None:
    first, again, second, labelled, listed, used = jobs.say(
        "environment = Environment('torch-env')\n"
        "environment.python.conda_dependencies.add_pip_package('torch==2.1')\n"
        "first = environment.register(workspace); again = environment.register(workspace)\n"
        "environment.python.conda_dependencies.add_pip_package('numpy')\n"
        "second = environment.register(workspace)\n"
        "Environment.label(workspace, 'torch-env', '1', ['stable'])\n"
        "labelled = Environment.get(workspace, 'torch-env', label='stable')\n"
        "print(json.dumps([first.version, again.version, second.version, labelled.version,\n"
        "    sorted(Environment.list(workspace)), list(Environment.get(workspace, 'torch-env', '1')"
        ".python.conda_dependencies.pip_packages)]))"
    )
    assert (first, again, second, labelled) == ("1", "1", "2", "1")
    assert "torch-env" in listed
    assert used == ["azureml-defaults", "torch==2.1"]


def test_an_environment_of_azures_is_the_interpreter_that_submits(jobs: Jobs) -> None:
    """By name, by a label of the workspace's, as a start for another; one that is registered goes before."""
    told, unknown, mine, name = jobs.submit(
        "import sys; print(sys.executable)",
        config="environment=Environment.get(workspace, 'AzureML-Minimal', version=7)",
        after="run.wait_for_completion()\n"
        "listed = workspace.environments; tutorial = listed['AzureML-Tutorial'].clone('mine')\n"
        "tutorial.python.conda_dependencies.add_pip_package('numpy')\n"
        "told = [tutorial.register(workspace).name, 'AzureML-Tutorial' in listed, run.get_environment().version]\n"
        "try:\n    listed['other']\nexcept KeyError:\n    unknown = True\n"
        "own = Environment('AzureML-Own'); own.environment_variables = {}; own.register(workspace)\n"
        "mine = Environment.get(workspace, 'AzureML-Own').environment_variables\n"
        "print(json.dumps([told, unknown, mine, run.get_environment().name]))",
    )
    assert told == ["mine", False, "7"]
    assert (unknown, mine, name) == (True, {}, "AzureML-Minimal")


def test_get_environment_is_what_was_submitted(jobs: Jobs) -> None:
    name, variables = jobs.submit(
        "print(1)",
        config="environment=Environment('mine')",
        after="run.wait_for_completion(); found = Run.get(workspace, run.id).get_environment()\n"
        "print(json.dumps([found.name, found.environment_variables]))",
    )
    assert name == "mine"
    assert variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}


def test_submitting_needs_no_service(jobs: Jobs) -> None:
    nowhere = {"RUNFOLD_KAFKA": "127.0.0.1:9", "RUNFOLD_API": "http://127.0.0.1:9", "RUNFOLD_EXIT_DEADLINE_S": "0"}
    begun = time.monotonic()
    run_id = jobs.submit("import pathlib; pathlib.Path('ran').touch()", **nowhere)
    assert time.monotonic() - begun < 20
    until((jobs.folder(run_id) / ".runfold-job" / "ended.json").exists, 60, "the job to end", pause_s=0.2)
    assert (jobs.folder(run_id) / "ran").exists()
    assert json.loads((jobs.folder(run_id) / ".runfold-job" / "ended.json").read_text())["status"] == "Completed"
