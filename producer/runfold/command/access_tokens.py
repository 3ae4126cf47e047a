"""`runfold access-tokens`: create, list and revoke access tokens through the API, with one that has the scope admin.

The first one of a ledger is made beside its database; see docs/how-to/access.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated, Any

import typer
from rich.text import Text

from runfold_schemas import exits

from . import cells
from .border import AsJson, Stopped, Topic, client
from .border import Workspace as Where
from .printing import Printer
from .tables import Column, table

app = Topic(
    "access-tokens",
    "Who may do what, until when: through the API, for administrators. The first access token is made by "
    "`runfold access`, on the machine of the server.",
)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Scope(str, Enum):
    """What an access token is good for."""

    read = "read"
    write = "write"
    admin = "admin"


@app.asks("create")
def create(
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Who holds it.", show_default=False)],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="May be repeated; read where none is named.", show_default=False)
    ] = None,
    workspaces: Annotated[
        list[str] | None, typer.Option("--for", help="Workspace; may be repeated; * for all. Else the one in use.")
    ] = None,
    expires: Annotated[str, typer.Option(help="After how long it ends, such as 30d, 12h, or never.")] = "90d",
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """Create an access token. It is shown once; the ledger keeps only its hash.

    Without --json the access token alone goes to standard output. Needs the scope admin.

    Example: runfold access-tokens create ci --scope read --scope write --expires 30d
    """
    printer, api = Printer(as_json), client(workspace)
    made = api.create_access_token(
        principal,
        workspaces or [api.workspace],
        [each.value for each in scope or [Scope.read]],
        expires_in_s=seconds_of(expires),
    )
    if as_json:
        printer.document(made)
        return
    printer.lines([made["access_token"]])
    until = f"until {cells.when(made['expires_at'])} UTC" if made.get("expires_at") else "for good"
    printer.note(f"{made['access_token_id']} of {cells.plain(principal)}, {until}; it is not shown again")


@app.asks("list")
def list_tokens(
    everything: Annotated[bool, typer.Option("--all", help="Revoked and expired ones, too.")] = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """List access tokens: whose, where, with which scopes, until when. Needs the scope admin.

    Example: runfold access-tokens list --all
    """
    printer, api = Printer(as_json), client(workspace)
    now = datetime.now(timezone.utc)
    found = api.access_tokens(ended=everything)
    if as_json:
        printer.document({"access_tokens": found, "n": len(found)})
    elif found:
        printer.show(listed(found, now, printer.width))
    else:
        printer.note("there is none")
    raise typer.Exit(exits.OK if found else exits.NOTHING)


@app.asks("revoke")
def revoke(
    access_token_id: Annotated[
        str, typer.Argument(metavar="ID", help="As `list` shows it; not the secret.", show_default=False)
    ],
    even_last_admin: Annotated[
        bool, typer.Option("--even-last-admin", help="Although nobody is left then who may administer everything.")
    ] = False,
    workspace: Where = None,
    as_json: AsJson = False,
) -> None:
    """End an access token for good. Needs the scope admin.

    Example: runfold access-tokens revoke 7d3f6a52-0c3f-4b0e-9d40-3a3f5a4f0f9e
    """
    if access_token_id.startswith("rft_"):
        raise Stopped("that is the secret itself; name its id, as `list` shows it", exits.USAGE, "usage")
    printer, api = Printer(as_json), client(workspace)
    api.revoke_access_token(access_token_id, even_last_admin=even_last_admin)
    if as_json:
        printer.document({"access_token_id": access_token_id, "revoked": True})
    else:
        printer.note(f"{access_token_id} is revoked; processes forget it within seconds")


def seconds_of(text: str) -> int | None:
    """Of `30d`, `12h`, `15m`; None for never.

    :raises Stopped: It is none of these.
    """
    if text == "never":
        return None
    found = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if found is None or int(found[1]) == 0:
        allowed = "a number with s, m, h, d or w after it, or never"
        raise Stopped(f"--expires is {text!r}; allowed is {allowed}", exits.USAGE, "usage")
    return int(found[1]) * _SECONDS[found[2]]


def state_of(access_token: Mapping[str, Any], now: datetime) -> str:
    """Good, revoked or expired."""
    if access_token.get("revoked_at"):
        return "revoked"
    until = cells.instant(access_token.get("expires_at"))
    return "expired" if until is not None and until <= now else "good"


def listed(found: Sequence[Mapping[str, Any]], now: datetime, width: int) -> Any:
    """Access tokens, a row each."""
    styles = {"good": "green", "revoked": "red", "expired": "yellow"}
    heads = [
        Column("id", whole=True),
        Column("principal"),
        Column("workspaces"),
        Column("scopes"),
        Column("", whole=True),
        Column("expires (UTC)", whole=True),
        Column("created (UTC)", whole=True, style="dim"),
    ]
    rows: list[list[Text | str]] = [
        [
            cells.text(each["access_token_id"]),
            cells.text(each["principal"], "bold"),
            cells.text(", ".join(each["workspaces"])),
            cells.text(", ".join(each["scopes"])),
            Text(state := state_of(each, now), style=styles[state]),
            cells.when(each.get("expires_at")) or "never",
            cells.when(each.get("created_at")),
        ]
        for each in found
    ]
    return table(heads, rows, width)
