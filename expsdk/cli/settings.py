"""Where experiments are: as flags say, then the environment, `[tool.expsdk]` in pyproject.toml, and defaults."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expsdk.errors import OptionError
from expsdk.spelling import suggest

BACKENDS = ("local", "kubernetes")
OPTIONS = {"local": ("root",), "kubernetes": ("namespace", "context", "kubeconfig")}
NAMES = ("backend", *OPTIONS["local"], *OPTIONS["kubernetes"])
VARIABLES = {name: f"EXPSDK_{name.upper()}" for name in NAMES} | {"kubeconfig": "KUBECONFIG"}
DEFAULT = "default"
_PATHS = ("root", "kubeconfig")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that is in force.

    Attributes:
        value: Its value, or None where the backend has a default of its own.
        source: Where it is from, for people: "--namespace", "EXPSDK_NAMESPACE", "[tool.expsdk] in pyproject.toml".
    """

    value: str | None
    source: str


def resolve(flags: Mapping[str, str | None], *, environment: Mapping[str, str], directory: Path) -> dict[str, Setting]:
    """Return every setting with its source.

    Where no flag names the backend, a flag that only one backend has does.

    Args:
        flags: What the command line gives, by name; None where it does not.
        environment: The environment's variables.
        directory: Where to look for pyproject.toml, and above.

    Raises:
        OptionError: A flag is another backend's, or a setting is none.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    kept, file = read_project(directory)
    found = {name: _setting(name, given, environment, kept, file) for name in NAMES}
    if "backend" not in given:
        owner = next((backend for backend, options in OPTIONS.items() if given.keys() & set(options)), None)
        if owner is not None:
            flag = next(name for name in OPTIONS[owner] if name in given)
            found["backend"] = Setting(owner, f"--{flag}")
    backend = found["backend"]
    if backend.value not in BACKENDS:
        raise OptionError(
            f"the backend is one of {', '.join(BACKENDS)}, not {backend.value!r} ({backend.source});"
            f" {suggest(backend.value, BACKENDS)}"
        )
    foreign = next((name for name in given if name != "backend" and name not in OPTIONS[backend.value]), None)
    if foreign is not None:
        owner = next(owner for owner, options in OPTIONS.items() if foreign in options)
        raise OptionError(
            f"--{foreign} is for the backend {owner}, and the backend is {backend.value} ({backend.source}); leave one"
            " of them out"
        )
    return found


def read_project(directory: Path) -> tuple[dict[str, str], Path | None]:
    """Return the table `[tool.expsdk]` of the nearest pyproject.toml that has one, and that file; paths are absolute.

    Raises:
        OptionError: The file is no TOML, or the table has what is no setting.
    """
    for place in (directory, *directory.parents):
        file = place / "pyproject.toml"
        table = _table(file) if file.is_file() else None
        if table is not None:
            return {name: _checked(name, value, file) for name, value in table.items()}, file
    return {}, None


def _table(file: Path) -> dict[str, Any] | None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("expsdk")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(f"settings are read from {file}, which cannot be read ({error}); mend it") from error
    if table is not None and not isinstance(table, dict):
        raise OptionError(f"tool.expsdk in {file} is a table of settings, not {table!r}; write [tool.expsdk]")
    return table


def _checked(name: str, value: object, file: Path) -> str:
    if name not in NAMES:
        raise OptionError(f"[tool.expsdk] in {file} takes {', '.join(NAMES)}, not {name!r}; {suggest(name, NAMES)}")
    if not isinstance(value, str) or not value:
        raise OptionError(f"{name} of [tool.expsdk] in {file} is a text, not {value!r}; write it in quotes")
    return str(file.parent / Path(value).expanduser()) if name in _PATHS else value


def _setting(
    name: str, given: Mapping[str, str], environment: Mapping[str, str], kept: Mapping[str, str], file: Path | None
) -> Setting:
    variable = VARIABLES[name]
    if name in given:
        return Setting(given[name], f"--{name}")
    if environment.get(variable):
        return Setting(environment[variable], variable)
    if name in kept:
        return Setting(kept[name], f"[tool.expsdk] in {_shown(file)}")
    return Setting("local" if name == "backend" else None, DEFAULT)


def _shown(file: Path | None) -> str:
    """Return a path as short as it can be from here."""
    return os.path.relpath(file) if file is not None else ""
