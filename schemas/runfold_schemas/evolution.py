"""May the schemas change like this? `python -m runfold_schemas.evolution` checks, `--freeze` adds the next release.

FULL_TRANSITIVE: this release reads whatever any release wrote, and any release reads what this one writes. Checked
against the frozen copies `released/<number>/`, which never change. Resolution rules: Avro 1.12 specification, "Schema
Resolution". House rules too: a doc and a valid default on every field, no event and no frozen copy taken away.
"""

from __future__ import annotations

import shutil
import sys
from typing import Any

import fastavro

from runfold_schemas import catalog, encoding, shapes
from runfold_schemas.shapes import Shape

_PROMOTED = {  # writer's kind -> kinds a reader may have instead
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}


def unreadable(reader: Any, writer: Any) -> list[str]:
    """Why a reader with one schema cannot read what another wrote, a sentence each with its path; empty when it can."""
    shape = shapes.parse(reader)
    return _unreadable(shape, shapes.parse(writer), shape.name, set())


def house_problems(schema: Any) -> list[str]:
    """What a published schema lacks: docs, defaults that fit, a form that fastavro takes."""
    try:
        fastavro.parse_schema(schema, {})
    except Exception as error:  # noqa: BLE001 - whatever it dislikes is the finding
        return [f"{schema.get('name')}: fastavro does not take it: {error!r}"]
    return _house_problems(shapes.parse(schema), schema, str(schema["name"]))


def problems() -> list[str]:
    """All that is wrong with the present schemas, by themselves and against every release."""
    found = [problem for name in catalog.names() for problem in house_problems(catalog.schema(name))]
    for release, frozen in catalog.releases().items():
        for name, schema in frozen.items():
            if name not in catalog.names():
                found.append(f"{name} of release {release} is gone; an event stays readable for ever")
                continue
            present = catalog.schema(name)
            found += [f"release {release} cannot be read: {text}" for text in unreadable(present, schema)]
            found += [f"release {release} cannot read it: {text}" for text in unreadable(schema, present)]
    return found


def freeze() -> str | None:
    """Copies the present schemas to `released/<next number>`; None when the last release has the same."""
    releases = catalog.releases()
    last = max(releases, key=int, default=None)
    present = {name: catalog.schema(name) for name in catalog.names()}
    if last is not None and releases[last] == present:
        return None
    number = str(int(last or 0) + 1)
    folder = catalog.RELEASED / number
    folder.mkdir(parents=True)
    for path in catalog.EVENTS.glob("*.avsc"):
        shutil.copyfile(path, folder / path.name)
    return number


def _unreadable(reader: Shape, writer: Shape, path: str, seen: set[tuple[Shape, Shape]]) -> list[str]:
    if (reader, writer) in seen:  # a schema within itself: being judged already
        return []
    seen = seen | {(reader, writer)}
    if writer.kind == "union":
        return [text for branch in writer.branches for text in _unreadable(reader, branch, path, seen)]
    if reader.kind == "union":
        if any(not _unreadable(branch, writer, path, seen) for branch in reader.branches):
            return []
        return [f"{path}: no branch of the reader's union takes {writer.name}"]
    if reader.kind in _PROMOTED.get(writer.kind, ()):
        return []
    if reader.kind != writer.kind:
        return [f"{path}: written as {writer.name}, read as {reader.name}"]
    if reader.kind in ("array", "map"):
        return _unreadable(reader.item, writer.item, f"{path}[]", seen)
    if reader.kind in ("record", "enum", "fixed") and reader.name.split(".")[-1] != writer.name.split(".")[-1]:
        return [f"{path}: written as {writer.name}, read as {reader.name}"]
    if reader.kind == "fixed" and reader.size != writer.size:
        return [f"{path}: written with {writer.size} bytes, read with {reader.size}"]
    if reader.kind == "enum":
        unknown = sorted(set(writer.symbols) - set(reader.symbols))
        return [f"{path}: the reader lacks the symbols {unknown}"] if unknown and "" not in reader.defaults else []
    written = dict(writer.fields)
    found = []
    for name, field in reader.fields:
        if name in written:
            found += _unreadable(field, written[name], f"{path}.{name}", seen)
        elif name not in reader.defaults:
            found.append(f"{path}.{name}: the writer has no such field, the reader no default")
    return found


def _house_problems(shape: Shape, schema: Any, path: str) -> list[str]:
    found = [] if schema.get("doc") else [f"{path}: a record needs a doc"]
    for (name, field), raw in zip(shape.fields, schema["fields"], strict=True):
        place = f"{path}.{name}"
        if not raw.get("doc"):
            found.append(f"{place}: a field needs a doc")
        if name not in shape.defaults:
            found.append(f"{place}: a field needs a default")
        elif not _fits(field, shape.defaults[name]):
            found.append(f"{place}: the default {shape.defaults[name]!r} does not fit the type")
        inner = raw["type"].get("items") if isinstance(raw["type"], dict) else None
        if isinstance(inner, dict) and inner.get("type") == "record":
            found += _house_problems(field.item, inner, f"{place}[]")
    return found


def _fits(shape: Shape, default: Any) -> bool:
    if shape.kind == "union":  # a default is of the first branch
        return _fits(shape.branches[0], default)
    if shape.kind in ("bytes", "fixed"):
        default = default.encode("latin-1")
    try:
        encoding.encoder(shape)(default)
    except encoding.FAILURES:
        return False
    return True


def main() -> int:
    """Prints what is wrong; ends 1 when something is."""
    found = problems()
    for problem in found:
        sys.stderr.write(problem + "\n")
    if found:
        return 1
    if "--freeze" in sys.argv[1:]:
        number = freeze()
        sys.stdout.write(f"frozen as released/{number}\n" if number else "the last release has these schemas already\n")
    else:
        count = len(catalog.releases())
        sys.stdout.write(f"{len(catalog.names())} schemas, compatible both ways with {count} release(s)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
