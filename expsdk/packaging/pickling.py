"""Functions by value: what Python cannot import, pickled so that the same code gives the same bytes anywhere.

cloudpickle does the work. Here code objects get file names that are relative to the project (no path of this
machine travels, and tracebacks find the lines that do), and constants whose order depends on the hash seed are
sorted.
"""

from __future__ import annotations

import hashlib
import io
import linecache
import types
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle

from expsdk.errors import PackingError
from expsdk.packaging.diagnosis import describe_unpicklable
from expsdk.packaging.imports import imports_of_code
from expsdk.packaging.project import INSTALLED

PROTOCOL = 5
_reduce_code_of_cloudpickle: Callable[[types.CodeType], tuple[Any, ...]] = cloudpickle.CloudPickler.dispatch_table[
    types.CodeType
]


@dataclass(frozen=True)
class Pickled:
    """A function by value.

    Attributes:
        content: The pickle.
        modules: Names of modules that it refers to, or that its code imports.
        sources: The text of code that travels by value, by the file name that its code objects bear.
    """

    content: bytes
    modules: frozenset[str]
    sources: dict[str, str] = field(default_factory=dict)


def pickle_by_value(function: Callable[..., object], *, root: Path) -> Pickled:
    """Pickle a function with all that Python cannot import in the job.

    Args:
        function: The user's function.
        root: The project's root, to which file names become relative.

    Raises:
        PackingError: Something that the function uses cannot be pickled; the message names the path to it.
    """
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, function, root)
    try:
        pickler.dump(function)
    except PackingError:
        raise
    except Exception as error:  # whatever a __reduce__ of the user's raises
        raise PackingError(describe_unpicklable(function, error)) from error
    return Pickled(buffer.getvalue(), frozenset(pickler.modules), pickler.sources)


class _Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]  # cloudpickle has no types
    """Notes which modules a pickle needs and renames the files of its code."""

    def __init__(self, buffer: io.BytesIO, function: Callable[..., object], root: Path) -> None:
        super().__init__(buffer, protocol=PROTOCOL)
        self.dispatch_table = ChainMap({types.CodeType: self._reduce_code}, cloudpickle.CloudPickler.dispatch_table)
        self.modules: set[str] = set()
        self.sources: dict[str, str] = {}
        self._root = root
        self._names: dict[str, str] = {}
        variables = getattr(function, "__globals__", {})
        self._package = variables.get("__package__") or ""
        # cloudpickle gives functions that share their globals this dict to begin with.
        self.globals_ref[id(variables)] = {
            key: self._relative(variables[key]) if key == "__file__" and variables[key] else variables[key]
            for key in ("__package__", "__name__", "__path__", "__file__")
            if key in variables
        }

    def reducer_override(self, obj: Any) -> Any:
        """Note the module of whatever is pickled by reference, then leave the work to cloudpickle."""
        if isinstance(obj, types.ModuleType):
            self.modules.add(obj.__name__)
        elif isinstance(obj, (type, types.FunctionType)) and isinstance(obj.__module__, str):
            self.modules.add(obj.__module__)
        return super().reducer_override(obj)

    def _reduce_code(self, code: types.CodeType) -> tuple[Any, ...]:
        self.modules.update(imports_of_code(code, package=self._package))
        maker, arguments = _reduce_code_of_cloudpickle(code.replace(co_filename=self._rename(code.co_filename)))
        return maker, tuple(_with_sorted_sets(argument) for argument in arguments)

    def _rename(self, file: str) -> str:
        """Return the name that `file` has in the payload; the first time, keep its text."""
        if file not in self._names:
            text = "".join(linecache.getlines(file))
            name = self._relative(file)
            if not Path(file).is_file():
                name = f"<cell {hashlib.sha256(text.encode()).hexdigest()[:8]}>" if text else file
            self._names[file] = name
            if text and not any(part in INSTALLED for part in Path(file).parts):
                self.sources[name] = text
        return self._names[file]

    def _relative(self, file: str) -> str:
        path = Path(file).resolve()
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else path.name


class _SortedFrozenset:
    """Stands for a frozenset among a code's constants; its pickle lists the elements in a fixed order."""

    def __init__(self, elements: frozenset[Any]) -> None:
        self._elements = elements

    def __reduce__(self) -> tuple[Any, ...]:
        ordered = sorted(self._elements, key=lambda element: (type(element).__name__, repr(element)))
        return frozenset, ([_with_sorted_sets(element) for element in ordered],)


def _with_sorted_sets(argument: Any) -> Any:
    if isinstance(argument, frozenset):
        return _SortedFrozenset(argument)
    if type(argument) is tuple:
        return tuple(_with_sorted_sets(element) for element in argument)
    return argument
