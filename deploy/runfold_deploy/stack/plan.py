"""Decides what a stack consists of: which services run here and which elsewhere, on which ports, with what settings."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from typing import NamedTuple

from runfold_deploy.stack import kafka, layout, objects, own, ports, postgres
from runfold_deploy.stack.downloads import Progress
from runfold_deploy.stack.errors import StackError
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.service import ENGINES, NAMES, OWN, Service

REPLACEMENTS = {
    "kafka": "RUNFOLD_KAFKA",
    "postgres": "RUNFOLD_POSTGRES",
    "s3": "RUNFOLD_S3_ADDRESS",
    "api": "RUNFOLD_API",
}
"""An address in one of these, other than the stack's own, means: that service is somewhere else, do not start it."""

_PORTS = (*kafka.PORTS, *postgres.PORTS, *objects.PORTS, *own.PORTS)
_WORKSPACE = re.compile(r"[a-z0-9-]{3,33}")


class Plan(NamedTuple):
    """A stack as it shall be."""

    settings: Mapping[str, str]
    """For stack.json; `access_token` is missing until one was made."""
    replaced: Mapping[str, str]
    """Addresses of services that run somewhere else, without passwords."""
    engines: tuple[Service, ...]
    own: tuple[str, ...]
    """Names of our services to run: their settings are complete only when the engines are there, see `own_services`."""
    ports: Mapping[str, int]


def make(
    place: Layout, environment: Mapping[str, str], only: Collection[str], fetching: Progress, new_ports: bool = False
) -> Plan:
    """The plan from what was drawn before, the environment and, where nothing was drawn yet, fresh ports and keys.

    Args:
        only: names of the services wanted; empty for all.
        new_ports: forget the ports, all of them.

    Raises:
        StackError: a name or setting that is not allowed.
    """
    unknown = sorted(set(only) - set(NAMES))
    if unknown:
        raise StackError(f"no service is named {', '.join(unknown)}; there are {', '.join(NAMES)}")
    kept = {} if new_ports else layout.read(place.ports)
    chosen = ports.choose(_PORTS, kept)
    if chosen != kept:
        layout.write(place.ports, chosen)
    drawn = _secrets(place)
    local = {**_local_settings(chosen, drawn), "secrets_directory": str(place.folder("secrets"))}
    settings, replaced = _replace(local, environment)
    wanted = [name for name in NAMES if name not in replaced and (not only or name in only)]
    engines = {
        "kafka": lambda: kafka.service(place, chosen, environment, fetching),
        "postgres": lambda: postgres.service(place, chosen, drawn["postgres_password"], environment),
        "s3": lambda: objects.service(
            place, chosen, drawn["s3_key"], drawn["s3_secret"], drawn["s3_signing_key"], environment
        ),
    }
    return Plan(
        settings=settings,
        replaced=replaced,
        engines=tuple(engines[name]() for name in wanted if name in ENGINES),
        own=tuple(name for name in wanted if name in OWN),
        ports=chosen,
    )


def own_services(
    plan: Plan, place: Layout, settings: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Service, ...]:
    """Our services, with complete settings."""
    return tuple(own.service(name, place, plan.ports, settings, environment) for name in plan.own)


def _secrets(place: Layout) -> dict[str, str]:
    drawn = layout.read(place.secrets)
    fresh = {
        "postgres_password": secrets.token_urlsafe(24),
        "s3_key": secrets.token_hex(10),
        "s3_secret": secrets.token_urlsafe(30),
        "s3_signing_key": secrets.token_urlsafe(30),
    }
    if not fresh.keys() <= drawn.keys():
        drawn = {**fresh, **drawn}
        layout.write(place.secrets, drawn)
    return drawn


def _local_settings(chosen: Mapping[str, int], drawn: Mapping[str, str]) -> dict[str, str]:
    return {
        "kafka": f"127.0.0.1:{chosen['kafka']}",
        "topic_prefix": "runfold",
        "workspace": "local",
        "api": f"http://127.0.0.1:{chosen['api']}",
        "postgres": postgres.conninfo(chosen["postgres"], drawn["postgres_password"]),
        "s3_address": f"http://127.0.0.1:{chosen['s3']}",
        "s3_key": drawn["s3_key"],
        "s3_secret": drawn["s3_secret"],
        "s3_bucket": "runfold",
    }


def _replace(local: Mapping[str, str], environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Settings with what the environment says, and the services it replaces."""
    settings, replaced = dict(local), {}
    for service, name in REPLACEMENTS.items():
        key = name.removeprefix("RUNFOLD_").lower()
        address = environment.get(name)
        if address and address != local[key]:
            settings[key] = address
            replaced[service] = re.sub(r"//[^/@]*@", "//", address) if "://" in address else address
    for key in ("topic_prefix", "workspace", "s3_bucket"):
        settings[key] = environment.get(f"RUNFOLD_{key.upper()}") or settings[key]
    if "s3" in replaced:
        for key in ("s3_key", "s3_secret"):
            name = f"RUNFOLD_{key.upper()}"
            if not environment.get(name):
                raise StackError(f"RUNFOLD_S3_ADDRESS names an object store; {name} must be set as well")
            settings[key] = environment[name]
    if "api" in replaced:
        if not environment.get("RUNFOLD_ACCESS_TOKEN"):
            raise StackError("RUNFOLD_API names an API; RUNFOLD_ACCESS_TOKEN must be set as well")
        settings["access_token"] = environment["RUNFOLD_ACCESS_TOKEN"]
    if not _WORKSPACE.fullmatch(settings["workspace"]):
        raise StackError(
            f"RUNFOLD_WORKSPACE {settings['workspace']!r} is not allowed: 3 to 33 of a-z, 0-9 and '-'. Choose another."
        )
    return settings, replaced
