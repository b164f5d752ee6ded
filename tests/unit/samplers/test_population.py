"""Population based training: who continues whom, what is changed on the way, restarts, and that a schedule is found."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expsdk.errors import SweepError
from expsdk.samplers.base import Proposal, Sampler, TrialOutcome
from expsdk.samplers.population import PopulationSampler
from expsdk.space import Space, choice, integer, loguniform, normal, uniform
from expsdk_runtime.contract import Phase, Reason

LR = Space.of({"lr": loguniform(1e-4, 1e-1)})


def made(space: Space = LR, **changes: Any) -> PopulationSampler:
    usual: dict[str, Any] = {"directions": ["minimize"], "seed": 7, "parallelism": 1, "population": 4}
    return PopulationSampler(space, **{**usual, **changes})


def asked(sampler: Sampler, number: int) -> tuple[dict[str, Any], int | None]:
    """Return the sample of a trial and its parent."""
    proposal = sampler.ask(number)
    assert proposal is not None
    return (proposal.parameters, proposal.parent) if isinstance(proposal, Proposal) else (proposal, None)


@dataclass
class Sweep:
    """A sweep by hand: trials are asked for and told in any order."""

    sampler: PopulationSampler
    samples: dict[int, dict[str, Any]] = field(default_factory=dict)
    parents: dict[int, int | None] = field(default_factory=dict)
    outcomes: dict[int, TrialOutcome] = field(default_factory=dict)

    def ask(self) -> int:
        number = len(self.samples)
        self.samples[number], self.parents[number] = asked(self.sampler, number)
        return number

    def tell(self, number: int, value: float | None, phase: str = Phase.SUCCEEDED, **more: Any) -> None:
        values = None if value is None else (value,)
        outcome = TrialOutcome(number, self.samples[number], phase, values, parent=self.parents[number], **more)
        self.outcomes[number] = outcome
        self.sampler.tell(outcome)

    def run(self, value: float | None, phase: str = Phase.SUCCEEDED, **more: Any) -> int:
        number = self.ask()
        self.tell(number, value, phase, **more)
        return number

    def restarted(self, sampler: PopulationSampler) -> PopulationSampler:
        """Tell another sampler all that has happened, as a coordinator does that goes on with the sweep."""
        for number, sample in self.samples.items():
            running = TrialOutcome(number, sample, Phase.RUNNING, None, parent=self.parents[number])
            sampler.tell(self.outcomes.get(number, running))
        return sampler


def test_the_first_trials_are_random_samples() -> None:
    sweep = Sweep(made())
    for value in (4.0, 3.0, 2.0, 1.0):
        sweep.run(value)
    assert set(sweep.parents.values()) == {None}
    assert len({sample["lr"] for sample in sweep.samples.values()}) == 4
    backwards = made()
    assert [asked(backwards, number)[0] for number in (3, 1)] == [sweep.samples[3], sweep.samples[1]]
    assert asked(made(seed=8), 0)[0] != sweep.samples[0]


def test_a_member_goes_on_as_it_is_unless_it_is_among_the_worst() -> None:
    sweep = Sweep(made())
    for value in (2.0, 4.0, 3.0, 1.0):
        sweep.run(value)
    kept = sweep.run(1.5)
    assert (sweep.parents[kept], sweep.samples[kept]) == (0, sweep.samples[0])
    copied = sweep.run(0.9)
    assert sweep.parents[copied] == 3  # the best, in place of trial 1
    ratio = sweep.samples[copied]["lr"] / sweep.samples[3]["lr"]
    assert ratio == pytest.approx(0.8) or ratio == pytest.approx(1.2)
    assert [sweep.parents[sweep.run(1.0)] for _ in range(2)] == [5, 3]  # trial 2 is the worst now
    assert [sweep.parents[sweep.ask()] for _ in range(1)] == [5]  # trial 4 is, and 5 the best still


def test_the_greatest_value_is_the_best_where_it_is_maximized() -> None:
    sweep = Sweep(made(directions=["maximize"]))
    for value in (1.0, 2.0, 3.0, 4.0):
        sweep.run(value)
    assert sweep.parents[sweep.ask()] == 3


@pytest.mark.parametrize(
    ("value", "phase", "more"),
    [
        (None, Phase.FAILED, {}),
        (0.1, Phase.FAILED, {"reason": Reason.PREEMPTED}),
        (0.1, Phase.PRUNED, {}),
        (0.1, Phase.CANCELLED, {}),
        (math.nan, Phase.SUCCEEDED, {}),
        (math.inf, Phase.SUCCEEDED, {}),
        (0.1, Phase.SUCCEEDED, {"constraints": (-1.0, 0.5)}),
    ],
)
def test_a_member_without_a_value_is_replaced(value: float | None, phase: str, more: dict[str, Any]) -> None:
    sweep = Sweep(made())
    sweep.run(value, phase, **more)
    for good in (3.0, 1.0, 2.0):
        sweep.run(good)
    copied = sweep.ask()
    assert sweep.parents[copied] == 2
    assert sweep.samples[copied] != sweep.samples[2]
    assert sweep.parents[sweep.ask()] is not None


def test_a_population_that_has_failed_as_a_whole_begins_anew() -> None:
    sweep = Sweep(made())
    for _ in range(9):
        sweep.run(None, Phase.FAILED)
    assert set(sweep.parents.values()) == {None}
    assert len({sample["lr"] for sample in sweep.samples.values()}) == 9
    last = sweep.run(1.0)
    assert sweep.parents[sweep.ask()] == last


def test_equal_members_go_on_as_they_are() -> None:
    sweep = Sweep(made())
    for _ in range(4):
        sweep.run(1.0)
    for number in range(4):
        assert sweep.parents[sweep.ask()] == number


def test_nobody_waits_and_nobody_is_continued_twice() -> None:
    sweep = Sweep(made(parallelism=4))
    for _ in range(4):
        sweep.ask()
    sweep.tell(2, 1.0)
    assert sweep.parents[sweep.ask()] == 2  # alone it is not the worst
    sweep.tell(0, 5.0)
    sweep.tell(4, 0.5)
    assert sweep.parents[sweep.ask()] == 0
    assert sweep.parents[sweep.ask()] == 4


def test_a_member_that_runs_counts_with_the_value_that_it_goes_on_from() -> None:
    sweep = Sweep(made(parallelism=4))
    for value in (1.0, 2.0, 3.0):
        sweep.run(value)
    sweep.ask()
    for _ in range(3):
        sweep.ask()
    assert [sweep.parents[number] for number in (4, 5, 6)] == [0, 1, 2]
    sweep.tell(3, 4.0)
    assert sweep.parents[sweep.ask()] == 0  # whose continuation runs, and whose checkpoint is there


def test_trials_of_other_experiments_are_no_members() -> None:
    sampler = made()
    sampler.tell(TrialOutcome(-1, {"lr": 0.01}, Phase.SUCCEEDED, (0.0,)))
    assert asked(sampler, 0) == asked(made(), 0)


def test_samples_that_were_tried_before_its_own_are_members() -> None:
    sampler = made(population=2)
    sampler.tell(TrialOutcome(0, {"lr": 0.05}, Phase.SUCCEEDED, (1.0,)))
    assert asked(sampler, 1)[1] is None
    assert asked(sampler, 2) == ({"lr": 0.05}, 0)


def values_of(domain: Any, value: Any, **changes: Any) -> set[Any]:
    """Return what a parameter becomes where it is changed and never drawn anew."""
    space = Space.of({"x": domain})
    found = set()
    for seed in range(60):
        sampler = made(space, seed=seed, population=2, resample=0.0, **changes)
        sampler.tell(TrialOutcome(0, {"x": value}, Phase.FAILED, None))
        sampler.tell(TrialOutcome(1, {"x": value}, Phase.SUCCEEDED, (0.0,)))
        sample, parent = asked(sampler, 2)
        assert parent == 1
        space.check(sample)
        found.add(sample["x"])
    return found


@pytest.mark.parametrize(
    ("domain", "value", "expected"),
    [
        (uniform(0, 10), 5.0, {4.0, 6.0}),
        (uniform(0, 10), 9.0, {7.2, 10.0}),
        (uniform(-1, 1), 0.0, {-0.4, 0.4}),
        (uniform(0, 1, step=0.1), 0.5, {0.4, 0.6}),
        (uniform(0, 1, step=0.1), 0.1, {0.0, 0.2}),
        (uniform(0, 1, step=0.1), 1.0, {0.8, 1.0}),
        (uniform(0.1, 1, step=0.3), 1.0, {0.7, 1.0}),
        (loguniform(1e-4, 1), 0.01, {0.008, 0.012}),
        (loguniform(1e-4, 1), 1e-4, {1e-4, 0.00012}),
        (integer(0, 100), 50, {40, 60}),
        (integer(0, 100), 1, {0, 2}),
        (integer(0, 100), 0, {0, 1}),
        (integer(-10, 10), 0, {-4, 4}),
        (integer(2, 8, step=2), 4, {2, 6}),
        (integer(1, 1024, log=True), 100, {80, 120}),
        (normal(5, 10), 3.0, {1.0, 5.0}),
        ([16, 32, 64, 128], 32, {16, 64}),
        ([0.9, 0.5, 0.1], 0.9, {0.9, 0.5}),
        (["relu", "tanh"], "tanh", {"tanh"}),
        ([16, 64, 32], 64, {64}),
        ([False, True], True, {True}),
        ([None, 1, 2], 1, {1}),
        (integer(3, 3), 3, {3}),
    ],
)
def test_a_parameter_is_changed_within_its_domain(domain: Any, value: Any, expected: set[Any]) -> None:
    found = values_of(domain, value)
    assert {round(each, 12) if isinstance(each, float) else each for each in found} == expected


def test_factors_are_the_users() -> None:
    assert values_of(uniform(0, 10), 2.0, factors=[0.5, 1, 2]) == {1.0, 2.0, 4.0}


def test_a_parameter_is_drawn_anew_now_and_then() -> None:
    def share(resample: float) -> float:
        children = 0
        for seed in range(400):
            sampler = made(LR, seed=seed, population=2, resample=resample)
            sampler.tell(TrialOutcome(0, {"lr": 0.01}, Phase.FAILED, None))
            sampler.tell(TrialOutcome(1, {"lr": 0.01}, Phase.SUCCEEDED, (0.0,)))
            children += round(asked(sampler, 2)[0]["lr"], 12) not in (0.008, 0.012)
        return children / 400

    assert share(0) == 0
    assert 0.15 < share(0.25) < 0.35
    assert share(1) == 1


def test_a_branch_is_drawn_where_its_choice_changes() -> None:
    space = Space.of({"opt": choice({"sgd": {"momentum": uniform(0, 1)}, "adam": {"eps": loguniform(1e-9, 1e-6)}})})
    parent = {"opt": "sgd", "momentum": 0.5}
    seen = set()
    for seed in range(200):
        sampler = made(space, seed=seed, population=2, resample=0.3)
        sampler.tell(TrialOutcome(0, parent, Phase.FAILED, None))
        sampler.tell(TrialOutcome(1, parent, Phase.SUCCEEDED, (0.0,)))
        sample, _ = asked(sampler, 2)
        space.check(sample)
        seen.add((sample["opt"], sample.get("momentum") in (0.4, 0.6)))
    assert seen == {("sgd", True), ("sgd", False), ("adam", False)}


def test_every_sample_lies_in_the_space_and_a_restart_changes_none(spaces: st.SearchStrategy[Space]) -> None:
    phases = st.sampled_from([Phase.SUCCEEDED] * 4 + [Phase.FAILED, Phase.PRUNED, Phase.CANCELLED])
    values = st.sampled_from([0.0, 1.0, 2.0, 3.0]) | st.floats()

    @settings(max_examples=150, deadline=None)
    @given(spaces, st.integers(0, 2**63 - 1), st.integers(2, 5), st.sampled_from(["minimize", "maximize"]), st.data())
    def law(space: Space, seed: int, population: int, direction: str, data: st.DataObject) -> None:
        def sampler() -> PopulationSampler:
            return made(space, seed=seed, population=population, parallelism=population, directions=[direction])

        sweep = Sweep(sampler())
        running: list[int] = []
        for _ in range(data.draw(st.integers(0, 30))):
            if running and (len(running) == population or data.draw(st.booleans())):
                number = running.pop(data.draw(st.integers(0, len(running) - 1)))
                sweep.tell(number, data.draw(st.none() | values), data.draw(phases))
                continue
            number = sweep.ask()
            running.append(number)
            space.check(sweep.samples[number])
            assert json.loads(json.dumps(sweep.samples[number], allow_nan=False)) == sweep.samples[number]
            parent = sweep.parents[number]
            assert parent is None or sweep.outcomes[parent].phase == Phase.SUCCEEDED
            assert number >= population or parent is None
            if data.draw(st.integers(0, 5)) == 0:
                sweep.sampler = sweep.restarted(sampler())
        again = sweep.restarted(sampler())
        for number in range(len(sweep.samples), len(sweep.samples) + population - len(running)):
            assert asked(again, number) == asked(sweep.sampler, number)

    law()


@pytest.mark.parametrize("parallelism", [1, 3, 8])
def test_a_restart_at_any_time_leaves_the_sweep_as_it_would_have_been(parallelism: int) -> None:
    space = Space.of({"lr": loguniform(1e-4, 1e-1), "opt": choice({"a": {"m": uniform(0, 1)}, "b": {}})})

    def run(restart_every: int | None) -> Sweep:
        sweep = Sweep(made(space, population=8, parallelism=parallelism))
        running: list[int] = []
        for step in range(120):
            while len(running) < parallelism:
                running.append(sweep.ask())
            number = running.pop(step * 7 % len(running))
            value = abs(math.log10(sweep.samples[number]["lr"]) + 2) / (1 + step)
            sweep.tell(number, None if step % 11 == 5 else value, Phase.FAILED if step % 11 == 5 else Phase.SUCCEEDED)
            if restart_every and step % restart_every == 0:
                sweep.sampler = sweep.restarted(made(space, population=8, parallelism=parallelism))
        return sweep

    whole = run(None)
    for every in (1, 5, 17):
        assert (run(every).samples, run(every).parents) == (whole.samples, whole.parents)


def test_no_member_is_lost_and_none_is_added() -> None:
    sweep = Sweep(made(population=6, parallelism=6))
    running = [sweep.ask() for _ in range(6)]
    for step in range(300):
        number = running.pop(step * 5 % len(running))
        sweep.tell(number, float(step * 7 % 13))
        running.append(sweep.ask())
        assert sweep.parents[running[-1]] is not None


# The paper's example (Jaderberg et al., 2017, section 4.1 and figure 2): the function to be maximized is
# 1.2 - θ0² - θ1², and what training climbs is 1.2 - h0 θ0² - h1 θ1². With (1, 0) or (0, 1) for h, one of the two never
# moves: only a schedule, or both in turn, leads to the top.

Theta = tuple[float, float]
TOY = Space.of({"h0": integer(0, 1)})
STEPS, RATE = 10, 0.01


def climb(theta: Theta, h0: int) -> Theta:
    """Train for a few steps."""
    h = (h0, 1 - h0)
    for _ in range(STEPS):
        theta = (theta[0] - RATE * 2 * h[0] * theta[0], theta[1] - RATE * 2 * h[1] * theta[1])
    return theta


def height(theta: Theta) -> float:
    return 1.2 - theta[0] ** 2 - theta[1] ** 2


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_a_schedule_that_no_fixed_parameter_is_worth(seed: int) -> None:
    members, trials = 4, 160
    sweep = Sweep(made(TOY, directions=["maximize"], population=members, seed=seed))
    thetas: dict[int, Theta] = {}
    for _ in range(trials):
        number = sweep.ask()
        parent = sweep.parents[number]
        begin = (0.9, 0.9) if parent is None else thetas[parent]
        thetas[number] = climb(begin, sweep.samples[number]["h0"])
        sweep.tell(number, height(thetas[number]))
    found = max(map(height, thetas.values()))

    def fixed(h0: int) -> float:
        theta = (0.9, 0.9)
        for _ in range(trials // members):
            theta = climb(theta, h0)
        return height(theta)

    best_fixed = max(fixed(sweep.samples[number]["h0"]) for number in range(members))
    assert best_fixed < 0.4
    assert found > 1.1


def test_it_is_known_by_name_and_never_ends() -> None:
    assert isinstance(made(), Sampler)
    assert (PopulationSampler.name, PopulationSampler.is_endless) == ("pbt", True)


def test_options_are_those_that_json_can_carry() -> None:
    usual: dict[str, Any] = {"directions": ["minimize"], "seed": 7, "parallelism": 1}
    options = json.loads('{"population": 4, "factors": [0.5, 2], "quantile": 0.5, "resample": 0}')
    by_options = PopulationSampler.with_options(LR, **usual, options=options)
    by_hand = made(factors=(0.5, 2), quantile=0.5, resample=0)
    for sweep in (sweeps := [Sweep(by_options), Sweep(by_hand)]):
        for value in (4.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0):
            sweep.run(value)
    assert (sweeps[0].samples, sweeps[0].parents) == (sweeps[1].samples, sweeps[1].parents)
    with pytest.raises(SweepError) as caught:
        PopulationSampler.with_options(LR, **usual, options={"populations": 6})
    assert str(caught.value) == (
        "sampler 'pbt' takes population, quantile, resample, factors, not 'populations'; did you mean 'population'?"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"directions": ["minimize", "maximize"]}, "compares trials by one objective, not 2; leave the others out"),
        ({"population": 1}, "takes population= as an integer from 2, not 1; write 10"),
        ({"population": "4"}, "takes population= as an integer from 2, not '4'; write 10"),
        ({"population": 4.5}, "takes population= as an integer from 2, not 4.5; write 10"),
        (
            {"parallelism": 5},
            "so at most population=4 trials run at a time, not parallelism=5; give a greater population=",
        ),
        ({"quantile": 0}, "takes quantile= as a number above 0, at most 0.5, not 0; write 0.25"),
        ({"quantile": 0.6}, "takes quantile= as a number above 0, at most 0.5, not 0.6; write 0.25"),
        ({"resample": math.nan}, "takes resample= as a number from 0 to 1, not nan; write 0.25"),
        ({"factors": 2}, "takes factors= as a list of numbers above 0, not 2; write [0.8, 1.2]"),
        ({"factors": [0.8, 0]}, "takes factors= as a list of numbers above 0, not [0.8, 0]; write [0.8, 1.2]"),
        ({"factors": []}, "takes factors= as a list of numbers above 0, not []; write [0.8, 1.2]"),
    ],
)
def test_what_cannot_work_is_refused_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SweepError) as caught:
        made(**changes)
    assert str(caught.value).startswith("sampler 'pbt' ")
    assert words in str(caught.value)
