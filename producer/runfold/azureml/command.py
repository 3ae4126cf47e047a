"""`runfold exec`: a script written for azureml.core runs on Runfold, unchanged.

This process becomes `python <arguments>`, in an environment where azureml resolves to Runfold; so the script is
__main__ as always, and tracebacks, exit codes, signals and the processes that it starts are what they would be.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from .children import environment

app = typer.Typer(name="exec", add_completion=False)


@app.command(
    name="exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    no_args_is_help=True,
)
def execute(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="SCRIPT|-m MODULE|-c CODE [ARGUMENTS]...",
            help="What Python itself takes: a script and its arguments.",
        ),
    ],
) -> None:
    """Run a script written for azureml.core on Runfold; its child processes too.

    An installed azureml-core is shadowed. Example: runfold exec train.py --epochs 3
    """
    if not sys.executable:
        typer.echo("runfold exec: the path of this Python is not known.", err=True)
        raise typer.Exit(2)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *arguments], {**os.environ, **environment()})
