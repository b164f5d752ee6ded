"""The examples that need a cluster: optimizers of a user's own, and any image and command, run to their end."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import expsdk

if TYPE_CHECKING:
    from real_cluster import Kubectl

EXAMPLES = Path(__file__).parents[2] / "examples"
BASE_IMAGE = os.environ.get("EXPSDK_TESTS_BASE_IMAGE", "expsdk-base:test")
TRAINING_IMAGE = os.environ.get("EXPSDK_TESTS_IMAGE", "expsdk-scikit-learn:test")
RUN_HERE = {"06_optimizer_grid", "07_optimizer_coordinator", "08_any_image"}


def test_every_example_that_needs_a_cluster_is_run_here() -> None:
    found = (path for path in EXAMPLES.iterdir() if re.match(r"\d", path.name))
    assert {path.stem for path in found if "\nNeeds a cluster" in docstring_of(path)} == RUN_HERE


def test_a_grid_in_one_shot(ready: Kubectl) -> None:
    printed = run("06_optimizer_grid", "--image", TRAINING_IMAGE, "--namespace", ready.namespace)
    found = results(ready, "neighbors")
    assert found.counts == {"Succeeded": 6}
    assert found.best.values["error"] < 0.05
    assert_shown(found, printed, "06_optimizer_grid")


def test_a_coordinator_that_stops_trials_and_launches_others(ready: Kubectl) -> None:
    printed = run("07_optimizer_coordinator", "--image", BASE_IMAGE, "--namespace", ready.namespace)
    found = results(ready, "stopping-distance")
    assert len(found) == 12
    assert found.counts.keys() == {"Succeeded", "Pruned"}
    assert all(trial.epoch == 7 for trial in found.filter(phase="Succeeded"))
    assert all(len(trial.history["loss"]) in range(3, 8) for trial in found.filter(phase="Pruned"))
    assert_shown(found, printed, "07_optimizer_coordinator")


def test_any_image_by_kubectl(ready: Kubectl) -> None:
    manifest = (EXAMPLES / "08_any_image" / "experiment.yaml").read_text()
    assert manifest.count("image: expsdk-base:1") == 1
    ready("apply", "--filename", "-", stdin=manifest.replace("expsdk-base:1", BASE_IMAGE))
    printed = run("08_any_image", ready.namespace)
    found = results(ready, "falling")
    assert (found.counts, found.best.parameters) == ({"Succeeded": 4}, {"lr": 0.1})
    assert [epoch for epoch, _ in found.best.history["val_loss"]] == [0, 1, 2, 3, 4]
    assert_shown(found, printed, "08_any_image")


def script_of(example: Path) -> Path:
    return example / "run.py" if example.is_dir() else example


def docstring_of(example: Path) -> str:
    return ast.get_docstring(ast.parse(script_of(example).read_text())) or ""


def example_of(name: str) -> Path:
    return next(path for path in EXAMPLES.iterdir() if path.stem == name)


def run(name: str, *arguments: str) -> str:
    """Run an example as a user does, and return what it printed, if it ended well."""
    command = [sys.executable, str(script_of(example_of(name))), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def results(kubectl: Kubectl, name: str) -> expsdk.Results:
    return expsdk.results(name, backend="kubernetes", namespace=kubectl.namespace)


def assert_shown(found: expsdk.Results, printed: str, name: str) -> None:
    """See that an example has printed its results, and that its first lines show such a table."""
    assert str(found) in printed
    columns = str(found).splitlines()[1].split()
    assert columns in [line.split() for line in docstring_of(example_of(name)).splitlines()], columns
