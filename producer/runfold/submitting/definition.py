"""The definition of a run: all that a ScriptRunConfig says, as the document that events and `get_details` carry.

Secrets stay out of it: values of variables and arguments whose names say that they are secret, and the credentials in
addresses and connection strings. The job itself gets them by a file that only its owner can read.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from runfold.exceptions import ExperimentExecutionException, UserErrorException

from .elements import plain
from .run_configuration import RunConfiguration
from .script_run_config import ScriptRunConfig

HIDDEN = "(not recorded)"
_SECRET = re.compile(
    r"(?i)(^|_)(pass|passwd|password|pwd|secret|secrets|token|tokens|credential|credentials|sas|auth|key|apikey"
    r"|connection_?string|dsn)(_|$)|secret|password|apikey"
)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_SIGNATURE = re.compile(r"(?i)([?&](?:sig|signature|token|sas|password|x-amz-signature)=)[^&\s\"']+")
_CONNECTION = re.compile(
    r"(?i)((?:AccountKey|SharedAccess(?:Key|Signature)|Password|Pwd)=)(?!\(not recorded\))[^;\s\"']+"
)
# Names of arguments: narrower than those of variables, since --max-tokens and --sort-key are what people look at.
_WORDS = (
    r"pass(?:word|wd|phrase)|pwd|secrets?|credentials?|connection[-_]?string|dsn|sas"
    r"|(?:api|access|account|private|storage|signing)[-_]?key"
    r"|(?:access|auth|api|hf|hub|bearer|sas|github|gh|wandb|refresh)[-_]?token"
)
_NAME = rf"(?:token|(?:[a-z0-9]+[-_])*(?:{_WORDS})(?:[-_][a-z0-9]+)*)"
_OPTION = re.compile(rf"(?i)--?{_NAME}")
_ASSIGNMENT = re.compile(rf"(?i)(-{{0,2}}{_NAME}=)(.+)", re.DOTALL)
_VALUE = r"(?!-)(?:\"[^\"]*\"|'[^']*'|[^\s;&|]+)"
_IN_LINE = re.compile(rf"(?i)(?<![\w-])(--?{_NAME}(?:=|\s+)|{_NAME}=){_VALUE}")
_VARIABLES, _ARGUMENTS, _COMMAND = "environmentVariables", "arguments", "command"


def document(
    config: ScriptRunConfig, job_script: str | None, job_command: str | None, arguments: list[str]
) -> dict[str, Any]:
    """The run definition, with nothing secret in it.

    :param job_script, job_command, arguments: As the job gets them.
    """
    said = config.run_config._document()
    said.update(script=job_script, command=job_command or "", arguments=arguments, target=config.run_config.target)
    return without_secrets(said)[0]


def command_of(config: ScriptRunConfig) -> str | list[Any] | None:
    """The command that is to run; None where a script is."""
    command = config.command or (None if config.script else config.run_config.command)
    return command or None


def script_of(config: ScriptRunConfig) -> str:
    """The script that is to run.

    :raises ExperimentExecutionException: There is none.
    """
    script = config.script or config.run_config.script
    if not script:
        raise ExperimentExecutionException(
            "There is nothing to run: give ScriptRunConfig a script of its source directory, or a command."
        )
    return os.fspath(script)


def command_line(command: str | Iterable[Any]) -> str:
    """A command as the shell takes it. Of a list, items that hold blanks or quotes stay one word."""
    if isinstance(command, str):
        return command
    words = [text_of(word) for word in command]
    if len(words) == 1 or (words and re.search(r"\s", words[0])):
        return " ".join(words)
    return " ".join(shlex.quote(word) if re.search(r"[\s\"'();]", word) and word != ";" else word for word in words)


def text_of(value: object) -> str:
    """An argument as a process takes it.

    :raises UserErrorException: It is no text, number, path or data.
    """
    if isinstance(value, str):
        found = value
    elif isinstance(value, (bool, int, float)) or type(value).__module__ in ("numpy", "decimal", "fractions"):
        found = str(value)
    elif isinstance(value, os.PathLike):
        found = os.fsdecode(value)
    else:
        raise UserErrorException(
            f"an argument is {value!r:.200} of type {type(value).__name__}; text, numbers, paths, and datasets "
            "`as_named_input`, `as_mount` or `as_download` are allowed, one item for each word."
        )
    if "\0" in found:
        raise UserErrorException(f"an argument holds a NUL character, which no process can be given: {found!r:.200}.")
    return found


def variables(run_config: RunConfiguration) -> dict[str, str]:
    """Environment variables of the job: those of the environment, and over them those of the run configuration.

    :raises UserErrorException: A name or value cannot be one.
    """
    found: dict[str, str] = {}
    for said in (run_config.environment.environment_variables, run_config.environment_variables):
        for name, value in (said or {}).items():
            text = "" if value is None else str(value)
            if not isinstance(name, str) or not name or "=" in name or "\0" in name + text:
                raise UserErrorException(
                    f"environment variable {name!r:.200} is not allowed: a name is text without '=' and NUL, "
                    "and so is a value without NUL."
                )
            found[name] = text
    return found


def without_secrets(said: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A document without secrets, and the names of variables whose values were taken out."""
    hidden: list[str] = []

    def cleaned(value: Any, inside: str) -> Any:
        if isinstance(value, Mapping):
            return {
                key: _masked(key, item) if inside == _VARIABLES else cleaned(item, key) for key, item in value.items()
            }
        if isinstance(value, list):
            return [cleaned(item, inside) for item in (_without_named(value) if inside == _ARGUMENTS else value)]
        if not isinstance(value, str):
            return value
        text = _IN_LINE.sub(rf"\1{HIDDEN}", value) if inside == _COMMAND else value
        return _CONNECTION.sub(rf"\1{HIDDEN}", _SIGNATURE.sub(rf"\1{HIDDEN}", _CREDENTIALS.sub(HIDDEN, text)))

    def _masked(name: str, value: Any) -> Any:
        if _SECRET.search(name) and value not in (None, ""):
            hidden.append(name)
            return HIDDEN
        return cleaned(plain(value), "")

    return {key: cleaned(value, key) for key, value in said.items()}, hidden


def _without_named(words: list[Any]) -> list[Any]:
    """Arguments without the values of those that have a secret's name."""
    found: list[Any] = []
    for word in words:
        before = found[-1] if found else None
        assigned = _ASSIGNMENT.fullmatch(word) if isinstance(word, str) else None
        if assigned is not None:
            found.append(assigned[1] + HIDDEN)
        elif isinstance(before, str) and _OPTION.fullmatch(before) and not str(word).startswith("-"):
            found.append(HIDDEN)
        else:
            found.append(word)
    return found
