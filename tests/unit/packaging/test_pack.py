"""A checked experiment becomes a payload, or is refused with names and sizes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expsdk.errors import PackingError, PayloadTooLarge
from expsdk.packaging import payload as packing
from expsdk.packaging.payload import Payload, pack
from expsdk.space import Space, uniform

MIB = 1024 * 1024


def members(payload: Payload) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(payload.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def own_members(payload: Payload) -> list[str]:
    return [name.removeprefix("project-files/") for name in members(payload) if name.startswith("project-files/")]


class TestEntry:
    """How the job will find the function."""

    def test_a_functions_module_and_name(self, project: Any, defined: Any) -> None:
        module = project.module("own", "def train(lr=1): return lr")
        payload = pack(defined(module.train))
        assert payload.manifest["entry"] == {"module": "own", "qualname": "train"}
        assert "function.pkl" not in members(payload)

    def test_leads_through_decorators(self, project: Any, defined: Any) -> None:
        module = project.module(
            "own",
            """
            from functools import wraps
            def plain(function):
                return wraps(function)(lambda *args: function(*args))
            class Lab:
                @staticmethod
                @plain
                @plain
                def train(): return 1
            """,
        )
        outer = module.Lab.train
        for function, name in (
            (outer, "Lab.train"),
            (outer.__wrapped__, "Lab.train.__wrapped__"),
            (outer.__wrapped__.__wrapped__, "Lab.train.__wrapped__.__wrapped__"),
        ):
            assert pack(defined(function)).manifest["entry"] == {"module": "own", "qualname": name}

    @pytest.mark.parametrize(
        "text",
        [
            "def make():\n    def train(): return 1\n    return train\ntrain = make()",
            "def train(): return 1\nkept = train\ndef train(): return 2\ntrain = kept",
            "train = lambda: 1",
        ],
    )
    def test_is_a_pickle_where_the_name_leads_elsewhere(self, project: Any, defined: Any, text: str) -> None:
        function = project.module("own", text).train
        if function.__qualname__ == "train":
            sys.modules["own"].train = None  # type: ignore[attr-defined]
        payload = pack(defined(function))
        assert payload.manifest["entry"] == {"pickle": "function.pkl"}
        assert "function.pkl" in members(payload)

    def test_is_a_pickle_for_what_lives_in_no_module(self, project: Any, defined: Any) -> None:
        variables: dict[str, Any] = {}
        exec("def train(): return 1", variables)
        assert pack(defined(variables["train"])).manifest["entry"] == {"pickle": "function.pkl"}

    def test_an_object_whose_wrapped_never_ends_is_no_way_to_the_function(self, project: Any, defined: Any) -> None:
        module = project.module("own", "def train(): return 1")

        class Endless:
            @property
            def __wrapped__(self) -> Endless:
                return self

        function, module.train = module.train, Endless()
        assert pack(defined(function)).manifest["entry"] == {"pickle": "function.pkl"}


class TestManifest:
    def test_it_says_what_the_payload_is(self, project: Any, defined: Any) -> None:
        project.write("pyproject.toml")
        module = project.module("own", "def train(lr, depth=1, *, seed=None, **others): return lr")
        payload = pack(defined(module.train, space={"lr": uniform(0, 1)}))
        manifest = json.loads(members(payload)["manifest.json"])
        assert manifest == payload.manifest
        assert manifest["function"] == "own.train"
        assert manifest["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
        assert manifest["objectives"] == [["loss", "minimize"]]
        assert manifest["space"] == Space.of({"lr": uniform(0, 1)}).to_declarative()
        assert manifest["parameters"] == {"required": ["lr"], "optional": ["depth", "seed"], "open": True}
        assert manifest["paths"] == ["."]

    def test_it_lists_the_parts_with_sizes_and_checksums(self, project: Any, defined: Any) -> None:
        module = project.module("own", "def train(): return 1")
        payload = pack(defined(module.train))
        content = members(payload)["project-files/own.py"]
        assert payload.manifest["files"] == [
            {"name": "project-files/own.py", "bytes": len(content), "crc32": zlib.crc32(content)}
        ]


class TestFile:
    def test_its_name_is_its_digests(self, project: Any, defined: Any, tmp_path: Path) -> None:
        payload = pack(defined(project.module("own", "def train(): return 1").train))
        digest = hashlib.sha256(payload.content).hexdigest()
        assert payload.digest == f"sha256:{digest}"
        path = payload.write(tmp_path / "new/directory")
        assert path == tmp_path / "new/directory" / f"payload-{digest[:12]}.pyz"
        assert path.read_bytes() == payload.content

    def test_it_is_written_whole_over_what_is_there(self, project: Any, defined: Any, tmp_path: Path) -> None:
        payload = pack(defined(project.module("own", "def train(): return 1").train))
        (tmp_path / payload.file_name).write_bytes(b"half of")
        payload.write(tmp_path)
        assert (tmp_path / payload.file_name).read_bytes() == payload.content
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ".partial"] == []


class TestRoot:
    def test_of_a_function_in_a_project_is_the_projects(self, project: Any, defined: Any) -> None:
        project.write("setup.cfg")
        project.write("lab/__init__.py")
        assert pack(defined(project.module("lab.train", "def train(): return 1").train)).root == project.root

    def test_without_a_marker_is_where_the_module_is_imported_from(self, project: Any, defined: Any) -> None:
        payload = pack(defined(project.module("lab.train", "def train(): return 1").train, include=["lab/train.py"]))
        assert payload.root == project.root
        assert own_members(payload) == ["lab/train.py"]

    def test_of_generated_code_is_the_working_directory(self, project: Any, defined: Any) -> None:
        project.write("data.csv")
        variables: dict[str, Any] = {"__name__": "__main__"}
        exec("def train(): return 1", variables)
        payload = pack(defined(variables["train"], include=["data.csv"]))
        assert payload.root == project.root
        assert own_members(payload) == ["data.csv"]
        assert payload.manifest["paths"] == ["."]  # as Python has it there, for what only a string names


class TestIncludeAndExclude:
    def test_travel_with_the_code_and_stay(self, project: Any, defined: Any) -> None:
        project.write("pyproject.toml")
        project.write("lab/__init__.py")
        project.write("lab/big.bin")
        project.write("data/a.csv")
        project.write("data/b.csv")
        function = project.module("lab.train", "def train(): return 1").train
        payload = pack(defined(function, include=["data"], exclude=["*.bin", "data/b*"]))
        assert own_members(payload) == ["data/a.csv", "lab/__init__.py", "lab/train.py"]

    def test_one_that_matches_nothing_is_refused(self, project: Any, defined: Any) -> None:
        function = project.module("own", "def train(): return 1").train
        with pytest.raises(PackingError, match=r"every include= matches a file .* but 'nothing/\*' matches none"):
            pack(defined(function, include=["nothing/*"]))


class TestTooLarge:
    def test_names_the_five_largest_parts_with_sizes_and_the_remedy(self, project: Any, defined: Any) -> None:
        project.write("pyproject.toml")
        project.write("lab/__init__.py")
        for size in range(1, 7):
            project.write(f"lab/data/{size}.bin", os.urandom(size * MIB))
        with pytest.raises(PayloadTooLarge) as refusal:
            pack(defined(project.module("lab.train", "def train(): return 1").train))
        assert str(refusal.value) == (
            "payload is 21.0 MiB, and more than its limit of 16 MiB when compressed: its largest parts are"
            " lab/data/6.bin (6.0 MiB), lab/data/5.bin (5.0 MiB), lab/data/4.bin (4.0 MiB), lab/data/3.bin (3.0 MiB),"
            " lab/data/2.bin (2.0 MiB); create large values inside the function, leave files out with exclude=,"
            " and read data from a volume or an image"
        )

    def test_names_large_variables(self, project: Any, defined: Any) -> None:
        embeddings, small = os.urandom(17 * MIB), "x"

        def train() -> object:
            return embeddings, small

        with pytest.raises(PayloadTooLarge, match=r"payload is 17\.\d MiB, .* are .*train\.embeddings \(17\.0 MiB\), "):
            pack(defined(train))

    def test_a_gigabyte_is_refused_before_it_is_read(
        self, project: Any, defined: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.write("pyproject.toml")
        project.write("lab/__init__.py")
        with project.write("lab/weights.bin").open("wb") as file:
            file.truncate(1024 * MIB)
        function = project.module("lab.train", "def train(): return 1").train
        read: list[str] = []
        original = Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path.name), original(path))[1])
        with pytest.raises(PayloadTooLarge, match=r"payload is 1024\.0 MiB, .*lab/weights\.bin \(1024\.0 MiB\)"):
            pack(defined(function))
        assert "weights.bin" not in read
        assert "train.py" in read

    def test_what_compresses_may_be_larger(self, project: Any, defined: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packing, "LIMIT_BYTES", MIB)
        project.write("zeros.bin", bytes(4 * MIB))
        payload = pack(defined(project.module("own", "def train(): return 1").train, include=["zeros.bin"]))
        assert len(payload.content) < MIB


class TestUnusualFunctions:
    def test_a_module_whose_file_has_vanished_is_refused(self, project: Any, defined: Any) -> None:
        module = project.module("own", "def train(): return 1")
        (project.root / "own.py").unlink()
        with pytest.raises(PackingError, match=r"but own has none at .*own\.py; restore it"):
            pack(defined(module.train))

    def test_an_unpicklable_variable_is_refused_by_its_path(self, project: Any, defined: Any) -> None:
        function = project.module(
            "own",
            "import threading\nLOCK = {'a': [threading.Lock()]}\ndef make():\n    return lambda: LOCK\ntrain = make()",
        ).train
        with pytest.raises(
            PackingError, match=r"own\.make\.<locals>\.<lambda>\.LOCK\['a'\]\[0\] → _thread\.lock cannot"
        ):
            pack(defined(function))

    def test_a_closure_of_an_installed_package_brings_the_package(
        self, project: Any, defined: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site = tmp_path / "lib/site-packages"
        (site / "mylib").mkdir(parents=True)
        (site / "mylib/__init__.py").write_text("def make():\n    def train(): return helper()\n    return train\n")
        monkeypatch.syspath_prepend(str(site))
        make: Callable[[], Callable[..., object]] = __import__("mylib").make
        assert "mylib/__init__.py" in own_members(pack(defined(make())))


@pytest.mark.parametrize("name", ["data/na me.csv", "data/ünï.csv", "data/#1&.csv"])
def test_odd_file_names_travel(project: Any, defined: Any, name: str) -> None:
    project.write(name, b"1")
    payload = pack(defined(project.module("own", "def train(): return 1").train, include=["data"]))
    assert name in own_members(payload)
