"""The command as a person runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No kubeconfig, no builder, a home of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EXPSDK_", "KUBE"))}
    (tmp_path / "bin").mkdir()
    return {**kept, "HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin"), "COLUMNS": "100"}


@pytest.fixture(scope="session")
def run_command() -> Run:
    """Runs `python -m expsdk` in a directory, with an environment."""

    def run(*arguments: str, directory: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "expsdk", *arguments],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def expsdk(tmp_path: Path, environment: dict[str, str], run_command: Run) -> Run:
    """Runs `python -m expsdk` in a directory of its own."""
    return partial(run_command, directory=tmp_path, environment=environment)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a script into that directory."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write
