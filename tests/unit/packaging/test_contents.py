"""Which of the project's files travel, and where they are in the payload."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from expsdk.errors import PackingError
from expsdk.packaging.contents import Contents


@pytest.fixture
def contents(project: Any) -> Contents:
    return Contents(project.root)


class TestModules:
    def test_what_a_module_imports_travels_and_what_it_does_not_import_stays(
        self, project: Any, contents: Contents
    ) -> None:
        project.write("first.py", "import second\nimport json, numpy, nowhere")
        project.write("second.py", "def f():\n    from third import x")
        project.write("third.py", "x = 1")
        project.write("unrelated.py")
        contents.add_modules(["first"], adopted=None)
        assert sorted(contents.files) == ["first.py", "second.py", "third.py"]
        assert contents.paths == ["."]

    def test_circular_imports_end(self, project: Any, contents: Contents) -> None:
        project.write("one.py", "import two")
        project.write("two.py", "import one, two")
        contents.add_modules(["one"], adopted=None)
        assert sorted(contents.files) == ["one.py", "two.py"]

    def test_of_a_package_the_whole_tree_travels_with_its_relative_imports(
        self, project: Any, contents: Contents
    ) -> None:
        project.write("lab/__init__.py", "from .part import x\nfrom . import nothing")
        project.write("lab/part.py", "from .sub.deep import y\nfrom ... import too_far")
        project.write("lab/sub/__init__.py")
        project.write("lab/sub/deep.py", "from ..data import z\nimport beside")
        project.write("lab/data/z.csv")
        project.write("beside.py")
        contents.add_modules(["lab.part"], adopted=None)
        assert sorted(contents.files) == [
            "beside.py",
            "lab/__init__.py",
            "lab/data/z.csv",
            "lab/part.py",
            "lab/sub/__init__.py",
            "lab/sub/deep.py",
        ]

    def test_of_a_namespace_package_only_what_is_imported_travels(self, project: Any, contents: Contents) -> None:
        project.write("ns/sub/used.py", "from . import also\nfrom .. import top")
        project.write("ns/sub/also.py")
        project.write("ns/sub/unused.py")
        project.write("ns/top.py")
        contents.add_modules(["ns.sub.used"], adopted=None)
        assert sorted(contents.files) == ["ns/sub/also.py", "ns/sub/used.py", "ns/top.py"]

    def test_a_directory_of_the_project_keeps_its_place(self, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        project.write("src/own.py")
        monkeypatch.syspath_prepend(str(project.root / "src"))
        contents = Contents(project.root)
        contents.add_modules(["own"], adopted=None)
        assert (list(contents.files), contents.paths) == (["src/own.py"], ["src"])

    def test_directories_outside_the_project_share_a_place_that_names_none_of_them(
        self, contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for directory, module in (("secret/lib", "far"), ("other/lib", "away")):
            (tmp_path / directory).mkdir(parents=True)
            (tmp_path / directory / f"{module}.py").touch()
            monkeypatch.syspath_prepend(str(tmp_path / directory))
        contents.add_modules(["away", "far"], adopted=None)
        assert sorted(contents.files) == ["_elsewhere/away.py", "_elsewhere/far.py"]
        assert contents.paths == ["_elsewhere"]

    def test_an_extension_module_travels(self, project: Any, contents: Contents) -> None:
        suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
        project.write(f"fast{suffix}", b"\x7fELF")
        project.write("user.py", "import fast")
        contents.add_modules(["user"], adopted=None)
        assert sorted(contents.files) == [f"fast{suffix}", "user.py"]

    def test_a_module_whose_file_has_vanished_is_refused_by_name(self, project: Any, contents: Contents) -> None:
        module = project.module("vanished", "x = 1")
        Path(module.__file__).unlink()
        with pytest.raises(PackingError, match=r"but vanished has none at .*vanished\.py; restore it"):
            contents.add_modules(["vanished"], adopted=None)

    def test_a_huge_source_is_not_read(self, project: Any, contents: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
        with project.write("huge.py").open("wb") as file:
            file.truncate(1024**3)
        monkeypatch.setattr(Path, "read_bytes", None)  # whoever calls it fails
        contents.add_modules(["huge"], adopted=None)
        assert contents.sizes() == {"huge.py": 1024**3}

    def test_an_unreadable_file_is_refused_by_name(
        self, project: Any, contents: Contents, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.write("own.py")

        # Tests may run as root, whom no permission stops: the error is the system's own, raised by hand.
        def refuse(path: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(PackingError, match=r"must be readable, but .*own\.py is not \(Permission denied\)"):
            contents.add_modules(["own"], adopted=None)


class TestInclude:
    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("data/*.csv", ["data/a.csv"]),
            ("data", ["data/a.csv", "data/deep/b.csv", "data/deep/c.txt"]),
            ("data/", ["data/a.csv", "data/deep/b.csv", "data/deep/c.txt"]),
            ("**/*.csv", ["data/a.csv", "data/deep/b.csv", "top.csv"]),
            ("**/*", ["data/a.csv", "data/deep/b.csv", "data/deep/c.txt", "top.csv"]),
            ("top.*", ["top.csv"]),
            (".env", [".env"]),
            (".hidden/*", [".hidden/x"]),
            ("__pycache__/*", ["__pycache__/x"]),
        ],
    )
    def test_globs_name_files_and_trees(
        self, project: Any, contents: Contents, pattern: str, expected: list[str]
    ) -> None:
        for name in (
            "top.csv",
            "data/a.csv",
            "data/deep/b.csv",
            "data/deep/c.txt",
            ".env",
            ".hidden/x",
            "__pycache__/x",
        ):
            project.write(name)
        contents.add_matching([pattern])
        assert sorted(contents.files) == expected

    @pytest.mark.parametrize("pattern", ["missing.csv", "data/*.txt", "empty", ".*"])
    def test_one_that_matches_nothing_is_refused(self, project: Any, contents: Contents, pattern: str) -> None:
        project.write("data/a.csv")
        (project.root / "empty").mkdir()
        with pytest.raises(PackingError) as refusal:
            contents.add_matching([pattern])
        assert f"{pattern!r} matches none below {project.root}; mend the glob or leave it out" in str(refusal.value)


class TestExclude:
    @pytest.mark.parametrize(
        ("pattern", "left"),
        [
            ("*.csv", ["lab/__init__.py", "lab/tests/test_a.py"]),
            ("**/*.csv", ["lab/__init__.py", "lab/tests/test_a.py"]),
            ("lab/tests", ["lab/__init__.py", "lab/a.csv", "top.csv"]),
            ("lab/tests/", ["lab/__init__.py", "lab/a.csv", "top.csv"]),
            ("lab/**/test_*", ["lab/__init__.py", "lab/a.csv", "top.csv"]),
            ("top.csv", ["lab/__init__.py", "lab/a.csv", "lab/tests/test_a.py"]),
            ("nothing", ["lab/__init__.py", "lab/a.csv", "lab/tests/test_a.py", "top.csv"]),
        ],
    )
    def test_globs_name_what_stays(self, project: Any, pattern: str, left: list[str]) -> None:
        for name in ("lab/__init__.py", "lab/tests/test_a.py", "lab/a.csv", "top.csv"):
            project.write(name)
        contents = Contents(project.root, exclude=(pattern,))
        contents.add_modules(["lab"], adopted=None)
        contents.add_matching(["top.csv"])
        assert sorted(contents.files) == left

    def test_what_an_excluded_source_imports_stays_too(self, project: Any) -> None:
        project.write("lab/__init__.py")
        project.write("lab/tests.py", "import fixtures")
        project.write("fixtures.py")
        contents = Contents(project.root, exclude=("lab/tests.py",))
        contents.add_modules(["lab"], adopted=None)
        assert list(contents.files) == ["lab/__init__.py"]


def test_a_link_to_the_projects_root_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/linked_own.py").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.syspath_prepend(str(tmp_path / "link"))
    contents = Contents(tmp_path / "real")
    contents.add_modules(["linked_own"], adopted=None)
    assert (list(contents.files), contents.paths) == (["linked_own.py"], ["."])
    assert "linked_own" not in sys.modules
