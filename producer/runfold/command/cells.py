"""How single values are shown to people. Pure.

What comes from the ledger is what strangers wrote: control characters are shown as escapes, so that no name of a run
can move a cursor or clear a screen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from rich.text import Text

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_NOT_COLOUR = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
STATUS_STYLES: Final = {
    "Completed": "green",
    "Failed": "red",
    "Canceled": "yellow",
    "NotResponding": "red",
    "Running": "cyan",
    "Finalizing": "cyan",
}
BARS = "▁▂▃▄▅▆▇█"


def plain(value: object) -> str:
    """Text that only shows: control characters and changes of direction as escapes, line breaks too."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], str(value)).replace("\t", "\\t")


def shown_log(text: str) -> str:
    """Log text for a terminal: colours stay, whatever else would steer the terminal is shown as an escape."""
    return _NOT_COLOUR.sub(lambda found: repr(found[0])[1:-1], text)


def text(value: object, style: str = "") -> Text:
    """A cell; empty for None."""
    return Text("" if value is None else plain(value), style=style)


def status(value: str | None) -> Text:
    """A status in its colour."""
    return text(value, STATUS_STYLES.get(value or "", ""))


def number(value: Any, digits: int = 6) -> str:
    """A value of a metric: floats to so many significant digits, all else as it is."""
    if isinstance(value, bool) or not isinstance(value, float):
        return "" if value is None else plain(value)
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.{digits}g}"


def size(value: int | None) -> str:
    """Bytes, in the unit that keeps it short."""
    if value is None:
        return ""
    amount, unit = float(value), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{value} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def instant(value: str | None) -> datetime | None:
    """A time of the API's answers."""
    if not value:
        return None
    parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def when(value: str | None) -> str:
    """A time in UTC, to the second."""
    at = instant(value)
    return "" if at is None else at.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def lasting(seconds: float | None) -> str:
    """A duration: `4.2 s`, `3:07`, `2:03:07`, `5 d 02:03`."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    seconds = max(0.0, seconds)
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def duration(run: Mapping[str, Any], now: datetime | None) -> str:
    """How long a run took, or takes until `now`; nothing where neither is known."""
    started, end = instant(run.get("started_at")), instant(run.get("ended_at")) or now
    return "" if started is None or end is None else lasting((end - started).total_seconds())


def label(run: Mapping[str, Any]) -> str:
    """A run's number in its experiment, as people say it."""
    experiment, count = run.get("experiment"), run.get("number")
    return f"{experiment or ''}{'' if count is None else f' #{count}'}"


def n_of_m(n: int, of: int | None, what: str, exact: bool = True) -> str:
    """`3 of 12 runs`; `12 runs` where that is all; `3 of 10,000 runs or more` where nobody has counted."""
    if of is None or (exact and of == n):
        return f"{n:,} {what.removesuffix('s') if n == 1 else what}"
    return f"{n:,} of {of:,} {what}" + ("" if exact else " or more")


def sparkline(values: list[float], width: int = 24) -> str:
    """Numbers as a line of bars, at most `width`, each the mean of its share; what is not finite is left out."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    buckets = min(width, len(finite))
    parts = (finite[i * len(finite) // buckets : (i + 1) * len(finite) // buckets] for i in range(buckets))
    means = [sum(part) / len(part) for part in parts if part]
    low, high = min(means), max(means)
    return "".join(BARS[round((mean - low) / (high - low) * 7) if high > low else 3] for mean in means)
