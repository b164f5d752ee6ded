"""Arithmetic of domains: what counts as a number, decimals without rounding, equal cells of [0, 1)."""

from __future__ import annotations

import operator
import sys
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from fractions import Fraction


def cell(unit: float, count: int) -> int:
    """Return which of `count` equal cells of [0, 1) holds `unit`, exactly."""
    numerator, denominator = unit.as_integer_ratio()
    return min(max(numerator * count // denominator, 0), count - 1)


def exact(number: float) -> Fraction:
    """Return the decimal number that `number` is written as: 1/10 for 0.1."""
    from fractions import Fraction  # slow to import, and only steps need it

    return Fraction(repr(float(number)))


def as_float(value: Any) -> Any:
    """Return a number as a float, and -0.0 as 0.0; what is no number, or too great for a float, as it is."""
    if not is_number(value) and (isinstance(value, bool) or not hasattr(value, "__index__")):
        return value
    try:
        return float(value) + 0.0  # Kubernetes does not keep the sign of zero
    except (OverflowError, TypeError, ValueError):
        return value


def as_integer(value: Any) -> Any:
    """Return what Python takes for an index as an int; anything else, and a bool, is returned as it is."""
    if isinstance(value, bool):
        return value
    try:
        return operator.index(value)
    except TypeError:
        return value


def is_number(value: object) -> TypeGuard[float]:
    """Return whether `value` is an int or a float; a bool is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_finite(value: object) -> TypeGuard[float]:
    """Return whether `value` is a number that a float can come near to."""
    return is_number(value) and -sys.float_info.max <= value <= sys.float_info.max


def within(low: float, value: float, high: float) -> float:
    """Return `value`, or the bound that it lies beyond."""
    return min(max(low, value), high)
