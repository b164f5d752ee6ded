"""The parameters of an experiment as Optuna's figures have them: named as ours are, with the values that people know.

Samplers see other values (`expsdk.samplers.optuna_domains`): they want quantiles and indices, people do not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from expsdk.space import Choice, Domain, Integer, Leaf, LogUniform, Normal, Space, Uniform

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LABEL_LIMIT_CHARS = 40
SIGMAS = 4.0
"""How far from its mean a normal domain's axis begins and ends, where no value lies further out."""


@dataclass(frozen=True)
class Axis:
    """One parameter.

    Attributes:
        name: The parameter's name, or its path where branches share the name but not the domain.
        domain: The domain, or None where the experiment declares none: its values tell.
        distribution: Optuna's domain.
        labels: What stands for each option of a choice.
    """

    name: str
    domain: Domain | None
    distribution: BaseDistribution
    labels: tuple[str | float | bool, ...] = ()

    def place(self, value: Any) -> str | float | bool | None:
        """Return what stands for a value on this axis, or None where the domain does not have it."""
        if isinstance(self.domain, Choice):
            index = self.domain.index_of(value)
            return None if index is None else self.labels[index]
        if self.domain is None:
            return _label(value) if self.labels else float(value) if isinstance(value, float) else int(value)
        if not self.domain.contains(value):
            return None
        return int(value) if isinstance(self.domain, Integer) else float(value)


class Axes:
    """The axes of an experiment's parameters; constants have none.

    Attributes:
        names: What the axes are called, in the space's order.
    """

    def __init__(self, space: Space, samples: Iterable[Mapping[str, Any]] = ()) -> None:
        """Find the axes.

        Args:
            space: The experiment's space.
            samples: The parameters of its trials. They widen what has no bounds, and tell the domain of what the space
                does not declare, as an optimizer of the user's own may leave it.
        """
        self._space = space
        seen = _values_by_name(samples)
        shared = Counter(name for name, _ in {(leaf.name, leaf.domain) for leaf in space.leaves})
        self._axes = {
            leaf.path: _axis(leaf, seen.get(leaf.name, ()), is_unique=shared[leaf.name] == 1) for leaf in space.leaves
        }
        self._inferred = {name: _inferred(name, values) for name, values in seen.items() if name not in space.names}
        known = [name for parameter in space.names for name in self._of(parameter)]
        self.names = tuple(dict.fromkeys([*known, *self._inferred]))

    def of(self, sample: Mapping[str, Any]) -> Iterator[tuple[Axis, Any]]:
        """Yield the axes that a sample lies on, each with what stands for its value, where it has one."""
        active = {leaf.name: self._axes[leaf.path] for leaf in self._space.active_leaves(sample)}
        for name, axis in {**active, **self._inferred}.items():
            if name in sample:
                place = axis.place(sample[name])
                if place is not None:
                    yield axis, place

    @property
    def every(self) -> tuple[Axis, ...]:
        """All axes: what was placed on equal ones has the same places."""
        return (*self._axes.values(), *self._inferred.values())

    def _of(self, parameter: str) -> list[str]:
        return [self._axes[path].name for path in self._space.paths(parameter) if path in self._axes]


def _axis(leaf: Leaf, seen: Sequence[Any], *, is_unique: bool) -> Axis:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    name, domain = leaf.name if is_unique else leaf.path, leaf.domain
    if isinstance(domain, Choice):
        labels = _labels(domain.choices)
        return Axis(name, domain, CategoricalDistribution(labels), labels)
    if isinstance(domain, Integer):
        return Axis(name, domain, IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step))
    if isinstance(domain, LogUniform):
        return Axis(name, domain, FloatDistribution(domain.low, domain.high, log=True))
    if isinstance(domain, Uniform):
        return Axis(name, domain, FloatDistribution(domain.low, domain.high, step=domain.step))
    assert isinstance(domain, Normal), "a constant is no leaf"
    values = [value for value in seen if domain.contains(value)]
    low, high = domain.mean - SIGMAS * domain.sigma, domain.mean + SIGMAS * domain.sigma
    return Axis(name, domain, FloatDistribution(min([low, *values]), max([high, *values])))


def _inferred(name: str, values: Sequence[Any]) -> Axis:
    """Return the axis of a parameter of which nothing is known but its values."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in values):
        labels = tuple(sorted({_label(value) for value in values}))
        return Axis(name, None, CategoricalDistribution(labels), labels)
    kind = IntDistribution if all(isinstance(value, int) for value in values) else FloatDistribution
    return Axis(name, None, kind(min(values), max(values)))


def _values_by_name(samples: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for sample in samples:
        for name, value in sample.items():
            found.setdefault(name, []).append(value)
    return found


def _labels(options: Sequence[Any]) -> tuple[str | float | bool, ...]:
    """Return what stands for each option: itself where all are numbers or all are true or false, else a text."""
    for is_plain in (_is_number, lambda option: isinstance(option, bool)):
        if all(map(is_plain, options)) and len(set(options)) == len(options):
            return tuple(options)
    texts = [_label(option) for option in options]
    if len(set(texts)) < len(texts):  # "1" beside 1, or long ones that begin alike
        texts = [f"{index}: {text}" for index, text in enumerate(texts)]
    return tuple(texts)


def _is_number(option: Any) -> bool:
    return isinstance(option, (int, float)) and not isinstance(option, bool)


def _label(option: Any) -> str:
    if isinstance(option, (bool, type(None))):
        return str(option)
    text = option if isinstance(option, str) else json.dumps(option, separators=(",", ":"), default=str)
    return text if len(text) <= LABEL_LIMIT_CHARS else text[: LABEL_LIMIT_CHARS - 1] + "…"
