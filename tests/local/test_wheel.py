"""The wheel, built from the source distribution and installed in a fresh environment: it is complete and it works."""

from __future__ import annotations

import ast
import email.message
import json
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

import expsdk

ROOT = Path(expsdk.__file__).parents[1]
SOURCES = {"expsdk": ROOT / "expsdk", "expsdk_runtime": ROOT / "runtime" / "expsdk_runtime"}
FOR_USERS = tuple(f"extra == '{extra}'" for extra in ("pandas", "parquet", "plots", "dashboard", "tensorboard"))
# Modules that come with a distribution of another name.
PARTS = {
    "optuna_dashboard": "optuna-dashboard",
    "pydantic_core": "pydantic",
    "tensorboardX": "tensorboardx",
    "yaml": "pyyaml",
}
THERE = {"IPython"}  # where notebooks are; elsewhere nobody needs it

pytestmark = pytest.mark.timeout(300)

SCRIPT = """
import json
from pathlib import Path

import expsdk
import expsdk_runtime
from expsdk import experiment, log_metric, uniform


@experiment(space={"lr": uniform(0, 1)}, objective="loss")
def train(lr, epochs=3):
    for epoch in range(epochs):
        log_metric("loss", lr / (epoch + 1), epoch)


if __name__ == "__main__":
    payload = train.pack().write(Path("packed"))
    results = train.sweep(trials=3, parallelism=2, seed=1).run()
    modules = [expsdk.__file__, expsdk_runtime.__file__]
    print(json.dumps({"modules": modules, "payload": str(payload), "phases": [trial.phase for trial in results]}))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The source distribution and the wheel, by what their names end in."""
    directory = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", directory, ROOT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.suffix: path for path in directory.iterdir()}


@pytest.fixture(scope="module")
def python(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment of its own, with the wheel installed and its dependencies lent by ours."""
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory)
    paths = sysconfig.get_paths("venv", {"base": str(directory), "platbase": str(directory)})
    python = Path(paths["scripts"]) / "python"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--quiet"),
            *("install", "--no-index", "--no-deps", built[".whl"]),
        ],
        check=True,
        timeout=120,
    )
    # What a path file names comes last, and the path files in there, such as our editable install's, do not count.
    (Path(paths["purelib"]) / "lent.pth").write_text(sysconfig.get_paths()["purelib"])
    return python


def metadata_of(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_every_source_and_nothing_else(built: dict[str, Path]) -> None:
    expected = {
        f"{package}/{path.relative_to(directory).as_posix()}"
        for package, directory in SOURCES.items()
        for path in directory.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(built[".whl"]) as archive:
        names = set(archive.namelist())
    information = {name for name in names if ".dist-info/" in name}
    assert names - information == expected
    assert {"expsdk/py.typed", "expsdk_runtime/py.typed", "expsdk_runtime/entry.py"} <= names
    assert {Path(name).name for name in information} == {"METADATA", "RECORD", "WHEEL", "LICENSE", "entry_points.txt"}


def test_the_source_distribution_holds_what_people_read(built: dict[str, Path]) -> None:
    with tarfile.open(built[".gz"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "PKG-INFO"} <= names
    assert not [name for name in names if name.startswith(("tests/", ".expsdk", ".venv"))]


def test_the_metadata_say_what_is_needed(built: dict[str, Path]) -> None:
    metadata = metadata_of(built[".whl"])
    assert (metadata["Name"], metadata["Version"]) == ("expsdk", expsdk.__version__)
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "Apache-2.0"


def test_every_import_is_declared(built: dict[str, Path]) -> None:
    requirements = metadata_of(built[".whl"]).get_all("Requires-Dist", [])
    declared = {
        re.split(r"[^\w-]", requirement)[0].lower()
        for requirement in requirements
        if "extra ==" not in requirement or requirement.endswith(FOR_USERS)
    }
    foreign = {
        PARTS.get(name, name)
        for directory in SOURCES.values()
        for path in directory.rglob("*.py")
        for name in imported_by(path.read_text(encoding="utf-8"))
        if name not in sys.stdlib_module_names and name not in SOURCES and name not in THERE
    }
    assert {"cloudpickle", "optuna", "pydantic"} <= foreign
    assert foreign <= declared


def imported_by(source: str) -> set[str]:
    """Return the top-level modules that a source imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def test_an_installed_wheel_packs_and_sweeps(python: Path, workshop: Any) -> None:
    done = workshop.run(workshop.write("train.py", SCRIPT), prefix=(str(python),))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    site_packages = python.parents[1] / "lib"
    assert all(Path(module).is_relative_to(site_packages) for module in told["modules"])
    assert told["phases"] == ["Succeeded"] * 3

    # What it packed runs in an interpreter that has no packages at all.
    alone = workshop.run("-I", "-S", told["payload"], "--parameters", '{"lr": 0.5, "epochs": 2}')
    assert alone.returncode == 0, alone.stderr
    assert json.loads(alone.stdout.splitlines()[-1]) == {"phase": "Succeeded", "objectives": {"loss": 0.25}}
