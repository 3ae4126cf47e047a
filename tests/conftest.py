"""Fixtures of all rooms: the real services, and fresh ground on them."""

from __future__ import annotations

from tests.services import bucket, database, empty_database, jars, migrated_template, services, workspace

__all__ = ["bucket", "database", "empty_database", "jars", "migrated_template", "services", "workspace"]
