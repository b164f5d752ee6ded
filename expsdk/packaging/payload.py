"""Packing: a checked experiment becomes one content-addressed file that any container with Python can run."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from expsdk.errors import PayloadTooLarge
from expsdk.experiment.definition import Definition
from expsdk.packaging.archive import build_archive
from expsdk.packaging.contents import Contents
from expsdk.packaging.diagnosis import sizes_of_variables
from expsdk.packaging.pickling import pickle_by_value
from expsdk.packaging.project import find_own_module, find_root
from expsdk.packaging.shipped import shipped_members
from expsdk.space import Space
from expsdk.version import __version__
from expsdk_runtime.contract import PAYLOAD_FORMAT
from expsdk_runtime.payload import FUNCTION, MANIFEST, PROJECT, SOURCES

LIMIT_BYTES = 16 * 1024 * 1024
RAW_LIMIT_BYTES = 16 * LIMIT_BYTES
PARTS_NAMED = 5
MOST_DECORATORS = 32
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Payload:
    """A packed experiment.

    Attributes:
        content: The archive's bytes.
        digest: "sha256:" and the hexadecimal digest of `content`.
        manifest: What its `manifest.json` says.
        root: The user's project on this machine.
        function: What was packed, as it is in this process.
    """

    content: bytes
    digest: str
    manifest: dict[str, Any]
    root: Path
    function: Callable[..., object]

    @property
    def file_name(self) -> str:
        """The name that payloads are kept under."""
        return f"payload-{self.digest.removeprefix('sha256:')[:12]}.pyz"

    @property
    def project_files(self) -> list[str]:
        """The files of the user's project that are in it, by their path below its root."""
        names = [each["name"] for each in self.manifest["files"]]
        return [name.removeprefix(PROJECT) for name in names if name.startswith(PROJECT)]

    def write(self, directory: Path) -> Path:
        """Write the payload below `directory`, whole or not at all, and return where."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / self.file_name
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        partial.write_bytes(self.content)
        partial.replace(path)
        return path


def pack(definition: Definition, *, beside: Callable[..., object] | None = None) -> Payload:
    """Pack an experiment's function with all the user's code that it needs.

    Args:
        definition: The experiment.
        beside: A function of the user's whose project it belongs to, where the function itself is not the user's.

    Raises:
        PackingError: Something that the function uses cannot travel, or a glob of `include` matches nothing.
        PayloadTooLarge: The payload is over 16 MiB; the message names its largest parts.
    """
    function = definition.function
    home = beside or function
    module = _module_name(home)
    adopted = None if home.__module__ == "__main__" else module.partition(".")[0]
    found = find_own_module(module, adopted=adopted)
    directory = _directory_of(home)
    root = find_root(directory, otherwise=found.entry if found else directory)
    contents = Contents(root, exclude=definition.exclude)
    members: dict[str, bytes] = {}
    sources: dict[str, str] = {}
    name = _importable_name(function)
    if name:
        entry = {"module": module, "qualname": name}
        contents.add_modules([module], adopted=adopted)
    else:
        entry = {"pickle": FUNCTION}
        pickled = pickle_by_value(function, root=root)
        members[FUNCTION] = pickled.content
        if not found:
            contents.add_path(directory)  # as Python has it for scripts and notebooks
        contents.add_modules(sorted(pickled.modules | {module}), adopted=adopted)
        for number, (file, text) in enumerate(sorted(pickled.sources.items())):
            # A script keeps its place in the project, where its data may lie beside it; a notebook's cell has none.
            sources[file] = f"{SOURCES}{number}.py" if file.startswith("<") else PROJECT + file
            members[sources[file]] = text.encode()
    contents.add_matching(definition.include)
    sizes = {name: len(content) for name, content in members.items()}
    sizes |= {PROJECT + name: size for name, size in contents.sizes().items()}
    if sum(sizes.values()) > RAW_LIMIT_BYTES:
        raise _too_large(function, sizes)
    members |= {PROJECT + name: content for name, content in contents.read().items()}
    manifest = _manifest(definition, entry, contents, sources, members)
    content = build_archive({**shipped_members(), **members, MANIFEST: _encode(manifest)}, limit_bytes=LIMIT_BYTES)
    if content is None:
        raise _too_large(function, sizes)
    return Payload(content, f"sha256:{hashlib.sha256(content).hexdigest()}", manifest, root, function)


def pack_function(
    function: Callable[..., object],
    *,
    name: str,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    beside: Callable[..., object] | None = None,
) -> Payload:
    """Pack a function that is no experiment, such as an optimizer, with all the user's code that it needs.

    Args:
        function: The function.
        name: What the payload is called.
        include: Globs, relative to the project's root, of files that travel beside the code.
        exclude: Globs of files that do not.
        beside: As for `pack`.

    Raises:
        PackingError: As for `pack`.
    """
    bare = Definition(
        function=function,
        name=name,
        space=Space.from_declarative({}),
        objectives=(),
        include=include,
        exclude=exclude,
        autolog=False,
    )
    return pack(bare, beside=beside)


def _manifest(
    definition: Definition,
    entry: Mapping[str, str],
    contents: Contents,
    sources: Mapping[str, str],
    members: Mapping[str, bytes],
) -> dict[str, Any]:
    return {
        "format": PAYLOAD_FORMAT,
        "name": definition.name,
        "function": definition.label,
        "entry": dict(entry),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "cloudpickle": cloudpickle.__version__,
        "expsdk": __version__,
        "objectives": [[objective.metric, objective.direction] for objective in definition.objectives],
        "space": definition.space.to_declarative(),
        "autolog": definition.autolog,
        "parameters": _accepted_parameters(definition.function),
        "paths": contents.paths,
        "imports": contents.foreign,
        "sources": dict(sources),
        "files": [
            {"name": name, "bytes": len(members[name]), "crc32": zlib.crc32(members[name])} for name in sorted(members)
        ],
    }


def _encode(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, indent=1, sort_keys=True).encode()


def _accepted_parameters(function: Callable[..., object]) -> dict[str, Any]:
    """Return the names that the function needs and takes, for those who run the payload by hand."""
    parameters = inspect.signature(function).parameters.values()
    named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    return {
        "required": [each.name for each in named if each.default is each.empty],
        "optional": [each.name for each in named if each.default is not each.empty],
        "open": any(each.kind is each.VAR_KEYWORD for each in parameters),
    }


def _importable_name(function: Callable[..., object]) -> str:
    """Return the dotted name below its module by which the job finds the function, or "" where it cannot import it.

    The name leads through decorators, the experiment's own and those above it.
    """
    module = sys.modules.get(function.__module__)
    if function.__module__ == "__main__" or getattr(module, "__spec__", None) is None:
        return ""
    name = getattr(function, "__qualname__", "")
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    for _ in range(MOST_DECORATORS):
        if found is function:
            return name
        found = getattr(found, "__wrapped__", None)
        name += ".__wrapped__"
    return ""


def _directory_of(function: Callable[..., object]) -> Path:
    """Return where the function was written: its file's directory, or this one for a notebook's cell."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    file = Path(code.co_filename) if code else Path()
    return file.resolve().parent if file.is_file() and not _is_notebook_cell(file) else Path.cwd()


def _is_notebook_cell(file: Path) -> bool:
    return file.parent.name.startswith("ipykernel_")


def _module_name(function: Callable[..., object]) -> str:
    """Return the function's module under the name that can be imported (`python -m` calls it `__main__`)."""
    spec = getattr(sys.modules.get(function.__module__), "__spec__", None)
    return spec.name if spec is not None else function.__module__ or "__main__"


def _too_large(function: Callable[..., object], sizes: Mapping[str, int]) -> PayloadTooLarge:
    """Return the error for a payload that is over its limit: its largest parts by name, and what to do."""
    parts = dict(sizes)
    if parts.pop(FUNCTION, 0):
        parts.update(sizes_of_variables(function))
    largest = sorted(parts.items(), key=lambda part: -part[1])[:PARTS_NAMED]
    named = ", ".join(f"{name.removeprefix(PROJECT)} ({size / _MIB:.1f} MiB)" for name, size in largest)
    return PayloadTooLarge(
        f"payload is {sum(sizes.values()) / _MIB:.1f} MiB, and more than its limit of {LIMIT_BYTES // _MIB} MiB when"
        f" compressed: its largest parts are {named}; create large values inside the function, leave files out with"
        " exclude=, and read data from a volume or an image"
    )
