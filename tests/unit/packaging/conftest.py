"""A user's project in a temporary directory, importable while the test runs."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from expsdk.experiment.definition import Definition, define


class Project:
    """A directory on `sys.path` with a user's files in it; it is the working directory too."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, content: str | bytes = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
        importlib.invalidate_caches()
        return path

    def module(self, name: str, content: str) -> ModuleType:
        """Write a module and import it."""
        self.write(f"{name.replace('.', '/')}.py", content)
        return importlib.import_module(name)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root))
    before = set(sys.modules)
    yield Project(root)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__spec__", "")):
            del sys.modules[name]


@pytest.fixture
def defined() -> Callable[..., Definition]:
    """Return a function that makes an experiment's definition of any function."""

    def make(function: Callable[..., object], **options: Any) -> Definition:
        settings = {
            "space": {},
            "objective": "loss",
            "direction": "minimize",
            "name": "exp",
            "include": (),
            "exclude": (),
        }
        return define(function, **{**settings, **options})

    return make
