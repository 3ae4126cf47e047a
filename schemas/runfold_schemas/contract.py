"""What the `contract` topic of a workspace holds, out of its entries, and what is wrong with it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from runfold_schemas import catalog, topics
from runfold_schemas.catalog import Schema
from runfold_schemas.topics import MANIFEST_KEY, Manifest, Topics


class TopicsError(ValueError):
    """The topics of a workspace are not what they must be; the text says which, how, and what to do."""


class Contract(NamedTuple):
    """What the `contract` topic holds.

    Attributes:
        manifest: what the topics must be.
        schemas: writer schemas by fingerprint, each found to have it.
        misplaced: keys under which something lies that is no schema of that fingerprint; none on a sound topic.
    """

    manifest: Manifest
    schemas: dict[bytes, Schema]
    misplaced: tuple[str, ...] = ()


class Problem(NamedTuple):
    """Something that is not as the manifest says.

    Attributes:
        text: what, which value, what it must be; a sentence.
        grave: events that are sent or folded now would be misplaced, altered or lost: nobody may go on. Otherwise the
            topics serve, and somebody should look.
    """

    text: str
    grave: bool = False


def parse_contract(entries: Mapping[bytes, bytes | None]) -> Contract | None:
    """The contract of these entries, the last of each key; None where they hold no manifest.

    Raises:
        TopicsError: the manifest cannot be read.
    """
    held = entries.get(MANIFEST_KEY)
    if held is None:
        return None
    try:
        manifest = topics.parse_manifest(held)
    except ValueError as error:
        raise TopicsError(str(error)) from error
    schemas: dict[bytes, Schema] = {}
    misplaced = []
    for key, value in entries.items():
        if key == MANIFEST_KEY or value is None:
            continue
        try:
            schema = json.loads(value)
            fingerprint = catalog.fingerprint_of(catalog.canonical_form(schema))
        except (ValueError, KeyError, TypeError, AttributeError):
            misplaced.append(key.decode(errors="replace"))
            continue
        if topics.schema_key(fingerprint) == key:
            schemas[fingerprint] = schema
        else:
            misplaced.append(key.decode(errors="replace"))
    return Contract(manifest, schemas, tuple(misplaced))


def contract_problems(names: Topics, contract: Contract) -> list[Problem]:
    """What is wrong with the contract's schemas, and which of this release it lacks."""
    problems = [
        Problem(f"topic {names.contract}: {key} holds no schema of that fingerprint") for key in contract.misplaced
    ]
    absent = [name for name in catalog.names() if catalog.fingerprint(name) not in contract.schemas]
    if absent:
        text = f"topic {names.contract} lacks the schemas of {', '.join(absent)}; runfold topics create adds them"
        problems.append(Problem(text))
    return problems
