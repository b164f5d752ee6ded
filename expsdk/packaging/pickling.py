"""Functions by value: what Python cannot import, pickled so that the same code gives the same bytes anywhere.

cloudpickle does the work. Beyond it:

- Code objects get file names that are relative to the project, so tracebacks find their lines.
- Paths below the project's root travel as paths in the project, and the job makes them paths where it is; those that
  the source spells out stay as they are.
- Sets of plain values travel sorted, whatever the hash seed is.
- Classes bear no random identity.
"""

from __future__ import annotations

import hashlib
import io
import linecache
import types
from collections import ChainMap
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, TypeVar

import cloudpickle
from cloudpickle.cloudpickle import _get_or_create_tracker_id

from expsdk.errors import PackingError
from expsdk.packaging.diagnosis import describe_unpicklable
from expsdk.packaging.imports import imports_of_code
from expsdk.packaging.project import INSTALLED
from expsdk_runtime.payload import PATH, SET

PROTOCOL = 5
FILE_NAME = 10
"""Which argument of `types.CodeType` it is."""
_PLAIN = (str, bytes, int, float, complex, bool, type(None))
_table: dict[type, Callable[[Any], tuple[Any, ...]]] = cloudpickle.CloudPickler.dispatch_table


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
        root: The project's root, to which paths become relative.

    Raises:
        PackingError: Something that the function uses cannot be pickled; the message names the path to it.
    """
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, root)
    try:
        pickler.dump(function)
    except Exception as error:  # whatever a __reduce__ of the user's raises
        raise PackingError(describe_unpicklable(function, error)) from error
    return Pickled(buffer.getvalue(), frozenset(pickler.modules), pickler.sources)


class _Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]  # cloudpickle has no types
    """Notes which modules a pickle needs and the text of its code; writes nothing of this machine or this process."""

    def __init__(self, buffer: io.BytesIO, root: Path) -> None:
        own: dict[type, Callable[[Any], tuple[Any, ...]]] = {
            types.CodeType: self._reduce_code,
            TypeVar: lambda variable: _without_identity(_table[TypeVar](variable), variable),
        }
        self.dispatch_table = ChainMap(own, _table)  # read by what follows, once and for all
        super().__init__(buffer, protocol=PROTOCOL)
        self.modules: set[str] = set()
        self.sources: dict[str, str] = {}
        self._root = root
        self._spellings = [] if root == Path(root.anchor) else [str(root)]
        self._elsewhere: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._sets: dict[int, tuple[int, AbstractSet[Any]]] = {}

    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        """Return what stands for a path of the project or a set of plain values; `expsdk_runtime.payload` reads it."""
        kind = type(obj)
        if kind is str:
            place = self._place(obj)
            return None if place is None else (PATH, place)
        if kind not in (set, frozenset) or not all(map(_is_plain, obj)):
            return None
        if id(obj) in self._sets:
            return SET, self._sets[id(obj)][0], "", None
        number = len(self._sets)
        self._sets[id(obj)] = number, obj  # kept, so that no other object takes its id
        return SET, number, kind.__name__, sorted(obj, key=_order)

    def reducer_override(self, obj: Any) -> Any:
        """Note the modules that an object comes from or imports; cloudpickle does the rest."""
        if isinstance(obj, types.ModuleType):
            self.modules.add(obj.__name__)
        elif isinstance(module := getattr(obj, "__module__", None), str):
            self.modules.add(module)
        if isinstance(obj, PurePath) and self._place(str(obj)) is not None:
            return type(obj), (str(obj),)
        reduced = super().reducer_override(obj)
        if reduced is NotImplemented:
            return reduced
        if isinstance(obj, types.FunctionType):
            package = obj.__globals__.get("__package__") or ""
            self.modules.update(imports_of_code(obj.__code__, package=package))
        return _without_identity(reduced, obj) if isinstance(obj, type) else reduced

    def _function_getnewargs(self, function: types.FunctionType) -> tuple[Any, ...]:
        """Begin the globals of functions that share theirs, as cloudpickle does."""
        variables = function.__globals__
        kept = {name: variables[name] for name in ("__package__", "__name__", "__file__") if name in variables}
        self.globals_ref.setdefault(id(variables), kept)
        if isinstance(variables.get("__file__"), str):
            self._note_file(variables["__file__"])
        made: tuple[Any, ...] = super()._function_getnewargs(function)
        return made

    def _reduce_code(self, code: types.CodeType) -> tuple[Any, ...]:
        """Reduce code under its file's name in the payload; cloudpickle, from 3.1.2 on, gives it none."""
        maker, arguments = _table[types.CodeType](code)
        return maker, (*arguments[:FILE_NAME], self._rename(code.co_filename), *arguments[FILE_NAME + 1 :])

    def _note_file(self, file: str) -> None:
        """Learn from a module's `__file__` how the root may be spelled, or that the file is not of the project."""
        path = Path(file).resolve()
        if not path.is_relative_to(self._root):
            self._elsewhere[file] = path.name
            return
        root = file.removesuffix(f"/{path.relative_to(self._root).as_posix()}")
        if root != file and self._spellings and root not in self._spellings:
            self._spellings.append(root)  # a link leads to the root, and the module's other paths may name it

    def _place(self, text: str) -> str | None:
        """Return what follows the root in a path that code has computed; None for any other string.

        A path that a source spells out is what its author means, in the job too.
        """
        for root in self._spellings:
            if text.startswith(root) and text[len(root) : len(root) + 1] in ("", "/"):
                is_spelled_out = any(text in source for source in self.sources.values())
                return None if is_spelled_out else text[len(root) + 1 :]
        return self._elsewhere.get(text)

    def _rename(self, file: str) -> str:
        """Return the name that `file` has in the payload; the first time, keep its text."""
        if file not in self._names:
            text = "".join(linecache.getlines(file))
            name = self._name_of(file, text)
            self._names[file] = name
            if text and not any(part in INSTALLED for part in Path(file).parts):
                self.sources[name] = text
        return self._names[file]

    def _name_of(self, file: str, text: str) -> str:
        """Return a path in the project, or what stands for code that is not of its files: a cell's, a string's."""
        path = Path(file).resolve()
        if path.is_file() and path.is_relative_to(self._root):
            return path.relative_to(self._root).as_posix()
        if file.startswith("<") and not text:
            return file
        name = path.name if path.is_file() else "cell"
        return f"<{name} {hashlib.sha256(text.encode()).hexdigest()[:8]}>"


def _without_identity(reduced: tuple[Any, ...], kind: object) -> tuple[Any, ...]:
    """Return cloudpickle's recipe for a class without the random name by which it would know it again."""
    identity = _get_or_create_tracker_id(kind)
    maker, arguments, *rest = reduced
    kept = tuple(None if isinstance(each, str) and each == identity else each for each in arguments)
    return maker, kept, *rest


def _is_plain(value: object) -> bool:
    kind = type(value)
    return kind in _PLAIN or (kind in (tuple, frozenset) and all(map(_is_plain, value)))  # type: ignore[call-overload]


def _order(value: object) -> tuple[str, str]:
    """Return what sorts plain values of any types; of a set among them, its own elements in order."""
    if isinstance(value, frozenset):
        return "frozenset", repr(sorted(map(_order, value)))
    if isinstance(value, tuple):
        return "tuple", repr([_order(element) for element in value])
    return type(value).__name__, repr(value)
