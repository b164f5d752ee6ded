"""Where a payload came from."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from expsdk.packaging import provenance
from expsdk.packaging.provenance import provenance_of
from expsdk.version import __version__


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that runs git in a repository with one commit of one file."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

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
    found = provenance_of(tmp_path)
    assert (found["gitCommit"], found["gitDirty"]) == (git("rev-parse", "HEAD"), False)


def test_it_tells_of_changes_but_not_of_new_files(git: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "new.py").touch()
    assert provenance_of(tmp_path)["gitDirty"] is False
    (tmp_path / "train.py").write_text("x = 2")
    assert provenance_of(tmp_path)["gitDirty"] is True


def test_the_digest_of_changes_is_that_of_what_the_files_hold(git: Callable[..., str], tmp_path: Path) -> None:
    assert provenance_of(tmp_path)["diffDigest"] is None
    (tmp_path / "train.py").write_text("x = 2")
    changed = provenance_of(tmp_path)["diffDigest"]
    assert changed.startswith("sha256:")
    assert provenance_of(tmp_path)["diffDigest"] == changed
    git("config", "diff.mnemonicPrefix", "true")
    git("add", "train.py")
    assert provenance_of(tmp_path)["diffDigest"] == changed
    (tmp_path / "train.py").write_text("x = 3")
    assert provenance_of(tmp_path)["diffDigest"] != changed
    (tmp_path / "train.py").unlink()
    assert provenance_of(tmp_path)["diffDigest"] not in (None, changed)


def test_of_files_that_git_does_not_know_those_that_are_packed_count(git: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("ignored*")
    git("add", ".gitignore")
    git("commit", "--quiet", "--message", "second")
    for name in ("näw.py", "ignored.py", "other.py"):
        (tmp_path / name).write_text(name)
    found = provenance_of(tmp_path, files=["train.py", "näw.py"])
    assert found["gitDirty"] is True
    (tmp_path / "other.py").write_text("another")
    assert provenance_of(tmp_path, files=["train.py", "näw.py"])["diffDigest"] == found["diffDigest"]
    assert provenance_of(tmp_path, files=["ignored.py"])["diffDigest"] not in (None, found["diffDigest"])
    (tmp_path / "näw.py").write_text("another")
    assert provenance_of(tmp_path, files=["train.py", "näw.py"])["diffDigest"] != found["diffDigest"]


def test_in_a_part_of_a_repository_only_that_part_counts(git: Callable[..., str], tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.mkdir()
    (part / "train.py").write_text("y = 1")
    git("add", ".")
    git("commit", "--quiet", "--message", "second")
    (tmp_path / "train.py").write_text("x = 2")
    assert provenance_of(part, files=["train.py"])["gitDirty"] is False
    (part / "train.py").write_text("y = 2")
    assert provenance_of(part)["diffDigest"] is not None


def test_changes_that_take_too_long_to_read_are_told_without_a_digest(
    git: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.py").write_text("x = 2")
    monkeypatch.setattr(provenance, "LIMIT_BYTES", 4)
    found = provenance_of(tmp_path)
    assert (found["gitDirty"], found["diffDigest"]) == (True, None)


def test_a_git_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(provenance, "GIT_TIMEOUT_S", 0.1)
    assert provenance_of(tmp_path)["gitCommit"] is None


def test_it_leaves_the_repository_alone(git: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("x = 1")  # the same content with a new time: git would note that in its index
    index = (tmp_path / ".git/index").read_bytes()
    os.utime(tmp_path / "train.py", (1, 1))
    provenance_of(tmp_path)
    assert (tmp_path / ".git/index").read_bytes() == index


def test_outside_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    found = provenance_of(tmp_path)
    assert (found["gitCommit"], found["gitDirty"], found["diffDigest"]) == (None, None, None)


def test_in_a_repository_without_a_commit_there_is_none(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert provenance_of(tmp_path)["gitCommit"] is None


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance_of(tmp_path)["gitCommit"] is None


def test_it_names_user_versions_and_time(tmp_path: Path) -> None:
    found = provenance_of(tmp_path)
    assert found["user"] == getpass.getuser()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["expsdk"] == __version__
    assert found["created"].endswith("Z")
    assert found["host"]


@pytest.mark.parametrize(
    ("given", "user", "host"),
    [("ada", "ada", ""), ("ada@lab", "ada", "lab"), ("", "", ""), (" ada ", "ada", "")],
)
def test_the_user_says_who_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, user: str, host: str
) -> None:
    monkeypatch.setenv("EXPSDK_USER", given)
    found = provenance_of(tmp_path)
    assert (found["user"], found["host"]) == (user, host)


def test_it_names_the_packages_that_are_installed_here(tmp_path: Path) -> None:
    found = provenance_of(tmp_path, imports=["yaml", "numpy", "a_module_that_is_not_here"])
    assert found["packages"] == {name: version(name) for name in ("numpy", "PyYAML")}


def test_a_user_id_without_a_name_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567)  # as in a container that was given any user id
    assert provenance_of(tmp_path)["user"] == ""
