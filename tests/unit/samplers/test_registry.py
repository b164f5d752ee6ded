"""Samplers by name, and those of the user's own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from expsdk.errors import SpaceError, SweepError
from expsdk.samplers import (
    SAMPLER_NAMES,
    GridSampler,
    OptunaSampler,
    Proposal,
    RandomSampler,
    Sample,
    Sampler,
    SobolSampler,
    TrialOutcome,
    is_endless,
    make_sampler,
)
from expsdk.samplers.given import GivenSampler
from expsdk.samplers.population import PopulationSampler
from expsdk.space import Space, choice, integer, uniform

SPACE = Space.of({"n": integer(1, 3)})


NAMES = SAMPLER_NAMES


def made(sampler: Any, *, space: Space = SPACE, objectives: int = 1, **options: Any) -> Sampler:
    directions = ["minimize"] * objectives
    return make_sampler(sampler, space=space, directions=directions, seed=1, parallelism=2, options=options)


@dataclass
class Countdown:
    """A sampler as a user writes it."""

    left: list[int] = field(default_factory=lambda: [3, 2, 1])
    heard: list[TrialOutcome] = field(default_factory=list)

    def ask(self, number: int) -> Sample | None:
        return {"n": self.left[number]} if number < len(self.left) else None

    def tell(self, outcome: TrialOutcome) -> None:
        self.heard.append(outcome)


class Silent:
    def ask(self, number: int) -> Sample | None: ...

    def __repr__(self) -> str:
        return "Silent()"


def test_every_name_makes_its_sampler() -> None:
    names = [name for name in NAMES if name != "gp"]  # which needs more than the others
    kinds = {name: type(made(name)) for name in names}
    own = {"grid": GridSampler, "random": RandomSampler, "sobol": SobolSampler, "pbt": PopulationSampler}
    assert kinds == {**dict.fromkeys(names, OptunaSampler), **own}
    assert {name for name in names if not is_endless(made(name))} == {"grid", "bruteforce"}


@pytest.mark.parametrize("sampler", [*NAMES, Countdown(), GivenSampler([{"n": 9}])], ids=str)
def test_every_sampler_asks_and_hears(sampler: Any) -> None:
    sampler = made(sampler)
    assert isinstance(sampler, Sampler)
    sample = sampler.ask(0)
    assert sample is not None
    assert set(sample) == {"n"}
    sampler.tell(TrialOutcome(0, sample, "Succeeded", (1.0,)))


def test_a_sampler_of_the_users_own_is_taken_as_it_is() -> None:
    sampler = Countdown()
    assert made(sampler) is sampler
    assert not is_endless(sampler)


def test_given_samples_come_in_their_order_and_then_none() -> None:
    sampler = GivenSampler([{"n": 9}, {"n": -1}])
    assert [sampler.ask(number) for number in (0, 1, 2, 3)] == [{"n": 9}, {"n": -1}, None, None]


ALL = "grid, random, sobol, pbt, tpe, gp, cmaes, nsga2, nsga3, qmc, bruteforce"


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        ("Grid", f"a sampler is one of {ALL}, not 'Grid'; did you mean 'grid'?"),
        ("rand", f"a sampler is one of {ALL}, not 'rand'; did you mean 'random'?"),
        ("", f"a sampler is one of {ALL}, not ''; write one of them, or give an object with ask and tell"),
        ("newton", f"a sampler is one of {ALL}, not 'newton'; write one of them, or give an object with ask and tell"),
        (Countdown, "a sampler is an object, not the class Countdown; write Countdown(...)"),
        (
            None,
            (f"a sampler is a name or an object with ask(number) and tell(outcome), not None; write one of {ALL}"),
        ),
        (
            Silent(),
            (f"a sampler is a name or an object with ask(number) and tell(outcome), not Silent(); write one of {ALL}"),
        ),
    ],
)
def test_what_is_no_sampler_is_refused_in_these_words(sampler: Any, message: str) -> None:
    with pytest.raises(SweepError) as caught:
        made(sampler)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


FLOATS = Space.of({"x": uniform(0, 1), "y": uniform(0, 1)})


@pytest.mark.parametrize(
    ("sampler", "options", "message"),
    [
        ("grid", {"n": 1}, "sampler 'grid' takes no options, not 'n'; leave them out"),
        (Countdown(), {"n": 1}, "options are for a sampler that is given by its name, and Countdown is an object;"),
        ("pbt", {"popultion": 9}, "sampler 'pbt' takes population, quantile, resample, factors, not 'popultion'; did"),
        ("nsga2", {"popsize": 9}, "sampler 'nsga2' takes population_size (int), mutation_prob (float or None), "),
        ("tpe", {"seed": 9}, "not 'seed'; write one of them"),
        ("tpe", {"n_startup_trials": "9"}, "sampler 'tpe': n_startup_trials is of type int, not '9'; change it"),
        ("tpe", {"n_startup_trials": True}, "n_startup_trials is of type int, not True"),
        ("tpe", {"n_startup_trials": -1}, "n_startup_trials is at least 0, not -1"),
        ("tpe", {"n_ei_candidates": 0}, "n_ei_candidates is at least 1, not 0"),
        ("tpe", {"group": True, "multivariate": False}, "sampler 'tpe' does not take"),
        ("cmaes", {"popsize": 1}, "sampler 'cmaes': popsize is at least 2, not 1; change it or leave it out"),
        ("nsga2", {"mutation_prob": float("nan")}, "mutation_prob is finite, not nan"),
        ("nsga2", {"mutation_prob": 7.0}, "sampler 'nsga2' does not take"),
        ("qmc", {"qmc_type": "no"}, "sampler 'qmc' does not take"),
    ],
)
def test_an_impossible_option_is_refused_in_these_words(sampler: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SweepError) as caught:
        made(sampler, space=FLOATS, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tpe", {"n_startup_trials": 20, "multivariate": True, "group": True, "constant_liar": False}),
        ("cmaes", {"popsize": 5, "with_margin": True}),
        ("nsga2", {"population_size": 4, "mutation_prob": 0.5}),
        ("nsga3", {"population_size": 4, "mutation_prob": None}),
        ("qmc", {"qmc_type": "halton", "scramble": False}),
        ("pbt", {"population": 3}),
    ],
)
def test_options_reach_the_sampler(name: str, options: dict[str, Any]) -> None:
    usual, sampler = made(name, space=FLOATS), made(name, space=FLOATS, **options)
    proposals: list[list[Any]] = [[], []]
    for made_one, proposed in zip((usual, sampler), proposals, strict=True):
        for number in range(25):
            proposal = made_one.ask(number)
            sample = proposal.parameters if isinstance(proposal, Proposal) else proposal
            assert sample is not None
            made_one.tell(TrialOutcome(number, sample, "Succeeded", (sample["x"] + number % 3,)))
            proposed.append(sample)
    assert proposals[0] != proposals[1]


def test_what_a_sampler_cannot_do_is_said_beforehand() -> None:
    with pytest.raises(SweepError) as several:
        made("cmaes", space=FLOATS, objectives=2)
    assert str(several.value) == (
        "sampler 'cmaes' takes one objective, and there are 2; use sampler='nsga2' or 'tpe', or give a single objective"
    )
    with pytest.raises(SweepError) as numbers:
        made("cmaes", space=Space.of({"k": ["a", "b"], "n": 3, "m": choice({"c": {"x": uniform(0, 1)}})}))
    assert str(numbers.value) == (
        "sampler 'cmaes' searches numbers that every sample has, and among k, n, m, x there are none; use sampler='tpe'"
    )
    with pytest.raises(SpaceError):
        made("bruteforce", space=FLOATS)


def test_a_missing_package_is_named_with_the_way_to_get_it() -> None:
    program = (
        "import sys\n"
        "sys.modules['cmaes'] = sys.modules['torch'] = None\n"
        "from expsdk.samplers import make_sampler\n"
        "from expsdk.space import Space, uniform\n"
        "space = Space.of({'x': uniform(0, 1)})\n"
        "for name in ('cmaes', 'gp'):\n"
        "    try:\n"
        "        make_sampler(name, space=space, directions=['minimize'], seed=1, parallelism=1)\n"
        "    except ValueError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == [
        "sampler 'cmaes' needs the package cmaes, which is not installed; pip install cmaes, or use sampler='tpe'",
        "sampler 'gp' needs the package torch, which is not installed; pip install torch, or use sampler='tpe'",
    ]


def test_scipy_and_optuna_load_only_when_they_are_needed() -> None:
    program = (
        "import sys\n"
        "from expsdk.samplers import make_sampler\n"
        "from expsdk.space import Space, uniform\n"
        "space = Space.of({'x': uniform(0, 1, step=0.5)})\n"
        "for name, heavy in (('grid', set()), ('random', set()), ('sobol', {'scipy'}), ('tpe', {'scipy', 'optuna'})):\n"
        "    make_sampler(name, space=space, directions=['minimize'], seed=1, parallelism=1)\n"
        "    assert {'scipy', 'optuna'} & set(sys.modules) == heavy, name\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
