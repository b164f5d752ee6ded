"""Rows in the order of one of their values, whatever types that has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

__all__ = ["in_order"]

Item = TypeVar("Item")


def in_order(items: Sequence[Item], value_of: Callable[[Item], Any], *, descending: bool = False) -> list[Item]:
    """Return items by a value of theirs; equal ones keep their order, those without a value, or with NaN, come last.

    Numbers come before moments, these before texts, and these before whatever else JSON has.
    """
    valued = [item for item in items if not _is_missing(value_of(item))]
    missing = [item for item in items if _is_missing(value_of(item))]
    return [*sorted(valued, key=lambda item: _key(value_of(item)), reverse=descending), *missing]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _key(value: Any) -> tuple[int, Any]:
    if isinstance(value, (int, float)):
        return 0, value
    if isinstance(value, datetime):
        return 1, value.timestamp()
    return (2, value) if isinstance(value, str) else (3, repr(value))
