"""What a type checker sees: the decorated function keeps its type, and calling it wrongly is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PREAMBLE = """
from expsdk import Experiment, Results, TrialRecord, experiment, uniform

@experiment(space={"lr": uniform(0, 1)}, objective="loss")
def train(lr: float, *, epochs: int = 10) -> dict[str, float]:
    return {"loss": lr * epochs}

class Models:
    @staticmethod
    @experiment(space={"lr": uniform(0, 1)}, objective=["loss", "size"], direction=["minimize", "minimize"])
    def train(lr: float) -> tuple[float, float]:
        return lr, 1.0
"""
RIGHT = """
from typing_extensions import assert_type

assert_type(train(0.1), dict[str, float])
assert_type(train(lr=0.1, epochs=3)["loss"], float)
assert_type(Models.train(0.1), tuple[float, float])
assert_type(train.sweep(trials=3, parallelism=2, sampler="sobol", seed=7).run(), Results)
assert_type(train.launch(lr=0.1), TrialRecord)
assert_type(train.sweep(trials=1).run().best.values["loss"], float)
assert_type(train.sweep(trials=1).run()[0], TrialRecord)
assert_type(train.sweep(trials=1).run()[:3], Results)
"""
WRONG = {
    'train("fast")': "arg-type",
    "train(lr=0.1, epoch=3)": "call-arg",
    "train()": "call-arg",
    "train(0.1).best": "attr-defined",
    "train.sweep(trial=3)": "call-arg",
    'train.sweep(trials="3")': "arg-type",
    "experiment(space={})": "call-arg",
    "@experiment\ndef no_parentheses(lr: float) -> float:\n    return lr": "call-arg",
}


def check(program: str, directory: Path) -> subprocess.CompletedProcess[str]:
    script = directory / "program.py"
    script.write_text(PREAMBLE + program + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", str(script)]
    return subprocess.run(command, capture_output=True, text=True, cwd=directory, check=False)


@pytest.mark.timeout(300)
def test_what_is_right_passes_strict_mypy(tmp_path: Path) -> None:
    answer = check(RIGHT, tmp_path)
    assert (answer.stdout, answer.returncode) == ("", 0)


@pytest.mark.timeout(300)
def test_what_is_wrong_does_not(tmp_path: Path) -> None:
    answer = check("\n".join(WRONG), tmp_path)
    errors = [line for line in answer.stdout.splitlines() if ": error:" in line]
    first_of_line = {line.split(":")[1]: line.rpartition("[")[2].rstrip("]") for line in reversed(errors)}
    assert list(reversed(first_of_line.values())) == list(WRONG.values()), answer.stdout
