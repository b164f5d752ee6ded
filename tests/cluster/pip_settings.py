"""Where this machine's pip finds packages, told to the pip that runs in an image's build."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from commands import ClusterError, run

PYPI = "https://pypi.org/simple"

_CERTIFICATES = Path("/etc/ssl/certs")
_TOLD = (
    "cert",
    "client-cert",
    "constraint",
    "extra-index-url",
    "find-links",
    "index-url",
    "no-index",
    "proxy",
    "retries",
    "timeout",
    "trusted-host",
)
_LEVELS = ("global", "install", ":env:")  # the later wins


def read() -> dict[str, str]:
    """Return the settings by name, from pip's files and environment; none where this Python has no pip."""
    try:
        printed = run(sys.executable, "-m", "pip", "config", "list")
    except ClusterError:
        return {}
    found: dict[str, dict[str, str]] = {level: {} for level in _LEVELS}
    for line in printed.splitlines():
        key, _, value = line.partition("=")
        level, _, name = key.rpartition(".")
        name = name.removeprefix("default-")  # as PIP_DEFAULT_TIMEOUT says it
        if level in found and name in _TOLD:
            found[level][name] = str(ast.literal_eval(value))
    return {name: value for level in _LEVELS for name, value in found[level].items()}


def volumes(settings: dict[str, str], workplace: Path) -> list[tuple[Path, Path]]:
    """Return what is mounted where in a build: the settings as pip's file, and the files that they name."""
    written = workplace / "pip.conf"
    lines = [f"{name} = {value.strip()}".replace("\n", "\n    ") for name, value in settings.items()]
    written.write_text("\n".join(["[global]", *lines, ""]))
    named = [_place(word) for value in settings.values() for word in value.split()]
    shared = {path for path in named if path and path.exists() and not path.is_relative_to(_CERTIFICATES)}
    if _CERTIFICATES.exists():
        shared.add(_CERTIFICATES)
    return [(written, Path("/etc/pip.conf")), *((path, path) for path in sorted(shared))]


def _place(word: str) -> Path | None:
    """Return the file or directory of this machine that a word of the settings names."""
    if word.startswith("file://"):
        return Path(word.removeprefix("file://")).parent  # an index lies beside the files that it links to
    return Path(word) if word.startswith("/") else None
