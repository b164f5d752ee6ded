"""Post-import hooks: a finder that calls a file of ours after a module was imported, and wrappers that never fail.

The module's own finder and loader do their work as ever. Its loader is lent a wrapped `exec_module` for the time of the
import, so that nothing of this is left in `__spec__` and `__loader__`.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from expsdk_runtime.console import say

_MARK = "__expsdk_autolog__"
_complained: set[str] = set()


class Finder:
    """Finds nothing itself: it lets the other finders find a module that there is a hook for, and hooks it."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """Watch for the modules that `files` names, each with the file that is for it."""
        self._files = files
        self._finding: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders have for a module which there is a hook for."""
        if name not in self._files or name in self._finding:
            return None
        self._finding.add(name)
        try:
            for finder in sys.meta_path:
                spec = None if finder is self else _ask(finder, name, path, target)
                if spec is not None:
                    self._hook(spec)
                    return spec
        finally:
            self._finding.discard(name)
        return None

    def _hook(self, spec: ModuleSpec) -> None:
        """Have the spec's loader call the hook once it has executed the module."""
        loader: Any = spec.loader
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return
        file = self._files[spec.name]

        def exec_module(module: ModuleType) -> None:
            if module.__name__ == spec.name:  # the loader may be that of several modules
                del loader.exec_module
                execute(module)
                attach(file, module)
            else:
                execute(module)

        try:
            loader.exec_module = exec_module
        except AttributeError as error:
            complain(file, error)


def _ask(finder: Any, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    find = getattr(finder, "find_spec", None)
    spec: ModuleSpec | None = find(name, path, target) if find else None
    return spec


def attach_to_loaded(files: Mapping[str, str]) -> None:
    """Hook the modules that are loaded already."""
    for name, file in files.items():
        module = sys.modules.get(name)
        if module is not None and not getattr(module.__spec__, "_initializing", False):
            attach(file, module)


def attach(file: str, module: ModuleType) -> None:
    """Let a file of ours wrap what it needs in a module; what goes wrong is said."""
    try:
        import_module(f"expsdk_runtime.autolog.{file}").attach(module)
    except Exception as error:  # another version of the library: the trial can do without
        complain(file, error)


def complain(library: str, error: Exception) -> None:
    """Say once of a library that it is not logged automatically."""
    if library not in _complained:
        _complained.add(library)
        say(
            f"expsdk: not all metrics of {library} are logged automatically ({type(error).__name__}: {error}): log them"
            " with log_metric, or turn this off with @experiment(autolog=False)"
        )


def guarded(library: str, hook: Callable[..., Any]) -> Callable[..., None]:
    """Return a hook that fails no trial: what it raises is said once; `TrialStopped` is no Exception and passes."""

    def call(*args: Any, **kwargs: Any) -> None:
        try:
            hook(*args, **kwargs)
        except Exception as error:  # whatever a library hands over
            complain(library, error)

    return call


def call_after(
    owner: Any,
    name: str,
    library: str,
    hook: Callable[..., Any],
    *,
    within: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Wrap a function so that `hook` is called after it, with the same arguments.

    The function itself is called `within` a context.
    """
    guard = guarded(library, hook)

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with within():
                returned = original(*args, **kwargs)
            guard(*args, **kwargs)
            return returned

        return wrapped

    replace(owner, name, wrap)


def call_within(owner: Any, name: str, context: Callable[[], AbstractContextManager[None]]) -> None:
    """Wrap a function so that it is called within a context."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with context():
                return original(*args, **kwargs)

        return wrapped

    replace(owner, name, wrap)


def replace(owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put a wrapped function into the place of the original, once."""
    original = getattr(owner, name)
    if getattr(original, _MARK, None) is not owner:
        wrapped = functools.wraps(original)(wrap(original))
        setattr(wrapped, _MARK, owner)
        setattr(owner, name, wrapped)
