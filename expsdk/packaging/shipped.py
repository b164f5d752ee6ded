"""What of expsdk travels in every payload: its sources, and the byte code of those that a job loads at its start.

Compiling those sources would be half of a job's start. A payload runs on the Python minor version that packed it only,
so byte code is safe to ship; where an interpreter cannot use it after all, it reads the source beside it.
"""

from __future__ import annotations

import importlib.util
import marshal
import struct
import sys
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from zipfile import ZipFile
from zipimport import zipimporter

PACKAGES = ("expsdk_runtime", "expsdk", "cloudpickle")
ENTRY = "expsdk_runtime/entry.py"
MAIN = "__main__.py"
_LOADED_BY_JOBS = (
    "cloudpickle/",
    "expsdk_runtime/",
    "expsdk/__init__.py",
    "expsdk/backends/__init__.py",
    "expsdk/backends/local/__init__.py",
    "expsdk/backends/local/guard.py",
    "expsdk/backends/local/launcher.py",
    "expsdk/backends/local/processes.py",
    "expsdk/decorator.py",
    "expsdk/errors.py",
    "expsdk/experiment/",
    "expsdk/resources/__init__.py",
    "expsdk/resources/names.py",
    "expsdk/space/",
    "expsdk/version.py",
)
_UNCHECKED_HASH = 0b01
"""PEP 552: this byte code stands for its source whatever the source's time is, and is not compared with it."""
_FORMAT_WITHOUT_REFERENCES = 2
"""From marshal's format 3 on, what is written depends on who else holds an object, and so differs between processes."""


@cache
def shipped_members() -> dict[str, bytes]:
    """Return the members of every payload, content by name; the same for every process with this Python."""
    loader = globals()["__loader__"]
    members = _from_payload(loader.archive) if isinstance(loader, zipimporter) else _from_files()
    members[MAIN] = members[ENTRY]
    return members


def _from_payload(archive: str) -> dict[str, bytes]:
    """Return the members as they came: a job packs in its turn."""
    ours = tuple(f"{package}/" for package in PACKAGES)
    with ZipFile(archive) as payload:
        return {name: payload.read(name) for name in payload.namelist() if name.startswith(ours)}


def _from_files() -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    for package in PACKAGES:
        top = Path(str(resources.files(package)))
        for path in sorted(top.rglob("*.py")):
            name = f"{package}/{path.relative_to(top).as_posix()}"
            members[name] = path.read_bytes()
            if name.startswith(_LOADED_BY_JOBS) and name != ENTRY:
                members.update(_byte_code(name, path, members[name]))
    return members


def _byte_code(name: str, path: Path, source: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the member with a module's byte code, unless it would differ between processes."""
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    code = SourceFileLoader(module, str(path)).get_code(module)
    if code is None or (sys.version_info < (3, 11) and _has_sets(code)):
        return
    header = importlib.util.MAGIC_NUMBER + struct.pack("<I", _UNCHECKED_HASH) + importlib.util.source_hash(source)
    # No path of this machine travels; tracebacks name the module as they do those that are frozen into Python.
    renamed = _renamed(code, f"<frozen {module}>")
    yield f"{name}c", header + marshal.dumps(renamed, _FORMAT_WITHOUT_REFERENCES)


def _renamed(code: CodeType, file: str) -> CodeType:
    """Return the code as that of another file."""
    constants = tuple(_renamed(each, file) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.replace(co_filename=file, co_consts=constants)


def _has_sets(code: CodeType) -> bool:
    """Whether a set is among the constants, which before Python 3.11 are written in the order of the hash seed."""
    return any(
        isinstance(each, frozenset) or (isinstance(each, CodeType) and _has_sets(each)) for each in code.co_consts
    )
