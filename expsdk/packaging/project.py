"""Which files on this machine are the user's own: the project's root, and modules that no installer put here."""

from __future__ import annotations

import os
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from zipimport import zipimporter

ROOT_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
SHIPPED_ANYWAY = frozenset({"expsdk", "expsdk_runtime", "cloudpickle"})
INSTALLED = ("site-packages", "dist-packages")
NEVER_SHIPPED = ("__pycache__", "node_modules", *INSTALLED)


@dataclass(frozen=True)
class OwnModule:
    """A module of the user's.

    Attributes:
        name: Its dotted name.
        file: Its file, or None for a namespace package.
        entry: The directory on `sys.path` that it was found by.
        is_package: Whether it is a package with a file of its own: what lies beside that file belongs to it.
    """

    name: str
    file: Path | None
    entry: Path
    is_package: bool

    @property
    def place(self) -> Path:
        """Where its file, or a package's directory, belongs below a directory on `sys.path`.

        The name alone tells: links and loaders may have led to a file that is called otherwise.
        """
        named = Path(*self.name.split("."))
        if self.is_package or self.file is None:
            return named
        # Of an extension module, all that follows the first dot is its suffix.
        ending = self.file.suffix if self.file.suffix == ".py" else "." + self.file.name.partition(".")[2]
        return named.with_name(named.name + ending)


def find_root(start: Path, *, otherwise: Path) -> Path:
    """Return the nearest directory from `start` upwards that a project begins at, or `otherwise` where none does."""
    for directory in (start, *start.parents):
        if any((directory / marker).exists() for marker in ROOT_MARKERS):
            return directory
    return otherwise


def find_own_module(name: str, *, adopted: str | None = None) -> OwnModule | None:
    """Return the module if it is the user's own, None if it is installed, built in or not to be found.

    Nothing is imported to find it. A module in a zip archive on `sys.path` counts as installed.

    Args:
        name: The module's dotted name.
        adopted: A top-level module that counts as the user's own even where it is installed: the function's.
    """
    top, *rest = name.split(".")
    if top in SHIPPED_ANYWAY or top == "__main__":
        return None
    spec = _find_top(top)
    if spec is None or isinstance(spec.loader, zipimporter):
        return None
    place = _file_of(spec) or next(map(Path, spec.submodule_search_locations or ()), None)
    if place is None or (top != adopted and _is_installed(place)):
        return None
    is_package = spec.submodule_search_locations is not None
    entry = (place.parent.parent if is_package and _file_of(spec) else place.parent).resolve()
    for depth in range(len(rest)):
        spec = _find_below(spec, ".".join([top, *rest[: depth + 1]]))
        if spec is None:
            return None
    file = _file_of(spec)
    return OwnModule(name, file, entry, is_package=file is not None and spec.submodule_search_locations is not None)


def files_of_package(directory: Path, *, _above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the files of a package's tree, sources and data, sorted; caches and hidden ones are passed over.

    A link to a directory is followed where it leads to a package, and never round in circles.
    """
    above = (*_above, directory.resolve())
    for path in sorted(directory.iterdir()):
        if path.name.startswith(".") or path.name in NEVER_SHIPPED or path.suffix in {".pyc", ".pyo", ".egg-info"}:
            continue
        if path.is_dir():
            is_link = path.is_symlink() and (not (path / "__init__.py").is_file() or path.resolve() in above)
            if not is_link:
                yield from files_of_package(path, _above=above)
        elif path.is_file():
            yield path


def _find_top(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except (ImportError, ValueError, AttributeError):  # a module without a spec, such as one made by hand
        return None


def _find_below(parent: ModuleSpec, name: str) -> ModuleSpec | None:
    """Return the spec of a submodule, as `PathFinder` does, but where namespace packages are not imported too."""
    portions: list[str] = []
    for location in parent.submodule_search_locations or ():
        finder = pkgutil.get_importer(location)
        spec = finder.find_spec(name) if finder else None
        if spec is not None and spec.loader is not None:
            return spec
        portions += (spec.submodule_search_locations or []) if spec else []
    if not portions:
        return None
    namespace = ModuleSpec(name, None, is_package=True)
    namespace.submodule_search_locations = portions
    return namespace


def _file_of(spec: ModuleSpec) -> Path | None:
    return Path(spec.origin) if spec.has_location and spec.origin else None


def _is_installed(place: Path) -> bool:
    """Whether an installer or the interpreter put it there."""
    if any(part in INSTALLED for part in place.parts):
        return True
    return any(place.is_relative_to(directory) for directory in _standard_library())


@cache
def _standard_library() -> frozenset[Path]:
    """Return its directories; `sysconfig` knows them too, but is slow to ask."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    given = {Path(os.__file__).parent, Path(sys.base_exec_prefix, sys.platlibdir, version)}
    return frozenset(given | {directory.resolve() for directory in given})
