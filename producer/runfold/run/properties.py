"""add_properties, get_properties: the first value stays for ever, and who comes second is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runfold import notices, validation
from runfold_schemas.events import PropertyAdded

from . import finding, quotas

if TYPE_CHECKING:
    from runfold_schemas.watermark import Lane

    from .handle import RunHandle


def add_properties(handle: RunHandle, given: object) -> None:
    """Adds properties, all of one call or none, and waits for the decision as long as design section 8 says.

    :raises PropertyImmutableError: One of them has another value already.
    """
    stated = state(handle, given)
    if stated is not None:
        lane, ordinal, added = stated
        handle.session.decisions.wait(lane, ordinal, f"add_properties({', '.join(added)})")
        for key, value in added.items():
            handle.properties.setdefault(key, value)


def state(handle: RunHandle, given: object) -> tuple[Lane, int, dict[str, str | None]] | None:
    """Journals the wish: lane, ordinal and what was checked; None when there is nothing to add."""
    checked, converted = validation.properties(given)
    if not checked:
        return None
    quotas.entries(handle.session, "property", handle.properties, checked)
    for key in converted:
        notices.once(("property", key), f"the value of property {key!r} is no string; it is kept as its text.")
    lane, ordinal = handle.session.told(handle.run_id, PropertyAdded, properties=checked)
    return lane, ordinal, checked


def get_properties(handle: RunHandle, not_before: str | None) -> dict[str, str | None]:
    """The properties, fetched."""
    finding.refresh(handle, not_before)
    return dict(handle.properties)
