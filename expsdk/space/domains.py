"""Domains: the values that one parameter may take.

A domain is inert: it holds what the user wrote, and `Space.of` says what is wrong with it, because only there the
parameter has a name.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from expsdk.space.arithmetic import as_float, as_integer, cell, exact, is_finite, is_number, within
from expsdk.space.lazy import LazySequence
from expsdk.space.values import identity, plain

_SMALLEST_UNIT = 2.0**-54
_STEP_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Uniform:
    """A float between two inclusive bounds; with a step, one of `low, low + step, …, high`.

    Attributes:
        low: The lower bound.
        high: The upper bound.
        step: The distance of two neighbours, or None for every float.
    """

    low: float
    high: float
    step: float | None = None

    def __post_init__(self) -> None:
        _set(self, low=as_float(self.low), high=as_float(self.high), step=as_float(self.step))

    def from_unit(self, unit: float) -> float:
        """Return the value for a number in [0, 1); equal lengths (with a step: equal cells) are equally likely."""
        steps = self.grid()
        if steps is not None:
            return steps[cell(unit, len(steps))]
        return within(self.low, self.low * (1.0 - unit) + self.high * unit, self.high)

    def contains(self, value: object) -> bool:
        """Return whether `value` is a number of the domain, up to rounding where there is a step."""
        if not is_finite(value):
            return False
        steps = self.grid()
        if steps is None or self.step is None:
            return self.low <= value <= self.high
        nearest = steps[self.index_of(within(self.low, value, self.high))]
        return abs(nearest - value) <= _STEP_TOLERANCE * self.step

    def index_of(self, value: float) -> int:
        """Return the index in `grid()` that is nearest to `value`; 0 where there is no step."""
        if self.step is None:
            return 0
        return round((exact(value) - exact(self.low)) / exact(self.step))

    def restore(self, value: Any) -> Any:
        """Return `value` as a float if it is a number."""
        return as_float(value)

    def grid(self) -> Sequence[float] | None:
        """Return all values, or None when there is no step."""
        if self.step is None:
            return [self.low] if self.low == self.high else None
        low, step = exact(self.low), exact(self.step)
        # Each value is the float nearest to the decimal number that the user would write: 0.3, not 0.30000000000000004.
        return LazySequence(int((exact(self.high) - low) / step) + 1, lambda index: float(low + index * step))

    def to_declarative(self) -> dict[str, Any]:
        """Return the domain as it stands in an Experiment."""
        step = {} if self.step is None else {"step": self.step}
        return {"type": "uniform", "low": self.low, "high": self.high, **step}


@dataclass(frozen=True)
class LogUniform:
    """A positive float between two inclusive bounds, uniform in its logarithm.

    Attributes:
        low: The lower bound, above 0.
        high: The upper bound.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _set(self, low=as_float(self.low), high=as_float(self.high))

    def from_unit(self, unit: float) -> float:
        """Return the value for a number in [0, 1); equal ratios are equally likely."""
        log = math.log(self.low) * (1.0 - unit) + math.log(self.high) * unit
        # The logarithm of the greatest float is rounded up, and its exponential would overflow.
        return within(self.low, math.exp(min(log, math.log(sys.float_info.max) - 1e-12)), self.high)

    def contains(self, value: object) -> bool:
        """Return whether `value` is a number between the bounds."""
        return is_number(value) and self.low <= value <= self.high

    def restore(self, value: Any) -> Any:
        """Return `value` as a float if it is a number."""
        return as_float(value)

    def grid(self) -> Sequence[float] | None:
        """Return None, unless the bounds are one value."""
        return [self.low] if self.low == self.high else None

    def to_declarative(self) -> dict[str, Any]:
        """Return the domain as it stands in an Experiment."""
        return {"type": "loguniform", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Integer:
    """An integer between two inclusive bounds.

    Attributes:
        low: The lower bound.
        high: The upper bound.
        step: The distance of two neighbours.
        log: Whether small numbers are likelier, uniformly in the logarithm.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        _set(self, low=as_integer(self.low), high=as_integer(self.high), step=as_integer(self.step))

    def from_unit(self, unit: float) -> int:
        """Return the value for a number in [0, 1); every integer has an equal cell, or one as wide as its logarithm."""
        if not self.log:
            values = self.grid()
            return values[cell(unit, len(values))]
        log = math.log(self.low - 0.5) * (1.0 - unit) + math.log(self.high + 0.5) * unit
        return min(max(round(math.exp(log)), self.low), self.high)

    def contains(self, value: object) -> bool:
        """Return whether `value` is an int of the domain; 3.0 is none before it is restored."""
        # A range looks a plain int up at once, and walks through its values for any other.
        return isinstance(value, int) and not isinstance(value, bool) and int(value) in self.grid()

    def restore(self, value: Any) -> Any:
        """Return `value` as an int if it is a whole number."""
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def grid(self) -> Sequence[int]:
        """Return all values."""
        return range(self.low, self.high + 1, self.step)

    def to_declarative(self) -> dict[str, Any]:
        """Return the domain as it stands in an Experiment."""
        return {"type": "integer", "low": self.low, "high": self.high, "step": self.step, "log": self.log}


@dataclass(frozen=True)
class Normal:
    """A float from a normal distribution; every finite number belongs to the domain.

    Attributes:
        mean: The distribution's mean.
        sigma: Its standard deviation, above 0.
    """

    mean: float
    sigma: float

    def __post_init__(self) -> None:
        _set(self, mean=as_float(self.mean), sigma=as_float(self.sigma))

    def from_unit(self, unit: float) -> float:
        """Return the quantile of a number in [0, 1); 0 counts as 2**-54, about 8.3 sigma below the mean."""
        from statistics import NormalDist  # slow to import, and most spaces have no normal domain

        return self.mean + self.sigma * NormalDist().inv_cdf(within(_SMALLEST_UNIT, unit, 1.0 - 2.0**-53))

    def to_unit(self, value: float) -> float:
        """Return the number in [0, 1] whose quantile `value` is."""
        from statistics import NormalDist  # as above

        return NormalDist().cdf((value - self.mean) / self.sigma)

    def contains(self, value: object) -> bool:
        """Return whether `value` is a finite number."""
        return is_finite(value)

    def restore(self, value: Any) -> Any:
        """Return `value` as a float if it is a number."""
        return as_float(value)

    def grid(self) -> None:
        """Return None: the values are not finitely many."""
        return

    def to_declarative(self) -> dict[str, Any]:
        """Return the domain as it stands in an Experiment."""
        return {"type": "normal", "mean": self.mean, "sigma": self.sigma}


@dataclass(frozen=True, eq=False)
class Constant:
    """One JSON value.

    Attributes:
        value: The value; a sample gets a copy of it.
    """

    value: Any

    def __post_init__(self) -> None:
        _set(self, value=plain(self.value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> Hashable:
        return identity(self.value)

    def from_unit(self, unit: float) -> Any:  # noqa: ARG002 - every domain has this
        """Return the value, whatever the unit."""
        return plain(self.value)

    def contains(self, value: object) -> bool:
        """Return whether JSON cannot tell `value` from the constant."""
        return identity(plain(value)) == self._identity()

    def restore(self, value: Any) -> Any:
        """Return the constant itself where `value` is the same in JSON."""
        return plain(self.value) if self.contains(value) else value

    def grid(self) -> Sequence[Any]:
        """Return the one value."""
        return [plain(self.value)]

    def to_declarative(self) -> dict[str, Any]:
        """Return the domain as it stands in an Experiment."""
        return {"type": "constant", "value": plain(self.value)}


@dataclass(frozen=True, eq=False)
class Choice:
    """One of several JSON values, each with a branch of parameters that exist only when it is taken.

    Attributes:
        choices: The options.
        branches: As many as there are options, or none when no option has parameters of its own.
    """

    choices: tuple[Any, ...]
    branches: tuple[tuple[Parameter, ...], ...] = ()

    def __post_init__(self) -> None:
        if is_options(self.choices):
            _set(self, choices=tuple(plain(option) for option in self.choices))
        if all(type(branch) is tuple and not branch for branch in self.branches):
            _set(self, branches=())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> Hashable:
        # Branches are mappings, whose order does not count.
        return (tuple(map(identity, self.choices)), tuple(map(frozenset, self.branches)))

    def from_unit(self, unit: float) -> Any:
        """Return the option for a number in [0, 1); all are equally likely."""
        return plain(self.choices[cell(unit, len(self.choices))])

    def contains(self, value: object) -> bool:
        """Return whether `value` is one of the options."""
        return self.index_of(value) is not None

    def index_of(self, value: object) -> int | None:
        """Return the index of the option that JSON cannot tell from `value`, or None when there is none."""
        if type(value) is str:  # as most are, and whoever reads results looks up thousands of them
            return next((index for index, own in enumerate(self.choices) if type(own) is str and own == value), None)
        wanted = identity(plain(value))
        return next((index for index, option in enumerate(self.choices) if identity(option) == wanted), None)

    def branch_of(self, value: object) -> tuple[Parameter, ...]:
        """Return the parameters that exist when the option `value` is taken."""
        index = self.index_of(value)
        return self.branches[index] if self.branches and index is not None else ()

    def pairs(self) -> list[tuple[Any, tuple[Parameter, ...]]]:
        """Return every option with its branch."""
        return list(zip(self.choices, self.branches or [()] * len(self.choices), strict=True))

    def restore(self, value: Any) -> Any:
        """Return the option itself where `value` is the same in JSON."""
        index = self.index_of(value)
        return value if index is None else plain(self.choices[index])

    def grid(self) -> Sequence[Any]:
        """Return all options, without their branches."""
        return [plain(option) for option in self.choices]

    def to_declarative(self) -> dict[str, Any]:
        """Return the domain as it stands in an Experiment."""
        document = {"type": "choice", "choices": self.grid()}
        if self.branches:
            document["branches"] = [
                {parameter.name: parameter.domain.to_declarative() for parameter in branch} for branch in self.branches
            ]
        return document


Domain: TypeAlias = Uniform | LogUniform | Integer | Normal | Constant | Choice
DOMAINS = (Uniform, LogUniform, Integer, Normal, Constant, Choice)


@dataclass(frozen=True)
class Parameter:
    """A domain with the name of the parameter that takes its values.

    Attributes:
        name: The parameter's name in the function's signature.
        domain: Its domain.
    """

    name: str
    domain: Domain


def is_options(value: object) -> bool:
    """Return whether `value` is a sequence that a choice can be made of."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def _set(domain: object, **fields: Any) -> None:
    for name, value in fields.items():
        object.__setattr__(domain, name, value)
