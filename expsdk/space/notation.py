"""How people write domains: a function for each, a bare list for a choice, a bare value for a constant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from expsdk.space.domains import DOMAINS, Choice, Constant, Domain, Integer, LogUniform, Normal, Parameter, Uniform
from expsdk.space.values import kept


def uniform(low: float, high: float, *, step: float | None = None) -> Uniform:
    """Return the domain of the floats from `low` to `high`, both included.

    Args:
        low: The lower bound.
        high: The upper bound; equal bounds are a domain of one value.
        step: With it, only `low, low + step, …, high`; it has to divide `high - low` as decimal numbers.
    """
    return Uniform(low, high, step)


def loguniform(low: float, high: float) -> LogUniform:
    """Return the domain of the floats from `low` to `high`, both included and positive, uniform in the logarithm."""
    return LogUniform(low, high)


def integer(low: int, high: int, *, step: int = 1, log: bool = False) -> Integer:
    """Return the domain of the integers from `low` to `high`, both included.

    Args:
        low: The lower bound.
        high: The upper bound; equal bounds are a domain of one value.
        step: With it, only `low, low + step, …, high`; it has to divide `high - low`.
        log: Draw small numbers more often, uniformly in the logarithm; needs `low` of at least 1 and no step.
    """
    return Integer(low, high, step, log)


def normal(mean: float, sigma: float) -> Normal:
    """Return the domain of the floats, drawn from a normal distribution."""
    return Normal(mean, sigma)


def choice(options: Sequence[Any] | Mapping[Any, Mapping[str, Any]]) -> Choice:
    """Return the domain of the given JSON values.

    Args:
        options: The values, or a mapping from each value to the parameters that exist only when it is taken:
            `choice({"sgd": {"momentum": uniform(0, 1)}, "adam": {}})`.
    """
    if not isinstance(options, Mapping):
        return Choice(options)  # type: ignore[arg-type]  # it makes the tuple, or keeps what Space.of will refuse
    return Choice(tuple(options), tuple(_branch(branch) for branch in options.values()))


def as_domain(value: Any) -> Domain:
    """Return the domain that `value` stands for in a space: itself, a choice for a list, or else a constant."""
    if isinstance(value, DOMAINS):
        return value
    return choice(value) if isinstance(value, list) else Constant(value)


def parameters_of(mapping: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Return what a user's mapping of names to domains says, unchecked."""
    return tuple(Parameter(name, as_domain(value)) for name, value in mapping.items())


def _branch(branch: Any) -> Any:
    return parameters_of(branch) if isinstance(branch, Mapping) else branch


def as_written(domain: Domain) -> str:
    """Return a domain as one writes it: `loguniform(0.0001, 0.1)`; what exists in branches only is left out."""
    if isinstance(domain, Constant):
        return repr(domain.value)
    if isinstance(domain, Choice):
        return repr(list(domain.choices))
    return f"{type(domain).__name__.lower()}({', '.join(_options(domain))})"


def lines_of(parameters: Iterable[Parameter], where: str = "") -> Iterator[tuple[str, str]]:
    """Yield each parameter with its domain as one writes it, then those of its branches: "opt='sgd' → momentum".

    Args:
        parameters: A space's.
        where: The branch that they are in, as `branch_path` has it.
    """
    for parameter in parameters:
        yield f"{where}{parameter.name}", as_written(parameter.domain)
        for option, branch in parameter.domain.pairs() if isinstance(parameter.domain, Choice) else ():
            yield from lines_of(branch, branch_path(where, parameter.name, option))


def branch_path(where: str, name: str, option: object) -> str:
    """Return how the parameters of an option's branch are told apart: "opt='sgd' → "."""
    return f"{where}{name}={kept(option)!r} → "


def _options(domain: Uniform | LogUniform | Integer | Normal) -> list[str]:
    """Return the arguments of a domain's function, without those that are as they are by default."""
    if isinstance(domain, Normal):
        return [repr(domain.mean), repr(domain.sigma)]
    bounds = [repr(domain.low), repr(domain.high)]
    if isinstance(domain, Uniform) and domain.step is not None:
        return [*bounds, f"step={domain.step!r}"]
    if isinstance(domain, Integer):
        bounds += [f"step={domain.step!r}"] if domain.step != 1 else []
        bounds += ["log=True"] if domain.log else []
    return bounds
