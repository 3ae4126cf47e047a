"""tag, set_tags, remove_tags, get_tags: the last word wins. The local copy is right at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runfold import notices, validation
from runfold_schemas.events import TagRemoved, TagSet

from . import finding, quotas

if TYPE_CHECKING:
    from .handle import RunHandle


def set_tags(handle: RunHandle, given: object) -> None:
    """Sets tags; keys that are not named stay."""
    tags = checked(given)
    quotas.entries(handle.session, "tag", handle.tags, tags)
    for key, value in tags.items():
        handle.session.fact(handle.run_id, TagSet, key=key, value=value)
    handle.tags.update(tags)


def checked(given: object) -> dict[str, str | None]:
    """Tags as they are kept; what is no string is told once."""
    tags, converted = validation.tags(given)
    for key in converted:
        notices.once(("tag", key), f"the value of tag {key!r} is no string; it is kept as its text.")
    return tags


def remove_tags(handle: RunHandle, given: object) -> None:
    """Takes tags away."""
    for key in validation.tag_keys(given):
        handle.session.fact(handle.run_id, TagRemoved, key=key)
        handle.tags.pop(key, None)


def get_tags(handle: RunHandle, not_before: str | None) -> dict[str, str | None]:
    """The tags, fetched."""
    finding.refresh(handle, not_before)
    return dict(handle.tags)
