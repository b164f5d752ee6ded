"""What ends a sweep before its last trial, and what saves it trials: failures, targets, budgets, Results used again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expsdk import Experiment, Results, experiment, log_metric, output_dir, uniform
from expsdk.errors import SweepError

Run = Callable[..., Results]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs a sweep here, with a seed."""

    def run(train: Experiment[Any, Any], **sweep: Any) -> Results:
        settings = {"trials": 100, "parallelism": 2, "seed": 7, "grace_s": 2.0}
        return train.sweep(**{**settings, **sweep}).run(progress=False, root=tmp_path)

    return run


@pytest.fixture
def train() -> Experiment[Any, Any]:
    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def train(x: float) -> float:
        with (output_dir() / "begun").open("a") as begun:
            begun.write("once\n")
        return x

    return train


def test_too_many_failures(run: Run) -> None:
    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def fails(x: float) -> float:
        raise ValueError(x)

    found = run(fails, max_failures=2, parallelism=1)
    assert found.counts == {"Failed": 3}
    assert found.experiment.status.message == "max_failures=2, and 3 trials have failed"


def test_what_is_lost_is_tried_again_and_what_fails_by_itself_is_not(run: Run) -> None:
    @experiment(space={"how": ["killed once", "killed always", "raises"]}, objective="loss")
    def train(how: str) -> float:
        with (output_dir() / "begun").open("a") as begun:
            begun.write("x")
        attempt = (output_dir() / "begun").stat().st_size
        log_metric("attempt", attempt)
        if how == "raises":
            raise ValueError(how)
        if how == "killed always" or attempt == 1:
            os.kill(os.getppid(), signal.SIGKILL)  # the launcher
            time.sleep(60)
        return 1.0

    found = run(train, sampler="grid", trials=3, parallelism=1, retries=2)
    told = [(trial.phase, trial.reason, trial.attempt) for trial in sorted(found, key=lambda trial: trial.number)]
    assert told == [("Succeeded", "", 2), ("Failed", "Lost", 3), ("Failed", "UserError", 1)]


def test_the_target(run: Run, train: Any) -> None:
    found = run(train, target=0.3, parallelism=1)
    best = found.best
    assert best.values["loss"] <= 0.3
    assert found.counts["Succeeded"] < 100
    assert found.experiment.status.phase == "Succeeded"
    message = f"target=0.3 is reached: trial {best.number} has {best.values['loss']:.6g}"
    assert found.experiment.status.message == message


def test_nothing_better_for_so_many_trials(run: Run, train: Any) -> None:
    found = run(train, no_improvement_trials=5, parallelism=1)
    by_number = sorted(found, key=lambda trial: trial.number)
    assert by_number[-6].number == found.best.number
    message = "no_improvement_trials=5: the last 5 trials have not been better than the best"
    assert found.experiment.status.message == message


def test_the_budget(run: Run) -> None:
    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def slow(x: float) -> float:
        time.sleep(0.2)
        return x

    cores = max(1, (os.cpu_count() or 1) // 2)
    found = run(slow, trials=None, budget=f"{1.0 / 3600 * cores:.9f} cpu-hours")
    status = found.experiment.status
    assert status.message.startswith("the budget is used up: ")
    assert status.spent_hours is not None
    assert found.experiment.spec.budget is not None
    assert status.spent_hours >= found.experiment.spec.budget.hours
    assert found.counts == {"Succeeded": len(found)}, "what runs goes on to its end"
    assert 2 <= len(found) <= 8, "a second of two trials at a time, each at least 0.2 s"


def test_a_budget_of_what_trials_do_not_request_is_refused(run: Run, train: Any, tmp_path: Path) -> None:
    with pytest.raises(SweepError) as refused:
        run(train, budget="1 gpu-hours")
    assert str(refused.value) == (
        "a budget counts what trials request, and here they request no gpu, so budget='1 gpu-hours' would never be used"
        " up; request some (Resources(…) on Kubernetes), or give another budget: '… cpu-hours'"
    )
    assert list(tmp_path.iterdir()) == []


def test_results_are_used_again_for_the_same_code_sample_and_seed(run: Run, train: Any) -> None:
    first = run(train, name="first", trials=4, cache=True)
    assert [trial.reused_from for trial in first] == [""] * 4
    second = run(train, name="second", trials=6, cache=True)
    assert second.counts == {"Succeeded": 6}
    by_number = sorted(second, key=lambda trial: trial.number)
    assert [trial.reused_from for trial in by_number] == [f"first-{number:04}" for number in range(4)] + ["", ""]
    assert [trial.values for trial in by_number[:4]] == [
        trial.values for trial in sorted(first, key=lambda trial: trial.number)
    ]
    third = run(train, name="third", trials=6, cache=True)
    assert sorted(trial.reused_from for trial in third)[-2:] == ["second-0004", "second-0005"], "whoever has run it"
    other_seed = run(train, name="other", trials=4, cache=True, seed=8)
    assert [trial.reused_from for trial in other_seed] == [""] * 4
    without = run(train, name="without", trials=4)
    assert [trial.reused_from for trial in without] == [""] * 4
