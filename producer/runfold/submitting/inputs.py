"""Arguments of a job that stand for data: a dataset given `as_named_input`, `as_mount` or `as_download`.

What has a method `_as_argument()` is asked for what the script gets in its place. It may also have `_job_variables()`,
the environment variables by which the job finds it, and `_link(handle)`, which states that the run uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runfold.data import delivering

from . import definition
from .sections import DataReferenceConfiguration

if TYPE_CHECKING:
    from runfold.run.handle import RunHandle
    from runfold.workspace import Workspace

    from .script_run_config import ScriptRunConfig

# Variables that name all inputs or outputs: of several, the words are joined.
_JOINED = {delivering.INPUTS: ",", delivering.FILE_OUTPUTS: ";", delivering.LINK_OUTPUTS: ";"}


class Given(NamedTuple):
    """What a configuration gives its job.

    Attributes:
        arguments: As the script gets them.
        command: The command's words, or its line; None where it has none.
        variables: Environment variables by which the job finds its data.
        linked: What is to be linked to the run.
    """

    arguments: list[str]
    command: str | list[Any] | None
    variables: dict[str, str]
    linked: list[Any]

    def link(self, handle: RunHandle) -> None:
        """States which data the run uses."""
        for each in self.linked:
            each._link(handle)


def resolved(config: ScriptRunConfig, workspace: Workspace) -> Given:
    """The arguments and data of a configuration.

    :param workspace: Where the datastores are that it names.
    """
    run_config = config.run_config
    given = Given([], None, {}, [])
    for each in config.arguments or run_config.arguments or []:
        given.arguments.append(definition.text_of(_resolved(each, given)))
    command = definition.command_of(config)
    if command is not None and not isinstance(command, str):
        command = [_resolved(each, given) for each in command]
    references = (_reference(*named, workspace) for named in run_config.data_references.items())
    for each in (*run_config.data.values(), *run_config.output_data.values(), *references):
        _resolved(each, given)
    return given._replace(command=command)


def _reference(name: str, said: Any, workspace: Workspace) -> Any:
    if not isinstance(said, DataReferenceConfiguration):
        return said
    from runfold.data.references import DataReference

    return DataReference.from_config(name, said, workspace)


def _resolved(each: Any, given: Given) -> Any:
    ask = getattr(each, "_as_argument", None)
    if not callable(ask):
        return each
    if any(each is other for other in given.linked):
        return ask()
    variables = getattr(each, "_job_variables", None)
    for name, value in (variables() if callable(variables) else {}).items():
        kept = given.variables.get(name)
        join = _JOINED.get(name)
        given.variables[name] = value if kept is None or join is None else f"{kept}{join}{value}"
    if callable(getattr(each, "_link", None)):
        given.linked.append(each)
    return ask()
