"""Fixtures of all rooms: the real services, and fresh ground on them."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.services import (
    bucket,
    database,
    empty_database,
    jars,
    migrated_template,
    services,
    shared_database,
    workspace,
)

__all__ = [
    "bucket",
    "database",
    "empty_database",
    "jars",
    "migrated_template",
    "services",
    "shared_database",
    "workspace",
]

# How long an example takes says how busy the machine is, not whether a promise holds.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("house")
