"""What of a configuration becomes arguments, a command line, variables, and a document without secrets."""

from __future__ import annotations

import json
import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold import Workspace
from runfold.exceptions import ExperimentExecutionException, UserErrorException
from runfold.submitting import RunConfiguration, ScriptRunConfig, definition, inputs


@pytest.mark.parametrize(
    ("given_value", "text"),
    [("a b", "a b"), (1, "1"), (0.1, "0.1"), (True, "True"), (Path("x/y"), "x/y"), (Decimal("1.5"), "1.5")],
)
def test_an_argument_is_text(given_value: object, text: str) -> None:
    assert definition.text_of(given_value) == text


def test_numbers_of_numpy_are_arguments() -> None:
    numpy = pytest.importorskip("numpy")
    assert definition.text_of(numpy.float64(0.5)) == "0.5"


@pytest.mark.parametrize("value", [None, ["a"], {"a": 1}, object(), b"x", "a\0b"])
def test_what_no_process_can_be_given_is_refused(value: object) -> None:
    with pytest.raises(UserErrorException, match="argument"):
        definition.text_of(value)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("python a.py && echo $X", "python a.py && echo $X"),
        (["python a.py --lr 1"], "python a.py --lr 1"),
        (["python", "a.py", "--lr", 0.1], "python a.py --lr 0.1"),
        (["python", "-c", "print('a b')"], "python -c " + shlex.quote("print('a b')")),
        (["echo", "$HOME", "&&", "ls", "*.py"], "echo $HOME && ls *.py"),
    ],
)
def test_a_command_is_a_line_of_the_shell(command: Any, line: str) -> None:
    assert definition.command_line(command) == line


def test_script_and_command_may_stand_in_the_run_configuration() -> None:
    in_script, in_command = RunConfiguration("a.py"), RunConfiguration(command="ls")
    assert definition.command_of(ScriptRunConfig(".", run_config=in_script)) is None
    assert definition.script_of(ScriptRunConfig(".", run_config=in_script)) == "a.py"
    assert definition.command_of(ScriptRunConfig(".", run_config=in_command)) == "ls"
    assert definition.command_of(ScriptRunConfig(".", "b.py", run_config=in_command)) is None
    with pytest.raises(ExperimentExecutionException, match="nothing to run"):
        definition.script_of(ScriptRunConfig("."))


def test_data_among_a_commands_words_is_what_it_says_of_itself() -> None:
    class Mounted:
        def _as_argument(self) -> str:
            return "/mnt/in"

        def _job_variables(self) -> dict[str, str]:
            return {"AZUREML_DATASET_ENVIRONMENT_VARS": "in:mount", "in": "/mnt/in"}

        def _link(self, handle: object) -> None:
            return None

    data, other = Mounted(), Mounted()
    given = inputs.resolved(ScriptRunConfig(".", command=["ls", data, data, other]), Workspace("", "", "words"))
    assert given.command == ["ls", "/mnt/in", "/mnt/in", "/mnt/in"]
    assert given.variables["AZUREML_DATASET_ENVIRONMENT_VARS"] == "in:mount,in:mount"
    assert given.linked == [data, other]


@pytest.mark.parametrize(
    "name", ["API_TOKEN", "password", "MY_SECRET_1", "AWS_SECRET_ACCESS_KEY", "DB_CONNECTION_STRING", "apiKey", "SAS"]
)
def test_the_value_of_a_secret_is_in_no_document(name: str) -> None:
    config = ScriptRunConfig(".", "a.py")
    config.run_config.environment_variables = {name: "hunter2", "LR": "0.1"}
    config.run_config.environment.environment_variables = {name: "hunter2"}
    document = definition.document(config, None, None, [])
    assert "hunter2" not in json.dumps(document)
    assert document["environmentVariables"] == {name: definition.HIDDEN, "LR": "0.1"}


def test_credentials_in_addresses_are_in_no_document() -> None:
    config = ScriptRunConfig(".", "a.py")
    packages = config.run_config.environment.python.conda_dependencies
    assert packages is not None
    packages.set_pip_index_url("https://me:hunter2@pkgs.test/simple")
    shown = json.dumps(definition.document(config, None, None, ["https://x.test/b?sv=1&sig=hunter2&x=1", "s3://a@b/c"]))
    assert "hunter2" not in shown
    assert "pkgs.test" in shown
    assert "x=1" in shown


@pytest.mark.parametrize("name", ["MONKEY", "KEYBOARD_LAYOUT", "TOKENIZERS_PARALLELISM", "LR", "AUTHOR"])
def test_names_that_only_sound_like_secrets_are_recorded(name: str) -> None:
    assert definition.without_secrets({"environmentVariables": {name: "v"}}) == (
        {"environmentVariables": {name: "v"}},
        [],
    )


@pytest.mark.parametrize("variables", [{"": "x"}, {"a=b": "x"}, {"a": "x\0"}, {3: "x"}])
def test_what_is_no_variable_is_refused(variables: Any) -> None:
    config = RunConfiguration()
    config.environment_variables = variables
    with pytest.raises(UserErrorException, match="environment variable"):
        definition.variables(config)


def test_variables_of_the_run_configuration_go_first() -> None:
    config = RunConfiguration()
    config.environment.environment_variables = {"A": 1, "B": None}
    config.environment_variables = {"A": True}
    assert definition.variables(config) == {"A": "True", "B": ""}


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_a_run_definition_is_json_whatever_the_arguments(arguments: list[str]) -> None:
    document = definition.document(ScriptRunConfig(".", "a.py", arguments), "a.py", None, arguments)
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["--lr", "0.1", "--password", "hunter2"], ["--lr", "0.1", "--password", "(not recorded)"]),
        (["--api-key=hunter2", "--db_password=hunter2"], ["--api-key=(not recorded)", "--db_password=(not recorded)"]),
        (["-p", "x", "--hf-token", "hunter2", "y"], ["-p", "x", "--hf-token", "(not recorded)", "y"]),
        (["--token", "--verbose"], ["--token", "--verbose"]),
        (["AWS_SECRET_ACCESS_KEY=hunter2"], ["AWS_SECRET_ACCESS_KEY=(not recorded)"]),
        (["--max-tokens", "100", "--sort-key", "date"], ["--max-tokens", "100", "--sort-key", "date"]),
        (["--pad-token", "<pad>", "--tokenizer", "bert"], ["--pad-token", "<pad>", "--tokenizer", "bert"]),
        (["https://u:hunter2@h/p?sig=hunter2&a=1"], ["https://(not recorded)@h/p?sig=(not recorded)&a=1"]),
        (["--conn", "Server=x;AccountKey=hunter2;A=b"], ["--conn", "Server=x;AccountKey=(not recorded);A=b"]),
    ],
)
def test_no_secret_among_the_arguments_is_recorded(arguments: list[str], kept: list[str]) -> None:
    said = definition.document(ScriptRunConfig(".", "a.py"), "a.py", None, arguments)
    assert said["arguments"] == kept
    line = definition.document(ScriptRunConfig(".", "a.py"), None, "python a.py " + " ".join(arguments), [])
    assert line["command"] == "python a.py " + " ".join(kept)
