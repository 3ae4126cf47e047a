"""The page `reference.md`: every public class of `runfold`, from its docstrings.

Docstrings are the place where parameters, shapes, units, errors and sources are told, `parameters` has what is the same
everywhere, the migration guide what differs from the original; this only sets them in type.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs import parameters

_FIELD = re.compile(r"^:(param|raises|returns|return|yields)\s*([^:]*):\s*(.*)$")
_KINDS = {"raises": "Raises", "returns": "Returns", "return": "Returns", "yields": "Yields"}
_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\|$", re.MULTILINE)
_GUIDE = Path(__file__).parent / "migration.md"
_OTHERS = {
    "_SubmittedRun": "runfold.run",
    "_OfflineRun": "runfold.run",
    "Dataset.File": "runfold.data.factories:FileDatasetFactory",
    "Dataset.Tabular": "runfold.data.factories:TabularDatasetFactory",
    "FileDataset": "runfold.data",
    "TabularDataset": "runfold.data",
    "DatasetConsumptionConfig": "runfold.data",
    "OutputFileDatasetConfig": "runfold.data",
    "CondaDependencies": "runfold.submitting",
    "DockerConfiguration": "runfold.submitting",
    "MpiConfiguration": "runfold.submitting",
    "PyTorchConfiguration": "runfold.submitting",
    "TensorflowConfiguration": "runfold.submitting",
}
"""Where those classes are that scripts meet without `runfold` exporting them."""


def classes() -> dict[str, type]:
    """The classes of the page by the name that scripts know them by."""
    import runfold

    found = {name: getattr(runfold, name) for name in runfold.__all__ if not name.startswith("_")}
    for name, where in _OTHERS.items():
        module, _, inner = where.partition(":")
        found[name] = getattr(__import__(module, fromlist=["_"]), inner or name)
    return found


def page() -> str:
    """The whole page."""
    shown = classes()
    lines = [
        "# Reference\n",
        "Signatures are those of azureml-core 1.61.0; what is ours comes after them, by keyword only. *Original* says how a",
        "member compares with the original's, as the [migration guide](migration.md) has it; what has no such line is ours,",
        "or an attribute that is the same. Times are UTC; seconds and bytes are named. [Exceptions](exceptions.md) have a",
        "page of their own.\n",
        " · ".join(f"[{name}](#{_anchor(name)})" for name in shown) + "\n",
    ]
    for name, found in shown.items():
        lines.extend(_of_class(name, found, shown))
    return "\n".join(lines)


def members(found: type, shown: dict[str, type]) -> Iterator[tuple[str, Any]]:
    """Public members that explain themselves, a class's own first, then those of bases that have no section."""
    seen: set[str] = set()
    for owner in found.__mro__:
        if not owner.__module__.startswith("runfold") or (owner is not found and owner in shown.values()):
            continue
        for name, raw in vars(owner).items():
            if name.startswith("_") or name in seen or (owner is not found and _is_elsewhere(found, name, shown)):
                continue
            seen.add(name)
            if isinstance(raw, (staticmethod, classmethod, property)) or inspect.isfunction(raw):
                yield name, raw


def _is_elsewhere(found: type, name: str, shown: dict[str, type]) -> bool:
    """Whether a base that has a section has the member."""
    return any(base in shown.values() and hasattr(base, name) for base in found.__mro__[1:])


def untold(name: str, raw: Any) -> list[str]:
    """Parameters of a member, given as `<class>.<member>`, that nobody explains."""
    function = getattr(raw, "__func__", raw)
    if isinstance(raw, property):
        return []
    text = inspect.getdoc(function) or ""
    told = {what for kind, what, _ in _split(text)[1] if kind == "param"}
    owner = name.rpartition(".")[0]
    return [
        each
        for each in _parameters(function)
        if each not in told and f"`{each}" not in text and parameters.meaning(owner, each) is None
    ]


def _of_class(name: str, found: type, shown: dict[str, type]) -> Iterator[str]:
    yield f"## {name}\n"
    if found.__init__ is not object.__init__ or "__new__" in vars(found):  # type: ignore[misc]
        signature = _signature(found.__init__)  # type: ignore[misc]
        if signature != "(*args, **kwargs)":
            yield f"`{name}{signature}`\n"
    yield from _told(name, inspect.getdoc(found), {})
    rows = _rows(name)
    yield from _original(rows.get("__init__"))
    for base in found.__mro__[1:]:
        above = next((title for title, each in shown.items() if each is base), None)
        if above is not None:
            yield f"Every member of [{above}](#{_anchor(above)}), and:\n"
            break
    for member, raw in members(found, shown):
        yield from _of_member(f"{name}.{member}", raw, rows.get(member))


def _of_member(name: str, raw: Any, row: tuple[str, str] | None) -> Iterator[str]:
    owner, _, member = name.rpartition(".")
    if isinstance(raw, property):
        yield f"### {name}\n"
        yield f"Attribute{', settable' if raw.fset else ''}.\n"
        yield from _told(owner, inspect.getdoc(raw), {})
    else:
        function = raw.__func__ if isinstance(raw, (staticmethod, classmethod)) else raw
        kind = {staticmethod: " (static)", classmethod: " (class method)"}.get(type(raw), "")
        yield f"### {name}{kind}\n"
        yield f"`{member}{_signature(function)}`\n"
        yield from _told(owner, inspect.getdoc(function), _parameters(function))
    yield from _original(row)


def _original(row: tuple[str, str] | None) -> Iterator[str]:
    if row is not None:
        verdict, words = row
        yield f"*Original*: {verdict}{f'. {words}.' if words else '.'}\n"


def _rows(name: str) -> dict[str, tuple[str, str]]:
    """Verdict and words of the migration guide, by member."""
    section = _GUIDE.read_text(encoding="utf-8").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    return {member: (verdict, words) for member, verdict, words in _ROW.findall(section)}


def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    return {
        name: each
        for name, each in inspect.signature(function).parameters.items()
        if name not in ("self", "cls", "args", "kwargs") and not name.startswith("_")
    }


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    kept = [
        each.replace(annotation=each.empty)
        for name, each in signature.parameters.items()
        if name not in ("self", "cls")
    ]
    return str(signature.replace(parameters=kept, return_annotation=signature.empty))


def _told(owner: str, text: str | None, signature: dict[str, inspect.Parameter]) -> Iterator[str]:
    """A docstring: its words, then a table of parameters in their order, then what it gives and raises."""
    words, fields = _split(text or "")
    if words:
        yield _plain(_attributes(words)) + "\n"
    said = {what: meant for kind, what, meant in fields if kind == "param"}
    for each in signature:
        if each not in said and f"`{each}" not in (text or "") and parameters.meaning(owner, each) is not None:
            said[each] = str(parameters.meaning(owner, each))
    ordered = [*(each for each in signature if each in said), *(each for each in said if each not in signature)]
    if ordered:
        yield "| parameter | meaning |\n|---|---|"
        yield from (f"| `{each}` | {_plain(said[each]).replace('|', chr(92) + '|')} |" for each in ordered)
        yield ""
    for kind, what, meant in fields:
        if kind != "param":
            yield f"*{_KINDS[kind]}*{f' `{what}`' if what else ''}: {_plain(meant)}\n"


def _plain(text: str) -> str:
    """Text in which `<` is no HTML, code in backticks left as it is."""
    return "`".join(each if place % 2 else each.replace("<", "&lt;") for place, each in enumerate(text.split("`")))


def _attributes(words: str) -> str:
    """A block `Attributes:` as a list."""
    before, found, block = words.partition("Attributes:\n")
    if not found:
        return words
    items = re.findall(r"^ {4}([\w, ]+): (.*(?:\n {8}.*)*)", block, re.MULTILINE)
    listed = [f"- `{name}`: {' '.join(meant.split())}" for name, meant in items]
    return before.strip() + "\n\nAttributes:\n\n" + "\n".join(listed)


def _anchor(name: str) -> str:
    return name.lower().replace(".", "")


def _split(text: str) -> tuple[str, list[tuple[str, str, str]]]:
    """The words of a docstring, and its fields: kind, name, meaning."""
    words: list[str] = []
    fields: list[tuple[str, str, str]] = []
    within = False
    for line in text.splitlines():
        field = _FIELD.match(line)
        if field is not None:
            fields.append((field[1], field[2].strip(), field[3].strip()))
            within = True
        elif within and line.startswith(" "):
            kind, what, said = fields[-1]
            fields[-1] = (kind, what, f"{said} {line.strip()}")
        else:
            words.append(line)
            within = False
    return re.sub(r"\n{3,}", "\n\n", "\n".join(words)).strip(), fields
