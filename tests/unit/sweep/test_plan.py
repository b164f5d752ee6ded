"""The plan of a sweep: what `Experiment.sweep` and `Experiment.launch` take, and what they say of the rest."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from expsdk import experiment
from expsdk.errors import DefinitionError, SpaceError, SweepError
from expsdk.resources.names import check_experiment_name
from expsdk.samplers import RandomSampler, Sample, SobolSampler, TpeSampler, TrialOutcome
from expsdk.samplers.given import GivenSampler
from expsdk.space import choice, uniform
from expsdk.sweep import Plan, plan_launch, plan_sweep
from expsdk.sweep.limits import Limits
from expsdk.sweep.plan import draw_name, make_plan_sampler


@experiment(space={"lr": uniform(0, 1), "depth": [1, 2], "fixed": 7}, objective="loss")
def train(lr: float, depth: int, fixed: int) -> None:
    """Train."""


@experiment(space={"depth": [1, 2], "opt": choice(["sgd", "adam"])}, objective=["loss", "size"])
def search(depth: int, opt: str) -> None:
    """Search."""


@dataclass
class Own:
    """A sampler of the user's own; as a dataclass that may change, it has no hash."""

    samples: list[Sample] = field(default_factory=list)

    def ask(self, number: int) -> Sample | None:
        return self.samples[number] if number < len(self.samples) else None

    def tell(self, outcome: TrialOutcome) -> None:
        pass


def plan(subject: Any = train, **given: Any) -> Plan:
    """Plan a sweep; what is given of `Limits` goes there."""
    limited = {each.name: given.pop(each.name) for each in fields(Limits) if each.name in given}
    defaults: dict[str, Any] = {"sampler": "random", "seed": 7, "name": None}
    return plan_sweep(subject.definition, limits=Limits(**{"trials": 10, **limited}), **{**defaults, **given})


def refusal(**given: Any) -> str:
    with pytest.raises(SweepError) as caught:
        plan(**given)
    return str(caught.value)


class TestSweep:
    def test_what_was_told_is_kept(self) -> None:
        given = {"trials": 5, "parallelism": 2, "max_failures": 3, "timeout_s": 60, "trial_timeout_s": 9, "grace_s": 2}
        assert plan(name="mine", sampler="sobol", **given) == Plan("mine", "sobol", 7, Limits(5, 2, 3, 60, 9, 2))

    def test_limits_are_checked(self) -> None:
        assert refusal(trials=0).startswith("trials is an integer of at least 1, not 0; ")

    def test_a_name_is_checked(self) -> None:
        with pytest.raises(DefinitionError, match="'My Sweep' has 'M': pass name='my-sweep'"):
            plan(name="My Sweep")

    def test_a_sampler_is_checked(self) -> None:
        assert refusal(sampler="sobel") == (
            "a sampler is one of grid, random, sobol, tpe, not 'sobel'; did you mean 'sobol'?"
        )

    def test_a_grid_needs_a_finite_space(self) -> None:
        with pytest.raises(SpaceError, match="parameter lr: a grid needs finitely many values"):
            plan(sampler="grid")

    @pytest.mark.parametrize("name", ["random", "sobol", "tpe"])
    def test_a_sampler_that_never_ends_needs_a_limit(self, name: str) -> None:
        assert refusal(trials=None, sampler=name) == (
            f"a sweep ends after some trials or some time, and sampler {name!r} proposes for ever; give trials= or"
            " timeout_s=, or use sampler='grid' for every sample of a finite space"
        )
        assert plan(trials=None, timeout_s=60, sampler=name).limits.trials is None

    def test_a_sampler_that_never_ends_needs_a_limit_without_its_name_too(self) -> None:
        space = train.definition.space
        for sampler in (
            RandomSampler(space, seed=7),
            SobolSampler(space, seed=7),
            TpeSampler(space, directions=["minimize"], seed=7, parallelism=1),
        ):
            message = refusal(trials=None, sampler=sampler)
            assert f"sampler '{type(sampler).__name__}' proposes for ever" in message

    def test_a_grid_and_ones_own_sampler_end_by_themselves(self) -> None:
        assert plan(search, trials=None, sampler="grid").limits.trials is None
        own = Own()
        assert plan(trials=None, sampler=own).sampler is own

    def test_a_sampler_is_named_as_its_record_names_it(self) -> None:
        assert plan().sampler_name == "random"
        assert plan(sampler=Own()).sampler_name == "Own"
        for name, shown in (("mine", "mine"), ("", "Own"), (7, "Own")):
            own = Own()
            own.name = name  # type: ignore[attr-defined]
            assert plan(sampler=own).sampler_name == shown


class TestSeed:
    def test_a_seed_is_drawn_where_none_is_given(self) -> None:
        seeds = {plan(seed=None).seed for _ in range(20)}
        assert len(seeds) == 20
        assert all(0 <= seed < 2**31 for seed in seeds)

    @pytest.mark.parametrize("seed", [0, -1, 2**63 - 1, -(2**63)])
    def test_a_seed_that_fits_64_bits_is_kept(self, seed: int) -> None:
        assert plan(seed=seed).seed == seed

    @pytest.mark.parametrize("seed", [2**63, -(2**63) - 1, 1.0, "7", True])
    def test_any_other_is_refused(self, seed: Any) -> None:
        assert refusal(seed=seed) == f"seed is an integer that fits 64 bits, not {seed!r}; write one such as seed=7"

    def test_the_same_seed_makes_the_same_samples(self) -> None:
        one, other = (make_plan_sampler(train.definition, plan(seed=5)) for _ in range(2))
        assert [one.ask(number) for number in range(5)] == [other.ask(number) for number in range(5)]
        assert one.ask(0) != make_plan_sampler(train.definition, plan(seed=6)).ask(0)


class TestLaunch:
    def test_it_is_one_trial_of_the_given_sample_with_the_constants(self) -> None:
        single = plan_launch(train.definition, {"lr": 5, "depth": 9})
        assert (single.name, single.limits, single.sampler_name) == (None, Limits(trials=1), "given")
        sampler = make_plan_sampler(train.definition, single)
        sample = sampler.ask(0)
        assert sample == {"lr": 5.0, "depth": 9, "fixed": 7}
        assert isinstance(sample["lr"], float)
        assert sampler.ask(1) is None

    def test_an_unknown_parameter_is_refused(self) -> None:
        with pytest.raises(SpaceError, match=r"parameter lrr: train\(\) takes lr, depth, fixed"):
            plan_launch(train.definition, {"lrr": 1, "depth": 1})


class TestGivenSampler:
    def test_it_proposes_the_samples_by_number(self) -> None:
        sampler = GivenSampler([{"x": 1}, {"x": 2}])
        sampler.tell(TrialOutcome(0, {"x": 1}, "Succeeded", (1.0,)))
        assert [sampler.ask(number) for number in (1, 0, 2, 9)] == [{"x": 2}, {"x": 1}, None, None]


class TestDrawnName:
    @pytest.mark.parametrize("stem", ["a", "train-mlp", "x" * 34, "x" * 40, "x" * 33 + "-yyyyyy"])
    def test_it_is_a_name_of_at_most_40_characters_that_begins_like_the_function(self, stem: str) -> None:
        for _ in range(50):
            name = draw_name(stem)
            assert check_experiment_name(name) == name
            beginning, _, suffix = name.rpartition("-")
            assert stem.startswith(beginning)
            assert len(beginning) >= min(len(stem), 33)
            assert len(suffix) == 5

    def test_two_are_never_the_same(self) -> None:
        assert len({draw_name("train") for _ in range(200)}) == 200

    def test_a_suffix_is_no_word(self) -> None:
        assert not set("aeiou013") & {letter for _ in range(200) for letter in draw_name("x")[2:]}
