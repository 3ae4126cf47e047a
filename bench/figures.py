"""How a figure is printed: beside its limit, with a word on whether it is reached."""

from __future__ import annotations

import sys
from typing import NamedTuple


class Figure(NamedTuple):
    """A measured figure and what it is held against."""

    name: str
    value: float
    unit: str
    limit: float
    higher_is_better: bool = False

    @property
    def reached(self) -> bool:
        """Whether the figure keeps its limit."""
        return self.value >= self.limit if self.higher_is_better else self.value <= self.limit


def show(figures: list[Figure]) -> int:
    """Prints figures as a table on standard output. Returns how many do not keep their limit."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("figure", "measured", "limit", ""):
        table.add_column(column, justify="right" if column in ("measured", "limit") else "left", no_wrap=True)
    for figure in figures:
        sign = "≥" if figure.higher_is_better else "≤"
        word = "[green]reached[/]" if figure.reached else "[red]not reached[/]"
        table.add_row(
            figure.name, f"{figure.value:,.3g} {figure.unit}", f"{sign} {figure.limit:,.3g} {figure.unit}", word
        )
    Console(file=sys.stdout, width=110).print(table)
    return sum(not figure.reached for figure in figures)
