"""What is wrong with a space, in words: the rule, the value and the remedy, with the parameter's name."""

from __future__ import annotations

import keyword
import math
from collections.abc import Sequence
from typing import Any

from expsdk.errors import SpaceError
from expsdk.space import notation
from expsdk.space.arithmetic import exact
from expsdk.space.domains import (
    DOMAINS,
    Choice,
    Constant,
    Domain,
    Integer,
    LogUniform,
    Normal,
    Parameter,
    Uniform,
    is_options,
)
from expsdk.space.values import DEPTH_LIMIT, identity, json_fault, kind_of, show

INTEGER_BOUND = 2**53
SIGMAS = 9
_FUNCTIONS = {
    notation.uniform: "uniform(low, high)",
    notation.loguniform: "loguniform(low, high)",
    notation.integer: "integer(low, high)",
    notation.normal: "normal(mean, sigma)",
    notation.choice: "choice([...])",
}


def check_parameters(parameters: Sequence[Parameter]) -> None:
    """Check a whole tree of parameters.

    Raises:
        SpaceError: A name or a domain is impossible, or a name could stand twice in one sample.
    """
    _check_domains(parameters, "")
    _names_of(parameters, "")


def _check_domains(parameters: Sequence[Parameter], where: str) -> None:
    for parameter in parameters:
        fault = _name_fault(parameter.name)
        if fault:
            raise SpaceError(f"parameter {where}{parameter.name!r}: {fault}")
        fault = _domain_fault(parameter.domain)
        if fault:
            raise SpaceError(f"parameter {where}{parameter.name}: {fault}")
        if isinstance(parameter.domain, Choice):
            for option, branch in parameter.domain.pairs():
                _check_domains(branch, notation.branch_path(where, parameter.name, option))


def _names_of(parameters: Sequence[Parameter], where: str) -> dict[str, str]:
    """Return the path of every name in the tree; a name may come back in another branch of the same choice only."""
    paths: dict[str, str] = {}
    for parameter in parameters:
        own = {parameter.name: f"{where}{parameter.name}"}
        within: dict[str, str] = {}
        if isinstance(parameter.domain, Choice):
            for option, branch in parameter.domain.pairs():
                within.update(_names_of(branch, notation.branch_path(where, parameter.name, option)))
        _refuse_twice(own, within)
        own.update(within)
        _refuse_twice(paths, own)
        paths.update(own)
    return paths


def _refuse_twice(first: dict[str, str], second: dict[str, str]) -> None:
    for name in second:
        if name in first:
            raise SpaceError(
                f"parameter {second[name]}: a name stands once in a sample, but {name!r} would stand for"
                f" {first[name]} and for {second[name]}; rename one of them"
            )


def _name_fault(name: Any) -> str | None:
    if not isinstance(name, str):
        return f"a parameter's name is a string, not {show(name)}; write the name of an argument of the function"
    if keyword.iskeyword(name):
        return f"a parameter's name is no keyword of Python, as {name!r} is; rename it, for example to '{name}_'"
    if not name.isidentifier():
        return f"a parameter's name is a Python identifier, not {show(name)}; use letters, digits and underscores"
    return None


def _domain_fault(domain: Domain) -> str | None:
    if isinstance(domain, Uniform):
        return _uniform_fault(domain)
    if isinstance(domain, LogUniform):
        return _bounds_fault("loguniform", domain.low, domain.high) or _positive_fault("loguniform", domain.low)
    if isinstance(domain, Integer):
        return _integer_fault(domain)
    if isinstance(domain, Normal):
        return _normal_fault(domain)
    if isinstance(domain, Choice):
        return _choice_fault(domain)
    return _constant_fault(domain)


def _number_fault(what: str, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"{what} is a number, not {kind_of(value)}; write a plain float or int"
    if isinstance(value, int) or not math.isfinite(value):  # an int here did not fit a float
        return f"{what} is a finite float, not {show(value)}; write a finite number"
    return None


def _bounds_fault(kind: str, low: Any, high: Any) -> str | None:
    fault = _number_fault(f"low of {kind}", low) or _number_fault(f"high of {kind}", high)
    return fault or _order_fault(kind, low, high)


def _order_fault(kind: str, low: float, high: float) -> str | None:
    if low <= high:
        return None
    return f"low is at most high, not {kind}(low={low!r}, high={high!r}); write {kind}({high!r}, {low!r})"


def _positive_fault(kind: str, low: float) -> str | None:
    if low > 0:
        return None
    plain_kind = "integer without log" if kind == "integer" else "uniform"
    return f"a logarithm needs low > 0, not low={low!r}; raise low above 0 or use {plain_kind}"


def _uniform_fault(domain: Uniform) -> str | None:
    fault = _bounds_fault("uniform", domain.low, domain.high)
    if fault:
        return fault
    if not math.isfinite(domain.high - domain.low):
        return f"high - low is a finite float, not so from {domain.low!r} to {domain.high!r}; write closer bounds"
    if domain.step is None:
        return None
    fault = _number_fault("step of uniform", domain.step)
    if fault:
        return fault
    if domain.step <= 0:
        return f"step is above 0, not {domain.step!r}; write a positive step, or none for every float"
    finest = 2 * math.ulp(max(abs(domain.low), abs(domain.high)))
    if domain.step < finest:
        return f"step is at least {finest!r}, what floats can tell apart here, not {domain.step!r}; leave step out"
    low, step = exact(domain.low), exact(domain.step)
    whole, rest = divmod(exact(domain.high) - low, step)
    if not rest:
        return None
    return _uneven_fault(domain, [float(low + count * step) for count in (whole, whole + 1) if count])


def _integer_fault(domain: Integer) -> str | None:
    for what, value in (("low", domain.low), ("high", domain.high), ("step", domain.step)):
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{what} of integer is an int, not {kind_of(value)}; write an int, or use uniform for floats"
        if abs(value) > INTEGER_BOUND:
            return f"{what} of integer is within ±2**53, not {value!r}; use a smaller range or a choice of strings"
    if not isinstance(domain.log, bool):
        return f"log of integer is True or False, not {kind_of(domain.log)}; write log=True, or leave log out"
    fault = _order_fault("integer", domain.low, domain.high)
    if fault:
        return fault
    if domain.step <= 0:
        return f"step is above 0, not {domain.step!r}; write a positive step"
    if domain.log and domain.step != 1:
        return f"an integer with log has step 1, not {domain.step!r}; leave out step or log"
    if domain.log and domain.low <= 0:
        return _positive_fault("integer", domain.low)
    whole, rest = divmod(domain.high - domain.low, domain.step)
    if not rest:
        return None
    return _uneven_fault(domain, [domain.low + count * domain.step for count in (whole, whole + 1) if count])


def _uneven_fault(domain: Uniform | Integer, highs: Sequence[float]) -> str:
    low, high, step = domain.low, domain.high, domain.step
    fitting = " or ".join(f"high={value!r}" for value in highs)
    return f"step divides high - low, and {step!r} does not divide {high!r} - {low!r}; write {fitting}, or another step"


def _normal_fault(domain: Normal) -> str | None:
    fault = _number_fault("mean of normal", domain.mean) or _number_fault("sigma of normal", domain.sigma)
    if fault:
        return fault
    if domain.sigma <= 0:
        return f"sigma is above 0, not {domain.sigma!r}; write a positive sigma, or the constant {domain.mean!r}"
    if not math.isfinite(abs(domain.mean) + SIGMAS * domain.sigma):
        return (
            f"mean ± {SIGMAS} sigma are finite floats, not so with mean={domain.mean!r}, sigma={domain.sigma!r};"
            " write smaller ones"
        )
    return None


def _choice_fault(domain: Choice) -> str | None:
    options: Any = domain.choices
    if not is_options(options):
        return f"choice takes a list of options, not {kind_of(options)}; {_options_remedy(options)}"
    if not options:
        return "a choice has at least one option, not []; write the options, or leave the parameter out"
    seen: dict[Any, Any] = {}
    for option in options:
        if domain.branches and isinstance(option, (tuple, list, dict)):
            return f"an option with a branch is text, a number, a bool or None, not {show(option)}; name it by a string"
        fault = _buried_fault(option, "an option is a value") or json_fault(option)
        if fault:
            return f"option {show(option, 40)}: {fault}"
        same = identity(option)
        if same in seen:
            return (
                f"options differ in JSON, and {show(seen[same], 40)} and {show(option, 40)} do not; remove one of them"
            )
        seen[same] = option
    if domain.branches and len(domain.branches) != len(options):
        found = f"{len(domain.branches)} for {len(options)}"
        return f"a choice has as many branches as options, not {found}; write {{}} for an option without parameters"
    for option, branch in domain.pairs():
        if not isinstance(branch, tuple):
            return (
                f"the branch of {show(option, 40)} is a mapping of parameters, not {kind_of(branch)};"
                ' write one such as {"momentum": uniform(0, 1)}, or {} where it has none'
            )
    return None


def _options_remedy(options: Any) -> str:
    if isinstance(options, (bytes, bytearray, memoryview)):
        return "write a list of strings"
    if hasattr(options, "tolist"):
        return "write choice(values.tolist())"
    is_several = hasattr(options, "__iter__") and not isinstance(options, str)
    return "write choice(list(...))" if is_several else f"write choice([{show(options)}])"


def _constant_fault(domain: Constant) -> str | None:
    value = domain.value
    if callable(value):
        call = _FUNCTIONS.get(value) if hasattr(value, "__code__") else None
        remedy = f"call it: {call}" if call else "write a domain such as uniform(low, high), or a JSON value"
        return f"a parameter has a domain or a constant, not {kind_of(value)}; {remedy}"
    if isinstance(value, tuple):
        values = show(list(value))
        return (
            f"a tuple is neither a choice nor a constant, and this is {show(value)};"
            f" write {values} for a choice, choice([{values}]) for one list"
        )
    return _buried_fault(value, "a constant is a JSON value") or json_fault(value)


def _buried_fault(value: Any, rule: str, depth: int = 0) -> str | None:
    """Return a fault when a domain lies in a value, where no sampler would find it."""
    if isinstance(value, DOMAINS):
        return f"{rule}, not the domain {show(value)}; did you mean choice({{...}}), with a branch for each option?"
    if depth > DEPTH_LIMIT:
        return None
    if isinstance(value, dict):
        faults = [_buried_fault(item, rule, depth + 1) for item in value.values()]
    elif isinstance(value, (list, tuple)):
        faults = [_buried_fault(item, rule, depth + 1) for item in value]
    else:
        return None
    return next((fault for fault in faults if fault), None)
