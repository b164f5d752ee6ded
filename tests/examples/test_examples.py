"""Every example runs, small, as a user runs it: a process of its own, in a directory of its own."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from itertools import filterfalse
from pathlib import Path

import pytest

import expsdk

EXAMPLES = Path(__file__).parents[2] / "examples"
FOUND = sorted(path for path in EXAMPLES.iterdir() if re.match(r"\d", path.name))
TESTS_ON_A_CLUSTER = EXAMPLES.parent / "tests" / "kubernetes" / "test_optimizers.py"
SMALL = {
    "02_digits": ["--trials", "4"],
    "03_package": ["--trials", "6"],
    "04_conditional": ["--trials", "6"],
    "05_torch": ["--trials", "2"],
    "09_prune": ["--trials", "12"],
    "11_population": ["--trials", "8"],
    "12_autolog": ["--trials", "4"],
}
"""Arguments that make an example small; one that is not named here runs as it is."""
PRUNED = {"09_prune"}
"""Examples some of whose trials are stopped early."""
NEEDS = {"05_torch": "torch", "12_autolog": "xgboost"}
"""Libraries that an example may lack: it says so, ends well, and its test is skipped."""


def script_of(example: Path) -> Path:
    return example / "run.py" if example.is_dir() else example


def run(arguments: list[str], directory: Path) -> str:
    """Run Python in `directory` and return what it printed, if it ended well."""
    environment = {name: value for name, value in os.environ.items() if name != "EXPSDK_ROOT"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of(directory: Path) -> dict[Path, int]:
    return {
        path: path.stat().st_mtime_ns
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def docstring_of(example: Path) -> str:
    return ast.get_docstring(ast.parse(script_of(example).read_text())) or ""


def needs_a_cluster(example: Path) -> bool:
    """Whether an example says so, at the start of a line of its docstring: then tests/kubernetes runs it."""
    return "\nNeeds a cluster" in docstring_of(example)


@pytest.mark.parametrize("example", list(filterfalse(needs_a_cluster, FOUND)), ids=lambda path: path.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    before = files_of(EXAMPLES)
    small = SMALL.get(example.stem, [])
    printed = run([str(script_of(example)), *small], tmp_path)
    if printed.startswith("skipped: "):
        assert find_spec(NEEDS[example.stem]) is None, printed
        pytest.skip(printed.removeprefix("skipped: ").strip())

    kept = [path for path in (tmp_path / ".expsdk").iterdir() if path.is_dir()]
    assert len(kept) == 1
    results = expsdk.results(kept[0].name, root=kept[0].parent)
    assert not small or len(results) == int(small[1])
    assert set(results.counts) == {"Succeeded", *(["Pruned"] if example.stem in PRUNED else [])}
    assert all(len(trial.history) > 0 and (trial.duration_s or 0) > 0 for trial in results)

    headline, header, *rows, _ = str(results).splitlines()
    assert rows
    assert "\n".join([headline, header, *rows]) in printed
    columns = header.split()[:3]
    assert columns in [line.split()[:3] for line in docstring_of(example).splitlines()], "its docstring shows the table"
    assert files_of(EXAMPLES) == before, "nothing is written beside the examples"


@pytest.mark.parametrize("example", FOUND, ids=lambda path: path.stem)
def test_example_is_listed(example: Path) -> None:
    command = f"python examples/{script_of(example).relative_to(EXAMPLES).as_posix()}"
    assert command in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("example", list(filter(needs_a_cluster, FOUND)), ids=lambda path: path.stem)
def test_example_that_needs_a_cluster_is_run_on_one(example: Path) -> None:
    assert f'run("{example.stem}"' in TESTS_ON_A_CLUSTER.read_text()


def test_every_entry_is_an_examples() -> None:
    assert {*SMALL, *NEEDS} <= {example.stem for example in FOUND}


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_torch_example_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    run([str(EXAMPLES / "05_torch.py"), "--trials", "1"], tmp_path)
    (payload,) = tmp_path.glob(".expsdk/*/payload-*.pyz")

    def epochs_trained(*, until: int) -> set[int]:
        sample = {"lr": 0.01, "channels": 4, "dropout": 0.0, "epochs": until}
        printed = run([str(payload), "--parameters", json.dumps(sample), "--output-dir", "kept"], tmp_path)
        return {line["epoch"] for line in map(json.loads, printed.splitlines()) if "epoch" in line}

    assert epochs_trained(until=2) == {0, 1}
    assert epochs_trained(until=5) == {2, 3, 4}
