"""The space against the function's signature: checked when the decorator runs, not in the job."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from expsdk.errors import SpaceError
from expsdk.space import Space
from expsdk.space.values import json_fault, plain, show
from expsdk.spelling import suggest

_NAMEABLE = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def check_signature(function: Callable[..., object], space: Space) -> None:
    """Check that a function can be called with every sample of the space as keyword arguments.

    Raises:
        SpaceError: What is given is no plain function, or the space does not fit its parameters.
    """
    signature = _signature(function)
    _check_receiver(function, signature, space)
    for name in space.names:
        _check_accepted(function, signature, name, f"parameter {space.paths(name)[0]}", space.names)
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY and _is_needed(parameter):
            raise SpaceError(
                f"parameter {parameter.name}: parameters are given by name, and {parameter.name!r} of"
                f" {_label(function)} is positional-only; remove the / from the signature"
            )
        if parameter.kind in _NAMEABLE and _is_needed(parameter) and parameter.name not in space.given:
            raise SpaceError(_missing(function, parameter.name, space))


def bind(function: Callable[..., object], space: Space, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of one trial that were given by hand, with the constants of the space that they leave out.

    Values may lie outside the space: it describes a sweep, not what the function can do.

    Args:
        function: The user's function.
        space: Its space, which gives the types (1 for a float becomes 1.0) and the constants.
        parameters: The values by name.

    Raises:
        SpaceError: A parameter is unknown or missing, or JSON cannot carry its value.
    """
    signature = _signature(function)
    for name, value in parameters.items():
        fault = json_fault(plain(value))
        if fault:
            raise SpaceError(f"parameter {name}: {fault}")
        _check_accepted(function, signature, name, f"parameter {name}", parameters)
    bound = space.restore(space.with_constants({name: plain(value) for name, value in parameters.items()}))
    for parameter in signature.parameters.values():
        if parameter.kind in _NAMEABLE and _is_needed(parameter) and parameter.name not in bound:
            given = f"only {', '.join(bound)}" if bound else "nothing"
            raise SpaceError(
                f"parameter {parameter.name}: {_label(function)} needs it, and {given} was given;"
                f" add {parameter.name}=…"
            )
    return bound


def _signature(function: Any) -> inspect.Signature:
    _check_kind(function)
    label = _label(function)
    inner = getattr(function, "__func__", function)
    calls = (inner, type(inner).__call__)
    if any(map(inspect.iscoroutinefunction, calls)):
        raise SpaceError(
            f"a trial calls its function and awaits nothing, but {label} is a coroutine function;"
            " write def, and asyncio.run(...) inside it"
        )
    if any(map(inspect.isasyncgenfunction, calls)):
        raise SpaceError(
            f"a trial iterates with for, not async for, but {label} is an async generator function; write def and yield"
        )
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        raise SpaceError(
            f"a function has a signature that Python can read, and {label} has none;"
            " wrap it in a def with named parameters"
        ) from None


def _check_kind(function: Any) -> None:
    """Check that this is a function, which has a name, a module and code to pack; wrapped ones are functions too."""
    if inspect.isclass(function):
        raise SpaceError(
            f"an experiment is a function, not the class {function.__name__}; decorate a function that makes one"
        )
    if callable(function) and hasattr(function, "__qualname__") and hasattr(inspect.unwrap(function), "__code__"):
        return
    remedies = {
        functools.partial: "decorate its function, and write what it binds into the space as constants",
        classmethod: "write @staticmethod above @experiment, and no cls",
    }
    remedy = remedies.get(type(function), "write a def that calls it" if callable(function) else "decorate a def")
    raise SpaceError(f"an experiment is a function, not the {type(function).__name__} {show(function)}; {remedy}")


def _check_receiver(function: Callable[..., object], signature: inspect.Signature, space: Space) -> None:
    first = next(iter(signature.parameters.values()), None)
    if first is None or first.name not in ("self", "cls") or not _is_needed(first) or first.name in space.names:
        return
    raise SpaceError(
        f"parameter {first.name}: a trial has no object to call a method of, and {_label(function)} takes"
        f" {first.name!r} first; write static functions: @staticmethod above @experiment, and no {first.name}"
    )


def _check_accepted(
    function: Callable[..., object],
    signature: inspect.Signature,
    name: str,
    subject: str,
    given: Iterable[str],
) -> None:
    parameter = signature.parameters.get(name)
    if parameter is not None and parameter.kind in _NAMEABLE:
        return
    label = _label(function)
    if parameter is not None and parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        raise SpaceError(
            f"{subject}: parameters are given by name, and {name!r} of {label} is positional-only;"
            " remove the / from the signature"
        )
    if any(other.kind is inspect.Parameter.VAR_KEYWORD for other in signature.parameters.values()):
        return
    takes = [other.name for other in signature.parameters.values() if other.kind in _NAMEABLE]
    if parameter is not None:
        raise SpaceError(
            f"{subject}: parameters are given by name, and *{name} of {label} takes none; write {name} without the star"
        )
    free = [other for other in takes if other not in given]
    remedy = suggest(name, free, otherwise=f"add {name} to the signature, or leave it out", cutoff=0.7)
    raise SpaceError(
        f"{subject}: {label} takes {', '.join(takes) or 'no parameters'}, and no {name!r}; {remedy}",
    )


def _missing(function: Callable[..., object], name: str, space: Space) -> str:
    paths = space.paths(name)
    if paths:
        return (
            f"parameter {name}: {_label(function)} always needs it, and the space gives it only as"
            f" {' or '.join(paths)}; give it a default in the signature, or a value in every branch"
        )
    return (
        f"parameter {name}: {_label(function)} needs it, and the space gives"
        f" {', '.join(space.names) or 'nothing'}; add {name!r} to the space, or give it a default"
    )


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty


def _label(function: Callable[..., object]) -> str:
    return f"{function.__qualname__}()"
