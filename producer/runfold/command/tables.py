"""Tables that fit where they are shown and cut nothing: ids stay on a line, other cells fold, and where even that does
not fit, a row becomes a block of lines. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

GAP = 2
FOLDED_MIN = 10
_UNBOUNDED = 100_000


class Column(NamedTuple):
    """A column. `whole`: its cells are never folded, such as ids that people copy."""

    head: str
    right: bool = False
    whole: bool = False
    style: str = ""


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[Text | str]], width: int, title: str = ""
) -> RenderableType:
    """A table of at most `width` cells; columns in which every cell is empty are left out."""
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    shown = [i for i in range(len(columns)) if any(row[i].plain for row in cells)] if cells else range(len(columns))
    kept = [columns[i] for i in shown]
    cells = [[row[i] for i in shown] for row in cells]
    wide = [max([cell_len(column.head), *(_length(row[i]) for row in cells)]) for i, column in enumerate(kept)]
    least = [size if column.whole else min(size, FOLDED_MIN) for column, size in zip(kept, wide, strict=True)]
    if sum(least) + GAP * max(0, len(kept) - 1) > width:
        return _blocks(kept, cells, title)
    made = Table(
        box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", title=title or None,
        title_style="bold", title_justify="left",
    )  # fmt: skip
    for column, size in zip(kept, wide, strict=True):
        made.add_column(
            column.head,
            justify="right" if column.right else "left",
            no_wrap=column.whole,
            overflow="fold",
            min_width=size if column.whole else min(size, FOLDED_MIN),
            style=column.style,
        )
    for row in cells:
        made.add_row(*row)
    return made


def pairs(rows: Iterable[tuple[str, Text | str | None]], title: str = "") -> RenderableType:
    """Names and values, a line each; those without a value are left out."""
    made = Table(
        box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=False, title=title or None,
        title_style="bold", title_justify="left",
    )  # fmt: skip
    made.add_column(style="dim", overflow="fold")
    made.add_column(overflow="fold")
    for name, value in rows:
        if value is not None and str(value):
            made.add_row(Text(name), value if isinstance(value, Text) else Text(value))
    return made


def width_of(console: Console) -> int:
    """Cells of a line: the terminal's, and no bound where there is none."""
    return console.width if console.is_terminal else _UNBOUNDED


def _length(cell: Text) -> int:
    return max((cell_len(line) for line in cell.plain.split("\n")), default=0)


def _blocks(columns: Sequence[Column], rows: Sequence[Sequence[Text]], title: str) -> RenderableType:
    parts: list[RenderableType] = [Text(title, style="bold")] if title else []
    for row in rows:
        parts.append(pairs((column.head or "·", cell) for column, cell in zip(columns, row, strict=True)))
        parts.append(Text(""))
    return Group(*parts[:-1] if rows else parts)
