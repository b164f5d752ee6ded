"""Why a function does not pack, in words: the path to what cannot be pickled, the sizes of what is too large."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle

DEEPEST = 6


def describe_unpicklable(function: Callable[..., object], error: Exception) -> str:
    """Return which variable of the function cannot travel, and what to do instead.

    Args:
        function: The function that did not pickle.
        error: What the pickler raised.
    """
    trail = _find_culprit(function, f"{function.__module__}.{function.__qualname__}", DEEPEST, set())
    place, culprit = trail or (f"{function.__module__}.{function.__qualname__}", function)
    kind = f"{type(culprit).__module__}.{type(culprit).__qualname__}"
    return (
        f"everything the function uses must travel to its job, but {place} → {kind} cannot be pickled"
        f" ({type(error).__name__}: {error}); create it inside the function"
    )


def sizes_of_variables(function: Callable[..., object]) -> list[tuple[str, int]]:
    """Return the variables that travel with the function, by name, with their pickled sizes in bytes."""
    label = f"{function.__module__}.{function.__qualname__}"
    return [(f"{label}.{name}", len(cloudpickle.dumps(value))) for name, value in _variables(function)]


def _find_culprit(value: object, place: str, depth: int, seen: set[int]) -> tuple[str, object] | None:
    """Return the deepest part of `value` that does not pickle and where it is, or None where all do."""
    if id(value) in seen or depth == 0 or _pickles(value):
        return None
    seen.add(id(value))
    for step, part in _parts(value):
        found = _find_culprit(part, place + step, depth - 1, seen)
        if found:
            return found
    return place, value


def _pickles(value: object) -> bool:
    try:
        cloudpickle.dumps(value)
    except Exception:  # whatever a __reduce__ of the user's raises
        return False
    return True


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if inspect.isfunction(value):
        yield from ((f".{name}", part) for name, part in _variables(value))
    elif isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{position}]", part) for position, part in enumerate(value))
    elif isinstance(value, type):
        yield from ((f".{name}", part) for name, part in vars(value).items() if not name.startswith("__"))
    elif hasattr(value, "__dict__"):
        yield from ((f".{name}", part) for name, part in vars(value).items())


def _variables(function: Callable[..., Any]) -> Iterator[tuple[str, object]]:
    """Yield the globals, closed-over variables and defaults that a function refers to."""
    found = inspect.getclosurevars(function)
    yield from found.nonlocals.items()
    yield from ((name, value) for name, value in found.globals.items() if value is not function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            yield name, parameter.default
