"""Where a payload came from."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from expsdk.packaging.provenance import provenance_of
from expsdk.version import __version__


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that runs git in a repository with one commit of one file."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        done = subprocess.run(["git", *identity, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "--quiet")
    (tmp_path / "train.py").write_text("x = 1")
    run("add", "train.py")
    run("commit", "--quiet", "--message", "first")
    return run


def test_it_names_the_commit(git: Callable[..., str], tmp_path: Path) -> None:
    provenance = provenance_of(tmp_path)
    assert (provenance["gitCommit"], provenance["gitDirty"]) == (git("rev-parse", "HEAD"), False)


def test_it_tells_of_changes_but_not_of_new_files(git: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "new.py").touch()
    assert provenance_of(tmp_path)["gitDirty"] is False
    (tmp_path / "train.py").write_text("x = 2")
    assert provenance_of(tmp_path)["gitDirty"] is True


def test_it_leaves_the_repository_alone(git: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("x = 1")  # the same content with a new time: git would note that in its index
    index = (tmp_path / ".git/index").read_bytes()
    os.utime(tmp_path / "train.py", (1, 1))
    provenance_of(tmp_path)
    assert (tmp_path / ".git/index").read_bytes() == index


def test_outside_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    provenance = provenance_of(tmp_path)
    assert (provenance["gitCommit"], provenance["gitDirty"]) == (None, None)


def test_in_a_repository_without_a_commit_there_is_none(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert provenance_of(tmp_path)["gitCommit"] is None


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance_of(tmp_path)["gitCommit"] is None


def test_it_names_user_versions_and_time(tmp_path: Path) -> None:
    provenance = provenance_of(tmp_path)
    assert provenance["user"] == getpass.getuser()
    assert provenance["python"] == ".".join(map(str, sys.version_info[:3]))
    assert provenance["expsdk"] == __version__
    assert provenance["created"].endswith("Z")
    assert provenance["host"]


def test_a_user_id_without_a_name_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567)  # as in a container that was given any user id
    assert provenance_of(tmp_path)["user"] == ""
