"""An experiment with some of its parameters fixed: each has one value, and the rest of the space is searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from expsdk.errors import SpaceError
from expsdk.experiment.definition import Definition
from expsdk.experiment.signature import check_signature
from expsdk.space import Space
from expsdk.space.domains import Choice, Constant, Parameter
from expsdk.space.faults import check_parameters
from expsdk.space.values import json_fault, plain, show
from expsdk.spelling import suggest


def with_fixed(definition: Definition, values: Mapping[str, Any]) -> Definition:
    """Return the definition whose trials all have these values of their parameters.

    A parameter of the space gets the one value: of a choice one of its options, which then brings its own parameters
    along; of a range any number, also one outside of it. Any other argument of the function gets its value in every
    trial.

    Args:
        definition: The experiment.
        values: JSON values by name.

    Raises:
        SpaceError: The function takes no such argument, or a value is of another kind than the parameter's.
    """
    parameters = definition.space.parameters
    for name, value in values.items():
        fault = json_fault(plain(value))
        if fault:
            raise SpaceError(f"parameter {name}: {fault}")
        if name in Space(parameters).names:
            parameters = tuple(_fixed(parameters, name, plain(value)))
        else:
            parameters = (*parameters, Parameter(name, Constant(value)))
    check_parameters(parameters)
    space = Space(parameters)
    check_signature(definition.function, space)
    return replace(definition, space=space)


def _fixed(parameters: Iterable[Parameter], name: str, value: Any) -> Iterator[Parameter]:
    for parameter in parameters:
        domain = parameter.domain
        if parameter.name == name:
            yield from _one(parameter, value)
        elif isinstance(domain, Choice) and domain.branches:
            branches = tuple(tuple(_fixed(branch, name, value)) for branch in domain.branches)
            yield replace(parameter, domain=replace(domain, branches=branches))
        else:
            yield parameter


def _one(parameter: Parameter, value: Any) -> Iterator[Parameter]:
    """Yield a parameter of one value, and those that exist with it."""
    domain = parameter.domain
    if isinstance(domain, Choice):
        if not domain.contains(value):
            remedy = suggest(value, map(str, domain.choices), otherwise="take one of them", cutoff=0.5)
            options = ", ".join(map(show, domain.choices))
            raise SpaceError(f"parameter {parameter.name}: it is one of {options}, not {show(value)}; {remedy}")
        yield Parameter(parameter.name, Constant(domain.restore(value)))
        yield from domain.branch_of(value)
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number and not isinstance(domain, Constant):
        raise SpaceError(f"parameter {parameter.name}: a value of {show(domain)} is a number, not {show(value)}")
    yield Parameter(parameter.name, Constant(domain.restore(value)))
