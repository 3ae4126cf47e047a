"""`runfold journal`: what the journals of this machine hold, and a sound copy of a damaged one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from runfold.journal import folder as folders
from runfold.journal import repair

app = typer.Typer(
    name="journal",
    help="Look into journals, and save what a damaged one holds.",
    no_args_is_help=True,
    add_completion=False,
)
DAMAGED = 1
_Root = Annotated[Path | None, typer.Option("--journal", help="Folder of the journals, instead of RUNFOLD_JOURNAL.")]


@app.command()
def report(
    writers: Annotated[list[str] | None, typer.Argument(help="Writers; all of the folder when left out.")] = None,
    journal: _Root = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count what journals hold and what of them is damaged. Ends 1 when one is not sound.

    Nothing is changed. Example: runfold journal report 0123456789abcdef0123456789abcdef
    """
    found = [repair.report(folder) for folder in _chosen(_root(journal), writers or ())]
    if as_json:
        typer.echo(json.dumps({"journals": [_document(one) for one in found]}, indent=2))
    else:
        for one in found:
            _tell(one)
    raise typer.Exit(0 if all(one.is_sound for one in found) else DAMAGED)


@app.command()
def copy(
    writer: Annotated[str, typer.Argument(help="The writer whose journal is damaged; it must have ended.")],
    destination: Annotated[Path, typer.Argument(help="Another folder of journals.", file_okay=False, exists=True)],
    journal: _Root = None,
) -> None:
    """Make a sound journal of what a damaged one holds. Then: runfold ship --once --journal DESTINATION.

    Example: runfold journal copy 0123456789abcdef0123456789abcdef saved/
    """
    (folder,) = _chosen(_root(journal), [writer])
    try:
        typer.echo(repair.copy(folder, destination))
    except (ValueError, OSError) as error:
        typer.echo(f"runfold journal copy: {error}", err=True)
        raise typer.Exit(2) from None


def _root(journal: Path | None) -> Path:
    if journal is not None:
        return journal
    from runfold_schemas.settings import Settings

    return Settings.load().journals()


def _chosen(root: Path, writers: Iterable[str]) -> list[Path]:
    known = {folder.name: folder for folder in folders.journals(root)}
    unknown = [writer for writer in writers if writer not in known]
    if unknown:
        typer.echo(f"{root} holds no journal of {', '.join(unknown)}; it holds {len(known)} others", err=True)
        raise typer.Exit(2)
    return [known[writer] for writer in writers] or list(known.values())


def _tell(one: repair.Report) -> None:
    state = "alive" if one.is_alive else "closed" if one.ends is not None else "ended without a last word"
    typer.echo(f"{one.writer_id}  {state}, {'sound' if one.is_sound else 'damaged'}, {len(one.segments)} segments")
    for lane, count in sorted(one.records.items()):
        typer.echo(f"  {lane.stream} of {lane.aggregate_kind} {lane.aggregate_id}: {count}")
    for loss in one.losses:
        typer.echo(f"  lost {loss.lane.stream} of {loss.lane.aggregate_id}: {loss.first} to {loss.last}, {loss.reason}")
    for line in one.damage:
        typer.echo(f"  {line}")


def _document(one: repair.Report) -> dict[str, object]:
    return {
        "writer_id": one.writer_id,
        "alive": one.is_alive,
        "sound": one.is_sound,
        "segments": list(one.segments),
        "records": [{**lane._asdict(), "count": count} for lane, count in sorted(one.records.items())],
        "losses": [
            {**loss.lane._asdict(), "first": loss.first, "last": loss.last, "reason": loss.reason}
            for loss in one.losses
        ],
        "damage": list(one.damage),
    }
