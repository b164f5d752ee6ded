"""What is loaded, and when: the decorator costs the standard library alone, and every exported name is there."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import expsdk
import expsdk_runtime

OURS = {"expsdk", "expsdk_runtime"}
SLOW = {
    "asyncio",
    "concurrent",
    "decimal",
    "fractions",
    "logging",
    "multiprocessing",
    "random",
    "statistics",
    "unittest",
}
MODULES = sorted(
    module.name
    for package in (expsdk, expsdk_runtime)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if module.name != "expsdk_runtime.entry"  # it is a script: the __main__ of a payload
)
DECORATED = """
from expsdk import choice, experiment, integer, log_metric, loguniform, normal, uniform
@experiment(
    space={
        "lr": loguniform(1e-4, 1e-1), "depth": integer(2, 8, log=True), "momentum": uniform(0, 1),
        "noise": normal(0, 1), "opt": choice({"sgd": {"nesterov": [True, False]}, "adam": {}}), "epochs": 10.0,
    },
    objective="loss",
    include=["data/*.csv"],
)
def train(lr, depth, momentum, noise, opt, epochs, nesterov=False):
    return lr
train(1, 2, 3, 4, "sgd", 5)
"""


def loaded_by(program: str) -> set[str]:
    """Return the top-level modules that a program loads into a bare interpreter."""
    probe = f"import sys\nbefore = set(sys.modules)\n{program}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", probe], capture_output=True, text=True, check=True, timeout=60
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "program",
    [
        "import expsdk",
        "from expsdk import experiment, uniform",
        "from expsdk import Trial, TrialStopped, checkpoint_dir, current_trial, log_metric, log_metrics, output_dir",
        "from expsdk import Resources, SecretEnv, Volume",
        "from expsdk import Experiment, ExpsdkError, choice, experiment, integer, loguniform, normal, uniform",
        DECORATED,
    ],
    ids=lambda program: program.strip().partition("\n")[0],
)
def test_decorating_a_function_loads_the_standard_library_only(program: str) -> None:
    loaded = loaded_by(program)
    assert "expsdk" in loaded
    assert loaded - sys.stdlib_module_names == loaded & OURS
    assert loaded & SLOW == set()


def test_importing_expsdk_loads_next_to_nothing() -> None:
    assert loaded_by("import expsdk") - loaded_by("import __future__, importlib, typing") == {"expsdk"}


def test_the_check_sees_what_is_loaded() -> None:
    assert {"pydantic", "logging"} <= loaded_by("import expsdk.resources.result, logging")


@pytest.mark.parametrize("name", expsdk.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    value = getattr(expsdk, name)
    assert value.__doc__
    assert getattr(expsdk, name) is value
    assert name in dir(expsdk)


def test_a_name_does_not_turn_into_a_module_that_bears_it() -> None:
    program = (
        "import expsdk\n"
        "first = expsdk.experiment\n"
        "import expsdk.experiment.definition\n"
        "from expsdk import experiment\n"
        "assert experiment is first is expsdk.experiment, experiment\n"
        "assert callable(experiment) and not hasattr(experiment, '__path__')"
    )
    assert "expsdk" in loaded_by(program)


def test_what_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'expsdk' has no attribute 'experimnet'$"):
        expsdk.experimnet  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_exports_is_sorted_and_there(name: str) -> None:
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", [])
    assert exported == sorted(exported, key=sort_key)
    assert len(set(exported)) == len(exported)
    assert [missing for missing in exported if not hasattr(module, missing)] == []
    assert module.__doc__


def test_the_packages_export_in_order() -> None:
    assert sorted(expsdk.__all__, key=sort_key) == expsdk.__all__
    assert sorted(expsdk_runtime.__all__, key=sort_key) == expsdk_runtime.__all__


def sort_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions: the order that ruff keeps (RUF022)."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
