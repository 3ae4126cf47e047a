"""An Avro schema (parsed JSON) as a tree that encoder, decoder and explainer walk: names resolved, logical types left
out.

References become the node itself, so a recursive schema is a cyclic graph. Every type of Avro 1.12 has a shape; what
is none raises TypeError with its path in the schema.
"""

from __future__ import annotations

from typing import Any

from runfold_schemas.catalog import full_name

SCALARS = frozenset(("null", "boolean", "int", "long", "float", "double", "bytes", "string"))


class Shape:
    """One node.

    Attributes:
        kind: Avro's type name; `record` for errors too.
        name: full name of a record, enum or fixed, else the kind.
        fields: names and shapes of a record's fields.
        defaults: of the record's fields that have one; of an enum, its default under the name "".
        item: shape of an array's items or a map's values.
        branches: shapes of a union's branches.
        symbols: of an enum.
        size: of a fixed, in bytes.
    """

    __slots__ = ("branches", "defaults", "fields", "item", "kind", "name", "size", "symbols")

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        self.fields: list[tuple[str, Shape]] = []
        self.defaults: dict[str, Any] = {}
        self.item: Shape = self
        self.branches: list[Shape] = []
        self.symbols: list[str] = []
        self.size = 0


def parse(avro: Any) -> Shape:
    """The shape of a schema.

    Raises:
        TypeError: something in it is no Avro type, with its path.
    """
    return _parse(avro, None, {}, avro["name"] if isinstance(avro, dict) and "name" in avro else "schema")


def _parse(avro: Any, namespace: str | None, named: dict[str, Shape], path: str) -> Shape:
    if isinstance(avro, str):
        if avro in SCALARS:
            return Shape(avro, avro)
        known = named.get(full_name(avro, namespace)) or named.get(avro)
        if known is None:
            raise TypeError(f"{path}: {avro!r} is no Avro type and names none that was defined before")
        return known
    if isinstance(avro, list):
        union = Shape("union", "union")
        for place, branch in enumerate(avro):
            union.branches.append(_parse(branch, namespace, named, f"{path}[{place}]"))
        return union
    if not isinstance(avro, dict) or "type" not in avro:
        raise TypeError(f"{path}: {avro!r} is no Avro schema; a name, a list or an object with 'type' is one")
    kind = avro["type"]
    if kind in ("array", "map"):
        shape = Shape(kind, kind)
        inner = "items" if kind == "array" else "values"
        if inner not in avro:
            raise TypeError(f"{path}: this {kind} has no {inner!r}")
        shape.item = _parse(avro[inner], namespace, named, f"{path}[]")
        return shape
    if kind in ("record", "error", "enum", "fixed"):
        return _named(avro, namespace, named, path)
    return _parse(kind, namespace, named, path)


def _named(avro: dict[str, Any], namespace: str | None, named: dict[str, Shape], path: str) -> Shape:
    kind = "record" if avro["type"] == "error" else avro["type"]
    needed = {"record": "fields", "enum": "symbols", "fixed": "size"}[kind]
    for key in ("name", needed):
        if key not in avro:
            raise TypeError(f"{path}: this {kind} has no {key!r}")
    name = full_name(avro["name"], avro.get("namespace", namespace))
    shape = named[name] = Shape(kind, name)
    if kind == "enum":
        shape.symbols = list(avro["symbols"])
        shape.defaults = {"": avro["default"]} if "default" in avro else {}
    elif kind == "fixed":
        shape.size = int(avro["size"])
    else:
        inner = name.rpartition(".")[0] or None
        shape.defaults = {field["name"]: field["default"] for field in avro["fields"] if "default" in field}
        for field in avro["fields"]:
            shape.fields.append((field["name"], _parse(field["type"], inner, named, f"{path}.{field['name']}")))
    return shape
