"""A payload as the job sees it: what is no payload is told in words, and parts are checked before anything runs."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from expsdk.packaging.payload import pack
from expsdk_runtime.bootstrap import main
from expsdk_runtime.payload import Payload, PayloadError


@pytest.fixture
def path(project: Any, defined: Any, tmp_path: Path) -> Path:
    """A payload of a small module, and of data beside it."""
    project.write("data/deep/numbers.txt", "7")
    module = project.module("loadable", "def train(lr):\n    return lr\n")
    packed: Path = pack(defined(module.train, space={"lr": [1.0]}, include=["data"])).write(tmp_path)
    return packed


@pytest.fixture
def changed(path: Path) -> Callable[[str, bytes], Path]:
    """Return a function that gives one member of the payload another content."""

    def change(member: str, content: bytes) -> Path:
        other = path.with_name("changed.pyz")
        with zipfile.ZipFile(path) as before, zipfile.ZipFile(other, "w") as after:
            for name in before.namelist():
                after.writestr(name, content if name == member else before.read(name))
        return other

    return change


@pytest.fixture
def clean_path() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before


def test_the_project_is_unpacked_as_it_was(path: Path, project: Any, tmp_path: Path) -> None:
    Payload(str(path)).unpack(str(tmp_path / "job"))
    found = {
        file.relative_to(tmp_path / "job").as_posix(): file.read_bytes() for file in (tmp_path / "job").rglob("*.*")
    }
    assert found == {
        "loadable.py": (project.root / "loadable.py").read_bytes(),
        "data/deep/numbers.txt": b"7",
    }


def test_the_function_comes_from_the_unpacked_copy(path: Path, tmp_path: Path, clean_path: None) -> None:
    del sys.modules["loadable"]
    sys.path.insert(0, str(path))  # as Python does for `python payload.pyz`
    payload = Payload(str(path))
    payload.unpack(str(tmp_path / "job"))
    function = payload.load(str(tmp_path / "job"))
    assert function(lr=2.0) == 2.0
    assert function.__code__.co_filename == str(tmp_path / "job/loadable.py")
    assert sys.path[1] == str(tmp_path / "job")


@pytest.mark.parametrize("keep", [0, 10, 1000, -100, -1])
def test_a_truncated_archive_is_exit_code_65(path: Path, capsys: pytest.CaptureFixture[str], keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PayloadError, match="no manifest can be read from it"):
        Payload(str(path))
    assert main(str(path), []) == 65
    assert "is no payload that this runtime can read" in capsys.readouterr().err


def test_what_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(PayloadError, match="no manifest can be read from it"):
        Payload(str(tmp_path / "nowhere.pyz"))


def test_an_archive_of_something_else_is_told_in_words(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(PayloadError, match="no manifest can be read from it"):
        Payload(str(tmp_path / "other.zip"))


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b"{}", b"null", b"3"])
def test_a_manifest_that_says_nothing_is_told_in_words(changed: Callable[..., Path], manifest: bytes) -> None:
    with pytest.raises(PayloadError, match="no manifest can be read from it"):
        Payload(str(changed("manifest.json", manifest)))


def test_a_part_that_was_changed_is_found_out_before_it_is_written(
    changed: Callable[..., Path], tmp_path: Path
) -> None:
    payload = Payload(str(changed("project-files/data/deep/numbers.txt", b"8")))
    with pytest.raises(PayloadError, match=r"its project-files/data/deep/numbers.txt is not what was packed"):
        payload.unpack(str(tmp_path / "job"))
    assert not (tmp_path / "job/data").exists()


def test_a_part_that_is_missing_is_told_in_words(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pyz"
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(other, "w") as after:
        for name in before.namelist():
            if name != "project-files/loadable.py":
                after.writestr(name, before.read(name))
    with pytest.raises(PayloadError, match=r"its project-files/loadable.py cannot be read"):
        Payload(str(other)).unpack(str(tmp_path / "job"))
