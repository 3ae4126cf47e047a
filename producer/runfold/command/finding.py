"""Which run is meant: an id, `@latest`, or `EXPERIMENT#NUMBER`; and filters put together from options. Filters are
pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runfold_schemas import exits

from .border import Stopped
from .completing import quoted

if TYPE_CHECKING:
    from runfold.reading.client import ApiClient

LATEST = "@latest"
_NUMBERED = re.compile(r"(?P<experiment>.+)#(?P<number>[0-9]{1,18})")


def run_id_of(api: ApiClient, word: str) -> str:
    """The id of the run that a word means.

    :raises Stopped: It can be no run's, or there is none in the workspace for `@latest` to mean.
    """
    if not word or "/" in word:
        raise Stopped(f"{word!r} names no run; allowed is an id, @latest, or EXPERIMENT#NUMBER", exits.USAGE, "usage")
    if word == LATEST:
        found = api.search(limit=1)["runs"]
        if not found:
            raise Stopped(f"the workspace {api.workspace} holds no run", exits.NOTHING, "not_found")
        return found[0]["run_id"]
    numbered = _NUMBERED.fullmatch(word)
    if numbered is not None:
        q = f"experiment = {quoted(numbered['experiment'])} and number = {numbered['number']}"
        found = api.search(q, include_children=True, limit=1)["runs"]
        if found:
            return found[0]["run_id"]
    return word


def filter_of(q: str | None, *, experiment: str | None = None, status: Sequence[str] = ()) -> str:
    """A filter and the options beside it, as one filter; a filter alone stays as it was written, so that positions in
    errors are those of what was typed.
    """
    more = []
    if experiment is not None:
        more.append(f"experiment = {quoted(experiment)}")
    if status:
        more.append(f"status in ({', '.join(quoted(each) for each in status)})")
    if q and more:
        return f"({q}) and {' and '.join(more)}"
    return q or " and ".join(more)


def names_in(texts: Sequence[str]) -> list[str]:
    """Refs or metrics, of options that may be repeated and may have commas; commas within quotes or brackets stay."""
    found = []
    for text in texts:
        depth, quote, word = 0, "", ""
        for character in text:
            if quote:
                quote = "" if character == quote else quote
            elif character in "\"'":
                quote = character
            elif character in "([":
                depth += 1
            elif character in ")]":
                depth -= 1
            if character == "," and not quote and depth == 0:
                found.append(word)
                word = ""
            else:
                word += character
        found.append(word)
    return [stripped for word in found if (stripped := word.strip())]
