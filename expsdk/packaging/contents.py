"""What of the user's project a function needs: the closure of its imports, and the files it asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from expsdk.errors import PackingError
from expsdk.packaging.imports import imports_of_source
from expsdk.packaging.project import OwnModule, files_of_package, find_own_module

ELSEWHERE = "_elsewhere"


@dataclass
class Contents:
    """Files of the user's project on their way into a payload.

    Attributes:
        root: The project's root; files keep their place below it.
        files: Files on this machine by their path in the payload's project.
        paths: Directories of the payload's project that belong on `sys.path`.
    """

    root: Path
    files: dict[str, Path] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def add_modules(self, names: Iterable[str], *, adopted: str | None) -> None:
        """Add modules of the user's own with all that they import in turn; of a regular package, the whole tree."""
        waiting = list(names)
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            module = find_own_module(name, adopted=adopted)
            if module is None:
                continue
            parent = name.rpartition(".")[0]
            waiting.extend([parent] if parent else [])
            for file, package in self._add_module(module):
                waiting.extend(imports_of_source(file.read_bytes(), package=package))

    def add_matching(self, patterns: Iterable[str]) -> None:
        """Add the files of the project that globs name.

        Raises:
            PackingError: A glob matches no file.
        """
        for pattern in patterns:
            matches = [path for path in sorted(self.root.glob(pattern)) if path.is_file()]
            if not matches:
                raise PackingError(
                    f"every include= matches a file of the project, but {pattern!r} matches none below {self.root};"
                    " mend the glob or leave it out"
                )
            for path in matches:
                self.files[path.relative_to(self.root).as_posix()] = path

    def remove_matching(self, patterns: Iterable[str]) -> None:
        """Remove the files that globs name; `*` matches across directories."""
        for pattern in patterns:
            self.files = {name: path for name, path in self.files.items() if not fnmatch(name, pattern)}

    def _add_module(self, module: OwnModule) -> list[tuple[Path, str]]:
        """Add a module's files; return its sources with the package that their relative imports start from."""
        entry = self._add_path(module.entry)
        if module.package_dir is not None:
            added = list(files_of_package(module.package_dir))
        else:
            added = [module.file] if module.file else []
        sources = []
        for path in added:
            within = path.resolve().relative_to(module.entry) if path.resolve().is_relative_to(module.entry) else path
            self.files[(Path(entry) / within).as_posix()] = path
            if path.suffix == ".py":
                sources.append((path, ".".join(within.parent.parts)))
        return sources

    def _add_path(self, directory: Path) -> str:
        """Return the place in the payload of a directory on `sys.path`: its own, or one of its own making."""
        if directory.is_relative_to(self.root):
            place = directory.relative_to(self.root).as_posix()
        else:
            place = f"{ELSEWHERE}/{directory.name}"
        if place not in self.paths:
            self.paths.append(place)
        return place
