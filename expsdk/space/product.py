"""The finite product of a space: every sample once, by its index.

Parameters count in the order of their names, because Kubernetes does not keep the order in which they were written,
and an index has to mean the same sample to every reader of an Experiment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from expsdk.space.domains import Choice, Domain, Parameter


def count(parameters: Sequence[Parameter]) -> int:
    """Return how many samples the parameters have together; every domain has to be finite."""
    return math.prod(_count_of(parameter.domain) for parameter in parameters)


def sample_at(parameters: Sequence[Parameter], index: int) -> dict[str, Any]:
    """Return the sample of an index in `range(count(parameters))`; the last name changes fastest."""
    digits: dict[str, int] = {}
    for parameter in sorted(parameters, key=lambda parameter: parameter.name, reverse=True):
        index, digits[parameter.name] = divmod(index, _count_of(parameter.domain))
    sample: dict[str, Any] = {}
    for parameter in parameters:
        sample.update(_value_at(parameter, digits[parameter.name]))
    return sample


def _count_of(domain: Domain) -> int:
    if isinstance(domain, Choice):
        return sum(count(branch) for _, branch in domain.pairs())
    values = domain.grid()
    if values is None:
        raise ValueError(f"{domain!r} is not finite")
    return len(values)


def _value_at(parameter: Parameter, digit: int) -> dict[str, Any]:
    domain = parameter.domain
    if not isinstance(domain, Choice):
        return {parameter.name: (domain.grid() or [])[digit]}
    for position, (_, branch) in enumerate(domain.pairs()):
        size = count(branch)
        if digit < size:
            return {parameter.name: domain.grid()[position], **sample_at(branch, digit)}
        digit -= size
    raise IndexError(f"{digit} is past the end of {domain!r}")
