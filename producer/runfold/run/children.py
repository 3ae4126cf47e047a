"""Children: a part of a run that is a run of its own. Neither ends with the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runfold import validation
from runfold.exceptions import UserErrorException
from runfold_schemas import limits

from . import finding, life, tags
from .handle import RunHandle

if TYPE_CHECKING:
    from .run import Run
    from .surface.base import RunBase

CHILDREN_MAX = 100  # of one call, as in the original
NUMBER_TAG = "azureml.batch_child_number"


def child_run(parent: RunBase, name: object = None, run_id: object = None, outputs: object = None) -> Run:
    """Starts a child of a run; it runs where its parent does."""
    from .run import Run

    mine = parent._handle
    label = None if name is None else validation.text("name", name, limits.DISPLAY_NAME_BYTES_MAX)
    handle = RunHandle(
        mine.session,
        finding.new_run_id() if run_id is None else validation.run_id(run_id),
        experiment=mine.experiment,
        parent_run_id=mine.run_id,
    )
    handle.target = mine.target
    life.begin(handle, name=label, outputs=outputs)
    handle.known = True
    if label is not None:
        handle.name = f"{parent.name}>{label}"
    child = Run._of(parent.experiment, handle)
    child._parent = parent  # type: ignore[assignment]  # every run is a Run
    return child


def create_children(parent: RunBase, count: object, tag_key: object, tag_values: object) -> list[Run]:
    """Starts several children; see `Run.create_children`. All is checked before any of them begins."""
    if count is None and tag_key is None and tag_values is None:
        raise UserErrorException(
            "create_children needs count, or tag_key together with tag_values, such as "
            "tag_key='fold', tag_values=[1, 2, 3]; it was given neither."
        )
    if count is not None:
        if tag_key is not None or tag_values is not None:
            raise UserErrorException(
                "create_children takes count, or tag_key together with tag_values, not both; drop one of them."
            )
        return _tagged(parent, NUMBER_TAG, [str(number) for number in range(_allowed(_whole(count)))])
    if tag_key is None or tag_values is None:
        given, missing = ("tag_values", "tag_key") if tag_key is None else ("tag_key", "tag_values")
        raise UserErrorException(f"create_children was given {given} without {missing}; it needs both.")
    if isinstance(tag_values, (str, bytes)) or not isinstance(tag_values, Iterable):
        raise UserErrorException(f"tag_values must be a list with a value for each child, it is {tag_values!r:.200}.")
    values = list(tag_values)
    _allowed(len(values))
    return _tagged(parent, validation.text("tag key", tag_key, limits.TAG_KEY_BYTES_MAX), values)


def _tagged(parent: RunBase, key: str, values: list[object]) -> list[Run]:
    for value in values:
        validation.tags({key: value})
    children = []
    for value in values:
        child = child_run(parent)
        tags.set_tags(child._handle, {key: value})
        children.append(child)
    return children


def _whole(count: object) -> int:
    if isinstance(count, bool) or not hasattr(count, "__index__"):
        raise UserErrorException(
            f"count must be a whole number from 0 to {CHILDREN_MAX}, it is {count!r:.200} of type "
            f"{type(count).__name__}."
        )
    return int(count.__index__())


def _allowed(count: int) -> int:
    if count > CHILDREN_MAX:
        raise UserErrorException(
            f"{count} children in one call, at most {CHILDREN_MAX} are allowed; call create_children several times."
        )
    return count
