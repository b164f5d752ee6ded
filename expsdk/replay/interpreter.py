"""The interpreter that runs a payload: which one can, and what it has installed."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from expsdk.errors import ReplayError

ANSWER_S = 60.0


@dataclass(frozen=True)
class Interpreter:
    """A Python.

    Attributes:
        path: Its program.
        python: Its full version.
        packages: The versions that it has of the packages that a payload's function imports.
    """

    path: str
    python: str
    packages: Mapping[str, str] = field(default_factory=dict)

    def with_environment(self, payload: Path) -> Interpreter:
        """Return it with the packages that it has for a payload; raises `ReplayError` where it cannot run that."""
        told = _ask([self.path, str(payload), "--environment"])
        return replace(self, packages=json.loads(told)["packages"])


def find_interpreter(path: str, *, wanted: str) -> Interpreter:
    """Return the interpreter at `path`, or this one, if it can load payloads of a minor version.

    Raises:
        ReplayError: It is none, or of another version; the message names one that would do.
    """
    program = shutil.which(path) if path else sys.executable
    if program is None:
        raise ReplayError(f"--python names an interpreter, and there is none at {path!r}; {_remedy(wanted)}")
    version = "import platform; print(platform.python_version())"
    found = _ask([program, "-c", version]).strip() if path else platform.python_version()
    if ".".join(found.split(".")[:2]) != wanted:
        raise ReplayError(
            f"a payload is loaded by the Python minor version that packed it, {wanted}, and {program} is Python"
            f" {found or 'of no version'}; {_remedy(wanted)}"
        )
    return Interpreter(program, found)


def _remedy(wanted: str) -> str:
    there = shutil.which(f"python{wanted}")
    if there:
        return f"write --python {there} (with the function's packages installed)"
    return f"install Python {wanted} with the function's packages, and name it with --python"


def _ask(command: list[str]) -> str:
    """Return what an interpreter prints."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=ANSWER_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReplayError(f"a replay runs in a Python, and {command[0]} does not run: {error}") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise ReplayError(f"a replay runs in a Python that loads the payload, and {command[0]} does not: {said}")
    return done.stdout
