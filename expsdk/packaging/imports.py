"""Which modules a source may import: read from its syntax, imports inside functions included."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from types import CodeType


def imports_of_source(source: bytes, *, package: str) -> Iterator[str]:
    """Yield the dotted names of modules that `source` may import.

    `from a import b` yields "a" and "a.b": only the file system tells whether b is a module.

    Args:
        source: A module's text; one that does not parse yields nothing, the job will say why.
        package: The package that relative imports start from ("" for none).
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, package)
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def imports_of_code(code: CodeType, *, package: str) -> Iterator[str]:
    """Yield the dotted names of modules that a code object imports, functions inside it included."""
    level: object = 0
    names: object = None
    for instruction in dis.get_instructions(code):
        if instruction.opname in {"LOAD_CONST", "LOAD_SMALL_INT"}:
            level, names = names, instruction.argval  # the two that IMPORT_NAME takes
        elif instruction.opname == "IMPORT_NAME":
            base = _absolute(str(instruction.argval or ""), level if isinstance(level, int) else 0, package)
            if base:
                yield base
                if isinstance(names, tuple):
                    yield from (f"{base}.{name}" for name in names if name != "*")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from imports_of_code(constant, package=package)


def _absolute(module: str, level: int, package: str) -> str:
    """Return what a relative import names, as `importlib.util.resolve_name` does, or "" where it leads nowhere."""
    if level == 0:
        return module
    parts = package.split(".") if package else []
    if level > len(parts):
        return ""
    return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])
