"""Every sampler of Optuna's, by name or as an object: the same laws hold for all of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import optuna
import pytest

from expsdk.errors import SweepError
from expsdk.samplers import OptunaSampler, Sampler, TrialOutcome, arrange, is_endless, make_sampler
from expsdk.samplers.optuna_kinds import KINDS
from expsdk.space import Space, choice, integer, loguniform, normal, uniform
from expsdk_runtime.contract import Phase, Reason

FEW = {"n_startup_trials": 3}
OPTIONS: dict[str, dict[str, Any]] = {
    "tpe": FEW,
    "gp": FEW,
    "cmaes": {"popsize": 4},
    "nsga2": {"population_size": 6, "mutation_prob": 0.2},
    "nsga3": {"population_size": 6, "mutation_prob": 0.2},
}
NAMES = list(KINDS)
ENDLESS = [name for name in NAMES if name != "bruteforce"]
SQUARE = Space.of({"x": uniform(0, 1), "y": uniform(0, 1)})


def seeds_for(name: str, usual: int) -> int:
    """Return how many seeds a sampler is tried with: the Gaussian process takes seconds for a proposal."""
    return 1 if name == "gp" else usual


def made(
    name: Any,
    space: Space,
    *,
    seed: int = 7,
    directions: Sequence[str] = ("minimize",),
    parallelism: int = 1,
    constrained: bool = False,
) -> Sampler:
    return make_sampler(
        name,
        space=space,
        directions=directions,
        seed=seed,
        parallelism=parallelism,
        constrained=constrained,
        options=OPTIONS.get(name, {}) if isinstance(name, str) else None,
    )


def asked(sampler: Sampler, number: int) -> dict[str, Any]:
    sample = sampler.ask(number)
    assert isinstance(sample, dict)
    return sample


def succeeded(number: int, sample: dict[str, Any], value: float, **more: Any) -> TrialOutcome:
    return TrialOutcome(number, sample, Phase.SUCCEEDED, (value,), **more)


def drive(sampler: Sampler, numbers: Iterable[int], judge: Callable[[dict[str, Any]], float]) -> list[TrialOutcome]:
    outcomes = []
    for number in numbers:
        sample = asked(sampler, number)
        outcomes.append(succeeded(number, sample, judge(sample)))
        sampler.tell(outcomes[-1])
    return outcomes


def by_lr(sample: dict[str, Any]) -> float:
    return abs(math.log10(sample["lr"]) + 2) + abs(sample["noise"]) + (sample["opt"] != "adam")


def bowl(sample: dict[str, Any]) -> float:
    return float((sample["x"] - 0.3) ** 2 + (sample["y"] - 0.8) ** 2)


@pytest.mark.parametrize("name", ENDLESS)
def test_every_sampler_stays_in_a_mixed_space_with_branches(name: str, every_domain: Space) -> None:
    sampler = made(name, every_domain, parallelism=2)
    phases = [Phase.SUCCEEDED, Phase.SUCCEEDED, Phase.SUCCEEDED, Phase.PRUNED, Phase.FAILED, Phase.CANCELLED]
    options = set()
    for number in range(30):
        sample = asked(sampler, number)
        every_domain.check(sample)
        assert json.loads(json.dumps(sample, allow_nan=False)) == sample
        options.add(sample["opt"])
        phase = phases[number % 6]
        history = ((0, 3.0), (1, math.nan if number % 4 else 2.0))
        values = (by_lr(sample),) if phase == Phase.SUCCEEDED else None
        sampler.tell(TrialOutcome(number, sample, phase, values, history=history))
    assert options == {"sgd", "adam", "lion"}


@pytest.mark.parametrize("name", ["cmaes", "nsga2", "nsga3", "tpe"])
def test_samplers_that_look_at_all_parameters_together_do_so(name: str, every_domain: Space) -> None:
    options = {"multivariate": True, "n_startup_trials": 3} if name == "tpe" else OPTIONS[name]
    sampler = make_sampler(name, space=every_domain, directions=["minimize"], seed=7, parallelism=1, options=options)
    drive(sampler, range(8), by_lr)
    assert isinstance(sampler, OptunaSampler)
    asked(sampler, 8)
    trial, _ = sampler._running[8]
    everywhere = {"depth", "dropout", "lr", "momentum", "noise", "width"}
    assert trial.relative_search_space is not None
    assert set(trial.relative_search_space) == (everywhere if name == "cmaes" else {*everywhere, "opt"})
    assert set(trial.relative_params) <= set(trial.relative_search_space)
    shared = [path for path, value in trial.relative_params.items() if trial.params[path] == value]
    assert len(shared) >= len(trial.relative_params) - 1  # but noise, which goes through its quantile


@pytest.mark.parametrize("name", [name for name in ENDLESS if name != "qmc"])
def test_it_learns(name: str) -> None:
    def late(name: str) -> float:
        values = []
        for seed in range(seeds_for(name, 5)):
            outcomes = drive(arrange(made(name, SQUARE, seed=seed), space=SQUARE, seed=seed), range(80), bowl)
            values += [outcome.values[0] for outcome in outcomes[50:] if outcome.values]
        return sorted(values)[len(values) // 2]

    assert late(name) < late("random") / 2


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("cut", [0, 1, 13])
def test_a_sweep_that_was_interrupted_goes_on_as_before(name: str, cut: int, every_domain: Space) -> None:
    first = made(name, every_domain)
    outcomes = drive(first, range(24), by_lr)
    resumed = made(name, every_domain)
    for outcome in outcomes[:cut]:
        resumed.tell(outcome)
    assert [asked(resumed, cut)] == [outcomes[cut].parameters]
    resumed.tell(outcomes[cut])
    assert [outcome.parameters for outcome in drive(resumed, range(cut + 1, 24), by_lr)] == [
        outcome.parameters for outcome in outcomes[cut + 1 :]
    ]


@pytest.mark.parametrize("name", ENDLESS)
def test_with_several_at_a_time_a_restart_keeps_what_was_learned(name: str) -> None:
    early, late = [], []
    for seed in range(seeds_for(name, 4)):
        first = arrange(made(name, SQUARE, seed=seed, parallelism=4), space=SQUARE, seed=seed)
        outcomes: list[TrialOutcome] = []
        for start in range(0, 60, 4):
            samples = {number: asked(first, number) for number in range(start, start + 4)}
            for number, sample in reversed(samples.items()):
                outcomes.append(succeeded(number, sample, bowl(sample)))
                first.tell(outcomes[-1])
        resumed = arrange(made(name, SQUARE, seed=seed, parallelism=4), space=SQUARE, seed=seed)
        for outcome in sorted(outcomes, key=lambda outcome: outcome.number):
            resumed.tell(outcome)
        resumed.tell(TrialOutcome(60, {"x": 0.5, "y": 0.5}, Phase.RUNNING, None))
        after = [asked(resumed, number) for number in range(61, 67)]
        assert len({json.dumps(sample) for sample in [*after, *(outcome.parameters for outcome in outcomes)]}) == 66
        early += [bowl(outcome.parameters) for outcome in outcomes[:6]]
        late += map(bowl, after)
    assert sum(late) < (1.5 if name == "qmc" else 0.8) * sum(early)


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("told", [0, 24])
def test_proposals_made_at_the_same_time_differ(name: str, told: int, every_domain: Space) -> None:
    for space, judge in ((every_domain, by_lr), (SQUARE, bowl)):
        for seed in range(seeds_for(name, 4)):
            sampler = arrange(made(name, space, seed=seed, parallelism=10), space=space, seed=seed)
            drive(sampler, range(told), judge)
            together = [json.dumps(asked(sampler, number)) for number in range(told, told + 10)]
            assert len(set(together)) == 10


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize(
    "outcome",
    [
        TrialOutcome(0, {}, Phase.FAILED, None),
        TrialOutcome(0, {}, Phase.FAILED, (0.0,), reason=Reason.EVICTED),
        TrialOutcome(0, {}, Phase.CANCELLED, None),
        TrialOutcome(0, {}, Phase.SUCCEEDED, (math.nan,)),
    ],
    ids=["failed", "evicted", "cancelled", "nan"],
)
def test_a_trial_without_a_value_is_a_failed_one(name: str, outcome: TrialOutcome) -> None:
    for is_live in (True, False):
        sampler = made(name, SQUARE)
        assert isinstance(sampler, OptunaSampler)
        sample = asked(sampler, 0) if is_live else {"x": 0.1, "y": 0.2}
        sampler.tell(TrialOutcome(0, sample, outcome.phase, outcome.values, reason=outcome.reason))
        (trial,) = sampler._study.trials
        assert trial.state == optuna.trial.TrialState.FAIL
        assert trial.values is None


@pytest.mark.parametrize("name", ["tpe", "cmaes"])
@pytest.mark.parametrize("is_live", [True, False])
def test_a_pruned_trial_brings_its_history(name: str, is_live: bool) -> None:
    sampler = made(name, SQUARE)
    assert isinstance(sampler, OptunaSampler)
    sample = asked(sampler, 0) if is_live else {"x": 0.1, "y": 0.2}
    sampler.tell(TrialOutcome(0, sample, Phase.PRUNED, None, history=((0, math.nan), (3, 0.25))))
    (trial,) = sampler._study.trials
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert repr(trial.intermediate_values) == "{0: nan, 3: 0.25}"
    assert trial.value == 0.25
    assert trial.params == pytest.approx(sample)


def test_pruned_with_several_objectives_is_a_failed_one() -> None:
    for name in ("tpe", "nsga2"):
        sampler = made(name, SQUARE, directions=["minimize", "maximize"])
        assert isinstance(sampler, OptunaSampler)
        sampler.tell(TrialOutcome(0, asked(sampler, 0), Phase.PRUNED, None, history=((0, 1.0),)))
        assert [trial.state.name for trial in sampler._study.trials] == ["FAIL"]


@pytest.mark.parametrize("name", NAMES)
def test_no_ghosts_stay_in_the_study(name: str) -> None:
    space = Space.of({"n": integer(1, 4), "k": choice({"a": {"m": [1, 2]}, "b": {}})})
    sampler = made(name, space)
    assert isinstance(sampler, OptunaSampler)
    for _ in range(3):
        asked(sampler, 0)
    sampler.tell(TrialOutcome(0, {"n": 2, "k": "b"}, Phase.RUNNING, None))  # another one is run instead
    states = [trial.state.name for trial in sampler._study.trials]
    assert states == ["FAIL", "FAIL", "FAIL", "RUNNING"]
    sampler.tell(succeeded(0, {"n": 2, "k": "b"}, 0.5))
    last = sampler._study.trials[-1]
    assert (last.state.name, last.params, last.value) == ("COMPLETE", {"n": 2, "k": 1}, 0.5)


def test_brute_force_goes_through_all_and_then_ends() -> None:
    space = Space.of({"n": integer(1, 3), "one": uniform(2, 2), "k": choice({"a": {"m": [1, 2]}, "b": {}})})
    sampler = made("bruteforce", space)
    samples = [json.dumps(outcome.parameters) for outcome in drive(sampler, range(9), lambda sample: sample["n"])]
    assert len(set(samples)) == space.grid().size == 9
    assert sampler.ask(9) is None


CONSTRAINED = [name for name in NAMES if name not in ("qmc", "bruteforce")]


@pytest.mark.parametrize("name", CONSTRAINED)
@pytest.mark.parametrize("restarts", [False, True])
def test_constraints_draw_a_sampler_to_what_is_feasible(name: str, restarts: bool) -> None:
    """The best values are where x + y > 1; allowed is less."""
    seeds, trials = (1, 20) if name == "gp" else (3, 60)

    def feasible(constrained: bool) -> float:
        late = []
        for seed in range(seeds):
            sampler = made(name, SQUARE, seed=seed, constrained=constrained)
            outcomes = []
            for number in range(trials):
                sample = asked(sampler, number)
                excess = sample["x"] + sample["y"] - 1
                outcomes.append(succeeded(number, sample, -sample["x"] - sample["y"], constraints=(excess, -1.0)))
                sampler.tell(outcomes[-1])
            if restarts:
                sampler = made(name, SQUARE, seed=seed, constrained=constrained)
                for outcome in outcomes:
                    sampler.tell(outcome)
            late += [asked(sampler, number) for number in range(trials, trials + trials // 3)]
        return sum(sample["x"] + sample["y"] < 1.1 for sample in late) / len(late)  # the best place is on the edge

    assert feasible(constrained=True) > feasible(constrained=False) + 0.25


@pytest.mark.parametrize("name", CONSTRAINED)
def test_constraints_may_be_not_a_number_or_missing(name: str) -> None:
    sampler = made(name, SQUARE, constrained=True)
    for number in range(20):
        constraints = [(), (0.5,), (math.nan, -1.0), (-1.0, -1.0)][number % 4]
        sampler.tell(succeeded(number, asked(sampler, number), 1.0 / (number + 1), constraints=constraints))
    SQUARE.check(asked(sampler, 20))


def test_an_object_of_optunas_is_a_sampler() -> None:
    own = optuna.samplers.TPESampler(n_startup_trials=3)
    first = made(own, SQUARE)
    assert is_endless(first)
    outcomes = drive(first, range(12), bowl)
    resumed = made(own, SQUARE)
    for outcome in outcomes[:7]:
        resumed.tell(outcome)
    assert [outcome.parameters for outcome in drive(resumed, range(7, 12), bowl)] == [
        outcome.parameters for outcome in outcomes[7:]
    ]
    assert asked(made(own, SQUARE, seed=8), 0) != outcomes[0].parameters


def test_an_object_that_keeps_state_goes_on_where_it_was() -> None:
    for own in (optuna.samplers.CmaEsSampler(), optuna.samplers.NSGAIISampler(population_size=4)):
        outcomes = drive(made(own, SQUARE), range(20), bowl)
        resumed = made(own, SQUARE)
        for outcome in outcomes[:11]:
            resumed.tell(outcome)
        assert [outcome.parameters for outcome in drive(resumed, range(11, 20), bowl)] == [
            outcome.parameters for outcome in outcomes[11:]
        ]


def test_an_object_that_ends_is_not_endless() -> None:
    space = Space.of({"n": integer(1, 3)})
    sampler = made(optuna.samplers.GridSampler({"n": [3, 1]}), space)
    assert not is_endless(sampler)
    assert {outcome.parameters["n"] for outcome in drive(sampler, range(2), lambda sample: sample["n"])} == {1, 3}
    assert sampler.ask(2) is None


@pytest.mark.filterwarnings("ignore:.*constraints_func.*:FutureWarning", "ignore:.*constraints_func.*:UserWarning")
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_an_object_keeps_its_own_constraints() -> None:
    seen = []

    def own(trial: optuna.trial.FrozenTrial) -> list[float]:
        seen.append(trial.user_attrs.get("latency"))
        return [1.0]

    sampler = made(optuna.samplers.TPESampler(constraints_func=own), SQUARE, constrained=True)
    outcome = succeeded(0, asked(sampler, 0), 0.5, metrics={"latency": 3.0}, constraints=(-1.0,))
    sampler.tell(outcome)
    assert isinstance(sampler, OptunaSampler)
    assert seen == [3.0]
    assert [*sampler._study.trials[0].system_attrs["constraints"]] == [1.0]


def test_an_object_that_cannot_sample_the_space_is_refused_beforehand() -> None:
    with pytest.raises(SweepError) as caught:
        made(optuna.samplers.CmaEsSampler(), SQUARE, directions=["minimize", "minimize"])
    assert str(caught.value).startswith("sampler CmaEsSampler cannot sample this space for 2 objectives: ValueError:")


class Broken(optuna.samplers.RandomSampler):
    def sample_independent(self, study: Any, trial: Any, param_name: Any, param_distribution: Any) -> Any:
        if trial.number:
            raise RuntimeError("broken")
        return super().sample_independent(study, trial, param_name, param_distribution)


def test_a_samplers_exception_is_not_swallowed() -> None:
    sampler = made(Broken(), SQUARE)
    drive(sampler, range(1), bowl)
    with pytest.raises(RuntimeError, match="broken"):
        sampler.ask(1)


def test_normal_values_of_a_nonzero_mean_come_back_exactly() -> None:
    space = Space.of({"z": normal(100, 0.1), "lr": loguniform(1e-3, 1)})
    outcomes = drive(made("cmaes", space), range(40), lambda sample: abs(sample["z"] - 100.05))
    resumed = made("cmaes", space)
    for outcome in outcomes[:39]:
        resumed.tell(outcome)
    assert asked(resumed, 39) == outcomes[39].parameters
