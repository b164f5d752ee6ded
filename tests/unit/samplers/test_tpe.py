"""TPE through Optuna: it learns, parallel proposals differ, and told trials bring an interrupted sweep back."""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expsdk.samplers import Sampler, TrialOutcome, make_sampler
from expsdk.space import Space, choice, integer, loguniform, normal, uniform
from expsdk_runtime.contract import Phase

Judge = Callable[[dict[str, Any]], Sequence[float]]

STARTUP = 10  # Optuna draws as many trials at random before it learns


def made(space: Space, *, seed: int = 7, directions: Sequence[str] = ("minimize",), parallelism: int = 1) -> Sampler:
    return make_sampler("tpe", space=space, directions=directions, seed=seed, parallelism=parallelism)


def asked(sampler: Sampler, number: int) -> dict[str, Any]:
    sample = sampler.ask(number)
    assert sample is not None
    return sample


def succeeded(number: int, sample: dict[str, Any], values: Sequence[float]) -> TrialOutcome:
    return TrialOutcome(number, sample, Phase.SUCCEEDED, tuple(values))


def drive(sampler: Sampler, numbers: Iterable[int], judge: Judge) -> list[TrialOutcome]:
    """Run trials one after the other and return what the sampler was told."""
    outcomes = []
    for number in numbers:
        sample = asked(sampler, number)
        outcomes.append(succeeded(number, sample, judge(sample)))
        sampler.tell(outcomes[-1])
    return outcomes


def by_lr(sample: dict[str, Any]) -> list[float]:
    return [abs(math.log10(sample["lr"]) + 2)]


def by_x(sample: dict[str, Any]) -> list[float]:
    return [(sample["x"] - 0.3) ** 2]


def test_every_sample_lies_in_the_space(spaces: st.SearchStrategy[Space]) -> None:
    phases = st.sampled_from([Phase.SUCCEEDED, Phase.SUCCEEDED, Phase.FAILED, Phase.PRUNED, Phase.CANCELLED])
    values = st.floats() | st.floats(0, 1)

    @settings(max_examples=25, deadline=None)
    @given(spaces, st.integers(0, 2**63 - 1), st.integers(1, 3), st.integers(1, 2), st.data())
    def law(space: Space, seed: int, parallelism: int, objectives: int, data: st.DataObject) -> None:
        sampler = made(space, seed=seed, directions=["minimize"] * objectives, parallelism=parallelism)
        for number in range(STARTUP + 6):
            sample = asked(sampler, number)
            space.check(sample)
            assert json.loads(json.dumps(sample, allow_nan=False)) == sample
            told = data.draw(st.none() | st.lists(values, min_size=objectives, max_size=objectives).map(tuple))
            sampler.tell(TrialOutcome(number, sample, data.draw(phases), told))

    law()


def test_before_it_learns_every_part_of_a_domain_is_reached_alike(every_domain: Space) -> None:
    sampler = made(every_domain)
    samples = [asked(sampler, number) for number in range(600)]
    assert {sample["dropout"] for sample in samples} == {tenth / 10 for tenth in range(10)}
    assert {sample["depth"] for sample in samples} == {2, 4, 6, 8}
    assert 150 < sum(sample["lr"] < 1e-3 for sample in samples) < 250
    assert 230 < sum(sample["width"] < 32 for sample in samples) < 370
    assert 250 < sum(sample["noise"] < 0 for sample in samples) < 350
    assert 350 < sum(abs(sample["noise"]) < 2 for sample in samples) < 470
    assert min(sample["noise"] for sample in samples) < -4 < 4 < max(sample["noise"] for sample in samples)
    assert 250 < sum(sample["momentum"] < 0.5 for sample in samples) < 350


def test_it_samples_more_where_trials_went_well() -> None:
    space = Space.of({"x": uniform(0, 1), "k": choice(["good", "bad"]), "n": integer(1, 1000, log=True)})

    def judge(sample: dict[str, Any]) -> list[float]:
        return [abs(sample["x"] - 0.8) + (sample["k"] == "bad") + abs(math.log(sample["n"] / 10))]

    late = [judge(outcome.parameters)[0] for outcome in drive(made(space), range(80), judge)[40:]]
    random = make_sampler("random", space=space, directions=["minimize"], seed=7, parallelism=1)
    blind = [judge(random.ask(number) or {})[0] for number in range(40)]
    assert sorted(late)[20] < sorted(blind)[20] / 2


def test_it_follows_the_direction() -> None:
    space = Space.of({"x": uniform(0, 1)})

    def mean_of_late(direction: str) -> float:
        outcomes = drive(made(space, directions=[direction]), range(50), lambda sample: [sample["x"]])
        return sum(outcome.parameters["x"] for outcome in outcomes[30:]) / 20

    assert mean_of_late("minimize") < 0.25
    assert mean_of_late("maximize") > 0.75


def test_several_objectives_are_weighed_together() -> None:
    space = Space.of({"x": uniform(0, 1), "opt": choice({"a": {"y": uniform(0, 1)}, "b": {}})})
    sampler = made(space, directions=["minimize", "maximize"])
    outcomes = drive(sampler, range(40), lambda sample: [sample["x"], -sample.get("y", 1.0)])
    late = outcomes[25:]
    assert sum(outcome.parameters["x"] for outcome in late) / len(late) < 0.4
    sampler.tell(TrialOutcome(40, asked(sampler, 40), Phase.PRUNED, None))
    sampler.tell(TrialOutcome(41, asked(sampler, 41), Phase.FAILED, (1.0, 2.0)))
    space.check(asked(sampler, 42))


def test_a_branch_is_sampled_only_when_it_is_taken(every_domain: Space) -> None:
    outcomes = drive(made(every_domain), range(40), by_lr)
    branches = {"sgd": {"nesterov"}, "adam": {"eps"}, "lion": set()}
    assert {outcome.parameters["opt"] for outcome in outcomes} == set(branches)
    for outcome in outcomes:
        assert set(outcome.parameters) - every_domain.given == branches[outcome.parameters["opt"]]
        assert outcome.parameters["epochs"] == 10


@pytest.mark.parametrize("told", [0, 15])
def test_proposals_made_at_the_same_time_differ(told: int, every_domain: Space) -> None:
    sampler = made(every_domain, parallelism=8)
    drive(sampler, range(told), by_lr)
    together = [json.dumps(asked(sampler, number)) for number in range(told, told + 8)]
    assert len(set(together)) == 8


def test_running_trials_keep_others_away() -> None:
    space = Space.of({"x": uniform(0, 1)})

    def distance_of(parallelism: int) -> float:
        """Return how far from its ten running neighbours the next proposal is, on average."""
        total = 0.0
        for seed in range(12):
            sampler = made(space, seed=seed, parallelism=parallelism)
            drive(sampler, range(15), by_x)
            running = [asked(sampler, number)["x"] for number in range(15, 25)]
            total += sum(abs(asked(sampler, 25)["x"] - x) for x in running) / 10
        return total / 12

    assert distance_of(11) > 1.2 * distance_of(1)


def test_a_sweep_that_was_interrupted_goes_on_as_before() -> None:
    space = Space.of({"lr": loguniform(1e-4, 1e-1), "k": choice({"a": {"m": uniform(0, 1, step=0.1)}, "b": {}})})
    first = made(space, parallelism=3)
    outcomes = drive(first, range(20), by_lr)
    running = [asked(first, number) for number in (20, 21)]

    resumed = made(space, parallelism=3)
    for outcome in outcomes:
        resumed.tell(outcome)
    for number, sample in enumerate(running, start=20):
        resumed.tell(TrialOutcome(number, sample, Phase.RUNNING, None))

    for number in range(22, 26):
        assert asked(resumed, number) == asked(first, number)
    for sampler in (first, resumed):
        sampler.tell(succeeded(21, running[1], by_lr(running[1])))
        sampler.tell(TrialOutcome(20, running[0], Phase.FAILED, None))
    assert asked(resumed, 26) == asked(first, 26)


def test_a_normal_domain_comes_back_exactly() -> None:
    space = Space.of({"z": normal(100, 0.1), "k": [1, 2]})
    judge: Judge = lambda sample: [abs(sample["z"] - 100.05)]  # noqa: E731
    first, resumed = made(space), made(space)
    for outcome in drive(first, range(25), judge):
        resumed.tell(outcome)
    assert asked(resumed, 25) == asked(first, 25)


def test_samples_do_not_come_back_after_a_restart() -> None:
    space = Space.of({"x": uniform(0, 1)})
    before = drive(made(space), range(5), by_x)
    resumed = made(space)
    for outcome in before:
        resumed.tell(outcome)
    after = drive(resumed, range(5, 10), by_x)
    assert len({outcome.parameters["x"] for outcome in before + after}) == 10


def test_gaps_in_the_numbers_do_no_harm(every_domain: Space) -> None:
    sampler = made(every_domain)
    outcomes = drive(sampler, (0, 7, 8, *range(20, 40, 2)), by_lr)
    assert len({json.dumps(outcome.parameters) for outcome in outcomes}) == 13
    for outcome in outcomes:
        every_domain.check(outcome.parameters)


@pytest.mark.parametrize(
    ("phase", "values"),
    [
        (Phase.FAILED, None),
        (Phase.FAILED, (0.1,)),
        (Phase.CANCELLED, None),
        (Phase.SUCCEEDED, None),
        (Phase.SUCCEEDED, (math.nan,)),
    ],
)
def test_nothing_is_learned_from_a_trial_without_a_value(phase: str, values: tuple[float, ...] | None) -> None:
    space = Space.of({"x": uniform(0, 1)})
    taught, fresh = made(space), made(space)
    for number in range(3 * STARTUP):
        taught.tell(TrialOutcome(number, asked(taught, number), phase, values))
    assert asked(taught, 99) == asked(fresh, 99)


@pytest.mark.parametrize(("phase", "values"), [(Phase.PRUNED, None), (Phase.SUCCEEDED, (math.inf,))])
def test_a_pruned_or_infinite_trial_counts_as_a_bad_one(phase: str, values: tuple[float, ...] | None) -> None:
    space = Space.of({"x": uniform(0, 1)})
    late: list[float] = []
    for seed in range(8):
        sampler = made(space, seed=seed)
        for number in range(40):
            sample = asked(sampler, number)
            is_good = sample["x"] > 0.7
            sampler.tell(succeeded(number, sample, [0.0]) if is_good else TrialOutcome(number, sample, phase, values))
        late += [asked(sampler, number)["x"] for number in range(40, 60)]
    assert sum(x > 0.6 for x in late) > 0.55 * len(late)  # by chance 0.4


def test_a_trial_outside_the_space_is_passed_over() -> None:
    space = Space.of({"x": uniform(0, 1)})
    sampler, fresh = made(space), made(space)
    for number in range(STARTUP):
        sampler.tell(TrialOutcome(number, {"x": 2.0}, Phase.RUNNING, None))
        sampler.tell(succeeded(number, {"x": 2.0}, [0.0]))
        sampler.tell(succeeded(number + STARTUP, {"y": 0.5}, [0.0]))
    assert asked(sampler, 50) == asked(fresh, 50)


PROGRAM = """
import json, math, sys
from expsdk.samplers import TrialOutcome, make_sampler
from expsdk.space import Space
space = Space.from_declarative(json.load(sys.stdin))
sampler = make_sampler("tpe", space=space, directions=["minimize"], seed=7, parallelism=2)
samples = []
for number in range(25):
    samples.append(sampler.ask(number))
    value = abs(math.log10(samples[-1]["lr"]) + 2)
    sampler.tell(TrialOutcome(number, samples[-1], "Succeeded", (value,)))
print(json.dumps(samples))
"""


def test_another_process_proposes_the_same(every_domain: Space) -> None:
    here = [outcome.parameters for outcome in drive(made(every_domain, parallelism=2), range(25), by_lr)]
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            input=json.dumps(every_domain.to_declarative()),
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert json.loads(done.stdout) == here
        assert done.stderr == ""


def test_optuna_keeps_silent_and_its_settings_stay(capfd: pytest.CaptureFixture[str]) -> None:
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    try:
        drive(made(Space.of({"x": uniform(0, 1)}), parallelism=2), range(STARTUP + 2), by_x)
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    finally:
        optuna.logging.set_verbosity(level)
    captured = capfd.readouterr()
    assert captured.err + captured.out == ""
    assert not logging.getLogger("optuna").disabled
