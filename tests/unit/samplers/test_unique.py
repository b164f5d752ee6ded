"""Each sample once: no duplicates in finite spaces, whatever happens to trials, and none is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expsdk.samplers import SAMPLER_NAMES, Sample, Sampler, TrialOutcome, arrange, is_endless, make_sampler
from expsdk.samplers.unique import UniqueSampler
from expsdk.space import Space, choice, integer, loguniform, uniform
from expsdk_runtime.contract import Phase, Reason

# gp is slow, cmaes is not for every finite space, and pbt goes on with the samples that went well.
FINITE = [name for name in SAMPLER_NAMES if name not in ("gp", "cmaes", "pbt")]
LAWS = settings(max_examples=15, deadline=None)
SMALL = Space.of({"a": integer(1, 3), "k": choice({"x": {"m": [1, 2]}, "y": {}})})  # 9 samples


def made(name: str, space: Space, *, seed: int = 3, parallelism: int = 2) -> Sampler:
    plain = make_sampler(name, space=space, directions=["minimize"], seed=seed, parallelism=parallelism)
    return arrange(plain, space=space, seed=seed)


def asked(sampler: Sampler, number: int) -> Sample:
    sample = sampler.ask(number)
    assert isinstance(sample, dict)
    return sample


def ended(number: int, sample: Sample, phase: str = Phase.SUCCEEDED, reason: str = "") -> TrialOutcome:
    return TrialOutcome(number, sample, phase, (1.0,) if phase == Phase.SUCCEEDED else None, reason=reason)


@pytest.mark.parametrize("name", FINITE)
def test_a_finite_space_is_gone_through_once_and_no_sample_runs_twice(
    name: str, finite_spaces: st.SearchStrategy[Space]
) -> None:
    @LAWS
    @given(finite_spaces.filter(lambda space: space.grid().size <= 40), st.integers(0, 2**31), st.data())
    def law(space: Space, seed: int, data: st.DataObject) -> None:
        sampler = made(name, space, seed=seed)
        assert not is_endless(sampler)
        seen: list[str] = []
        running: dict[int, Sample] = {}
        for number in range(space.grid().size):
            running[number] = asked(sampler, number)
            space.check(running[number])
            seen.append(json.dumps(running[number], sort_keys=True))
            while running and (len(running) > 3 or data.draw(st.booleans())):
                which = data.draw(st.sampled_from(sorted(running)))
                phase = data.draw(st.sampled_from([Phase.SUCCEEDED, Phase.FAILED, Phase.PRUNED, Phase.CANCELLED]))
                sampler.tell(ended(which, running.pop(which), phase, Reason.USER_ERROR))
        assert len(set(seen)) == len(seen)
        assert sampler.ask(len(seen)) is None

    law()


@pytest.mark.parametrize("name", FINITE)
def test_after_a_restart_only_the_rest_is_tried(name: str) -> None:
    first = made(name, SMALL)
    samples = [asked(first, number) for number in range(5)]
    resumed = made(name, SMALL)
    for number, sample in enumerate(samples[:3]):
        resumed.tell(ended(number, sample))
    resumed.tell(TrialOutcome(3, samples[3], Phase.RUNNING, None))
    resumed.tell(TrialOutcome(4, samples[4], Phase.PENDING, None))
    rest = [asked(resumed, number) for number in range(5, 9)]
    assert len({json.dumps(sample) for sample in samples + rest}) == 9
    assert resumed.ask(9) is None


@pytest.mark.parametrize("name", [name for name in FINITE if name != "qmc"])  # it counts what was passed over as well
def test_an_interrupted_sweep_goes_on_as_before(name: str) -> None:
    space = Space.of({"a": integer(1, 4), "b": integer(1, 4), "k": choice({"x": {"m": [1, 2]}, "y": {}})})
    first = made(name, space, parallelism=1)
    outcomes = []
    for number in range(48):
        sample = asked(first, number)
        value = abs(sample["a"] - 2) + abs(sample["b"] - 3) + (sample["k"] == "y")
        outcomes.append(TrialOutcome(number, sample, Phase.SUCCEEDED, (float(value),)))
        first.tell(outcomes[-1])
    for cut in (1, 20, 40):
        resumed = made(name, space, parallelism=1)
        for outcome in outcomes[:cut]:
            resumed.tell(outcome)
        for outcome in outcomes[cut:]:
            assert asked(resumed, outcome.number) == outcome.parameters
            resumed.tell(outcome)


@pytest.mark.parametrize("name", FINITE)
@pytest.mark.parametrize(
    ("phase", "reason", "is_tried"),
    [
        (Phase.SUCCEEDED, "", True),
        (Phase.PRUNED, "", True),
        (Phase.FAILED, Reason.USER_ERROR, True),
        (Phase.FAILED, Reason.EVICTED, False),
        (Phase.CANCELLED, Reason.INTERRUPTED, False),
        (Phase.CANCELLED, "", True),
    ],
)
def test_only_what_says_something_of_its_sample_is_a_try(name: str, phase: str, reason: str, is_tried: bool) -> None:
    sampler = made(name, SMALL)
    sample = {"a": 2, "k": "x", "m": 1}
    sampler.tell(ended(0, sample, phase, reason))
    proposed = [asked(sampler, number) for number in range(1, 9 if is_tried else 10)]
    assert (sample in proposed) is not is_tried
    assert sampler.ask(10) is None


@pytest.mark.parametrize("name", FINITE)
def test_a_sample_that_was_lost_is_tried_again_once(name: str) -> None:
    sampler = made(name, SMALL)
    counts: dict[str, int] = {}
    for number in range(40):
        sample = sampler.ask(number)
        if sample is None:
            break
        assert isinstance(sample, dict)
        key = json.dumps(sample)
        counts[key] = counts.get(key, 0) + 1
        sampler.tell(ended(number, sample, Phase.FAILED, Reason.IMAGE_PULL_ERROR))
    assert sorted(counts.values()) == [2] * 9


def test_a_trial_that_is_cancelled_meanwhile_is_not_wanted_again() -> None:
    sampler = made("grid", SMALL)
    sampler.tell(ended(0, asked(sampler, 0), Phase.CANCELLED))
    assert [sampler.ask(number) is None for number in range(1, 10)] == [False] * 8 + [True]


def test_a_grid_keeps_its_order_around_what_was_told() -> None:
    grid = list(SMALL.grid())
    sampler = made("grid", SMALL)
    for number, index in enumerate((4, 0, 7)):
        sampler.tell(ended(number, grid[index]))
    sampler.tell(ended(3, {"a": 9, "k": "y"}))  # of a larger space that the sweep had before
    assert [sampler.ask(number) for number in range(4, 11)] == [*(grid[i] for i in (1, 2, 3, 5, 6, 8)), None]


def test_a_grid_of_an_extended_space_has_the_new_samples_only() -> None:
    before, after = Space.of({"a": integer(1, 3)}), Space.of({"a": integer(1, 5)})
    sampler = made("grid", after)
    for number, sample in enumerate(before.grid()):
        sampler.tell(ended(number, sample))
    assert [sampler.ask(number) for number in range(3, 6)] == [{"a": 4}, {"a": 5}, None]


def test_samples_are_compared_with_their_types() -> None:
    space = Space.of({"k": [True, "1", 1, None, [1], {"n": 1}]})
    for name in ("grid", "tpe", "random"):
        sampler = made(name, space)
        samples = [sampler.ask(number) for number in range(7)]
        assert {json.dumps(sample) for sample in samples[:6]} == {json.dumps(sample) for sample in space.grid()}
        assert samples[6] is None


def test_a_step_that_arithmetic_has_missed_is_the_same_step() -> None:
    space = Space.of({"x": uniform(0, 0.3, step=0.1)})
    sampler = made("grid", space)
    sampler.tell(ended(0, {"x": 0.1 + 0.2}))
    assert [sampler.ask(number) for number in range(1, 5)] == [{"x": 0.0}, {"x": 0.1}, {"x": 0.2}, None]


def test_what_is_drawn_depends_on_seed_and_number() -> None:
    space = Space.of({"a": integer(1, 200)})

    def proposals(seed: int) -> list[Any]:
        sampler = made("random", space, seed=seed)
        return [sampler.ask(number) for number in range(200)]

    assert proposals(1) == proposals(1) != proposals(2)
    assert sorted(sample["a"] for sample in proposals(1)) == list(range(1, 201))


def test_a_space_beyond_memory_does_no_harm() -> None:
    space = Space.of({name: integer(-(2**53), 2**53) for name in "ab"})
    for name in ("grid", "random", "tpe"):
        sampler = made(name, space)
        assert asked(sampler, 0) != asked(sampler, 1)


def test_a_space_without_parameters_has_one_sample() -> None:
    space = Space.of({"epochs": 3})
    for name in ("grid", "random", "tpe", "nsga2"):
        sampler = made(name, space)
        assert [sampler.ask(0), sampler.ask(1)] == [{"epochs": 3}, None]


def test_samplers_that_never_repeat_are_left_alone() -> None:
    infinite = Space.of({"lr": loguniform(1e-4, 1), "a": integer(1, 3)})
    assert not isinstance(made("random", infinite), UniqueSampler)
    assert isinstance(made("nsga2", infinite), UniqueSampler)
    assert is_endless(made("nsga2", infinite))


def test_a_sampler_of_the_users_own_may_repeat_itself() -> None:
    class Same:
        def ask(self, number: int) -> Sample | None:
            return {"a": 1, "k": "y"}

        def tell(self, outcome: TrialOutcome) -> None: ...

    same = Same()
    assert arrange(same, space=SMALL, seed=0) is same
