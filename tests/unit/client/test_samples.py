"""What is refused before anything is created, in words."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk.client.samples import check_number, check_seed, checked_sample
from expsdk.errors import OptionError
from expsdk.resources.experiment import Experiment

SPACE = {
    "lr": {"type": "loguniform", "low": 0.001, "high": 1},
    "opt": {
        "type": "choice",
        "choices": ["sgd", "adam"],
        "branches": [{"momentum": {"type": "uniform", "low": 0, "high": 1}}, {}],
    },
    "epochs": {"type": "constant", "value": 5},
}


def experiment(space: dict[str, Any] | None = None) -> Experiment:
    spec = {"objectives": [{"metric": "loss", "direction": "minimize"}], "space": space or {}}
    return Experiment.model_validate({"metadata": {"name": "fit"}, "spec": spec})


def test_any_json_is_good_where_there_is_no_space() -> None:
    sample = {"layers": [1, {"units": 2}], "name": "ä", "none": None, "on": True}
    assert checked_sample(experiment(), sample) == sample


def test_constants_of_the_space_are_added() -> None:
    found = checked_sample(experiment(SPACE), {"lr": 5, "opt": "sgd", "momentum": 0.5})
    assert found == {"lr": 5, "opt": "sgd", "momentum": 0.5, "epochs": 5}


def test_an_optimizer_may_leave_the_domains() -> None:
    assert checked_sample(experiment(SPACE), {"lr": 100, "opt": "lion"})["lr"] == 100


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ([("lr", 0.1)], r"parameters map names to values, they are not \[\('lr', 0.1\)\]; write \{\"lr\": 0.1\}"),
        ({1: 2}, "a parameter's name is a string, not 1; write it as one"),
        ({"": 2}, "a parameter's name is a string, not ''"),
        ({"lr": float("nan")}, "parameter lr: JSON has no such number as nan; write None or a string"),
        ({"lr": {1, 2}}, "parameter lr: JSON has lists, no sets"),
        ({"\ud800": 1}, "parameter .*: text is valid Unicode"),
    ],
)
def test_what_json_cannot_carry_is_refused(sample: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        checked_sample(experiment(), sample)


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ({"opt": "adam"}, "the parameters of fit are lr, opt, momentum, epochs, and 'lr' is missing .*; add it"),
        ({"lr": 0.1, "opt": "sgd"}, "'momentum' is missing"),
        ({"lr": 0.1, "opt": "adam", "depth": 3}, "there is no 'depth' among them .*; leave it out"),
    ],
)
def test_other_names_than_the_spaces_are_refused(sample: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        checked_sample(experiment(SPACE), sample)


@pytest.mark.parametrize("number", [-1, 1.0, "1", True])
def test_what_is_no_number_of_a_trial_is_refused(number: object) -> None:
    with pytest.raises(OptionError, match="number is a whole number from 0, not "):
        check_number(number)
    check_number(None)
    check_number(0)


@pytest.mark.parametrize("seed", [2**63, 1.0, False])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    with pytest.raises(OptionError, match="seed is an integer that fits 64 bits, not "):
        check_seed(seed)
    check_seed(-(2**63))
