"""Functions by value: what a pickle brings along, and what of this machine and this process it leaves behind."""

from __future__ import annotations

import linecache
import os
import pickletools
import subprocess
import sys
import types
from collections.abc import Callable
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk.errors import PackingError
from expsdk.packaging.pickling import Pickled, pickle_by_value
from expsdk_runtime import payload as runtime

SCRIPT = "<script>"


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
PLAIN_SETS = st.lists(PLAIN | st.tuples(PLAIN, PLAIN) | st.frozensets(PLAIN, max_size=3), max_size=8, unique=True)


def _returning(value: object) -> Callable[[], object]:
    return lambda: value


@pytest.fixture
def script(project: Any) -> Callable[..., types.FunctionType]:
    """Return a function that runs a text as a script of the project would be run, and returns its `train`."""

    def run(text: str, name: str = "script.py") -> types.FunctionType:
        file = project.write(name, text)
        variables: dict[str, Any] = {"__name__": "__main__", "__file__": str(file)}
        exec(compile(file.read_text(), str(file), "exec"), variables)
        train: types.FunctionType = variables["train"]
        return train

    return run


@pytest.fixture
def pack(project: Any) -> Callable[..., Pickled]:
    return lambda function: pickle_by_value(function, root=project.root)


@pytest.fixture
def load(pack: Callable[..., Pickled], tmp_path: Path) -> Callable[..., Any]:
    """Return a function that packs another one and loads it as a job does, with the copy of the project in `copy`."""
    (tmp_path / "copy").mkdir()

    def pack_and_load(function: Callable[..., object], root: str | None = None) -> Any:
        return runtime._unpickle(pack(function).content, str(tmp_path / "copy"), root)

    return pack_and_load


class TestModules:
    """Which modules a pickle says it needs."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("import own\ndef train(): return own.f()", "own"),
            ("from own import f\ndef train(): return f()", "own"),
            ("from own import Thing\ndef train(): return Thing", "own"),
            ("from own import thing\ndef train(): return thing", "own"),
            ("from own import found\ndef train(): return found", "own"),
            ("import own\ndef helper(): return own\ndef train(): return helper()", "own"),
            ("def train():\n    import own", "own"),
            ("def train():\n    def inner():\n        from own import f\n    return inner", "own"),
            ("class A:\n    def f(self):\n        import own\ndef train(): return A", "own"),
            ("def train(f=lambda: __import__):\n    import own.part as part", "own.part"),
        ],
    )
    def test_are_those_it_refers_to_or_imports(
        self, project: Any, script: Any, pack: Any, text: str, expected: str
    ) -> None:
        project.write(
            "own.py",
            """
            class Thing: pass
            class ByName:
                def __reduce__(self): return "found"
            def f(): pass
            thing, found = Thing(), ByName()
            """,
        )
        assert expected in pack(script(text)).modules

    def test_are_resolved_from_the_package_of_each_function(self, project: Any, pack: Any) -> None:
        project.write("lab/__init__.py")
        project.write("lab/deep/__init__.py")
        maker = project.module(
            "lab.deep.maker", "def make():\n    def inner():\n        from ..top import x\n    return inner"
        )
        variables = {"__name__": "__main__", "inner": maker.make()}
        exec("def train(): return inner()", variables)
        assert "lab.top" in pack(variables["train"]).modules

    def test_which_are_not_used_are_not_needed(self, script: Any, pack: Any) -> None:
        assert "decimal" not in pack(script("import decimal\ndef train(): return 1")).modules


class TestSources:
    """The text that tracebacks need."""

    def test_is_that_of_the_scripts_own_code_under_its_place_in_the_project(self, script: Any, pack: Any) -> None:
        pickled = pack(script("def train(): return 1\n", name="jobs/script.py"))
        assert pickled.sources == {"jobs/script.py": "def train(): return 1\n"}

    def test_the_code_bears_that_name(self, script: Any, load: Any) -> None:
        assert load(script("def train(): return 1\n", "jobs/script.py")).__code__.co_filename == "jobs/script.py"

    def test_of_a_cell_is_named_by_its_content(self, pack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def cell(file: str, text: str) -> types.FunctionType:
            monkeypatch.setitem(linecache.cache, file, (len(text), None, text.splitlines(keepends=True), file))
            variables: dict[str, Any] = {"__name__": "__main__"}
            exec(compile(text, file, "exec"), variables)
            train: types.FunctionType = variables["train"]
            return train

        one, same, other = (
            cell(f"/tmp/ipykernel_{number}/{number}.py", text)
            for number, text in enumerate(
                ("def train(): return 1\n", "def train(): return 1\n", "def train(): return 2\n")
            )
        )
        assert pack(one) == pack(same)
        ((name, text),) = pack(one).sources.items()
        assert (name.startswith("<cell "), text) == (True, "def train(): return 1\n")
        assert list(pack(other).sources) != [name]

    def test_of_a_file_outside_the_project_takes_no_place_in_it(self, script: Any, pack: Any, tmp_path: Path) -> None:
        names = []
        for directory in ("one", "two"):
            (tmp_path / directory).mkdir()
            file = tmp_path / directory / "util.py"
            file.write_text(f"def train(): return {directory!r}")
            variables: dict[str, Any] = {"__name__": "__main__", "__file__": str(file)}
            exec(compile(file.read_text(), str(file), "exec"), variables)
            pickled = pack(variables["train"])
            assert str(tmp_path).encode() not in pickled.content
            names += pickled.sources
        assert len(set(names)) == 2
        assert all(name.startswith("<util.py ") for name in names)

    def test_of_generated_code_is_unknown(self, pack: Any) -> None:
        variables: dict[str, Any] = {}
        exec(compile("def train(): return 1", "/home/ada/generated.py", "exec"), variables)
        pickled = pack(variables["train"])
        assert pickled.sources == {}
        assert b"/home/ada" not in pickled.content


class TestPaths:
    """Paths of the project are paths of the project wherever the job is."""

    SCRIPT = """
    import os
    from pathlib import Path
    HERE = Path(__file__).parent
    DATA = str(HERE / "data.txt")
    LISTED = [{"deep": (DATA, HERE / "new" / "file")}]
    def train(): return __file__, HERE, DATA, LISTED
    """

    def test_they_lead_to_the_copy(self, project: Any, script: Any, load: Any, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        assert load(script(self.SCRIPT))() == (
            str(copy / "script.py"),
            copy,
            str(copy / "data.txt"),
            [{"deep": (str(copy / "data.txt"), copy / "new/file")}],
        )

    def test_they_are_what_they_were_where_the_project_is(self, project: Any, script: Any, load: Any) -> None:
        train = script(self.SCRIPT)
        assert load(train, root=str(project.root))() == train()

    def test_files_that_only_the_copy_has_are_found_there(
        self, project: Any, script: Any, load: Any, tmp_path: Path
    ) -> None:
        train = script(self.SCRIPT)
        (tmp_path / "copy/data.txt").touch()
        assert load(train, root=str(project.root))()[2] == str(tmp_path / "copy/data.txt")

    def test_through_a_link_too(self, project: Any, load: Any, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(project.root)
        file = tmp_path / "link/script.py"
        project.write("script.py", self.SCRIPT)
        variables: dict[str, Any] = {"__name__": "__main__", "__file__": str(file)}
        exec(compile(file.read_text(), str(file), "exec"), variables)
        assert load(variables["train"])()[:3] == (
            str(tmp_path / "copy/script.py"),
            tmp_path / "copy",
            str(tmp_path / "copy/data.txt"),
        )

    def test_what_a_source_spells_out_stays_as_it_is(self, project: Any, script: Any, load: Any) -> None:
        spelled = f"{project.root}/cache"
        assert load(script(f"CACHE = {spelled!r}\ndef train(): return CACHE"))() == spelled

    def test_what_only_begins_like_the_root_stays_as_it_is(self, project: Any, script: Any, load: Any) -> None:
        train = script(
            "from pathlib import Path\nOTHER = str(Path(__file__).parent) + '-other'\ndef train(): return OTHER"
        )
        assert load(train)() == f"{project.root}-other"

    def test_under_the_root_of_the_file_system_every_path_stays(self, script: Any) -> None:
        train = script("import os\nX = os.sep + 'mnt'\ndef train(): return X")
        pickled = pickle_by_value(train, root=Path("/"))
        assert runtime._unpickle(pickled.content, "/copy", None)() == "/mnt"

    def test_of_modules_elsewhere_only_the_name_travels(self, project: Any, pack: Any, tmp_path: Path) -> None:
        variables: dict[str, Any] = {"__name__": "elsewhere", "__file__": str(tmp_path / "lib/elsewhere.py")}
        exec("def train(): return __file__", variables)
        assert str(tmp_path).encode() not in pack(variables["train"]).content


class TestValues:
    """What is loaded equals what was packed."""

    @pytest.mark.parametrize(
        "value",
        [
            {"a", "b"},
            frozenset({"a", ("b", 1), frozenset({2.5, None})}),
            set(),
            {float("inf"), 1j, b"x", True},
            {"set": [{"x"}, {"x"}]},
            {Path, int},
            {PurePosixPath("/a"), "b"},
        ],
    )
    def test_sets_of_anything(self, load: Any, value: object) -> None:
        assert load(lambda: value)() == value

    def test_one_set_in_two_places_is_one_set(self, load: Any) -> None:
        shared = {"a"}
        held = (shared, [shared], {"a"})
        first, second, other = load(lambda: held)()
        assert first is second[0]
        assert other is not first

    def test_sets_that_hold_themselves(self, load: Any) -> None:
        class Node:
            def __init__(self) -> None:
                self.all = {self, "a name"}

        node = Node()
        (loaded,) = (each for each in load(lambda: node)().all if not isinstance(each, str))
        assert loaded in loaded.all

    def test_a_classes_instances_are_its_instances(self, load: Any) -> None:
        class Kind(Enum):
            A = 1

        T = TypeVar("T")

        class Model(list[T]):
            pass

        def train(model: object = Model(), kind: object = Kind.A) -> bool:
            return isinstance(model, Model) and kind is Kind.A and Kind(1) is Kind.A

        assert load(train)() is True

    def test_functions_share_their_globals(self, script: Any, load: Any) -> None:
        train = script("N = [0]\ndef add():\n    global N\n    N = [N[0] + 1]\ndef train():\n    add()\n    return N")
        loaded = load(train)
        assert [loaded(), loaded()] == [[1], [2]]


class TestDeterminism:
    @given(PLAIN_SETS, st.randoms())
    def test_the_order_in_which_a_set_grew_does_not_show(self, elements: list[Any], random: Any) -> None:
        shuffled = random.sample(elements, len(elements))
        one, other = (
            pickle_by_value(_returning(set(each)), root=Path("/nowhere")).content for each in (elements, shuffled)
        )
        assert one == other
        assert runtime._unpickle(one, "/copy", None)() == set(elements)

    @pytest.mark.parametrize("optimize", ["", "-O"])
    def test_hash_seeds_and_class_identities_do_not_show(self, project: Any, optimize: str) -> None:
        project.write(
            "script.py",
            """
            import hashlib, sys
            from enum import Enum
            from pathlib import Path
            from typing import Generic, TypeVar
            from expsdk.packaging.pickling import pickle_by_value

            T = TypeVar("T")
            NAMES = {"alpha", "beta", "gamma", ("delta", 1), frozenset({"x", "y", "z"})}
            class Kind(Enum):
                A = "a"
            class Model(Generic[T]):
                tags = frozenset({"one", "two", "three"})
                def f(self, x: T) -> bool: return x in {"left", "right", "up", "down"}
            def train(x=Model(), *, flags={"f", "g", "h"}): return NAMES, Kind, x, {y for y in flags if y in {"f", "g"}}

            print(hashlib.sha256(pickle_by_value(train, root=Path.cwd()).content).hexdigest())
            """,
        )
        digests = set()
        for seed in range(4):
            environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
            command = [sys.executable, *([optimize] if optimize else []), "script.py"]
            done = subprocess.run(
                command, cwd=project.root, env=environment, capture_output=True, text=True, check=True
            )
            digests.add(done.stdout)
        assert len(digests) == 1


class TestRefusal:
    def test_the_error_names_the_variable_and_keeps_the_cause(self, pack: Any) -> None:
        generator = (number for number in range(3))

        def train() -> object:
            return generator

        with pytest.raises(PackingError, match=r"train\.generator → builtins\.generator cannot be pickled") as refusal:
            pack(train)
        assert isinstance(refusal.value.__cause__, TypeError)

    def test_what_a_users_reduce_raises_is_a_packing_error(self, pack: Any) -> None:
        class Stubborn:
            def __reduce__(self) -> Any:
                raise ZeroDivisionError("no")

        stubborn = Stubborn()
        with pytest.raises(PackingError, match=r"stubborn → .*Stubborn cannot be pickled \(ZeroDivisionError: no\)"):
            pack(lambda: stubborn)


def test_the_pickle_asks_for_nothing_but_cloudpickle_and_what_the_function_uses(script: Any, pack: Any) -> None:
    content = pack(script("class A: pass\ndef train(): return A, {'x'}, __file__")).content
    asked = {argument for code, argument, _ in pickletools.genops(content) if code.name == "GLOBAL"}
    strings = [argument for code, argument, _ in pickletools.genops(content) if "UNICODE" in code.name]
    assert asked == set()
    assert not any(str(each).startswith("expsdk") for each in strings)
