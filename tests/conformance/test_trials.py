"""What training functions may do and return, and what becomes of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from expsdk import current_trial, experiment, log_metric, log_metrics, output_dir, uniform

NUMBERS = {"number": [1, 2, 3]}


def test_what_is_logged_epoch_by_epoch(place: Any) -> None:
    @experiment(space=NUMBERS, objective="loss")
    def train(number: int) -> None:
        for epoch in range(4):
            log_metric("loss", number / (epoch + 1), epoch=epoch)
            log_metrics({"accuracy": epoch / 4, "lr": 0.1}, epoch=epoch)

    found = place.run(train)
    assert found.counts == {"Succeeded": 3}
    assert [trial.values for trial in found] == [{"loss": 0.25}, {"loss": 0.5}, {"loss": 0.75}]
    trial = found[0]
    assert trial.metrics["loss"] == {"last": 0.25, "min": 0.25, "max": 1.0, "best": 0.25, "epoch": 3}
    assert list(trial.history["loss"]) == [(0, 1.0), (1, 0.5), (2, 1 / 3), (3, 0.25)]
    assert list(trial.history["accuracy"]) == [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75)]
    assert trial.history["lr"].stride == 1
    assert trial.epoch == 3
    assert found.best is trial


def test_epochs_count_themselves_and_may_be_logged_again(place: Any) -> None:
    @experiment(space={"number": [1]}, objective="loss")
    def train(number: int) -> None:
        for value in (3.0, 2.0, 1.0):
            log_metric("loss", value)
        log_metric("loss", 5.0, epoch=1)
        log_metric("late", 1.0, epoch=7)

    trial = place.run(train)[0]
    assert list(trial.history["loss"]) == [(0, 3.0), (1, 5.0), (2, 1.0)]
    assert (trial.values, trial.epoch) == ({"loss": 1.0}, 7)


def test_the_best_is_the_largest_where_it_is_to_be_maximised(place: Any) -> None:
    @experiment(space=NUMBERS, objective="accuracy", direction="maximize")
    def train(number: int) -> None:
        for value in (0.5, 0.1 * number, 0.2):
            log_metric("accuracy", value + number)

    found = place.run(train)
    assert found.best.number == 2
    assert found.best.metrics["accuracy"]["best"] == 3.5
    assert found.experiment.status.best is not None
    assert found.experiment.status.best.trial == found.best.name


def test_several_objectives(place: Any) -> None:
    @experiment(space=NUMBERS, objective=["loss", "size"], direction=["minimize", "maximize"])
    def train(number: int) -> Any:
        if number == 1:
            return 0.5, 10
        if number == 2:
            log_metric("size", 20)
            return {"loss": 0.25}
        log_metric("loss", 1.0)
        return None

    found = place.run(train)
    assert [dict(trial.values) for trial in found] == [
        {"loss": 0.5, "size": 10.0},
        {"loss": 0.25, "size": 20.0},
        {"loss": 1.0},
    ]
    assert [trial.phase for trial in found] == ["Succeeded", "Succeeded", "Failed"]
    assert "size" in found[2].error


def test_generators_yield_an_epoch_at_a_time(place: Any) -> None:
    @experiment(space={"number": [1, 2]}, objective="loss")
    def train(number: int) -> Any:
        for epoch in range(3):
            yield {"loss": number * (3.0 - epoch)}
        if number == 2:
            yield {"loss": 9.0, "epoch": 8}
            return {"final": 1.0}

    found = place.run(train)
    assert list(found[0].history["loss"]) == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert list(found[1].history["loss"]) == [(0, 6.0), (1, 4.0), (2, 2.0), (8, 9.0)]
    assert found[1].metrics["final"]["last"] == 1.0


def test_a_number_or_a_mapping_that_is_returned(place: Any) -> None:
    @experiment(space=NUMBERS, objective="loss")
    def train(number: int) -> Any:
        if number == 1:
            return 0.5
        return {"loss": 0.25, "params": 12, "note": "no number"} if number == 2 else 3

    found = place.run(train)
    assert [trial.values["loss"] for trial in found] == [0.5, 0.25, 3.0]
    assert set(found[1].metrics) == {"loss", "params"}


def test_a_failure_shows_the_users_own_line(place: Any) -> None:
    @experiment(space=NUMBERS, objective="loss")
    def train(number: int) -> float:
        log_metric("loss", 7.0)
        if number == 2:
            raise ValueError("not two")  # the line to be shown
        return float(number)

    found = place.run(train)
    failed = found[1]
    assert found.counts == {"Succeeded": 2, "Failed": 1}
    assert (failed.reason, failed.values) == ("UserError", {"loss": 7.0})
    assert 'raise ValueError("not two")  # the line to be shown' in failed.error
    assert "test_trials.py" in failed.error
    assert failed.error.startswith("Traceback (most recent call last):")
    assert failed.error.endswith("ValueError: not two")
    assert failed.error.count("\n  File ") == 1
    assert found[0].error == ""


def test_no_objective_is_a_failure_that_names_what_there_was(place: Any) -> None:
    @experiment(space={"number": [1]}, objective="loss")
    def train(number: int) -> str:
        log_metric("accuracy", 1.0)
        return "done"

    failed = place.run(train)[0]
    assert (failed.phase, failed.reason) == ("Failed", "NoObjective")
    assert "loss" in failed.error
    assert "accuracy" in failed.error
    assert "str" in failed.error


def test_nan_and_the_infinities_survive(place: Any) -> None:
    @experiment(space=NUMBERS, objective="loss")
    def train(number: int) -> None:
        log_metric("loss", {1: math.nan, 2: math.inf, 3: 1.0}[number])
        log_metric("margin", -math.inf)

    found = place.run(train)
    assert found.counts == {"Succeeded": 3}
    assert math.isnan(found[0].values["loss"])
    assert math.isnan(found[0].history["loss"].values[0])
    assert found[1].values["loss"] == math.inf
    assert found[1].metrics["margin"]["min"] == -math.inf
    assert found.best.number == 2
    assert place.documents(found.name)[0]["status"]["objectives"] == {"loss": "NaN"}


def test_sys_exit_with_0_is_a_return_and_with_more_a_failure(place: Any) -> None:
    @experiment(space=NUMBERS, objective="loss")
    def train(number: int) -> None:
        log_metric("loss", 1.0)
        raise SystemExit(number - 1)

    found = place.run(train)
    assert [trial.phase for trial in found] == ["Succeeded", "Failed", "Failed"]
    assert "SystemExit: 1" in found[1].error


def test_a_trial_knows_who_it_is_and_has_directories(place: Any) -> None:
    @experiment(space={"number": [1, 2]}, objective="loss")
    def train(number: int) -> float:
        trial = current_trial()
        # No assert here: what pytest makes of one needs pytest in the job.
        if trial is None or trial.parameters != {"number": number}:
            raise ValueError(trial)
        if trial.name != f"{trial.experiment}-{trial.number:04}":
            raise ValueError(trial.name)
        (output_dir() / "mine").write_text(trial.name)
        (trial.checkpoint_dir / "state").write_text("saved")
        log_metric("seed", trial.seed)
        return float(trial.attempt)

    found = place.run(train)
    assert found.counts == {"Succeeded": 2}, found[0].error
    assert [trial.values for trial in found] == [{"loss": 1.0}, {"loss": 1.0}]
    for trial in found:
        with open(f"{trial.output_dir}/mine") as file:  # noqa: PTH123
            assert file.read() == trial.name
        assert trial.metrics["seed"]["last"] == float(trial.seed)
        assert trial.environment["python"]
        assert trial.environment["digest"].startswith("sha256:")
        assert trial.duration_s is not None
    assert found[0].seed != found[1].seed
    assert current_trial() is None


def test_seeds_make_trials_repeatable_and_unlike_each_other(place: Any) -> None:
    import random

    import numpy

    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def train(x: float) -> None:
        log_metric("loss", random.random())
        log_metric("noise", numpy.random.random())

    first, second, third = (place.run(train, sampler="random", trials=3, seed=seed) for seed in (1, 1, 2))
    drawn = [
        [(*trial.parameters.values(), trial.values, trial.metrics["noise"]["last"]) for trial in found]
        for found in (first, second, third)
    ]
    assert drawn[0] == drawn[1]
    assert all(one != another for one, another in zip(drawn[0], drawn[2], strict=True))
    assert len({trial.values["loss"] for trial in first}) == 3


def test_what_is_printed_is_kept_where_the_backend_keeps_it(place: Any, capfd: pytest.CaptureFixture[str]) -> None:
    @experiment(space={"number": [1]}, objective="loss")
    def train(number: int) -> float:
        import sys

        print("to the standard output: ü")
        print("to the standard error", file=sys.stderr)
        return 1.0

    found = place.run(train)
    lines = list(place.records.logs(found[0].name))
    shown = capfd.readouterr()
    if place.keeps_logs:
        # On a cluster each comes through a pipe of its own, and which is read first is left to chance.
        assert sorted(lines) == ["to the standard error\n", "to the standard output: ü\n"]
        assert found[0].log_path == place.records.log_path(found[0].name)
        assert (shown.out, shown.err) == ("", "")
    else:
        assert (lines, found[0].log_path) == ([], None)
        assert shown.out == "to the standard output: ü\n"
        assert "to the standard error\n" in shown.err


def test_parallelism_runs_every_trial_once(place: Any) -> None:
    @experiment(space={"number": list(range(12))}, objective="loss")
    def train(number: int) -> float:
        with open(output_dir() / "runs", "a") as file:  # noqa: PTH123
            file.write("once")
        return float(number)

    found = place.run(train, parallelism=5)
    assert [trial.values["loss"] for trial in found] == [float(number) for number in range(12)]
    for trial in found:
        with open(f"{trial.output_dir}/runs") as file:  # noqa: PTH123
            assert file.read() == "once"


def test_too_many_failures_end_the_sweep(place: Any) -> None:
    @experiment(space={"number": list(range(10))}, objective="loss")
    def train(number: int) -> None:
        raise ValueError

    found = place.run(train, max_failures=2)
    assert found.counts["Failed"] == 3
    assert len(found) < 10
    assert found.experiment.status.phase == "Failed"
    assert "max_failures=2" in found.experiment.status.message


def test_a_trial_that_interrupts_itself_is_cancelled(place: Any) -> None:
    @experiment(space={"number": [1]}, objective="loss")
    def train(number: int) -> None:
        log_metric("loss", 1.0)
        raise KeyboardInterrupt

    found = place.run(train)
    assert [(trial.phase, trial.reason, trial.values) for trial in found] == [
        ("Cancelled", "Interrupted", {"loss": 1.0})
    ]
