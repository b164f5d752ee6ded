"""A payload as the job sees it: check it, unpack the user's project, load the function."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any
from zipimport import zipimporter

from expsdk_runtime.contract import PAYLOAD_FORMAT

MANIFEST = "manifest.json"
FUNCTION = "function.pkl"
PROJECT = "project/"


class PayloadError(Exception):
    """The payload cannot be loaded here; the message says why."""


class Payload:
    """An open payload.

    Attributes:
        path: The archive.
        manifest: What `manifest.json` says.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._archive = zipimporter(path)
        self.manifest: dict[str, Any] = json.loads(self._archive.get_data(MANIFEST))
        if self.manifest["format"] != PAYLOAD_FORMAT:
            raise PayloadError(
                f"the payload's format is {self.manifest['format']}, this runtime reads {PAYLOAD_FORMAT}"
            )

    @property
    def objectives(self) -> list[tuple[str, str]]:
        """The objectives as `(metric, direction)` pairs."""
        return [(metric, direction) for metric, direction in self.manifest["objectives"]]

    def unpack(self, directory: str) -> None:
        """Write the user's project below `directory`."""
        import zipfile

        with zipfile.ZipFile(self.path) as archive:
            for name in archive.namelist():
                if name.startswith(PROJECT):
                    target = os.path.join(directory, *name[len(PROJECT) :].split("/"))
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    with open(target, "wb") as file:
                        file.write(archive.read(name))

    def load(self, directory: str, *, root: str | None = None) -> Callable[..., object]:
        """Import or unpickle the user's function; what the user's modules raise passes through.

        Args:
            directory: Where `unpack` wrote the project.
            root: The user's own project on this machine, for `__file__` of code that travels by value;
                without it, or where the file is not there, the unpacked copy is named.
        """
        for entry in reversed(self.manifest["paths"]):
            sys.path.insert(1, os.path.normpath(os.path.join(directory, entry)))
        entry = self.manifest["entry"]
        if "module" in entry:
            found: Any = import_module(entry["module"])
            for part in entry["qualname"].split("."):
                found = getattr(found, part)
        else:
            self._show_sources()
            import pickle

            found = pickle.loads(self._archive.get_data(FUNCTION))
            _place(found, directory, root)
        function: Callable[..., object] = getattr(found, "__wrapped__", found)
        return function

    def _show_sources(self) -> None:
        """Give tracebacks and pdb the lines of code that travels by value."""
        import linecache

        for name, member in self.manifest["sources"].items():
            text = self._archive.get_data(member).decode()
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)


def _place(function: Callable[..., object], directory: str, root: str | None) -> None:
    """Make `__file__`, packed as a path in the project, a path on this machine."""
    variables = getattr(function, "__globals__", {})
    file = variables.get("__file__")
    if isinstance(file, str) and not os.path.isabs(file):
        candidates = [os.path.join(base, file) for base in (root, directory) if base]
        variables["__file__"] = next((path for path in candidates if os.path.exists(path)), candidates[-1])
