"""A payload as the job sees it: check it, unpack the user's project, load the function."""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any
from zipimport import zipimporter

from expsdk_runtime.contract import PAYLOAD_FORMAT

MANIFEST = "manifest.json"
FUNCTION = "function.pkl"
PROJECT = "project-files/"
SOURCES = "other-sources/"  # neither name can be imported: the archive is on sys.path

PATH = "path"
SET = "set"
"""What `function.pkl` has placeholders for: a path in the project, a set of plain values."""


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
        try:
            self._archive = zipimporter(path)
            self.manifest: dict[str, Any] = json.loads(self._archive.get_data(MANIFEST))
            made_for = self.manifest["format"]
        except (ImportError, OSError, EOFError, ValueError, LookupError, TypeError, zlib.error) as error:
            raise PayloadError(f"no manifest can be read from it ({type(error).__name__}: {error})") from error
        if made_for != PAYLOAD_FORMAT:
            raise PayloadError(f"its format is {made_for}, and this runtime reads {PAYLOAD_FORMAT}")

    @property
    def objectives(self) -> list[tuple[str, str]]:
        """The objectives as `(metric, direction)` pairs."""
        return [(metric, direction) for metric, direction in self.manifest["objectives"]]

    @property
    def imports(self) -> list[str]:
        """The top-level modules of others that the user's code imports; they may not be installed."""
        modules: list[str] = self.manifest["imports"]
        return modules

    def unpack(self, directory: str) -> None:
        """Check every part of the payload and write the user's project below `directory`.

        Raises:
            PayloadError: A part is not as the manifest says.
        """
        os.makedirs(directory, exist_ok=True)
        for part in self.manifest["files"]:
            content = self._read(part["name"], crc32=part["crc32"])
            if part["name"].startswith(PROJECT):
                target = os.path.join(directory, *part["name"][len(PROJECT) :].split("/"))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as file:
                    file.write(content)

    def load(self, directory: str, *, root: str | None = None) -> Callable[..., object]:
        """Import or unpickle the user's function; what the user's modules raise passes through.

        Args:
            directory: Where `unpack` wrote the project.
            root: The user's own project on this machine, where paths of code that travels by value lead; without
                it, or for files that are in the unpacked copy alone, they lead to that copy.
        """
        if self.manifest.get("autolog"):
            from expsdk_runtime import autolog

            autolog.enable()
        for entry in reversed(self.manifest["paths"]):
            sys.path.insert(1, os.path.normpath(os.path.join(directory, entry)))
        entry = self.manifest["entry"]
        if "module" in entry:
            found: Any = import_module(entry["module"])
            for part in entry["qualname"].split("."):
                found = getattr(found, part)
        else:
            self._show_sources()
            found = _unpickle(self._read(FUNCTION), directory, root)
            _show_to_pickle(found)
        function: Callable[..., object] = found
        return function

    def _read(self, name: str, *, crc32: int | None = None) -> bytes:
        try:
            content = self._archive.get_data(name)
        except (ImportError, OSError, EOFError, zlib.error) as error:
            raise PayloadError(f"its {name} cannot be read ({type(error).__name__}: {error})") from error
        if crc32 is not None and zlib.crc32(content) != crc32:
            raise PayloadError(f"its {name} is not what was packed (the CRC-32 differs)")
        return content

    def _show_sources(self) -> None:
        """Give tracebacks and pdb the lines of code that travels by value."""
        import linecache

        for name, member in self.manifest["sources"].items():
            text = self._read(member).decode()
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)


def _unpickle(content: bytes, directory: str, root: str | None) -> Any:
    """Load the pickle that `expsdk.packaging.pickling` wrote."""
    import io
    import pickle

    sets: dict[int, Any] = {}

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, placeholder: Any) -> Any:
            if placeholder[0] == PATH:
                return _place(placeholder[1], directory, root)
            _, number, kind, elements = placeholder
            if kind:
                sets[number] = frozenset(elements) if kind == "frozenset" else set(elements)
            return sets[number]

    return Unpickler(io.BytesIO(content)).load()


def _place(path: str, directory: str, root: str | None) -> str:
    """Return where a path of the project is on this machine."""
    in_copy = f"{directory}/{path}".rstrip("/")
    in_root = f"{root}/{path}".rstrip("/")
    return in_root if root and (os.path.lexists(in_root) or not os.path.lexists(in_copy)) else in_copy


def _show_to_pickle(function: Any) -> None:
    """Make what a script defines findable in `__main__`: pickle looks there, for instance when a pool is given work."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    main = vars(sys.modules["__main__"])
    for name, value in getattr(function, "__globals__", {}).items():
        if getattr(value, "__module__", None) == "__main__":
            main.setdefault(name, value)
