"""Generated events, and generated Avro schemas with values, for Hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from runfold_schemas import catalog, events, shapes
from runfold_schemas.shapes import Shape

texts = st.text(st.characters(codec="utf-8"), max_size=12)
ints = st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-70, 70))
longs = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-70, 70), st.sampled_from((2**63 - 1, -(2**63), 63, 64))
)
doubles = st.floats()
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": ints,
    "long": longs,
    "float": st.floats(width=32),
    "double": doubles,
    "bytes": st.binary(max_size=12),
    "string": texts,
}


def values(shape: Shape, make: Mapping[str, Any], depth: int = 3) -> st.SearchStrategy[Any]:
    """Values of a shape; records by `make[full name]` of their fields, else plain tuples."""
    kind = shape.kind
    if kind in SCALARS:
        return SCALARS[kind]
    if kind == "fixed":
        return st.binary(min_size=shape.size, max_size=shape.size)
    if kind == "enum":
        return st.sampled_from(shape.symbols)
    if kind == "union":
        return st.one_of([values(branch, make, depth) for branch in shape.branches])
    if kind == "array":
        most = 40 if shape.item.kind in ("int", "long", "float", "double") else 3
        return st.lists(values(shape.item, make, depth - 1), max_size=most if depth > 0 else 0).map(tuple)
    if kind == "map":
        return st.dictionaries(texts, values(shape.item, make, depth - 1), max_size=3 if depth > 0 else 0)
    made = make.get(shape.name, lambda *fields: fields)
    return st.tuples(*(values(field, make, depth) for _, field in shape.fields)).map(lambda fields: made(*fields))


CLASSES = {f"{catalog.NAMESPACE}.{name}": getattr(events, name) for name in events.__all__ if name[0].isupper()}


def events_of(name: str) -> st.SearchStrategy[Any]:
    """Any event of that name that may be encoded; points of MetricLogged are sound."""
    if name == "MetricLogged":
        return metrics()
    return values(shapes.parse(catalog.schema(name)), CLASSES)


@st.composite
def metrics(draw: st.DrawFn, most: int = 60) -> events.MetricLogged:
    """Sound MetricLogged events, from none to `most` points, of all kinds."""
    kinds = st.sampled_from(("double", "long", "bigint", "string", "bool", "null"))
    axes = st.sampled_from(("step", "ordinal", "row"))
    one = st.builds(events.Series, texts, st.none() | texts, kinds, axes)
    series = draw(st.lists(one, min_size=1, max_size=4))
    said = draw(st.lists(texts, min_size=1, max_size=4))
    count = draw(st.integers(0, most))
    index = draw(st.lists(st.integers(0, len(series) - 1), min_size=count, max_size=count))
    numbers = draw(st.lists(doubles, min_size=count, max_size=count))
    for point, which in enumerate(index):
        if series[which].kind in ("string", "bigint"):
            numbers[point] = float(point % len(said))
    return events.MetricLogged(
        aggregate_id=draw(texts),
        writer_id=draw(texts),
        first_ordinal=draw(longs),
        occurred_at=draw(longs),
        key_id=draw(st.none() | texts),
        signature=draw(st.none() | st.binary(max_size=4)),
        series=tuple(series),
        texts=tuple(said),
        index=index,
        step=draw(st.lists(longs, min_size=count, max_size=count)),
        time=draw(st.lists(doubles, min_size=count, max_size=count)),
        value=numbers,
    )


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Any Avro record schema: every type, nesting, references by name, a record within itself."""
    counter = iter(range(1_000))
    known: list[str] = []

    def name() -> str:
        return f"N{next(counter)}"

    def avro(depth: int) -> Any:
        choices = [*SCALARS, "enum", "fixed"]
        if depth > 0:
            choices += ["array", "map", "union", "record"]
        if known:
            choices.append("reference")
        kind = draw(st.sampled_from(choices))
        if kind == "reference":
            return draw(st.sampled_from(known))
        if kind == "enum":
            made: dict[str, Any] = {"type": "enum", "name": name(), "symbols": ["a", "b", "c"]}
        elif kind == "fixed":
            made = {"type": "fixed", "name": name(), "size": draw(st.integers(0, 5))}
        elif kind == "array":
            return {"type": "array", "items": avro(depth - 1)}
        elif kind == "map":
            return {"type": "map", "values": avro(depth - 1)}
        elif kind == "union":
            return draw(
                st.permutations(["null", draw(st.sampled_from(("int", "double", "string", "bytes", "boolean")))])
            )
        elif kind == "record":
            fields = [{"name": f"f{i}", "type": avro(depth - 1)} for i in range(draw(st.integers(1, 3)))]
            made = {"type": "record", "name": name(), "fields": fields}
        else:
            return kind
        known.append(made["name"])
        return made

    fields = [{"name": f"f{i}", "type": avro(3)} for i in range(draw(st.integers(1, 4)))]
    if draw(st.booleans()):
        fields.append({"name": "again", "type": ["null", "Top"]})
    return {"type": "record", "name": "Top", "fields": fields}
