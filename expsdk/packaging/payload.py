"""Packing: a checked experiment becomes one content-addressed file that any container with Python can run."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import cloudpickle

from expsdk.errors import PayloadTooLarge
from expsdk.experiment.definition import Definition
from expsdk.packaging.archive import build_archive
from expsdk.packaging.contents import Contents
from expsdk.packaging.diagnosis import sizes_of_variables
from expsdk.packaging.pickling import pickle_by_value
from expsdk.packaging.project import find_root
from expsdk.version import __version__
from expsdk_runtime.contract import PAYLOAD_FORMAT
from expsdk_runtime.payload import FUNCTION, MANIFEST, PROJECT

LIMIT_BYTES = 16 * 1024 * 1024
RAW_LIMIT_BYTES = 16 * LIMIT_BYTES
PARTS_NAMED = 5
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

    def write(self, directory: Path) -> Path:
        """Write the payload below `directory` and return where; a file of its name is the same payload."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / self.file_name
        path.write_bytes(self.content)
        return path


def pack(definition: Definition) -> Payload:
    """Pack an experiment's function with all the user's code that it needs.

    Raises:
        PackingError: Something that the function uses cannot travel, or a glob of `include` matches nothing.
        PayloadTooLarge: The payload is over 16 MiB; the message names its largest parts.
    """
    function = definition.function
    root = find_root(_directory_of(function))
    contents = Contents(root)
    members: dict[str, bytes] = {}
    sources: dict[str, str] = {}
    if _is_importable(definition):
        entry = {"module": function.__module__, "qualname": function.__qualname__}
        contents.add_modules([function.__module__], adopted=function.__module__.partition(".")[0])
    else:
        entry = {"pickle": FUNCTION}
        pickled = pickle_by_value(function, root=root)
        members[FUNCTION] = pickled.content
        contents.add_modules(sorted(pickled.modules | {_module_name(function)}), adopted=None)
        for number, (name, text) in enumerate(sorted(pickled.sources.items())):
            # A script keeps its place in the project, where its data may lie beside it; a notebook's cell has none.
            member = f"sources/{number}.py" if name.startswith("<") else PROJECT + name
            members[member] = text.encode()
            sources[name] = member
    contents.add_matching(definition.include)
    contents.remove_matching(definition.exclude)
    _refuse_too_much(definition, {name: path.stat().st_size for name, path in contents.files.items()}, RAW_LIMIT_BYTES)
    members.update({PROJECT + name: path.read_bytes() for name, path in contents.files.items()})
    manifest = _manifest(definition, entry, contents.paths, sources, members)
    content = build_archive({**_shipped_packages(), **members, MANIFEST: _encode(manifest)})
    if len(content) > LIMIT_BYTES:
        _refuse_too_much(
            definition, {name: len(part) for name, part in members.items()}, LIMIT_BYTES, total=len(content)
        )
    return Payload(content, f"sha256:{hashlib.sha256(content).hexdigest()}", manifest, root, function)


def _manifest(
    definition: Definition,
    entry: Mapping[str, str],
    paths: list[str],
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
        "parameters": _accepted_parameters(definition.function),
        "paths": paths,
        "sources": dict(sources),
        "files": [{"name": name, "bytes": len(members[name])} for name in sorted(members)],
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


def _is_importable(definition: Definition) -> bool:
    """Whether the job can import the function by its name."""
    function = definition.function
    module = sys.modules.get(function.__module__)
    if function.__module__ == "__main__" or getattr(module, "__spec__", None) is None:
        return False
    found: Any = module
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is not None and getattr(found, "__wrapped__", found) is function


def _directory_of(function: Callable[..., object]) -> Path:
    """Return where the function was written: its file's directory, or this one for a notebook's cell."""
    file = Path(inspect.unwrap(function).__code__.co_filename)
    return file.resolve().parent if file.is_file() and not _is_notebook_cell(file) else Path.cwd()


def _is_notebook_cell(file: Path) -> bool:
    return file.parent.name.startswith("ipykernel_")


def _module_name(function: Callable[..., object]) -> str:
    """Return the function's module under the name that can be imported (`python -m` calls it `__main__`)."""
    spec = getattr(sys.modules.get(function.__module__), "__spec__", None)
    return spec.name if spec is not None else function.__module__


@cache
def _shipped_packages() -> dict[str, bytes]:
    """Return the sources that travel in every payload: the runtime, expsdk and cloudpickle."""
    members: dict[str, bytes] = {}
    for package in ("expsdk_runtime", "expsdk", "cloudpickle"):
        top = Path(str(resources.files(package)))
        for path in sorted(top.rglob("*.py")):
            members[f"{package}/{path.relative_to(top).as_posix()}"] = path.read_bytes()
    members["__main__.py"] = members["expsdk_runtime/entry.py"]
    return members


def _refuse_too_much(definition: Definition, sizes: Mapping[str, int], limit: int, *, total: int | None = None) -> None:
    """Raise `PayloadTooLarge` where a payload is over its limit, naming its largest parts."""
    total = sum(sizes.values()) if total is None else total
    if total <= limit:
        return
    parts = dict(sizes)
    if parts.pop(FUNCTION, 0):
        parts.update(sizes_of_variables(definition.function))
    largest = sorted(parts.items(), key=lambda part: -part[1])[:PARTS_NAMED]
    named = ", ".join(f"{name.removeprefix(PROJECT)} ({size / _MIB:.1f} MiB)" for name, size in largest)
    raise PayloadTooLarge(
        f"payload is {total / _MIB:.1f} MiB, limit {limit // _MIB} MiB: its largest parts are {named}; create large"
        " values inside the function, leave files out with exclude=, and read data from a volume or an image"
    )
