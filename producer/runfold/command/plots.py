"""Series as a plot of characters: the sole importer of plotext. Pure: series in, text out.

A plot shows what it was given and says so: 'n of m points', where a value is not finite (marked on the axis and named
below), what a log axis cannot show. A line has a gap where it has no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

import plotext

from . import cells

COLOURS = ("cyan", "orange", "green+", "magenta+", "blue+", "red+", "gray+", "gold")
MARKERS = ("braille", "+", "x", "*", "o", "#", "@", "%")
"""By series: where there are no colours, lines differ by their characters."""
NAMED_MAX = 6
TICKS = 5
_WHOLE_MAX = 1e15


class Line(NamedTuple):
    """One line of a plot."""

    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    marks: Sequence[Mapping[str, Any]]
    marks_of: int
    n: int
    of: int


def line_of(series: Mapping[str, Any], *, runs: int, metrics: int) -> Line:
    """A series as a line, labelled by what tells it from the others."""
    name = series["metric"] if series["column"] is None else f"{series['metric']}.{series['column']}"
    words = [series["run_id"]] if runs > 1 else []
    words += [name] if metrics > 1 or runs == 1 else []
    words += [f"rank {series['rank']}"] if series.get("rank") is not None else []
    words += [f"attempt {series['attempt']}"] if series.get("attempt") else []
    values = [float(value) if _is_number(value) else None for value in series["value"]]
    return Line(
        cells.plain(" ".join(words)), series["x"], values, series.get("marks") or (), series.get("marks_of") or 0,
        series["n"], series["of"],
    )  # fmt: skip


def drawn(
    lines: Sequence[Line],
    *,
    title: str,
    x: str = "step",
    width: int = 80,
    height: int = 20,
    log: bool = False,
    colours: bool = True,
) -> str:
    """The plot, and below it a line a series.

    :param x: What x is: step, time (unix seconds), relative (seconds) or ordinal.
    :param log: Whether y grows by factors; what is not above 0 is then left out, and counted.
    :param colours: Whether lines are told apart by colour, else by character.
    """
    segments = [_segments(line, log) for line in lines]
    points = [point for of_line in segments for segment in of_line for point in segment]
    below = [_below(line, place, colours, log) for place, line in enumerate(lines)]
    if not points:
        return "\n".join([f"{title}: no finite value to draw", *below])
    marked = [(mark["x"], mark["value"]) for line in lines for mark in line.marks]
    across = _Axis([at for at, _ in points] + [at for at, _ in marked])
    upright = _Axis([math.log10(value) if log else value for _, value in points])
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(max(20, width), max(8, height))
    plotext.title(title)
    plotext.xlabel("" if x == "step" else "UTC" if x == "time" else "s" if x == "relative" else x)
    plotext.xlim(0, 1)
    plotext.ylim(0, 1)
    for place, of_line in enumerate(segments):
        look = {"color": COLOURS[place % len(COLOURS)], "marker": _marker(place, colours)}
        for segment in of_line:
            draw = plotext.plot if len(segment) > 1 else plotext.scatter
            draw(
                [across.place(at) for at, _ in segment],
                [upright.place(math.log10(value) if log else value) for _, value in segment],
                **look,
            )
    if marked:
        at_bottom = [0.0] * len(marked)
        sign = "▲" if colours else "^"
        plotext.scatter([across.place(at) for at, _ in marked], at_bottom, marker=sign, color="red+")
    plotext.xticks(*across.ticks(lambda at: _at(at, x, across.high - across.low)))
    plotext.yticks(*upright.ticks(lambda value: cells.number(_power(value) if log else value, 4)))
    built: str = plotext.build()
    plotext.clear_figure()
    text = built if colours else plotext.uncolorize(built)
    return "\n".join([*(line.rstrip() for line in text.rstrip("\n").split("\n")), *below])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _segments(line: Line, log: bool) -> list[list[tuple[float, float]]]:
    """Points without a gap between them."""
    found: list[list[tuple[float, float]]] = [[]]
    for at, value in zip(line.x, line.y, strict=True):
        if value is None or (log and value <= 0):
            found.append([])
        else:
            found[-1].append((at, value))
    return [segment for segment in found if segment]


def _below(line: Line, place: int, colours: bool, log: bool) -> str:
    told = [line.label, cells.n_of_m(line.n, line.of, "points")]
    if line.marks_of:
        named = ", ".join(f"{mark['value']} at {cells.number(float(mark['x']))}" for mark in line.marks[:NAMED_MAX])
        more = line.marks_of - min(len(line.marks), NAMED_MAX)
        told.append(named + (f" and {more:,} more not finite" if more > 0 else ""))
    hidden = sum(1 for value in line.y if log and value is not None and value <= 0)
    if hidden:
        told.append(f"{hidden:,} not above 0, which a log axis cannot show")
    sign = "━━" if colours else "⠒⠒" if _marker(place, colours) == "braille" else _marker(place, colours) * 2
    code = plotext.colorize(sign, COLOURS[place % len(COLOURS)]) if colours else sign
    return f"{code} {' · '.join(told)}"


def _marker(place: int, colours: bool) -> str:
    return "braille" if colours else MARKERS[place % len(MARKERS)]


class _Axis:
    """Values as places between 0 and 1: the plot itself sees no others, so that none is too large for it."""

    def __init__(self, values: Sequence[float]) -> None:
        self.low, self.high = min(values), max(values)

    def place(self, value: float) -> float:
        half = self.high / 2 - self.low / 2  # halves, since the whole may be too large for a float
        return (value / 2 - self.low / 2) / half if half > 0 else 0.5

    def ticks(self, label: Callable[[float], str]) -> tuple[list[float], list[str]]:
        """Places and labels; whole numbers where there is room for some."""
        if self.low == self.high:
            return [0.5], [label(self.low)]
        parts = [i / (TICKS - 1) for i in range(TICKS)]
        values = [self.low * (1 - part) + self.high * part for part in parts]
        if self.high / 2 - self.low / 2 >= TICKS and abs(self.low) < _WHOLE_MAX and abs(self.high) < _WHOLE_MAX:
            values = sorted({float(round(value)) for value in values})
        return [self.place(value) for value in values], [label(value) for value in values]


def _power(exponent: float) -> float:
    try:
        return math.pow(10.0, exponent)
    except OverflowError:
        return math.inf


def _at(tick: float, x: str, span: float) -> str:
    if x != "time":
        return cells.number(tick, 4 if abs(tick) < 1e4 else 9)
    at = datetime.fromtimestamp(tick, timezone.utc)
    return at.strftime("%H:%M:%S" if span < 86_400 else "%m-%d %H:%M")
