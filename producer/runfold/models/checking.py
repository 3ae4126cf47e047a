"""What may be said and asked about models. Pure; refusals are WebserviceException, as in the original."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runfold import validation
from runfold.exceptions import ModelPathNotFoundException, UserErrorException, WebserviceException
from runfold_schemas import limits
from runfold_schemas.events import RelatedDataset

if TYPE_CHECKING:
    from runfold.data.dataset import AbstractDataset

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-._]{0,254}\Z")
PAGE_COUNT_MIN, PAGE_COUNT_MAX = 20, 255
_WORD_BYTES_MAX = 255  # of a framework, a version, a relationship, a dataset's id


class ModelPath(NamedTuple):
    """A stored file of a run that becomes part of a model."""

    stored: str  # path within the run
    path: str  # path within the model


def name(given: object) -> str:
    """A model's name."""
    if not isinstance(given, str) or not _NAME.match(given):
        raise WebserviceException(
            f"Invalid model name {given!r:.300}: 1 to 255 letters, digits, '-', '.' and '_' are allowed, beginning "
            "with a letter or digit."
        )
    return given


def version(given: object) -> int | None:
    """A version; text that is a whole number will do."""
    if given is None:
        return None
    if isinstance(given, str) and given.isdigit():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 < given < 2**31:
        raise WebserviceException(f"version should be an int from 1, it is {given!r:.100}.")
    return given


def model_id(given: object) -> tuple[str, int]:
    """Name and version of an id, <name>:<version>."""
    head, colon, tail = given.rpartition(":") if isinstance(given, str) else ("", "", "")
    if not colon or not tail.isdigit() or not int(tail):
        raise WebserviceException(f"A model's id is <name>:<version>, such as 'mymodel:1'; it was {given!r:.300}.")
    return name(head), int(tail)


def tags(given: object) -> tuple[dict[str, str | None], list[str]]:
    """Tags, and the keys whose value was no string and became its text."""
    return _texts("tags", given, validation.tags)


def properties(given: object) -> tuple[dict[str, str | None], list[str]]:
    """Properties, likewise."""
    return _texts("properties", given, validation.properties)


def _texts(
    what: str, given: object, check: Callable[[object], tuple[dict[str, str | None], list[str]]]
) -> tuple[dict[str, str | None], list[str]]:
    if given is None:
        return {}, []
    if not isinstance(given, Mapping):
        raise WebserviceException(
            f"Error, {what} must be a dict such as {{'key': 'value'}}; it is {given!r:.200} of type "
            f"{type(given).__name__}."
        )
    return check(given)


def tag_key(given: object) -> str:
    """A tag's key."""
    return validation.text("tag key", given, limits.TAG_KEY_BYTES_MAX)


def description(given: object) -> str | None:
    """A description, or None."""
    return None if given is None else validation.text("description", given, limits.DESCRIPTION_BYTES_MAX, empty=True)


def framework(given: object, of_version: object) -> tuple[str | None, str | None]:
    """Framework and version; any framework's name will do, not only those of Model.Framework."""
    if given is None and of_version is not None:
        raise WebserviceException(
            f"model_framework_version is {of_version!r:.100}, and model_framework is not given; name the framework too."
        )
    return _word("model_framework", given), _word("model_framework_version", of_version)


def _word(what: str, given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str):
        raise WebserviceException(f"{what} must be a str, it is {given!r:.100} of type {type(given).__name__}.")
    return validation.text(what, given, _WORD_BYTES_MAX)


def datasets(given: object) -> list[RelatedDataset]:
    """Datasets that a model has to do with: (relationship, dataset) tuples, the dataset or its id."""
    if given is None:
        return []
    wrong = WebserviceException(
        f"datasets must be a list of (relationship, dataset), such as [(Dataset.Scenario.TRAINING, dataset)]; "
        f"it is {given!r:.200}."
    )
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise wrong
    related = []
    for each in given:
        if not isinstance(each, Sequence) or isinstance(each, str) or len(each) != 2 or not isinstance(each[0], str):
            raise wrong
        relationship = validation.text("relationship", each[0], _WORD_BYTES_MAX)
        related.append(RelatedDataset(relationship, dataset_id("datasets", each[1])))
    return related


def used(related: Any, *samples: object) -> list[AbstractDataset]:
    """The datasets among what `datasets` and `dataset_id` have checked, beside ids."""
    given = [*(each[1] for each in related or ()), *samples]
    return [each for each in given if each is not None and not isinstance(each, str)]


def dataset_id(what: str, given: object) -> str:
    """A dataset's id, from the dataset or the id itself."""
    found = given if isinstance(given, str) else getattr(given, "id", None)
    if not isinstance(found, str):
        raise WebserviceException(f"{what} must name a Dataset or its id, it is {given!r:.200}.")
    return validation.text("dataset id", found, 4 * _WORD_BYTES_MAX)


def sample(what: str, given: object) -> str | None:
    """The id of a dataset of samples, or None."""
    return None if given is None else dataset_id(what, given)


def filters(what: str, given: object) -> list[object]:
    """The original's filters on tags and properties, for the API: a list of "key" or ["key", "value"].

    :raises UserErrorException: It is something else; a dict is not allowed here.
    """
    if given is None:
        return []
    wrong = UserErrorException(
        f"{what} must be a list of 'key' or ['key', 'value'], such as ['a', ['b', '1']]; it is {given!r:.200} of type "
        f"{type(given).__name__}."
    )
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise wrong
    asked: list[object] = []
    for each in given:
        if isinstance(each, str):
            asked.append(each)
        elif isinstance(each, (list, tuple)) and len(each) == 2 and isinstance(each[0], str):
            asked.append({each[0]: None if each[1] is None else str(each[1])})
        else:
            raise wrong
    return asked


def as_json(asked: list[object]) -> str | None:
    """Filters as the API takes them."""
    return json.dumps(asked) if asked else None


def page_count(given: object) -> None:
    """How many models the original fetched at once."""
    if isinstance(given, bool) or not isinstance(given, int) or not PAGE_COUNT_MIN <= given <= PAGE_COUNT_MAX:
        raise WebserviceException(
            f"page_count must be an int from {PAGE_COUNT_MIN} to {PAGE_COUNT_MAX}, it is {given!r:.100}."
        )


def within_run(wanted: object, stored: Sequence[str]) -> tuple[str, list[ModelPath]]:
    """The files of a run that a path means, and the path as it was understood.

    A file of that name; else the files of that folder; else, as in the original, those whose path begins like it.

    :param stored: Paths of all files of the run.
    :raises ModelPathNotFoundException: There are none; the message lists what there is.
    """
    text = str(wanted.__fspath__()) if hasattr(wanted, "__fspath__") else wanted
    if not isinstance(text, str):
        raise WebserviceException(f"model_path must be a str, it is {wanted!r:.200}.")
    path = "/".join(part for part in text.replace("\\", "/").split("/") if part not in ("", "."))
    if path in stored:
        return path, [ModelPath(path, path.rpartition("/")[2])]
    below = f"{path}/" if path else ""
    found, parent = [each for each in stored if each.startswith(below)], path.rpartition("/")[0]
    if not found and not text.endswith("/"):
        found = [each for each in stored if each.startswith(path)]
    if not found:
        raise ModelPathNotFoundException(
            f"Could not locate the provided model_path {text} in the set of files uploaded to the run: "
            f"{list(stored)}. Upload it first: complete() stores ./outputs, upload_file() and upload_folder() the rest."
        )
    strip = len(parent) + 1 if parent else 0
    return path, [ModelPath(each, each[strip:]) for each in found]
