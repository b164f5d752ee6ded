"""Samplers by name, and those of the user's own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from expsdk.errors import SweepError
from expsdk.samplers import (
    SAMPLER_NAMES,
    GridSampler,
    RandomSampler,
    Sample,
    Sampler,
    SobolSampler,
    TpeSampler,
    TrialOutcome,
    make_sampler,
)
from expsdk.samplers.given import GivenSampler
from expsdk.space import Space, integer

SPACE = Space.of({"n": integer(1, 3)})


def made(sampler: Any) -> Sampler:
    return make_sampler(sampler, space=SPACE, directions=["minimize"], seed=1, parallelism=2)


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
    kinds = {name: type(made(name)) for name in SAMPLER_NAMES}
    assert kinds == {"grid": GridSampler, "random": RandomSampler, "sobol": SobolSampler, "tpe": TpeSampler}


@pytest.mark.parametrize("sampler", [*SAMPLER_NAMES, Countdown(), GivenSampler([{"n": 9}])], ids=str)
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


def test_given_samples_come_in_their_order_and_then_none() -> None:
    sampler = GivenSampler([{"n": 9}, {"n": -1}])
    assert [sampler.ask(number) for number in (0, 1, 2, 3)] == [{"n": 9}, {"n": -1}, None, None]


NAMES = "a sampler is one of grid, random, sobol, tpe,"


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        ("Grid", f"{NAMES} not 'Grid'; did you mean 'grid'?"),
        ("rand", f"{NAMES} not 'rand'; did you mean 'random'?"),
        ("", f"{NAMES} not ''; write one of them, or give an object with ask and tell"),
        ("bayes", f"{NAMES} not 'bayes'; write one of them, or give an object with ask and tell"),
        (Countdown, "a sampler is an object, not the class Countdown; write Countdown(...)"),
        (
            None,
            (
                "a sampler is a name or an object with ask(number) and tell(outcome), not None;"
                " write one of grid, random, sobol, tpe"
            ),
        ),
        (
            Silent(),
            (
                "a sampler is a name or an object with ask(number) and tell(outcome), not Silent();"
                " write one of grid, random, sobol, tpe"
            ),
        ),
    ],
)
def test_what_is_no_sampler_is_refused_in_these_words(sampler: Any, message: str) -> None:
    with pytest.raises(SweepError) as caught:
        made(sampler)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


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
