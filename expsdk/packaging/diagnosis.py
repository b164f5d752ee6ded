"""Why a function does not pack, in words: the path to what cannot be pickled, the sizes of what is too large."""

from __future__ import annotations

import dis
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle

DEEPEST = 8


def describe_unpicklable(function: Callable[..., object], error: Exception) -> str:
    """Return which variable of the function cannot travel, and what to do instead.

    Args:
        function: The function that did not pickle.
        error: What the pickler raised.
    """
    label = _label(function)
    place, culprit = _find_culprit(function, label, DEEPEST, set()) or (label, function)
    kind = f"{type(culprit).__module__}.{type(culprit).__qualname__}"
    return (
        f"everything the function uses must travel to its job, but {place} → {kind} cannot be pickled"
        f" ({type(error).__name__}: {error}); create it inside the function"
    )


def sizes_of_variables(function: Callable[..., object]) -> list[tuple[str, int]]:
    """Return the variables that travel with the function, by name, with their pickled sizes in bytes."""
    return [(f"{_label(function)}{step}", _pickled_size(value)) for step, value in _parts(function)]


class _Scale:
    """Weighs what is written to it and keeps nothing."""

    def __init__(self) -> None:
        self.weight = 0

    def write(self, content: bytes) -> None:
        self.weight += memoryview(content).nbytes


def _pickled_size(value: object) -> int:
    scale = _Scale()
    cloudpickle.CloudPickler(scale).dump(value)
    return scale.weight


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
        _pickled_size(value)
    except Exception:  # whatever a __reduce__ of the user's raises
        return False
    return True


def _parts(value: Any) -> Iterator[tuple[str, object]]:
    """Yield what a value is made of, with how it is written after the value's own name."""
    if inspect.isfunction(value):
        yield from ((f".{name}", part) for name, part in _variables(value).items())
    elif isinstance(value, functools.partial):
        yield from ((f".{name}", getattr(value, name)) for name in ("func", "args", "keywords"))
    elif isinstance(value, (types.MethodType, staticmethod, classmethod)):
        yield from ((f".{name}", getattr(value, name, None)) for name in ("__self__", "__func__"))
    elif isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{position}]", part) for position, part in enumerate(value))
    elif isinstance(value, (set, frozenset)):
        yield from (("{…}", part) for part in value)
    elif isinstance(value, type):
        yield from ((f".{name}", part) for name, part in vars(value).items() if name not in ("__dict__", "__weakref__"))
    elif hasattr(value, "__dict__"):
        yield from ((f".{name}", part) for name, part in vars(value).items())


def _variables(function: types.FunctionType) -> dict[str, object]:
    """Return what a function refers to: closed-over variables, globals, defaults and its own attributes."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    found = {name: cell.cell_contents for name, cell in cells if cell != types.CellType()}
    names = dict.fromkeys(_global_names(function.__code__))
    found |= {name: function.__globals__[name] for name in names if name in function.__globals__}
    parameters = inspect.signature(function, follow_wrapped=False).parameters.values()
    found |= {each.name: each.default for each in parameters if each.default is not each.empty}
    found |= vars(function)
    return {name: value for name, value in found.items() if value is not function}


def _global_names(code: types.CodeType) -> Iterator[str]:
    """Yield the names of globals that code reads, functions inside it included."""
    yield from (each.argval for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL")
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)


def _label(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"
