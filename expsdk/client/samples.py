"""What a caller wants of one trial, checked before anything is created: its parameters, its number, its seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from expsdk.errors import OptionError
from expsdk.resources.experiment import Experiment
from expsdk.space import Space
from expsdk.space.values import json_fault, plain, show

_INT64 = range(-(2**63), 2**63)


def checked_sample(experiment: Experiment, parameters: object) -> dict[str, Any]:
    """Return the parameters as plain JSON values; constants of the space that they leave out are added.

    Raises:
        OptionError: JSON cannot carry them, or the experiment's space has other names.
    """
    if not isinstance(parameters, Mapping):
        raise OptionError(f'parameters map names to values, they are not {show(parameters)}; write {{"lr": 0.1}}')
    sample: dict[Any, Any] = plain(dict(parameters))
    for name, value in sample.items():
        if not isinstance(name, str) or not name:
            raise OptionError(f"a parameter's name is a string, not {show(name)}; write it as one")
        fault = json_fault(name) or json_fault(value)
        if fault:
            raise OptionError(f"parameter {name}: {fault}")
    if not experiment.spec.space:
        return sample
    space = Space.from_declarative(experiment.spec.space)
    sample = space.with_constants(sample)
    unknown = [name for name in sample if name not in space.names]
    missing = [leaf.name for leaf in space.active_leaves(sample) if leaf.name not in sample]
    if unknown or missing:
        wrong = f"there is no {unknown[0]!r} among them" if unknown else f"{missing[0]!r} is missing"
        raise OptionError(
            f"the parameters of {experiment.metadata.name} are {', '.join(space.names)}, and {wrong} (given:"
            f" {show(sample, 200)}); {'leave it out' if unknown else 'add it'}"
        )
    return sample


def check_number(number: object) -> None:
    """Raise OptionError where this is no trial's number."""
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
        raise OptionError(f"number is a whole number from 0, not {number!r}; leave it out to take the next free one")


def check_seed(seed: object) -> None:
    """Raise OptionError where this is no seed."""
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed not in _INT64):
        raise OptionError(f"seed is an integer that fits 64 bits, not {seed!r}; write one such as seed=7")
