"""Options of a pruner by name: what each may be, checked before anything is pruned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expsdk.errors import SweepError
from expsdk.spelling import suggest

REQUIRED = object()
"""The default of an option that has none."""


@dataclass(frozen=True)
class Option:
    """A number that a pruner is told.

    Attributes:
        name: What it is called, as Optuna's pruners call it.
        default: Its value where none is given; None: it is left out; `REQUIRED`: one must be given.
        low: The least value.
        high: The greatest value.
        whole: Whether it is an integer.
        words: Texts that stand for a value.
    """

    name: str
    default: Any
    low: float = -math.inf
    high: float = math.inf
    whole: bool = True
    words: tuple[str, ...] = ()

    def rule(self) -> str:
        """Return what a value is, in words."""
        kind = "an integer" if self.whole else "a number"
        below = "" if self.low == -math.inf else f" from {self.low:g}"
        above = "" if self.high == math.inf else f" to {self.high:g}"
        return " or ".join([f"{kind}{below}{above}", *map(repr, self.words)])

    def accepts(self, value: object) -> bool:
        """Return whether `value` is one."""
        if isinstance(value, str):
            return value in self.words
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        return self.low <= value <= self.high


def read_options(
    pruner: str, known: Sequence[Option], options: Mapping[str, Any], *, others: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the value of each option that has one.

    Args:
        pruner: The pruner's name.
        known: Its options.
        options: Those that are given.
        others: Names of options that are not read here.

    Raises:
        SweepError: One is unknown, missing or impossible.
    """
    names = [*(option.name for option in known), *others]
    for name in options:
        if name not in names:
            remedy = suggest(name, names, otherwise="leave it out")
            raise SweepError(f"pruner {pruner!r} takes {', '.join(names)}, not {name!r}; {remedy}")
    values = {option.name: _read(pruner, option, options) for option in known}
    return {name: value for name, value in values.items() if value is not None}


def _read(pruner: str, option: Option, options: Mapping[str, Any]) -> Any:
    value = options.get(option.name, option.default)
    if value is REQUIRED:
        raise SweepError(
            f"pruner {pruner!r} needs {option.name}=, {option.rule()}; write"
            f" pruner={{'name': {pruner!r}, {option.name!r}: 5}} for example"
        )
    if value is None and option.default is None:
        return None
    if not option.accepts(value):
        raise SweepError(f"pruner {pruner!r} takes {option.name}= as {option.rule()}, not {value!r}; give one")
    return value
