"""`runfold access`: who may come in, straight on the database (RUNFOLD_POSTGRES). For whoever runs the server: the
first access token, and the way back in when nobody holds one any more. Everybody else uses `runfold access-tokens`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from runfold_consumers.api.audit import Connection

app = typer.Typer(
    no_args_is_help=True,
    help="Give and take access on the machine of the server, straight on its database (RUNFOLD_POSTGRES): the first "
    "access token, the way back in when nobody holds one, roles. From anywhere else, as somebody who has the scope "
    "admin: `runfold access-tokens`, through the API.",
)

Workspaces = Annotated[list[str], typer.Option("--workspace", "-w", help="May be said several times; '*' for all.")]
Workspace = Annotated[str, typer.Option("--workspace", "-w", help="Name of the workspace; '*' for all.")]
Scopes = Annotated[list[str], typer.Option("--scope", "-s", help="read, write or admin; may be said several times.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Who = Annotated[str, typer.Argument(help="A subject of the provider, an address, group:<name>, or '*'.")]
EvenLastAdmin = Annotated[
    bool, typer.Option("--even-last-admin", help="Although nobody is left then who may administer all workspaces.")
]


@app.command()
def create(
    principal: Annotated[str, typer.Argument(help="Who it is for, as audits and events shall name them.")],
    workspace: Workspaces,
    scope: Scopes,
    days: Annotated[float | None, typer.Option(min=0.0001, max=3660, help="Days that it is good for.")] = None,
    as_json: Json = False,
) -> None:
    """Makes an access token and prints it: the only time it is seen.

    Example: runfold access create ops -w '*' -s read -s write -s admin --days 90
    """
    from runfold_consumers.api import access

    with _database() as connection:
        expires_at = None if days is None else datetime.now(timezone.utc) + timedelta(days=days)
        row, secret = access.create(connection, access.COMMAND, principal, workspace, scope, expires_at)
    _print({**row, "access_token": secret}) if as_json else typer.echo(secret)


@app.command(name="list")
def list_access_tokens(
    ended: Annotated[bool, typer.Option("--ended", help="Revoked and expired ones too.")] = False, as_json: Json = False
) -> None:
    """Lists access tokens, without what is secret.

    Example: runfold access list --json
    """
    from runfold_consumers.api import access

    with _database() as connection:
        rows = access.listed(connection, ended=ended, limit=100_000)
    if as_json:
        _print(rows)
        return
    for row in rows:
        until = row["revoked_at"] or row["expires_at"]
        state = "revoked" if row["revoked_at"] else "until" if until else "for ever"
        moment = f" {until:%Y-%m-%d %H:%M}" if until else ""
        reach = f"{','.join(row['workspaces'])} {','.join(row['scopes'])}"
        typer.echo(f"{row['access_token_id']}  {row['principal']}  {reach}  {state}{moment}")


@app.command()
def revoke(
    access_token_id: Annotated[str, typer.Argument(help="Its id, as `list` shows it.")],
    even_last_admin: EvenLastAdmin = False,
) -> None:
    """Ends an access token for good. Ends 1 where there is none of that id in force.

    Example: runfold access revoke 6f1c...
    """
    from runfold_consumers.api import access

    with _database() as connection:
        if not access.revoke(connection, access.COMMAND, access_token_id, even_last_admin=even_last_admin):
            raise ValueError(
                f"no access token in force has the id {access_token_id!r}; `runfold access list` shows them"
            )


@app.command()
def roles(workspace: Workspace = "*", as_json: Json = False) -> None:
    """Lists the roles of those who sign on.

    Example: runfold access roles -w team-a
    """
    from runfold_consumers.api import principals
    from runfold_consumers.api import roles as kept

    with _database() as connection:
        rows = kept.listed(connection, principals.checked_workspace(workspace))
    if as_json:
        _print(rows)
        return
    for row in rows:
        typer.echo(f"{row['workspace']}  {row['principal']}  {','.join(row['scopes'])}")


@app.command()
def set_role(principal: Who, workspace: Workspace, scope: Scopes, even_last_admin: EvenLastAdmin = False) -> None:
    """Gives a role to somebody who signs on, in place of the one they held there.

    Example: runfold access set-role ann@example.com -w '*' -s read -s write -s admin
    """
    from runfold_consumers.api import access
    from runfold_consumers.api import roles as kept

    with _database() as connection:
        kept.put(connection, access.COMMAND, workspace, principal, scope, even_last_admin=even_last_admin)


@app.command()
def remove_role(principal: Who, workspace: Workspace, even_last_admin: EvenLastAdmin = False) -> None:
    """Takes a role away. Ends 1 where there is none.

    Example: runfold access remove-role group:interns -w team-a
    """
    from runfold_consumers.api import access
    from runfold_consumers.api import roles as kept

    with _database() as connection:
        if not kept.remove(connection, access.COMMAND, workspace, principal, even_last_admin=even_last_admin):
            raise ValueError(f"{principal!r} holds no role in {workspace!r}; `runfold access roles` shows them")


@contextmanager
def _database() -> Iterator[Connection]:
    """One transaction on the database; what is wrong is told in one line, with exit code 1."""
    import psycopg

    from runfold_consumers.api import audit
    from runfold_schemas.settings import Settings, SettingsError

    try:
        with audit.opened(Settings.load().need("postgres")) as connection:
            yield connection
    except (SettingsError, ValueError, psycopg.Error) as error:
        print(f"runfold: {error}".strip(), file=sys.stderr)  # noqa: T201
        raise typer.Exit(1) from None


def _print(told: Any) -> None:
    typer.echo(json.dumps(told, default=lambda moment: moment.isoformat(), indent=2))
