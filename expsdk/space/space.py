"""The space of an experiment: a tree of named domains, checked once and immutable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from expsdk.errors import SpaceError
from expsdk.space.declarative import parse_parameters
from expsdk.space.domains import Choice, Constant, Domain, Parameter
from expsdk.space.faults import check_parameters
from expsdk.space.lazy import LazySequence
from expsdk.space.notation import branch_path, parameters_of
from expsdk.space.product import count, sample_at
from expsdk.space.values import show


@dataclass(frozen=True)
class Leaf:
    """A domain that a sampler draws from; constants are none.

    Attributes:
        path: The parameter's path, unique in its space: "opt='sgd' → momentum".
        name: The parameter's name; parameters of different branches may share it.
        domain: The domain.
    """

    path: str
    name: str
    domain: Domain


@dataclass(frozen=True, eq=False)
class Space:
    """The domains of an experiment's parameters, with the branches of its choices.

    Make one with `Space.of` or `Space.from_declarative`, which check it. The order of parameters is for people: spaces
    that differ in it are equal and give the same samples, because Kubernetes does not keep it. The order of a choice's
    options counts.

    Attributes:
        parameters: The parameters that every sample has, in the user's order.
    """

    parameters: tuple[Parameter, ...]

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> Space:
        """Return the space that a user wrote as a mapping from names to domains, lists (choices) and constants.

        An empty mapping is the space of one sample without parameters.

        Raises:
            SpaceError: The mapping is none, or a name or a domain in it is impossible.
        """
        if not isinstance(mapping, Mapping):
            raise SpaceError(f'a space maps names to domains, it is not {show(mapping)}; write {{"lr": uniform(0, 1)}}')
        parameters = parameters_of(mapping)
        check_parameters(parameters)
        return cls(parameters)

    @classmethod
    def from_declarative(cls, document: Mapping[str, Any]) -> Space:
        """Return the space of an Experiment's declarative form.

        Raises:
            SpaceError: The document is malformed, or a name or a domain in it is impossible.
        """
        if not isinstance(document, Mapping):
            raise SpaceError(
                f"a space maps names to domains, it is not {show(document)}; write a mapping such as"
                ' {"lr": {"type": "uniform", "low": 0, "high": 1}}'
            )
        parameters = parse_parameters(document)
        check_parameters(parameters)
        return cls(parameters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and frozenset(self.parameters) == frozenset(other.parameters)

    def __hash__(self) -> int:
        return hash(frozenset(self.parameters))

    def to_declarative(self) -> dict[str, Any]:
        """Return the space as it stands in an Experiment: JSON values only."""
        return {parameter.name: parameter.domain.to_declarative() for parameter in self.parameters}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parameters, those of branches too, each once."""
        return tuple(dict.fromkeys(name for name, _ in _paths(self.parameters, "")))

    def paths(self, name: str) -> list[str]:
        """Return every place of a name in the tree: "opt='sgd' → momentum" for a branch's parameter."""
        return [path for found, path in _paths(self.parameters, "") if found == name]

    @property
    def given(self) -> frozenset[str]:
        """The names that every sample has, whichever branches it takes."""
        return _given(self.parameters)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """All domains that a sampler draws from, those of branches too, in the order of their paths."""
        return tuple(sorted(_leaves(self.parameters, ""), key=lambda leaf: leaf.path))

    def from_units(self, units: Sequence[float]) -> dict[str, Any]:
        """Return the sample of a point in the unit cube.

        Args:
            units: A number in [0, 1) for each leaf, in the order of `leaves`; those of branches that are not taken
                are ignored.
        """
        if len(units) != len(self.leaves):
            raise ValueError(f"this space has {len(self.leaves)} leaves, not {len(units)}; give one unit for each")
        unit_of = {leaf.path: unit for leaf, unit in zip(self.leaves, units, strict=True)}
        return self.draw(lambda leaf: leaf.domain.from_unit(unit_of[leaf.path]))

    def draw(self, take: Callable[[Leaf], Any]) -> dict[str, Any]:
        """Return the sample that arises when `take` gives each leaf its value, a choice before its branch.

        Args:
            take: Returns a value in the domain of the leaf; it is called for the branches that are taken only.
        """
        return _draw(self.parameters, "", take)

    def active_leaves(self, sample: Mapping[str, Any]) -> tuple[Leaf, ...]:
        """Return the leaves in the branches that a sample takes."""
        return tuple(leaf for leaf in _active(self.parameters, "", sample) if not isinstance(leaf.domain, Constant))

    def grid(self) -> LazySequence[dict[str, Any]]:
        """Return every sample once, computed when asked for; in the order of names, the last changes fastest.

        Raises:
            SpaceError: A domain is not finite.
        """
        infinite = [leaf.path for leaf in self.leaves if leaf.domain.grid() is None]
        if infinite:
            raise SpaceError(
                f"parameter {', '.join(infinite)}: a grid needs finitely many values, and this domain has infinitely"
                " many; give uniform a step=, write a choice, or use another sampler"
            )
        return LazySequence(count(self.parameters), lambda index: sample_at(self.parameters, index))

    def restore(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return a sample that has been JSON with the types of its domains: Kubernetes writes 1.0 as 1.

        The space's order of parameters comes back too. What does not belong to the space is kept as it is. The options
        of a choice get the type that this space has them in, so restore with the function's own space, where it is at
        hand: one that Kubernetes has kept has 1 where the user wrote 1.0.
        """
        active = _active(self.parameters, "", sample)
        known = {leaf.name: leaf.domain.restore(sample[leaf.name]) for leaf in active if leaf.name in sample}
        return {**known, **{name: value for name, value in sample.items() if name not in known}}

    def with_constants(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the sample with the constants that it leaves out, those of the branches it takes too."""
        constants = {
            leaf.name: leaf.domain.from_unit(0.0)
            for leaf in _active(self.parameters, "", sample)
            if isinstance(leaf.domain, Constant)
        }
        return {**sample, **{name: value for name, value in constants.items() if name not in sample}}

    def check(self, sample: Mapping[str, Any]) -> None:
        """Check that a sample belongs to the space.

        Raises:
            SpaceError: A parameter is missing, is outside its domain, or does not exist in the branches taken.
        """
        active = {leaf.name: leaf.domain for leaf in _active(self.parameters, "", sample)}
        for name, domain in active.items():
            if name not in sample:
                raise SpaceError(f"parameter {name}: a sample gives {', '.join(active)}, and this one lacks it; add it")
            if not domain.contains(sample[name]):
                raise SpaceError(
                    f"parameter {name}: a sample's value is in {show(domain, 200)}, not {show(sample[name])};"
                    " choose a value in the domain"
                )
        for name in sample:
            if name not in active:
                paths = self.paths(name)
                listing = ", ".join(self.names) or "no parameters"
                rule = f"it exists only as {' or '.join(paths)}" if paths else f"the space has {listing}"
                raise SpaceError(f"parameter {name}: {rule}, and the sample gives {show(sample[name])}; leave it out")


def _paths(parameters: Sequence[Parameter], where: str) -> Iterator[tuple[str, str]]:
    for parameter in parameters:
        yield parameter.name, f"{where}{parameter.name}"
        for option, branch in _pairs(parameter):
            yield from _paths(branch, branch_path(where, parameter.name, option))


def _leaves(parameters: Sequence[Parameter], where: str) -> Iterator[Leaf]:
    for parameter in parameters:
        if not isinstance(parameter.domain, Constant):
            yield Leaf(f"{where}{parameter.name}", parameter.name, parameter.domain)
        for option, branch in _pairs(parameter):
            yield from _leaves(branch, branch_path(where, parameter.name, option))


def _given(parameters: Sequence[Parameter]) -> frozenset[str]:
    always = {parameter.name for parameter in parameters}
    for parameter in parameters:
        branches = [_given(branch) for _, branch in _pairs(parameter)]
        always.update(frozenset.intersection(*branches) if branches else ())
    return frozenset(always)


def _active(parameters: Sequence[Parameter], where: str, sample: Mapping[str, Any]) -> Iterator[Leaf]:
    """Yield the domains, constants too, that exist in the branches that a sample takes."""
    for parameter in parameters:
        name, domain = parameter.name, parameter.domain
        yield Leaf(f"{where}{name}", name, domain)
        if isinstance(domain, Choice) and name in sample:
            option = domain.restore(sample[name])
            yield from _active(domain.branch_of(option), branch_path(where, name, option), sample)


def _draw(parameters: Sequence[Parameter], where: str, take: Callable[[Leaf], Any]) -> dict[str, Any]:
    sample: dict[str, Any] = {}
    for parameter in parameters:
        name, domain = parameter.name, parameter.domain
        leaf = Leaf(f"{where}{name}", name, domain)
        sample[name] = domain.from_unit(0.0) if isinstance(domain, Constant) else take(leaf)
        if isinstance(domain, Choice):
            sample.update(_draw(domain.branch_of(sample[name]), branch_path(where, name, sample[name]), take))
    return sample


def _pairs(parameter: Parameter) -> list[tuple[Any, tuple[Parameter, ...]]]:
    return parameter.domain.pairs() if isinstance(parameter.domain, Choice) else []
