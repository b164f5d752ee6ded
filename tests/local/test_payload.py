"""Payloads really packed and really run: by a bare interpreter, after the project that they came from is gone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

BARE = (getattr(sys, "_base_executable", sys.executable), "-I", "-S")
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER_MINORS = [minor for minor in ("3.10", "3.11", "3.12", "3.13", "3.14") if minor != MINOR]

TRAIN = """
    from expsdk import experiment, log_metric, uniform

    @experiment(space={"lr": uniform(0, 1)}, objective="loss")
    def train(lr, epochs=3):
        for epoch in range(epochs):
            log_metric("loss", lr / (epoch + 1), epoch=epoch)
"""
WRITE = """
from pathlib import Path
print(train.pack().write(Path("packed")))
"""
PACK = f"""
if __name__ == "__main__":
{textwrap.indent(WRITE.strip(), "    ")}
"""


class Outcome:
    """What a payload's process left: its exit code, the JSON lines it printed, its words."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.errors = done.stderr
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]

    @property
    def loss(self) -> Any:
        """The objective's value, of a trial that succeeded."""
        assert (self.code, self.lines[-1]["phase"]) == (0, "Succeeded"), self.errors
        return self.lines[-1]["objectives"]["loss"]


class Project:
    """A user's project; it is gone when its payload runs."""

    def __init__(self, workshop: Any) -> None:
        self.workshop = workshop
        self.directory = workshop.directory / "project"
        self.directory.mkdir()

    def write(self, name: str, *texts: str) -> Path:
        path: Path = self.workshop.write(f"project/{name}", "".join(map(textwrap.dedent, texts)))
        return path

    def python(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run Python with expsdk in the project."""
        done: subprocess.CompletedProcess[str] = self.workshop.run(*arguments, **{"cwd": self.directory, **options})
        return done

    def pack(self, *arguments: str | Path, **options: Any) -> Path:
        """Run what packs and prints the payload's path; return that."""
        done = self.python(*arguments, **options)
        assert done.returncode == 0, done.stderr
        payload = Path(options.get("cwd", self.directory), done.stdout.splitlines()[-1])
        return Path(shutil.copy(payload, self.workshop.directory))

    def pack_train(self, module: str, **options: Any) -> Path:
        """Pack the function `train` of an importable module."""
        return self.pack("-c", f"from {module} import train\n{WRITE}", **options)

    def run(self, payload: Path, *arguments: str, lr: float = 0.5, prefix: tuple[str, ...] = BARE) -> Outcome:
        """Run the payload with the project gone."""
        if self.directory.exists():
            self.directory.rename(self.directory.with_name("gone"))
        parameters = arguments or ("--parameters", json.dumps({"lr": lr}))
        return Outcome(self.workshop.run(payload, *parameters, prefix=prefix))


@pytest.fixture
def project(workshop: Any) -> Project:
    return Project(workshop)


@pytest.fixture
def packed(project: Project) -> Path:
    """The payload of a small script."""
    project.write("train.py", TRAIN, PACK)
    return project.pack("train.py")


@pytest.fixture
def rewritten(packed: Path) -> Callable[..., Path]:
    """Return a function that replaces members of the payload."""

    def rewrite(**members: Callable[[bytes], bytes]) -> Path:
        changed = packed.with_name("changed.pyz")
        with zipfile.ZipFile(packed) as before, zipfile.ZipFile(changed, "w") as after:
            for name in before.namelist():
                change = members.get(re.sub(r"\W", "_", name), bytes)
                after.writestr(name, change(before.read(name)))
        return changed

    return rewrite


def test_the_bare_interpreter_has_no_expsdk(workshop: Any) -> None:
    imports = (
        "import importlib.util as u; print(*(u.find_spec(n) for n in ('expsdk', 'expsdk_runtime', 'cloudpickle')))"
    )
    done = workshop.run("-c", imports, prefix=BARE)
    assert done.stdout.split() == ["None"] * 3


class TestStandalone:
    """`python payload.pyz` for a person."""

    def test_metrics_are_json_lines_and_the_last_line_says_how_it_ended(self, project: Project, packed: Path) -> None:
        outcome = project.run(packed, lr=0.6)
        metrics = [(line["metric"], line["value"], line["epoch"]) for line in outcome.lines[:-1]]
        assert metrics == [("loss", pytest.approx(0.6 / (epoch + 1)), epoch) for epoch in range(3)]
        assert outcome.lines[-1] == {"phase": "Succeeded", "objectives": {"loss": pytest.approx(0.2)}}
        assert (outcome.code, outcome.errors) == (0, "")

    def test_parameters_with_defaults_may_be_given_too(self, project: Project, packed: Path) -> None:
        assert project.run(packed, "--parameters", '{"lr": 1.0, "epochs": 4}').loss == 0.25

    def test_it_leaves_nothing_in_the_working_directory(self, project: Project, packed: Path) -> None:
        project.run(packed)
        assert {path.name for path in project.workshop.directory.iterdir()} == {"gone", packed.name}

    def test_the_output_directory_is_the_one_that_was_asked_for(self, project: Project) -> None:
        project.write(
            "train.py",
            """
            from expsdk import experiment, output_dir, uniform

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                (output_dir() / "model.txt").write_text("trained")
                return lr
            """,
            PACK,
        )
        payload = project.pack("train.py")
        project.run(payload, "--parameters", '{"lr": 0.5}', "--output-dir", "results/here")
        assert (project.workshop.directory / "results/here/model.txt").read_text() == "trained"

    def test_the_manifest_is_printed_on_demand(self, project: Project, packed: Path) -> None:
        done = project.workshop.run(packed, "--manifest", prefix=BARE)
        manifest = json.loads(done.stdout)
        assert (manifest["name"], manifest["python"]) == ("train", MINOR)
        assert manifest["space"] == {"lr": {"type": "uniform", "low": 0.0, "high": 1.0}}
        assert {file["name"] for file in manifest["files"]} == {"function.pkl", "project-files/train.py"}

    @pytest.mark.parametrize(
        ("parameters", "words"),
        [
            ("{lr: 1}", "--parameters takes a JSON object, and '{lr: 1}' is no JSON"),
            ("[1]", "--parameters takes a JSON object"),
            ("{}", "--parameters lacks lr, which train needs"),
            ('{"lr": 1, "depth": 2}', "--parameters has depth, which train does not take (it takes: lr, epochs)"),
        ],
    )
    def test_wrong_usage_is_exit_code_2(self, project: Project, packed: Path, parameters: str, words: str) -> None:
        outcome = project.run(packed, "--parameters", parameters)
        assert outcome.code == 2
        assert words in outcome.errors
        assert "Traceback" not in outcome.errors

    def test_a_function_without_an_objective_is_exit_code_67(self, project: Project, packed: Path) -> None:
        outcome = project.run(packed, "--parameters", '{"lr": 1.0, "epochs": 0}')
        assert outcome.code == 67
        assert "without a value of its objective loss" in outcome.errors

    def test_an_error_of_the_users_is_exit_code_1(self, project: Project) -> None:
        project.write("train.py", TRAIN.replace("lr / (epoch + 1)", "lr / epoch"), PACK)
        outcome = project.run(project.pack("train.py"))
        assert outcome.code == 1
        assert "ZeroDivisionError: float division by zero" in outcome.errors
        assert outcome.lines[-1]["reason"] == "UserError"


class TestRefusals:
    """What a payload refuses to run, and that nothing of the user's has run then."""

    def test_another_minor_version_is_refused_in_words(self, project: Project, rewritten: Any) -> None:
        def pretend(manifest: bytes) -> bytes:
            return manifest.replace(f'"python": "{MINOR}"'.encode(), b'"python": "3.9"')

        outcome = project.run(rewritten(manifest_json=pretend))
        assert (outcome.code, outcome.lines) == (66, [])
        assert f"was packed by Python 3.9 and needs that minor version, but this is Python {MINOR}" in outcome.errors
        assert "Traceback" not in outcome.errors

    @pytest.mark.parametrize("minor", OTHER_MINORS)
    def test_another_interpreter_refuses_instead_of_crashing(self, project: Project, packed: Path, minor: str) -> None:
        interpreter = shutil.which(f"python{minor}")
        if interpreter is None or project.workshop.run("-c", "", prefix=(interpreter,)).returncode != 0:
            pytest.skip(f"there is no working python{minor} on PATH")
        outcome = project.run(packed, prefix=(interpreter, "-I"))
        assert (outcome.code, outcome.lines) == (66, [])
        assert f"run it with python{MINOR}, in an image such as python:{MINOR}-slim" in outcome.errors
        assert "Traceback" not in outcome.errors

    @pytest.mark.parametrize("member", ["function_pkl", "project_files_train_py"])
    def test_a_part_that_was_changed_is_refused(self, project: Project, rewritten: Any, member: str) -> None:
        outcome = project.run(rewritten(**{member: lambda content: content + b"#"}))
        assert (outcome.code, outcome.lines) == (65, [])
        assert "is not what was packed" in outcome.errors
        assert "Traceback" not in outcome.errors

    @pytest.mark.parametrize("manifest", [b"", b"{}", b"[]", b"\xff", b'{"python": "%s"}' % MINOR.encode()])
    def test_a_manifest_that_says_nothing_is_refused(self, project: Project, rewritten: Any, manifest: bytes) -> None:
        outcome = project.run(rewritten(manifest_json=lambda _: manifest))
        assert (outcome.code, outcome.lines) == (65, [])
        assert "Traceback" not in outcome.errors

    def test_a_format_of_the_future_is_refused(self, project: Project, rewritten: Any) -> None:
        outcome = project.run(rewritten(manifest_json=lambda content: content.replace(b'"format": 1', b'"format": 2')))
        assert outcome.code == 65
        assert "its format is 2, and this runtime reads 1" in outcome.errors

    @pytest.mark.parametrize("member", ["manifest.json", "function.pkl", "project-files/train.py"])
    def test_flipped_bytes_are_refused(self, project: Project, packed: Path, member: str) -> None:
        with zipfile.ZipFile(packed) as archive:
            entry = archive.getinfo(member)
        content = bytearray(packed.read_bytes())
        start = entry.header_offset + 30 + len(member)
        for position in range(start + entry.compress_size // 2, start + entry.compress_size):
            content[position] ^= 0xFF
        packed.write_bytes(content)
        outcome = project.run(packed)
        assert (outcome.code, outcome.lines) == (65, [])
        assert "is damaged" in outcome.errors
        assert "Traceback" not in outcome.errors

    def test_a_truncated_archive_runs_nothing(self, project: Project, packed: Path) -> None:
        # Python itself does not take it for an archive; who knows the digest finds out before.
        packed.write_bytes(packed.read_bytes()[:-100])
        outcome = project.run(packed)
        assert outcome.code != 0
        assert outcome.lines == []


class TestModules:
    """Functions that Python can import: the project's modules travel as files."""

    def test_a_package_with_relative_imports_and_imports_inside_functions(self, project: Project) -> None:
        project.write("pyproject.toml")
        project.write("lab/__init__.py", "SCALE = 2.0")
        project.write("lab/models/__init__.py")
        project.write("lab/models/linear.py", "from .. import SCALE\n\ndef predict(x): return SCALE * x")
        project.write("lab/data.py", "from helpers import numbers\n\ndef total(): return sum(numbers())")
        project.write("helpers.py", "def numbers(): return [1, 2]")
        project.write("late.py", "BONUS = 0.25")
        project.write(
            "lab/train.py",
            """
            from expsdk import experiment, uniform
            from .models.linear import predict
            from . import SCALE

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                import late
                from .data import total
                return predict(lr) * total() + late.BONUS + SCALE
            """,
        )
        assert project.run(project.pack_train("lab.train")).loss == 5.25

    def test_package_data_is_read_both_ways(self, project: Project) -> None:
        project.write("pyproject.toml")
        project.write("lab/__init__.py")
        project.write("lab/data/numbers.txt", "4")
        project.write("lab/weights.txt", "0.5")
        project.write(
            "lab/train.py",
            """
            from importlib.resources import files
            from pathlib import Path
            from expsdk import experiment, uniform

            WEIGHTS = Path(__file__).parent / "weights.txt"

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                return lr * float(WEIGHTS.read_text()) * int((files("lab") / "data" / "numbers.txt").read_text())
            """,
        )
        assert project.run(project.pack_train("lab.train"), lr=1.0).loss == 2.0

    def test_a_namespace_package(self, project: Project) -> None:
        project.write("pyproject.toml")
        project.write("space/inner/part.py", "VALUE = 3.0")
        project.write(
            "space/outer.py",
            """
            from expsdk import experiment, uniform

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                from space.inner.part import VALUE
                return lr * VALUE
            """,
        )
        assert project.run(project.pack_train("space.outer")).loss == 1.5

    def test_a_src_layout_keeps_its_place_below_the_root(self, project: Project) -> None:
        project.write("pyproject.toml")
        project.write("src/lab/__init__.py")
        project.write("data/scale.txt", "2")
        project.write(
            "src/lab/train.py",
            """
            from pathlib import Path
            from expsdk import experiment, uniform

            DATA = Path(__file__).parents[2] / "data"

            @experiment(space={"lr": uniform(0, 1)}, objective="loss", include=["data"])
            def train(lr):
                return lr * int((DATA / "scale.txt").read_text())
            """,
        )
        payload = project.pack_train("lab.train", env={"PYTHONPATH": "src"})
        assert project.run(payload).loss == 1.0

    def test_a_module_on_pythonpath_outside_the_project(self, project: Project) -> None:
        project.write("pyproject.toml")
        project.write("train.py", "from shared.steps import train")
        project.workshop.write("other/place/shared/__init__.py", "")
        project.workshop.write("other/place/shared/numbers.py", "TWO = 2")
        project.workshop.write(
            "other/place/shared/steps.py",
            """
            from expsdk import experiment, uniform
            from .numbers import TWO

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                import far
                return lr * TWO * far.AWAY
            """,
        )
        project.workshop.write("elsewhere/far.py", "AWAY = 3")
        beside = project.workshop.directory
        payload = project.pack_train("train", env={"PYTHONPATH": f"{beside}/other/place:{beside}/elsewhere"})
        shutil.rmtree(beside / "other")
        shutil.rmtree(beside / "elsewhere")
        assert project.run(payload).loss == 3.0

    def test_circular_imports(self, project: Project) -> None:
        project.write("one.py", "import two\n", TRAIN.replace("lr /", "two.twice(lr) /"))
        project.write("two.py", "import one\ndef twice(x): return 2 * x\n")
        assert project.run(project.pack_train("one")).loss == pytest.approx(1 / 3)

    def test_a_static_method_of_a_class(self, project: Project) -> None:
        project.write(
            "lab.py",
            """
            from expsdk import experiment, uniform

            class Lab:
                class Inner:
                    @staticmethod
                    @experiment(space={"lr": uniform(0, 1)}, objective="loss")
                    def train(lr):
                        return lr * Lab.factor()

                @staticmethod
                def factor():
                    return 4

            train = Lab.Inner.train
            """,
        )
        payload = project.pack_train("lab")
        assert json.loads(zipfile.ZipFile(payload).read("manifest.json"))["entry"]["qualname"].startswith("Lab.Inner.")
        assert project.run(payload).loss == 2.0

    @pytest.mark.parametrize("importable", [True, False])
    def test_other_decorators_above_and_below_keep_their_effect(self, project: Project, importable: bool) -> None:
        project.write(
            "deco.py",
            """
            from functools import wraps

            def doubled(function):
                @wraps(function)
                def wrapper(**parameters):
                    return 2 * function(**parameters)
                return wrapper

            def noted(function):
                @wraps(function)
                def wrapper(*args, **kwargs):
                    return function(*args, **kwargs)
                wrapper.pack = function.pack
                return wrapper
            """,
        )
        project.write(
            "train.py",
            """
            from deco import doubled, noted
            from expsdk import experiment, uniform

            @noted
            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            @doubled
            def train(lr):
                return lr

            """,
            PACK,
        )
        payload = project.pack_train("train") if importable else project.pack("train.py")
        assert ("module" in json.loads(zipfile.ZipFile(payload).read("manifest.json"))["entry"]) == importable
        assert project.run(payload).loss == 1.0

    def test_a_module_named_as_one_of_the_standard_library_is_the_one_imported(self, project: Project) -> None:
        project.write("statistics.py", "def mean(numbers): return 42.0")
        project.write(
            "train.py",
            """
            from expsdk import experiment, uniform

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                from statistics import mean
                return mean([lr])
            """,
            PACK,
        )
        assert project.run(project.pack("train.py")).loss == 42.0

    def test_a_module_loaded_under_another_name_than_its_files(self, project: Project) -> None:
        project.write("01 train.py", TRAIN)
        project.write(
            "pack.py",
            """
            import importlib.util, sys
            from pathlib import Path
            spec = importlib.util.spec_from_file_location("first_train", Path("01 train.py").resolve())
            module = sys.modules["first_train"] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            print(module.train.pack().write(Path("packed")))
            """,
        )
        assert project.run(project.pack("pack.py")).loss == pytest.approx(0.5 / 3)


class TestByValue:
    """Functions that Python cannot import: they travel as pickles."""

    def test_a_script_with_its_own_classes_helpers_and_modules(self, project: Project) -> None:
        project.write("helpers/__init__.py")
        project.write("helpers/numbers.py", "TWO = 2")
        project.write("late.py", "THREE = 3")
        project.write(
            "train.py",
            """
            from dataclasses import dataclass
            from enum import Enum
            import helpers.numbers
            from expsdk import experiment, uniform

            class Kind(Enum):
                A = 1.0

            @dataclass
            class Base:
                lr: float
                def value(self):
                    return self.lr

            class Model(Base):
                def value(self):
                    import late
                    return super().value() * late.THREE * helpers.numbers.TWO

            def build(lr):
                return Model(lr)

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                model = build(lr)
                assert isinstance(model, Model) and Kind(1.0) is Kind.A
                return model.value() * Kind.A.value
            """,
            PACK,
        )
        assert project.run(project.pack("train.py")).loss == 3.0

    def test_a_module_run_by_its_name(self, project: Project) -> None:
        project.write("lab/__init__.py")
        project.write("lab/numbers.py", "TWO = 2")
        project.write("lab/more.py", "THREE = 3")
        project.write(
            "lab/train.py",
            """
            from expsdk import experiment, uniform
            from .numbers import TWO

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                from . import more
                return lr * TWO * more.THREE
            """,
            PACK,
        )
        assert project.run(project.pack("-m", "lab.train")).loss == 3.0

    def test_data_beside_a_script_is_found_where_the_payload_is(self, project: Project) -> None:
        project.write("data/numbers.txt", "8")
        project.write("notes.txt", "2")
        project.write(
            "train.py",
            """
            import os
            from pathlib import Path
            from expsdk import experiment, uniform

            HERE = Path(__file__).parent
            NOTES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "notes.txt")

            @experiment(space={"lr": uniform(0, 1)}, objective="loss", include=["data/*.txt", "notes.txt"])
            def train(lr):
                assert Path(__file__).name == "train.py" and Path(__file__).is_file()
                return lr * int((HERE / "data" / "numbers.txt").read_text()) * int(open(NOTES).read())
            """,
            PACK,
        )
        assert project.run(project.pack("train.py")).loss == 8.0

    def test_a_module_that_only_a_string_names_travels_with_include(self, project: Project) -> None:
        project.write("plugins/fast.py", "SPEED = 2")
        project.write("plain.py", "SPEED = 3")
        project.write(
            "train.py",
            """
            from importlib import import_module
            from expsdk import experiment, uniform

            @experiment(space={"lr": uniform(0, 1)}, objective="loss", include=["plugins", "plain.py"])
            def train(lr):
                return lr * import_module("plugins.fast").SPEED * import_module("plain").SPEED
            """,
            PACK,
        )
        assert project.run(project.pack("train.py")).loss == 3.0

    def test_closures_lambdas_and_generated_code(self, project: Project) -> None:
        project.write(
            "factory.py",
            """
            from expsdk import experiment, uniform

            OFFSET = 1.0

            def make(factor):
                table = {"scale": lambda x: factor * x}
                @experiment(space={"lr": uniform(0, 1)}, objective="loss")
                def train(lr):
                    return table["scale"](lr) + OFFSET
                return train
            """,
        )
        project.write(
            "train.py",
            """
            from pathlib import Path
            from factory import make
            from expsdk import experiment, uniform

            space = {"space": {"lr": uniform(0, 1)}, "objective": "loss"}
            closure = make(4)
            nameless = experiment(**space, name="nameless")(lambda lr: lr * 6)
            variables = {}
            exec("def generated(lr): return lr * 8", variables)
            generated = experiment(**space)(variables["generated"])
            for function in (closure, nameless, generated):
                print(function.pack().write(Path("packed")))
            """,
        )
        done = project.python("train.py")
        assert done.returncode == 0, done.stderr
        payloads = [shutil.copy(project.directory / line, project.workshop.directory) for line in done.stdout.split()]
        assert [project.run(Path(payload)).loss for payload in payloads] == [3.0, 3.0, 4.0]

    def test_another_experiment_may_be_called(self, project: Project) -> None:
        project.write("inner.py", TRAIN.replace("def train", "def inner").replace("epochs=3", "epochs=1"))
        project.write(
            "train.py",
            """
            from expsdk import experiment, uniform
            from inner import inner

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def own(lr):
                return lr

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                inner(lr)
                return own(lr=lr) + (train is not None)
            """,
            PACK,
        )
        assert project.run(project.pack("train.py")).loss == 1.5

    def test_a_notebook(self, project: Project) -> None:
        project.write("helpers.py", "TWO = 2")
        train = """
            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                if lr > 0.9:
                    raise ValueError("too high")  # of the notebook
                return Model().value(lr)
            """
        cells = [
            "from pathlib import Path\nimport helpers\nfrom expsdk import experiment, uniform",
            "class Model:\n    def value(self, lr):\n        return lr * helpers.TWO",
            textwrap.dedent(train),
            'print(train.pack().write(Path("packed")))',
        ]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(project.directory)}}).execute()
        payload = project.directory / notebook.cells[-1].outputs[0].text.strip()
        payload = Path(shutil.copy(payload, project.workshop.directory))
        assert project.run(payload, lr=0.5).loss == 1.0
        failed = project.run(payload, lr=1.0)
        assert failed.code == 1
        assert 'raise ValueError("too high")  # of the notebook' in failed.errors

    def test_a_pool_of_processes_finds_the_scripts_functions(self, project: Project) -> None:
        project.write(
            "train.py",
            """
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context
            from expsdk import experiment, uniform

            def square(x):
                return x * x

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
                    return sum(pool.map(square, [lr, 2]))
            """,
            PACK,
        )
        assert project.run(project.pack("train.py")).loss == 4.25

    def test_a_trial_can_pack_in_its_turn(self, project: Project) -> None:
        project.write(
            "train.py",
            """
            from expsdk import experiment, output_dir, uniform

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def inner(lr):
                return lr * 3

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                payload = inner.pack()
                payload.write(output_dir())
                return len(payload.content)
            """,
        )
        payload = project.pack_train("train")
        outcome = project.run(payload, "--parameters", '{"lr": 1}', "--output-dir", "out")
        assert outcome.loss > 0
        (inner,) = (project.workshop.directory / "out").glob("*.pyz")
        assert project.run(inner).loss == 1.5


class TestTracebacks:
    """A failing function shows the user's own lines, wherever they came from."""

    FAILING = """
    from expsdk import experiment, uniform

    def compute(lr):
        return lr / 0  # in the helper

    def make():
        @experiment(space={"lr": uniform(0, 1)}, objective="loss")
        def nested(lr):
            return compute(lr)  # in the closure
        return nested

    nested = make()

    @experiment(space={"lr": uniform(0, 1)}, objective="loss")
    def train(lr):
        return compute(lr)  # in the function
    """

    @pytest.mark.parametrize("how", ["script", "module", "by name", "closure"])
    def test_with_file_and_line(self, project: Project, how: str) -> None:
        project.write("lab/__init__.py")
        project.write("lab/failing.py", self.FAILING, PACK)
        if how == "script":
            payload = project.pack("lab/failing.py")
        elif how == "by name":
            payload = project.pack("-m", "lab.failing")
        elif how == "module":
            payload = project.pack_train("lab.failing")
        else:
            project.write("pack.py", "from lab.failing import nested as train", PACK)
            payload = project.pack("pack.py")
        outcome = project.run(payload)
        place = "in the closure" if how == "closure" else "in the function"
        assert outcome.code == 1
        assert f"return compute(lr)  # {place}" in outcome.errors
        assert "return lr / 0  # in the helper" in outcome.errors
        assert re.search(r'File ".*failing\.py", line \d+, in compute', outcome.errors)
        assert str(project.workshop.directory) not in outcome.errors
        assert "expsdk_runtime" not in outcome.errors

    def test_of_a_file_that_was_not_packed_the_remedy_is_named(self, project: Project) -> None:
        project.write(
            "train.py",
            """
            from pathlib import Path
            from expsdk import experiment, uniform

            DATA = Path(__file__).parent / "data.csv"

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                return len(DATA.read_text())
            """,
            PACK,
        )
        project.write("data.csv", "1,2")
        outcome = project.run(project.pack("train.py"))
        assert outcome.code == 1
        assert "the payload has no 'data.csv': let it travel with @experiment(include=['data.csv'])" in outcome.errors

    def test_of_a_library_that_is_not_installed_where_it_runs(self, project: Project) -> None:
        project.workshop.write("lib/site-packages/library.py", "def mean(x): return x")
        project.write(
            "train.py",
            """
            from library import mean
            from expsdk import experiment, uniform

            @experiment(space={"lr": uniform(0, 1)}, objective="loss")
            def train(lr):
                return mean(lr)
            """,
            PACK,
        )
        site = project.workshop.directory / "lib/site-packages"
        outcome = project.run(project.pack("train.py", env={"PYTHONPATH": str(site)}))
        assert outcome.code == 1
        assert "(module 'library' is neither in the payload nor installed for " in outcome.errors


class TestDeterminism:
    """The same code gives the same payload, and nothing of this machine or this moment is in it."""

    SCRIPT = """
    import os
    from enum import Enum
    from pathlib import Path
    from typing import Generic, TypeVar
    import helpers
    from expsdk import choice, experiment, uniform

    HERE = Path(__file__).parent
    DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data.txt")
    NAMES = {"alpha", "beta", "gamma", "delta", "epsilon"}
    PAIRS = frozenset((name, number) for number, name in enumerate(sorted(NAMES)))
    T = TypeVar("T")

    class Kind(Enum):
        A = "a"
        B = "b"

    class Model(Generic[T]):
        layers = {"one", "two", "three"}
        def forward(self, x):
            return x if x in {"left", "right", "up", "down"} else helpers.twice(x)

    @experiment(space={"lr": uniform(0, 1), "opt": choice(["a", "b"])}, objective="loss", include=["data.txt"])
    def train(lr, opt):
        from lab.part import value
        seen = [name for name in NAMES if name in {"alpha", "beta", "zeta"}]
        return lr + len(seen) + Model().forward(value()) + len(PAIRS) + (Kind(opt) is Kind.A) + len(open(DATA).read())
    """

    @pytest.fixture
    def script(self, project: Project) -> Project:
        project.write("train.py", self.SCRIPT, PACK)
        project.write("helpers.py", "def twice(x): return 2 * x")
        project.write("lab/__init__.py", "from lab.part import value")
        project.write("lab/part.py", "def value(): return 1")
        project.write("data.txt", "abc")
        return project

    @pytest.mark.parametrize("by", ["script", "module"])
    def test_across_hash_seeds_directories_and_copies(self, script: Project, by: str) -> None:
        copy = shutil.copytree(script.directory, script.workshop.directory / "a copy" / "of it")
        elsewhere = script.workshop.directory / "a copy"
        pack = "import sys\nsys.path.insert(0, {0!r})\nfrom train import train\n" + WRITE

        def payload(directory: Path, cwd: Path, seed: int) -> bytes:
            arguments = [directory / "train.py"] if by == "script" else ["-c", pack.format(str(directory))]
            return script.pack(*arguments, cwd=cwd, env={"PYTHONHASHSEED": str(seed)}).read_bytes()

        first = payload(script.directory, script.directory, 1)
        assert payload(script.directory, elsewhere, 2) == first
        assert payload(copy, script.directory, 3) == first

    def test_no_path_user_host_or_time_is_inside(self, script: Project) -> None:
        payload = script.pack("train.py")
        with zipfile.ZipFile(payload) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for machine in (str(script.workshop.directory), str(Path(__file__).parents[2]), str(Path(sys.prefix))):
            assert [name for name, content in contents.items() if machine.encode() in content] == []

    def test_it_runs_as_it_did_at_home(self, script: Project) -> None:
        outcome = script.run(script.pack("train.py"), "--parameters", '{"lr": 0.5, "opt": "a"}')
        assert outcome.loss == 0.5 + 2 + 2 + 5 + 1 + 3
