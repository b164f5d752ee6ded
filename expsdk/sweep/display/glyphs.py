"""The signs that a picture is drawn with, and curves in one line of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LOGARITHMIC_FROM = 100.0
"""Where values differ by more than this factor, their curve is that of their logarithms."""


@dataclass(frozen=True)
class Glyphs:
    """The signs of a picture.

    Attributes:
        bar: What a bar is made of.
        rest: The same where nothing has been done yet.
        dot: What stands between facts.
        ellipsis: What stands for what has no room.
        levels: What a curve is made of, from low to high.
        directions: What says of a metric that small, or large, values are better.
    """

    bar: str
    rest: str
    dot: str
    ellipsis: str
    levels: str
    directions: dict[str, str]


UNICODE = Glyphs("━", "─", "·", "…", "▁▂▃▄▅▆▇█", {"minimize": "↓", "maximize": "↑"})
ASCII = Glyphs("#", "-", "-", "...", "_.-=+*#", {"minimize": "min", "maximize": "max"})


def glyphs_for(encoding: str | None) -> Glyphs:
    """Return the signs that an encoding has."""
    try:
        "".join((UNICODE.bar, UNICODE.rest, UNICODE.levels, *UNICODE.directions.values())).encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE


def sparkline(values: Sequence[float], width: int, levels: str) -> str:
    """Return a curve in at most so many cells; "" where there are not two points, a blank where there is no number.

    Where there are more points than cells, a cell shows the mean of its points.
    """
    points = list(values) if len(values) <= width else [_mean(part) for part in _parts(values, width)]
    finite = [point for point in points if math.isfinite(point)]
    if width < 1 or len(finite) < 2:
        return ""
    low, high = min(finite), max(finite)
    if low > 0 and high / low > LOGARITHMIC_FROM:
        points = [math.log(point) if 0 < point < math.inf else point for point in points]
        low, high = math.log(low), math.log(high)
    return "".join(_level(point, low, high, levels) for point in points)


def _parts(values: Sequence[float], count: int) -> list[Sequence[float]]:
    ends = [len(values) * place // count for place in range(count + 1)]
    return [values[start:end] for start, end in pairwise(ends)]


def _mean(values: Sequence[float]) -> float:
    numbers = [value / len(values) for value in values if not math.isnan(value)]
    if not numbers:
        return math.nan
    total = sum(numbers) * len(values) / len(numbers)
    return total if math.isfinite(total) else values[-1]


def _level(point: float, low: float, high: float, levels: str) -> str:
    if math.isnan(point):
        return " "
    if low == high:
        return levels[len(levels) // 2]
    share = (min(max(point, low), high) / 2 - low / 2) / (high / 2 - low / 2)  # halves: the difference may overflow
    return levels[min(len(levels) - 1, int(share * len(levels)))]
