"""What a sweep is advised by, end to end: samplers, pruners, constraints, samples of the user's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from expsdk import Experiment, Results, experiment, integer, log_metric, log_metrics, uniform
from expsdk.errors import ExperimentNotFound, SweepError

EPOCHS = 30


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Results]:
    """Return a function that runs a sweep here, with a seed."""

    def run(train: Experiment[Any, Any], **sweep: Any) -> Results:
        settings = {"trials": 8, "parallelism": 2, "seed": 7, "grace_s": 2.0}
        return train.sweep(**{**settings, **sweep}).run(progress=False, root=tmp_path)

    return run


@pytest.fixture
def train() -> Experiment[Any, Any]:
    """A function that is as good as its x in every epoch, and slow enough to be stopped."""

    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def train(x: float, epochs: int = EPOCHS) -> None:
        for epoch in range(epochs):
            log_metrics({"loss": x, "size": 10 * x}, epoch=epoch)
            time.sleep(0.03)

    return train


@pytest.fixture
def quick() -> Experiment[Any, Any]:
    @experiment(space={"x": uniform(0, 1), "n": integer(1, 3)}, objective="loss")
    def quick(x: float, n: int) -> float:
        return x * n

    return quick


PRUNERS = {
    "median": {"name": "median", "n_startup_trials": 2},
    "asha": "asha",
    "threshold": {"name": "threshold", "upper": 0.6},
    "optuna": optuna.pruners.PercentilePruner(50.0, n_startup_trials=2),
    "function": lambda report: report.epoch >= 2 and report.history[-1][1] > 0.6,
}


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_pruner_stops_what_is_worse(run: Any, train: Any, pruner: str) -> None:
    found = run(train, pruner=PRUNERS[pruner], initial=[{"x": x} for x in (0.2, 0.3, 0.9, 0.7, 0.1, 0.95, 0.15, 0.8)])
    assert set(found.counts) == {"Succeeded", "Pruned"}, found.counts
    pruned = found.filter(phase="Pruned")
    for trial in pruned:
        assert trial.epoch < EPOCHS - 1
        assert trial.parameters["x"] > found.best.parameters["x"]
        assert trial.values == {"loss": trial.parameters["x"]}
    assert found.experiment.spec.pruner is not None


def test_a_trial_that_does_not_listen_is_ended_and_is_pruned_as_well(run: Any) -> None:
    @experiment(space={"x": [1.0]}, objective="loss")
    def deaf(x: float) -> None:
        log_metric("loss", x)
        time.sleep(3600)

    found = run(deaf, trials=1, pruner=lambda report: True, grace_s=0.3)
    assert [(trial.phase, trial.values) for trial in found] == [("Pruned", {"loss": 1.0})]


SAMPLERS = {
    "options": {"name": "tpe", "n_startup_trials": 2},
    "optuna": optuna.samplers.TPESampler(n_startup_trials=2, seed=1),
    "sobol": "sobol",
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sampler_by_name_with_options_or_as_an_object(run: Any, quick: Any, sampler: str) -> None:
    found = run(quick, sampler=SAMPLERS[sampler])
    assert found.counts == {"Succeeded": 8}
    given = SAMPLERS[sampler]
    assert found.experiment.spec.sampler.options == ({"n_startup_trials": 2} if sampler == "options" else {})
    assert found.experiment.spec.sampler.name == (
        given if isinstance(given, str) else "tpe" if sampler == "options" else "TPESampler"
    )


def test_a_population_goes_on_from_checkpoints(run: Any) -> None:
    from expsdk import checkpoint_dir

    @experiment(space={"rate": uniform(0.1, 1)}, objective="distance")
    def walk(rate: float, epochs: int = 2) -> float:
        state = checkpoint_dir() / "distance"
        left = float(state.read_text()) if state.exists() else 100.0
        for _ in range(epochs):
            left *= 1 - rate / 4
        state.write_text(repr(left))
        return left

    found = run(walk, trials=16, sampler={"name": "pbt", "population": 4})
    assert found.counts == {"Succeeded": 16}
    by_name = {trial.name: trial for trial in found}
    children = [trial for trial in found if trial.parent]
    assert len(children) == 12
    for child in children:
        parent = by_name[child.parent]
        wanted = parent.values["distance"] * (1 - child.parameters["rate"] / 4) ** 2
        assert child.values["distance"] == pytest.approx(wanted), "it has begun where its parent ended"
    with pytest.raises(SweepError, match=r"at most population=4 trials run at a time, not parallelism=5"):
        run(walk, sampler={"name": "pbt", "population": 4}, parallelism=5)


def test_several_objectives_have_a_front(run: Any) -> None:
    @experiment(space={"x": uniform(0, 2)}, objective=["low", "high"], direction=["minimize", "maximize"])
    def train(x: float) -> dict[str, float]:
        return {"low": x, "high": -abs(x - 1)}

    found = run(train, trials=20, sampler="nsga2")

    def dominates(one: Any, other: Any) -> bool:
        a, b = one.values, other.values
        return a != b and a["low"] <= b["low"] and a["high"] >= b["high"]

    front = {trial.number for trial in found if not any(dominates(other, trial) for other in found)}
    assert 0 < len(front) < len(found)
    assert {trial.number for trial in found.pareto} == front
    for name, value in {"pruner": "median", "target": 1.0, "no_improvement_trials": 3}.items():
        with pytest.raises(SweepError, match=rf"{name} compares trials by a single objective.* \(low, high\); leave"):
            run(train, **{name: value})


def test_constraints_are_written_down_and_the_best_keeps_them(run: Any, train: Any) -> None:
    found = run(train, epochs=2, constraints=lambda metrics: [metrics["size"] - 9, 5 - metrics["size"]])
    for trial in found:
        size = 10 * trial.parameters["x"]
        assert trial.constraints == pytest.approx((size - 9, 5 - size))
    feasible = [trial for trial in found if 0.5 <= trial.parameters["x"] <= 0.9]
    assert 0 < len(feasible) < len(found)
    assert found.best.number == min(feasible, key=lambda trial: trial.parameters["x"]).number
    assert found.experiment.status.best.trial == found.best.name


def test_given_samples_come_first(run: Any, quick: Any) -> None:
    found = run(quick, trials=3, initial=[{"x": 0.5, "n": 2}, {"x": 0.25, "n": 3}])
    given = [trial.parameters for trial in sorted(found, key=lambda trial: trial.number)][:2]
    assert given == [{"x": 0.5, "n": 2}, {"x": 0.25, "n": 3}]
    with pytest.raises(SweepError, match=r"initial\[1\]: parameter n: .* not 9"):
        run(quick, initial=[{"x": 0.5, "n": 2}, {"x": 0.5, "n": 9}])


def test_replicates_have_one_sample_and_seeds_of_their_own(run: Any, quick: Any) -> None:
    found = sorted(run(quick, trials=6, replicates=3, sampler="tpe"), key=lambda trial: trial.number)
    samples = [trial.parameters for trial in found]
    assert samples[0] == samples[1] == samples[2] != samples[3] == samples[4] == samples[5]
    assert len({trial.seed for trial in found}) == 6


def test_it_learns_from_another_sweep(run: Any, quick: Any, train: Any) -> None:
    run(quick, name="before", trials=12)
    settings: dict[str, Any] = {"sampler": {"name": "tpe", "n_startup_trials": 10}, "trials": 1}
    taught = run(quick, learn_from=["before"], **settings)
    assert taught.counts == {"Succeeded": 1}
    assert taught[0].parameters != run(quick, **settings)[0].parameters
    with pytest.raises(ExperimentNotFound, match=r"no experiment 'bfore' .*before"):
        run(quick, learn_from=["bfore"], **settings)

    @experiment(space={"x": uniform(0, 1), "n": integer(1, 3)}, objective="error")
    def other(x: float, n: int) -> float:
        return x

    with pytest.raises(SweepError, match=r"same objectives; before is to minimize loss, and this sweep is to minimize"):
        run(other, learn_from=["before"], **settings)


def test_every_trial_gets_the_number_of_epochs(run: Any, train: Any) -> None:
    found = run(train, trials=2, epochs=3)
    assert [trial.parameters["epochs"] for trial in found] == [3, 3]
    assert [trial.epoch for trial in found] == [2, 2]


class Clueless:
    def ask(self, number: int) -> dict[str, Any]:
        if number == 2:
            raise RuntimeError("no idea")
        return {"x": 0.5, "n": 1}

    def tell(self, outcome: Any) -> None:
        pass


def fail(_report: Any) -> bool:
    raise RuntimeError("no idea")


ADVICE: dict[str, tuple[dict[str, Any], str]] = {
    "sampler": ({"sampler": Clueless()}, "the sampler, asked for trial 2, raised RuntimeError: no idea"),
    "pruner": ({"pruner": fail}, "the pruner, told of epoch 0 of trial 0, raised RuntimeError: no idea"),
    "constraints": (
        {"constraints": lambda metrics: metrics["size"]},
        "constraints, given the metrics of trial 0, raised KeyError: 'size'",
    ),
}


@pytest.mark.parametrize("who", ADVICE)
def test_whoever_fails_ends_the_sweep_and_what_there_is_is_kept(run: Any, quick: Any, tmp_path: Path, who: str) -> None:
    from expsdk import results

    settings, words = ADVICE[who]
    read = f'expsdk.results("failing", root="{tmp_path}")'
    kept_too = f"what has ended is kept, {read} reads it, and run(resume=True) goes on once"
    with pytest.raises(SweepError) as failed:
        run(quick, name="failing", parallelism=1, **settings)
    assert str(failed.value) == f"{words}; {kept_too} that is mended"
    kept = results("failing", root=tmp_path)
    assert kept.counts == {"Succeeded": 2 if who == "sampler" else 1}
    assert (kept.experiment.status.phase, kept.experiment.status.message) == ("Failed", words)
