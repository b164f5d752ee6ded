"""The plan of a sweep: what `Experiment.sweep` and `Experiment.launch` take, and what they say of the rest."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from expsdk import experiment
from expsdk.errors import DefinitionError, SpaceError, SweepError
from expsdk.resources.names import check_experiment_name
from expsdk.samplers import SAMPLER_NAMES, RandomSampler, Sample, Sampler, SobolSampler, TrialOutcome, make_sampler
from expsdk.samplers.given import GivenSampler
from expsdk.space import choice, uniform
from expsdk.sweep import Plan, plan_launch, plan_sweep
from expsdk.sweep.advising import make_plan_sampler
from expsdk.sweep.budget import Budget
from expsdk.sweep.choice import Choice
from expsdk.sweep.limits import Limits
from expsdk.sweep.plan import draw_name, known_epochs, with_epochs


@experiment(space={"lr": uniform(0, 1), "depth": [1, 2], "fixed": 7}, objective="loss")
def train(lr: float, depth: int, fixed: int) -> None:
    """Train."""


@experiment(space={"depth": [1, 2], "opt": choice(["sgd", "adam"])}, objective=["loss", "size"])
def search(depth: int, opt: str) -> None:
    """Search."""


@experiment(space={"x": uniform(0, 1)}, objective="loss")
def trained(x: float, epochs: int = 12) -> None:
    """Train for a number of epochs."""


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


def sampler_of(plan: Plan) -> Sampler:
    return make_plan_sampler(plan, train.definition.space, train.definition.directions)


def refusal(**given: Any) -> str:
    with pytest.raises(SweepError) as caught:
        plan(**given)
    return str(caught.value)


class TestSweep:
    def test_what_was_told_is_kept(self) -> None:
        given = {"trials": 5, "parallelism": 2, "max_failures": 3, "timeout_s": 60, "trial_timeout_s": 9, "grace_s": 2}
        assert plan(name="mine", sampler="sobol", **given) == Plan(
            name="mine", seed=7, limits=Limits(**given), sampler=Choice("sobol")
        )

    def test_limits_are_checked(self) -> None:
        assert refusal(trials=0).startswith("trials is an integer of at least 1, not 0; ")

    def test_a_name_is_checked(self) -> None:
        with pytest.raises(DefinitionError, match="'My Sweep' has 'M': pass name='my-sweep'"):
            plan(name="My Sweep")

    def test_a_sampler_is_checked(self) -> None:
        assert refusal(sampler="sobel") == (
            f"a sampler is one of {', '.join(SAMPLER_NAMES)}, not 'sobel'; did you mean 'sobol'?"
        )

    def test_a_grid_needs_a_finite_space(self) -> None:
        with pytest.raises(SpaceError, match="parameter lr: a grid needs finitely many values"):
            plan(sampler="grid")

    @pytest.mark.parametrize("name", ["random", "sobol", "tpe"])
    def test_a_sampler_that_never_ends_needs_a_limit(self, name: str) -> None:
        assert refusal(trials=None, sampler=name) == (
            f"a sweep ends after some trials or some time, and sampler {name!r} proposes for ever; give"
            " trials=, timeout_s= or budget=, or use sampler='grid' for every sample of a finite space"
        )
        assert plan(trials=None, timeout_s=60, sampler=name).limits.trials is None

    def test_a_sampler_that_never_ends_needs_a_limit_without_its_name_too(self) -> None:
        space = train.definition.space
        for sampler in (
            RandomSampler(space, seed=7),
            SobolSampler(space, seed=7),
            make_sampler("tpe", space=space, directions=["minimize"], seed=7, parallelism=1),
        ):
            message = refusal(trials=None, sampler=sampler)
            assert f"sampler '{Choice(sampler).name}' proposes for ever" in message

    def test_a_grid_and_ones_own_sampler_end_by_themselves(self) -> None:
        assert plan(search, trials=None, sampler="grid").limits.trials is None
        own = Own()
        assert plan(trials=None, sampler=own).sampler.given is own

    def test_a_sampler_is_named_as_its_record_names_it(self) -> None:
        assert plan().sampler.name == "random"
        assert plan(sampler=Own()).sampler.name == "Own"
        for name, shown in (("mine", "mine"), ("", "Own"), (7, "Own")):
            own = Own()
            own.name = name  # type: ignore[attr-defined]
            assert plan(sampler=own).sampler.name == shown


class TestAdvice:
    def test_a_pruner_by_its_name_with_options_is_kept(self) -> None:
        assert plan(pruner={"name": "median", "n_warmup_steps": 3}).pruner == Choice("median", {"n_warmup_steps": 3})
        assert plan().pruner is None

    def test_an_unknown_pruner_is_refused(self) -> None:
        assert "did you mean 'median'?" in refusal(pruner="medium")

    @pytest.mark.parametrize(("name", "value"), [("pruner", "median"), ("target", 0.5), ("no_improvement_trials", 3)])
    def test_what_compares_by_one_value_needs_a_single_objective(self, name: str, value: Any) -> None:
        assert refusal(subject=search, **{name: value}) == (
            f"{name} compares trials by a single objective, and there are several (loss, size); leave it out"
        )

    def test_constraints_are_a_function(self) -> None:
        assert plan(constraints=len).constraints is len
        assert refusal(constraints=3).startswith("constraints is a function of a trial's metrics that returns numbers")

    @pytest.mark.parametrize("value", [{"lr": 1}, "lr", [1], 5])
    def test_initial_is_a_list_of_samples(self, value: Any) -> None:
        assert refusal(initial=value) == (
            f"initial is a list of samples, not {value!r}; write one such as [{{'lr': 0.1}}]"
        )

    def test_initial_samples_are_of_the_space(self) -> None:
        assert refusal(initial=[{"lr": 7.0, "depth": 1}]).startswith("initial[0]: parameter lr: ")

    @pytest.mark.parametrize("value", ["train-x7k2p", 5])
    def test_learn_from_is_a_list_of_names(self, value: Any) -> None:
        assert refusal(learn_from=value).startswith(f"learn_from is a list of experiments' names, not {value!r}; ")
        with pytest.raises(DefinitionError):
            plan(learn_from=["No Name"])
        assert plan(learn_from=["train-x7k2p"]).learn_from == ("train-x7k2p",)

    @pytest.mark.parametrize("value", [0, -1, 1.0, True, "2"])
    def test_replicates_are_counted(self, value: Any) -> None:
        assert refusal(replicates=value) == (
            f"replicates is an integer of at least 1, not {value!r}; 1 runs every sample once"
        )

    def test_a_budget_bounds_a_sweep(self) -> None:
        assert plan(trials=None, budget=Budget("cpu", 1.0)).limits.trials is None


class TestEpochs:
    def test_they_are_a_parameter_of_every_trial(self) -> None:
        extended = with_epochs(trained.definition, 7)
        assert extended.space.names == ("x", "epochs")
        assert known_epochs(extended) == 7

    def test_without_them_the_functions_own_default_counts(self) -> None:
        assert with_epochs(trained.definition, None) is trained.definition
        assert known_epochs(trained.definition) == 12
        assert known_epochs(train.definition) is None

    @pytest.mark.parametrize("value", [0, -1, 1.0, True, "2"])
    def test_they_are_a_number(self, value: Any) -> None:
        with pytest.raises(SweepError, match="epochs is an integer of at least 1"):
            with_epochs(trained.definition, value)

    def test_a_space_that_has_them_keeps_them(self) -> None:
        extended = with_epochs(trained.definition, 7)
        with pytest.raises(SweepError, match="the space has a parameter of that name"):
            with_epochs(extended, 8)

    def test_a_function_that_does_not_take_them_is_refused(self) -> None:
        with pytest.raises(SpaceError, match="epochs"):
            with_epochs(train.definition, 7)


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
        one, other = (sampler_of(plan(seed=5)) for _ in range(2))
        assert [one.ask(number) for number in range(5)] == [other.ask(number) for number in range(5)]
        assert one.ask(0) != sampler_of(plan(seed=6)).ask(0)


class TestLaunch:
    def test_it_is_one_trial_of_the_given_sample_with_the_constants(self) -> None:
        single = plan_launch(train.definition, {"lr": 5, "depth": 9})
        assert (single.name, single.limits, single.sampler.name) == (None, Limits(trials=1), "given")
        sampler = sampler_of(single)
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
