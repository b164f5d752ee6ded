"""Which modules and files are the user's own."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from expsdk.packaging.project import OwnModule, files_of_package, find_own_module, find_root


class TestRoot:
    @pytest.mark.parametrize("marker", ["pyproject.toml", "setup.py", "setup.cfg", ".git"])
    def test_it_is_the_nearest_directory_with_a_marker(self, tmp_path: Path, marker: str) -> None:
        (tmp_path / marker).touch()
        (tmp_path / "a/b").mkdir(parents=True)
        assert find_root(tmp_path / "a/b", otherwise=tmp_path / "a") == tmp_path

    def test_of_nested_projects_it_is_the_inner_one(self, tmp_path: Path) -> None:
        (tmp_path / "inner/src").mkdir(parents=True)
        (tmp_path / "setup.py").touch()
        (tmp_path / "inner/pyproject.toml").touch()
        assert find_root(tmp_path / "inner/src", otherwise=tmp_path) == tmp_path / "inner"

    def test_without_a_marker_it_is_what_the_caller_says(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        assert find_root(tmp_path / "a", otherwise=tmp_path) == tmp_path


class TestOwnModule:
    def test_a_module_of_the_project_is_own(self, project: Any) -> None:
        file = project.write("own.py")
        found = find_own_module("own")
        assert found == OwnModule("own", file, project.root, is_package=False)
        assert found.place == Path("own.py")

    def test_a_submodule_is_found_without_importing_anything(self, project: Any) -> None:
        project.write("own/__init__.py", "raise AssertionError('imported')")
        project.write("own/sub/__init__.py", "raise AssertionError('imported')")
        file = project.write("own/sub/part.py")
        found = find_own_module("own.sub.part")
        assert found == OwnModule("own.sub.part", file, project.root, is_package=False)
        assert found.place == Path("own/sub/part.py")
        assert "own" not in sys.modules

    def test_a_package_is_its_init(self, project: Any) -> None:
        file = project.write("own/__init__.py")
        found = find_own_module("own")
        assert found == OwnModule("own", file, project.root, is_package=True)
        assert found.place == Path("own")

    def test_namespace_packages_nest_and_may_lie_in_several_places(self, project: Any, tmp_path: Path) -> None:
        project.write("ns/deep/here.py")
        (tmp_path / "other/ns/deep").mkdir(parents=True)
        (tmp_path / "other/ns/deep/there.py").touch()
        sys.path.insert(1, str(tmp_path / "other"))
        try:
            assert find_own_module("ns") == OwnModule("ns", None, project.root, is_package=False)
            assert find_own_module("ns.deep.here").place == Path("ns/deep/here.py")  # type: ignore[union-attr]
            there = find_own_module("ns.deep.there")
        finally:
            sys.path.remove(str(tmp_path / "other"))
        assert there is not None
        assert (there.file, there.place) == (tmp_path / "other/ns/deep/there.py", Path("ns/deep/there.py"))

    @pytest.mark.parametrize(
        "name",
        [
            "json",
            "json.decoder",
            "sys",
            "pytest",
            "expsdk",
            "expsdk.space",
            "expsdk_runtime",
            "cloudpickle",
            "__main__",
        ],
    )
    def test_what_is_installed_or_ships_anyway_is_not_own(self, name: str) -> None:
        assert find_own_module(name) is None

    def test_nothing_of_the_standard_library_is_own(self) -> None:
        assert [name for name in sorted(sys.stdlib_module_names) if find_own_module(name)] == []

    @pytest.mark.parametrize("name", ["nowhere", "own.nowhere", "single.part"])
    def test_what_is_not_there_is_not_own(self, project: Any, name: str) -> None:
        project.write("own/__init__.py")
        project.write("single.py")
        assert find_own_module(name) is None

    def test_an_installed_module_is_own_where_it_is_adopted(self, project: Any, tmp_path: Path) -> None:
        site = tmp_path / "lib/site-packages"
        (site / "mine").mkdir(parents=True)
        (site / "mine/__init__.py").touch()
        sys.path.insert(0, str(site))
        try:
            assert find_own_module("mine") is None
            assert find_own_module("mine", adopted="mine").entry == site  # type: ignore[union-attr]
        finally:
            sys.path.remove(str(site))

    def test_a_module_that_shadows_the_standard_librarys_is_own(self, project: Any) -> None:
        file = project.write("this.py")
        assert "this" not in sys.modules
        found = find_own_module("this")
        assert found is not None
        assert found.file == file

    def test_a_module_made_by_hand_is_not_own(self, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "handmade", type(sys)("handmade"))
        assert find_own_module("handmade") is None

    def test_a_module_in_a_zip_archive_is_not_own(self, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        with zipfile.ZipFile(project.root / "library.zip", "w") as archive:
            archive.writestr("zipped/__init__.py", "")
        monkeypatch.syspath_prepend(str(project.root / "library.zip"))
        assert importlib.util.find_spec("zipped") is not None
        assert find_own_module("zipped") is None

    def test_a_package_behind_a_link_keeps_its_name_and_place(self, project: Any, tmp_path: Path) -> None:
        (tmp_path / "store/library-v2").mkdir(parents=True)
        (tmp_path / "store/library-v2/__init__.py").touch()
        (project.root / "library").symlink_to(tmp_path / "store/library-v2")
        found = find_own_module("library")
        assert found is not None
        assert (found.entry, found.place) == (project.root, Path("library"))

    @pytest.mark.parametrize(
        ("file", "place"),
        [
            ("01 first.py", "first.py"),
            ("fast.cpython-311-x86_64-linux-gnu.so", "first.cpython-311-x86_64-linux-gnu.so"),
        ],
    )
    def test_its_place_follows_from_its_name(self, file: str, place: str) -> None:
        assert OwnModule("a.first", Path("/x") / file, Path("/x"), is_package=False).place == Path("a") / place


class TestFilesOfPackage:
    def test_all_files_but_caches_and_hidden_ones(self, tmp_path: Path) -> None:
        names = ["b.py", "a.py", "data/x.csv", "fast.so", "sub/__init__.py"]
        hidden = [".env", ".git/config", "__pycache__/a.pyc", "sub/old.pyc", "node_modules/x.js", "p.egg-info/PKG"]
        installed = ["venv/lib/site-packages/x.py"]
        for name in names + hidden + installed:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        assert [str(path.relative_to(tmp_path)) for path in files_of_package(tmp_path)] == sorted(names)

    def test_loops_of_links_end(self, tmp_path: Path) -> None:
        (tmp_path / "pkg/sub").mkdir(parents=True)
        for name in ("__init__.py", "sub/__init__.py"):
            (tmp_path / "pkg" / name).touch()
        (tmp_path / "pkg/sub/up").symlink_to(tmp_path / "pkg")
        (tmp_path / "pkg/itself").symlink_to(tmp_path / "pkg/itself")
        found = [str(path.relative_to(tmp_path)) for path in files_of_package(tmp_path / "pkg")]
        assert found == ["pkg/__init__.py", "pkg/sub/__init__.py"]

    def test_a_link_is_followed_to_a_package_but_not_to_a_directory_of_data(self, tmp_path: Path) -> None:
        for name in ("pkg/__init__.py", "shared/__init__.py", "shared/x.py", "datasets/huge.bin", "one.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        for link, target in (("shared", "shared"), ("data", "datasets"), ("one.txt", "one.txt")):
            (tmp_path / "pkg" / link).symlink_to(tmp_path / target)
        found = [str(path.relative_to(tmp_path / "pkg")) for path in files_of_package(tmp_path / "pkg")]
        assert found == ["__init__.py", "one.txt", "shared/__init__.py", "shared/x.py"]

    def test_what_is_no_file_is_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere")
        os.mkfifo(tmp_path / "pipe")
        assert list(files_of_package(tmp_path)) == []
