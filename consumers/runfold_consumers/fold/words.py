"""Words: values of which the last one wins (P8), as events about experiments, models and assets say several at once."""

from __future__ import annotations

from typing import Any

from runfold_schemas.events import ExperimentChanged, ModelChanged

TAG = "tag/"  # and the tag's key
DATASET = "dataset/"  # and relationship/id of a dataset that a model has to do with; the value is the id
ARCHIVED_AT = "archived_at"  # when the experiment was archived, microseconds since 1970 UTC
FIELDS = ("description", "archived", "deleted", "is_default")
OF_MODEL = ("sample_input_dataset_id", "sample_output_dataset_id", "resource_configuration")  # that ModelChanged says


def words_of(event: Any) -> dict[str, tuple[str | None, bool]]:
    """By field: the value, and whether it is taken away. A tag that one event takes away and sets is set."""
    words: dict[str, tuple[str | None, bool]] = {TAG + key: (None, True) for key in getattr(event, "removed_tags", ())}
    words.update((TAG + key, (value, False)) for key, value in event.tags.items())
    changed = isinstance(event, ModelChanged)  # what ModelRegistered says of these stands in its definition
    if changed:
        words.update((f"{DATASET}{d.relationship}/{d.dataset_id}", (d.dataset_id, False)) for d in event.datasets)
    for name in FIELDS + (OF_MODEL if changed else ()):
        value = getattr(event, name, None)
        if value is not None:
            words[name] = (str(value).lower() if isinstance(value, bool) else value, False)
    if isinstance(event, ExperimentChanged) and event.archived is not None:
        words[ARCHIVED_AT] = (str(event.occurred_at), False) if event.archived else (None, True)
    return words
