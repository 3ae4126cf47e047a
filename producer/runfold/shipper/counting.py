"""How much of a journal is on its way, in the words in which it is told."""

from __future__ import annotations

from collections.abc import Mapping

from runfold_schemas.watermark import Lane


def left(ends: Mapping[Lane, int], known: Mapping[Lane, int]) -> int:
    """How many facts and points of `ends` are not in `known`; a log that is not there whole counts as one."""
    total = 0
    for lane, end in ends.items():
        missing = max(0, end - known.get(lane, 0))
        total += min(missing, 1) if lane.stream.startswith("log/") else missing
    return total


def told(ends: Mapping[Lane, int]) -> str:
    """These lanes in words: 3 facts and 17 points, and 120 bytes of logs where there are any."""
    counts = {"facts": 0, "points": 0, "log": 0}
    for lane, last in ends.items():
        counts[lane.stream.partition("/")[0]] += last
    facts_and_points = f"{counts['facts']} facts and {counts['points']} points"
    return f"{facts_and_points} and {counts['log']} bytes of logs" if counts["log"] else facts_and_points
