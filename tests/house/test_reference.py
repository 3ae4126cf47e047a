"""The reference says what each parameter of each public member is."""

from __future__ import annotations

import pytest

from docs import reference

CLASSES = reference.classes()


@pytest.mark.parametrize("name", CLASSES)
def test_each_parameter_is_explained(name: str) -> None:
    untold = {
        f"{name}.{member}": missing
        for member, raw in reference.members(CLASSES[name], CLASSES)
        if (missing := reference.untold(f"{name}.{member}", raw))
    }
    assert untold == {}, "say it in the docstring (:param name: ...), or in docs/parameters.py if it is general"
