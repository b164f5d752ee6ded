"""What of the user's project a function needs: the closure of its imports, and the files it asks for."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePath

from expsdk.errors import PackingError
from expsdk.packaging.imports import imports_of_source
from expsdk.packaging.project import NEVER_SHIPPED, SHIPPED_ANYWAY, OwnModule, files_of_package, find_own_module

ELSEWHERE = "_elsewhere"
LARGEST_SOURCE_BYTES = 8 * 1024 * 1024
_PYTHONS_OWN = sys.stdlib_module_names | {"__main__"}


@dataclass
class Contents:
    """Files of the user's project on their way into a payload.

    Attributes:
        root: The project's root; files keep their place below it.
        exclude: Globs of files that stay here; `*` matches across directories.
        files: Files on this machine by their path in the payload's project.
        paths: Directories of the payload's project that belong on `sys.path`.
        imported: Names of all modules that those added import, their own among them.
    """

    root: Path
    exclude: tuple[str, ...] = ()
    files: dict[str, Path] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    imported: set[str] = field(default_factory=set)
    _own: set[str] = field(default_factory=set)

    @property
    def foreign(self) -> list[str]:
        """The top-level modules of others that those added import, without Python's own; they may not be installed."""
        tops = {name.partition(".")[0] for name in self.imported - self._own}
        return sorted(tops - {name.partition(".")[0] for name in self._own} - SHIPPED_ANYWAY - _PYTHONS_OWN)

    def add_modules(self, names: Iterable[str], *, adopted: str | None) -> None:
        """Add modules of the user's own with all that they import in turn; of a regular package, the whole tree.

        Raises:
            PackingError: A module's file is gone or cannot be read.
        """
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in self.imported:
                continue
            self.imported.add(name)
            module = find_own_module(name, adopted=adopted)
            if module is None:
                continue
            self._own.add(name)
            parent = name.rpartition(".")[0]
            waiting.extend([parent] if parent else [])
            for file, package in self._add_module(module):
                waiting.extend(imports_of_source(_read(file), package=package))

    def add_matching(self, patterns: Iterable[str]) -> None:
        """Add the files of the project that globs name; of a directory, the whole tree.

        As in a shell, what begins with a dot is matched only by a glob that says so.

        Raises:
            PackingError: A glob matches no file.
        """
        for pattern in patterns:
            matches = [path for path in sorted(self.root.glob(pattern)) if _is_meant(path, self.root, pattern)]
            files = [file for path in matches for file in (files_of_package(path) if path.is_dir() else [path])]
            if not files:
                raise PackingError(
                    f"every include= matches a file of the project, but {pattern!r} matches none below {self.root};"
                    " mend the glob or leave it out"
                )
            for file in files:
                self._add(file.relative_to(self.root), file)

    def add_path(self, directory: Path) -> str:
        """Put a directory on the job's `sys.path` and return its place in the payload.

        Directories outside the project share one place: a name that two of them have, Python finds in the first only.
        """
        place = directory.relative_to(self.root).as_posix() if directory.is_relative_to(self.root) else ELSEWHERE
        if place not in self.paths:
            self.paths.append(place)
        return place

    def sizes(self) -> dict[str, int]:
        """Return the files' sizes in bytes, by their path in the payload's project."""
        return {name: path.stat().st_size for name, path in self.files.items()}

    def read(self) -> dict[str, bytes]:
        """Return the files' contents; raises `PackingError` where one cannot be read."""
        return {name: _read(path) for name, path in self.files.items()}

    def _add_module(self, module: OwnModule) -> list[tuple[Path, str]]:
        """Add a module's files; return its sources with the package that their relative imports start from."""
        entry = Path(self.add_path(module.entry))
        if module.file is None:
            return []
        if not module.file.is_file():
            raise PackingError(
                f"every module of your own that a function needs has its file, but {module.name} has none at"
                f" {module.file}; restore it, or import the module from where it is now"
            )
        added = {module.place: module.file}
        if module.is_package:
            top = module.file.parent
            added = {module.place / file.relative_to(top): file for file in files_of_package(top)}
        sources = []
        for place, file in added.items():
            if self._add(entry / place, file) and file.suffix == ".py" and file.stat().st_size <= LARGEST_SOURCE_BYTES:
                sources.append((file, ".".join(place.parent.parts)))
        return sources

    def _add(self, name: PurePath, file: Path) -> bool:
        """Add a file unless it is excluded; return whether it was added."""
        is_excluded = any(_matches(name.as_posix(), pattern) for pattern in self.exclude)
        if not is_excluded:
            self.files[name.as_posix()] = file
        return not is_excluded


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PackingError(
            f"every file that travels must be readable, but {file} is not ({error.strerror}); mend that, or leave it"
            " out with exclude="
        ) from error


def _is_meant(path: Path, root: Path, pattern: str) -> bool:
    """Whether a glob that matches `path` means it: caches and hidden files only where it says so."""
    said = pattern.split("/")
    parts = path.relative_to(root).parts
    hides = any(part.startswith(".") for part in parts) and not any(part.startswith(".") for part in said)
    return not hides and not any(part in NEVER_SHIPPED and part not in said for part in parts)


def _matches(name: str, pattern: str) -> bool:
    """Whether a glob of `exclude` names a file, or a directory that it is in; `**/` may stand for no directory."""
    spellings = {pattern, pattern.replace("**/", "")}
    return any(fnmatch(name, spelling) or fnmatch(name, spelling.rstrip("/") + "/*") for spelling in spellings)
