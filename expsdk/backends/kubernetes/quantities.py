"""Amounts of processors, memory and storage as Kubernetes writes them.

The form: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re

from expsdk.errors import OptionError

__all__ = ["amount_of", "bytes_quantity", "cpu_quantity"]

LEAST_BYTES = 2**20
"""Less is a unit that was forgotten, or "m", which stands for a thousandth."""
_CPU = re.compile(r"(\d+(?:\.\d+)?)(m?)\Z", re.ASCII)
_BYTES = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE]i|[kMGTPE]|m|)\Z", re.ASCII)
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgtpe])(?:i?b|i|ib?ytes)?\s*\Z", re.ASCII | re.IGNORECASE)
_LETTERS = "kMGTPE"
_UNITS: dict[str, float] = {
    "": 1,
    "m": 0.001,
    **{letter: 1000 ** (power + 1) for power, letter in enumerate(_LETTERS)},
    **{f"{letter.upper()}i": 1024 ** (power + 1) for power, letter in enumerate(_LETTERS)},
}


def cpu_quantity(what: str, value: object) -> str:
    """Return a number of processors as Kubernetes writes it: 2 and "2" as "2", 0.5 as "500m".

    Raises:
        OptionError: It is none.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf"):
        thousandths = max(1, round(value * 1000))
        return f"{thousandths}m" if thousandths % 1000 else str(thousandths // 1000)
    if isinstance(value, str) and _CPU.match(value) and amount_of(value):
        return value
    raise OptionError(f"{what} is a number of processors above 0, not {value!r}; write 2, 0.5 or '500m'")


def bytes_quantity(what: str, value: object) -> str:
    """Return an amount of memory or storage as Kubernetes writes it: "4Gi" as it is, an integer as that many bytes.

    Raises:
        OptionError: It is none, or so small that its unit is a slip.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _BYTES.match(value):
        raise OptionError(f"{what} is an amount such as '512Mi' or '4Gi', not {value!r}; {_remedy(value)}")
    if amount_of(value) < LEAST_BYTES:
        raise OptionError(f"{what} is at least 1Mi, and {value!r} is {amount_of(value):g} bytes; {_remedy(value)}")
    return value


def amount_of(quantity: str) -> float:
    """Return the number that a quantity stands for."""
    match = _BYTES.match(quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is no quantity")
    return float(match[1]) * _UNITS[match[2]]


def _remedy(value: object) -> str:
    """Return what to write instead: for "4 GB" it is "4Gi" or "4G"."""
    match = _WRITTEN.match(value) if isinstance(value, str) else None
    if match:
        number, letter = match[1], match[2].upper()
        return f"write {number}{letter}i or {number}{'k' if letter == 'K' else letter}"
    number = value if isinstance(value, str) and value.isdigit() else "4"
    return f"write {number}Gi or {number}G"
