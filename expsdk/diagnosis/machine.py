"""This machine: Python, expsdk, its extras, and the programs that people have beside it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from expsdk.diagnosis.finding import Finding, State
from expsdk.version import __version__

__all__ = ["EXTRAS", "examine_machine"]

EXTRAS = {
    "pandas": ("pandas",),
    "parquet": ("pandas", "pyarrow"),
    "plots": ("matplotlib", "plotly", "scikit-learn"),
    "dashboard": ("optuna-dashboard",),
    "tensorboard": ("tensorboard",),
}
"""What is installed with each of the extras that pyproject.toml has for users."""
_PURPOSES = {
    "pandas": "results.to_dataframe()",
    "parquet": "results.to_parquet()",
    "plots": "results.plot",
    "dashboard": "Optuna's pages in `expsdk dashboard`",
    "tensorboard": "`expsdk tensorboard`",
}
_PROGRAMS = {
    "git": "results tell which commit they are of",
    "kubectl": "people look at a cluster; expsdk itself does without",
}


def examine_machine() -> Iterator[Finding]:
    """Yield what is installed here."""
    python = ".".join(map(str, sys.version_info[:3]))
    release = "" if sys.version_info.releaselevel == "final" else f" ({sys.version_info.releaselevel})"
    yield Finding("python", State.OK, f"{python}{release} at {sys.executable}")
    yield Finding("expsdk", State.OK, f"{__version__} at {Path(__file__).parents[1]}")
    for extra, distributions in EXTRAS.items():
        yield _extra(extra, {name: _installed(name) for name in distributions})
    for program, purpose in _PROGRAMS.items():
        yield _program(program, shutil.which(program), purpose)


def _extra(extra: str, versions: dict[str, str | None]) -> Finding:
    missing = [name for name, installed in versions.items() if installed is None]
    if missing:
        words = f"not installed: {', '.join(missing)} (for {_PURPOSES[extra]})"
        return Finding(extra, State.WARN, words, f"pip install 'expsdk[{extra}]'")
    return Finding(extra, State.OK, ", ".join(f"{name} {installed}" for name, installed in versions.items()))


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _program(program: str, path: str | None, purpose: str) -> Finding:
    if path is None:
        return Finding(program, State.WARN, f"not on the PATH: with it, {purpose}", f"install {program}")
    return Finding(program, State.OK, path)
