"""Which files on this machine are the user's own: the project's root, and modules that no installer put here."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

ROOT_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
SHIPPED_ANYWAY = frozenset({"expsdk", "expsdk_runtime", "cloudpickle"})
NEVER_SHIPPED = ("__pycache__", "node_modules")
INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class OwnModule:
    """A module of the user's.

    Attributes:
        name: Its dotted name.
        file: Its source, or None for a namespace package.
        entry: The directory on `sys.path` that it was found by.
        package_dir: The directory of its regular package, where it is one.
    """

    name: str
    file: Path | None
    entry: Path
    package_dir: Path | None


def find_root(start: Path) -> Path:
    """Return the nearest directory from `start` upwards that a project begins at, or `start` itself."""
    for directory in (start, *start.parents):
        if any((directory / marker).exists() for marker in ROOT_MARKERS):
            return directory
    return start


def find_own_module(name: str, *, adopted: str | None = None) -> OwnModule | None:
    """Return the module if it is the user's own, None if it is installed, built in or not to be found.

    Nothing is imported to find it.

    Args:
        name: The module's dotted name.
        adopted: A top-level module that counts as the user's own even where it is installed: the function's.
    """
    top, *rest = name.split(".")
    if top in SHIPPED_ANYWAY or top in sys.stdlib_module_names or top == "__main__":
        return None
    spec = _find_top(top)
    if spec is None:
        return None
    locations = [Path(location) for location in spec.submodule_search_locations or ()]
    place = Path(spec.origin) if spec.has_location and spec.origin else next(iter(locations), None)
    if place is None or (top != adopted and _is_installed(place)):
        return None
    entry = (locations[0] if locations else place).resolve().parent
    for depth in range(len(rest)):
        if spec is None or not spec.submodule_search_locations:
            return None
        spec = PathFinder.find_spec(".".join([top, *rest[: depth + 1]]), list(spec.submodule_search_locations))
    if spec is None:
        return None
    file = Path(spec.origin).resolve() if spec.has_location and spec.origin else None
    is_regular_package = file is not None and spec.submodule_search_locations is not None
    return OwnModule(name, file, entry, file.parent if file and is_regular_package else None)


def files_of_package(directory: Path) -> Iterator[Path]:
    """Yield the files of a package's tree, sources and data, sorted; caches and hidden ones are passed over."""
    for path in sorted(directory.iterdir()):
        if path.name.startswith(".") or path.name in NEVER_SHIPPED or path.suffix in {".pyc", ".pyo"}:
            continue
        if path.is_dir():
            if not path.is_symlink() and path.suffix != ".egg-info":
                yield from files_of_package(path)
        else:
            yield path


def _find_top(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except (ImportError, ValueError, AttributeError):  # a module without a spec, such as one made by hand
        return None


def _is_installed(place: Path) -> bool:
    """Whether an installer or the interpreter put it there."""
    if any(part in INSTALLED for part in place.parts):
        return True
    paths = sysconfig.get_paths()
    return any(place.is_relative_to(paths[scheme]) for scheme in ("stdlib", "platstdlib", "purelib", "platlib"))
