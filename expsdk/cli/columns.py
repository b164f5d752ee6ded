"""How values read in tables: numbers, ages, durations."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

__all__ = ["as_age", "as_number", "as_span", "as_value"]

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def as_number(value: float | None) -> str:
    """Return a metric's value with six digits, or "-" where there is none."""
    return "-" if value is None else f"{value:.6g}"


def as_value(value: Any) -> str:
    """Return a parameter's value in short, or "-" where the trial has no such parameter."""
    from expsdk.resources.result import format_value

    return "-" if value is None else format_value(value)


def as_span(seconds: float | None) -> str:
    """Return a duration in short, as kubectl has it: 5s, 3m20s, 2h5m, 4d1h; "-" for none."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    for (unit, size), (smaller, part) in pairwise(_UNITS):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size}{unit}{f'{rest}{smaller}' if rest else ''}"
    return f"{whole}s"


def as_age(moment: datetime | None) -> str:
    """Return how long ago a moment was."""
    if moment is None:
        return "-"
    return as_span(max(0, round((datetime.now(timezone.utc) - moment).total_seconds()))).replace(".0s", "s")
