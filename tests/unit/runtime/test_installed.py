"""Versions of what modules come from: real installations, and others as their files would have them."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from expsdk_runtime.installed import TEXT_LIMIT_CHARS, as_text, environment_of, versions_of


def install(directory: Path, name: str, version: str, **files: str) -> None:
    """Write what an installer leaves of a distribution."""
    about = directory / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for file, text in files.items():
        (about / file.replace("_txt", ".txt")).write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the path, before all others."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_packages_are_found_by_their_modules() -> None:
    found = versions_of(["numpy", "yaml", "sklearn", "json", "a_module_that_is_not_here"])
    assert found == {name: version(name) for name in ("numpy", "PyYAML", "scikit-learn")}
    assert list(found) == ["numpy", "PyYAML", "scikit-learn"]


def test_without_modules_nothing_is_loaded() -> None:
    assert versions_of([]) == {}
    assert environment_of([]) == {}


def test_one_that_is_only_called_like_the_module_is_not_meant(site: Path) -> None:
    install(site, "imagery", "9.0", RECORD="something_else/__init__.py,,\n")
    install(site, "Pictures", "1.2", RECORD="imagery/__init__.py,,\nimagery_more/x.py,,\n")
    assert versions_of(["imagery"]) == {"Pictures": "1.2"}


def test_all_that_share_a_namespace_are_found(site: Path) -> None:
    install(site, "cloud-storage", "1.0", RECORD="cloud/storage/__init__.py,,\n")
    install(site, "cloud-queue", "2.0", top_level_txt="cloud\n")
    assert versions_of(["cloud"]) == {"cloud-queue": "2.0", "cloud-storage": "1.0"}


@pytest.mark.parametrize("file", ["single.py", "single.cpython-311-x86_64-linux-gnu.so", "single.abi3.so"])
def test_modules_of_one_file(site: Path, file: str) -> None:
    install(site, "Only", "3", RECORD=f"{file},,\n")
    assert versions_of(["single"]) == {"Only": "3"}


def test_of_two_installations_the_first_on_the_path_counts(site: Path) -> None:
    install(site, "PyYAML", "0.1", top_level_txt="yaml\n")
    assert versions_of(["yaml"]) == {"PyYAML": "0.1"}


def test_what_cannot_be_read_is_left_out(site: Path) -> None:
    install(site, "broken", "1.0", RECORD="broken/__init__.py,,\n")
    (site / "broken-1.0.dist-info/METADATA").write_bytes(b"\xff\xfe\x00")
    (site / "nameless-1.0.dist-info").mkdir()
    found = versions_of(["broken", "numpy"])
    assert "broken" not in found


def test_the_text_is_as_pip_reads_it_and_bounded() -> None:
    assert as_text({"a": "1", "b": "2+cpu"}) == "a==1 b==2+cpu"
    assert as_text({}) == ""
    text = as_text({f"package-{number}": "1.0" for number in range(1000)})
    assert TEXT_LIMIT_CHARS - 20 < len(text) <= TEXT_LIMIT_CHARS
    assert text.endswith("==1.0")


def test_the_environment_tells_of_this_interpreter() -> None:
    assert environment_of(["numpy"]) == {"packages": f"numpy=={version('numpy')}"}
    assert sys.modules["numpy"]
