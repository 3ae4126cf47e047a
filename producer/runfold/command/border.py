"""What all commands have in common: options, the client, and how what goes wrong is told and ends them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.text import Text
from typer.core import TyperCommand

from runfold.exceptions import (
    ArtifactNotFoundError,
    AuthenticationException,
    AzureMLException,
    FilterError,
    NotYetVisibleError,
    ServiceAwayError,
    ServiceException,
    UserErrorException,
)
from runfold_schemas import exits

from . import completing
from .cells import plain
from .printing import Printer, valid

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient
    from runfold_schemas.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
_UsageError: Any = typer.BadParameter.__base__  # click's, which some releases of typer carry within

Workspace = Annotated[
    str | None, typer.Option("--workspace", "-w", help="Name of the workspace. [RUNFOLD_WORKSPACE]", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else on standard output.")]
NotBefore = Annotated[
    str | None,
    typer.Option(help="Watermark that the answer must have folded. [RUNFOLD_NOT_BEFORE]", show_default=False),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="As it was: a watermark, or a broker time such as 2026-11-24T10:00:00Z."),
]
Timeout = Annotated[float, typer.Option("--timeout", min=0.0, help="Seconds that services may be away.")]
RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id of the run, @latest, or EXPERIMENT#NUMBER.",
        autocompletion=completing.runs,
        show_default=False,
    ),
]


class Stopped(Exception):
    """A command cannot go on. The text is for people; `code` for JSON; `exit` one of `runfold_schemas.exits`."""

    def __init__(self, text: str, exit: int = exits.FAILED, code: str = "failed") -> None:
        super().__init__(text)
        self.exit, self.code = exit, code


class Told(TyperCommand):
    """A command whose errors are told in a line and end it with the code that says what they are."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads its words. What is wrong with them is told as JSON, too, where that was asked for."""
        as_json = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except _UsageError as error:
            if not as_json:
                raise
            _tell(Printer(as_json), ctx.command_path, Stopped(error.format_message(), exits.USAGE, "usage"))
            raise typer.Exit(exits.USAGE) from None

    def invoke(self, ctx: Any) -> Any:
        """Runs it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(exits.INTERRUPTED) from None
        except BrokenPipeError:  # whoever read it has seen enough
            raise
        except Exception as error:
            if not (isinstance(error, (Stopped, AzureMLException, ServiceException, OSError)) or _is_setting(error)):
                raise
            printer = Printer(bool(ctx.params.get("as_json")))
            _tell(printer, ctx.command_path, error)
            raise typer.Exit(exit_of(error)) from None


class Topic(typer.Typer):
    """A group of commands, all of them `Told`; or one command, under the group's name."""

    def __init__(self, name: str, help: str = "") -> None:
        super().__init__(
            name=name, help=help or None, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
        )

    def asks(self, name: str) -> Callable[[F], F]:
        """Makes a function a command of that name."""
        return self.command(name, cls=Told)


def exit_of(error: BaseException) -> int:
    """The code with which a command ends that met this."""
    if isinstance(error, Stopped):
        return error.exit
    if isinstance(error, AuthenticationException):
        return exits.REFUSED
    if isinstance(error, NotYetVisibleError):
        return exits.NOT_YET
    if isinstance(error, ServiceAwayError):
        return exits.USAGE if error.address is None else exits.AWAY
    if isinstance(error, ArtifactNotFoundError) or (isinstance(error, ServiceException) and error.status_code == 404):
        return exits.NOTHING
    if isinstance(error, UserErrorException) or _is_setting(error):
        return exits.USAGE
    return exits.FAILED


def code_of(error: BaseException) -> str:
    """The same, as a word."""
    if isinstance(error, Stopped):
        return error.code
    if isinstance(error, FilterError):
        return "filter"
    words = {
        exits.USAGE: "usage",
        exits.NOTHING: "not_found",
        exits.REFUSED: "not_authorised",
        exits.AWAY: "away",
        exits.NOT_YET: "not_yet",
    }
    return words.get(exit_of(error), "failed")


def error_document(error: BaseException) -> dict[str, Any]:
    """What is told of an error with --json."""
    told: dict[str, Any] = {"code": code_of(error), "message": message_of(error), "exit": exit_of(error)}
    if isinstance(error, FilterError):
        told.update(text=error.text, position=error.position, expected=error.expected)
    return {"error": told}


def message_of(error: BaseException) -> str:
    """What went wrong, without the frame that exceptions of the original have around it."""
    return str(getattr(error, "message", None) or error)


def pointed(error: FilterError, width: int = 79) -> list[str]:
    """A filter with a caret under the place where it goes wrong, and what may stand there.

    Of a long filter the part around that place is shown.
    """
    lines = []
    if error.position is not None and error.text:
        text, position = plain(error.text), len(plain(error.text[: error.position]))
        first = max(0, min(position - width // 2, len(text) - width))
        lines = [f"  {text[first : first + width]}", f"  {' ' * (position - first)}^"]
    if error.expected:
        lines.append(f"  expected: {', '.join(error.expected)}")
    return lines


def settings(workspace: str | None = None, not_before: str | None = None) -> Settings:
    """The settings of this command."""
    from runfold_schemas.settings import Settings

    return Settings.load(workspace=workspace, not_before=not_before)


def client(workspace: str | None = None) -> ApiClient:
    """The API, for one workspace.

    :raises ServiceAwayError: RUNFOLD_API is not set (`address` is None).
    """
    from runfold.reading.client import ApiClient

    return ApiClient(settings(workspace))


def watermark(not_before: str | None) -> str | None:
    """What reads wait for: the option, else the setting."""
    return not_before or settings().not_before


def _is_setting(error: BaseException) -> bool:
    from runfold_schemas.settings import SettingsError

    return isinstance(error, SettingsError)


def _tell(printer: Printer, command: str, error: BaseException) -> None:
    if printer.as_json:
        typer.echo(json.dumps(valid(error_document(error))), err=True)
        return
    told = "\n".join(plain(line) for line in message_of(error).splitlines())
    printer.errors.print(Text(f"{command}: {told}", style="red"), soft_wrap=True)
    if isinstance(error, FilterError):
        for line in pointed(error, max(20, min(120, printer.errors.width) - 4)):
            printer.errors.print(Text(line), soft_wrap=True)


def folder_of(path: Path) -> Path:
    """The folder a file goes to.

    :raises Stopped: There is none.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise Stopped(f"{folder} is no folder", exits.USAGE, "usage")
    return folder
