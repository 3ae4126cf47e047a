"""What must lie on the engines before our services start, made where absent: topics, tables, bucket, access token."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from runfold_deploy.stack import layout
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.plan import Plan

SCOPES = ("read", "write", "admin")
PRINCIPAL = "local"


def lay(plan: Plan, place: Layout) -> dict[str, str]:
    """Lays the ground and returns the settings, complete with an access token.

    Errors of broker, database or object store go through as they are.
    """
    settings = dict(plan.settings)
    with ThreadPoolExecutor(3) as pool:  # three servers, none waits for another
        waiting = [pool.submit(_topics, plan), pool.submit(_tables_and_access_token, place, settings)]
        waiting.append(pool.submit(_bucket, settings))
        for future in waiting:
            future.result()
    return settings


def known_access_token(place: Layout) -> str | None:
    """The access token that was made before."""
    token = layout.read(place.secrets).get("access_token")
    return str(token) if token else None


def _topics(plan: Plan) -> None:
    from runfold_schemas import topics_admin

    topics_admin.create(plan.settings["kafka"], plan.settings["topic_prefix"], plan.settings["workspace"])


def _tables_and_access_token(place: Layout, settings: dict[str, str]) -> None:
    from runfold_consumers.state import store

    store.migrate(settings["postgres"])
    if "access_token" not in settings:  # it is given with an API that runs somewhere else
        settings["access_token"] = _access_token(place, settings["postgres"])


def _access_token(place: Layout, conninfo: str) -> str:
    """The one made before where this is still the same database, else a new one.

    One that an administrator revoked stays revoked: nothing is made anew for it.
    """
    import psycopg

    from runfold_consumers.api import access

    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT system_identifier::text || '/' || d.oid FROM pg_control_system(), pg_database d"
            " WHERE d.datname = current_database()"
        ).fetchone()
    database = row[0] if row else ""
    drawn = layout.read(place.secrets)
    if drawn.get("access_token") is None or drawn.get("access_token_database") != database:
        token = access.create_access_token(conninfo, principal=PRINCIPAL, workspaces=["*"], scopes=list(SCOPES))
        layout.write(place.secrets, {**drawn, "access_token": token, "access_token_database": database})
        return token
    return str(drawn["access_token"])


def _bucket(settings: Mapping[str, str]) -> None:
    from runfold_consumers.artifacts.objects import Objects

    store = Objects(settings["s3_address"], settings["s3_key"], settings["s3_secret"], settings["s3_bucket"])
    store.ensure_bucket()
