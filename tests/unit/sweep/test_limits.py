"""The limits of a sweep: what is taken, and what is said of the rest."""

from __future__ import annotations

import math
from typing import Any

import pytest

from expsdk.errors import SweepError
from expsdk.sweep.budget import Budget
from expsdk.sweep.limits import Limits

TRIALS = "leave it out to try every sample of a finite space"
PARALLELISM = "1 runs one trial after the other"
RETRIES = "0 tries no trial again"
MAX_FAILURES = "0 ends the sweep at the first failure"
NO_LIMIT = "leave it out for no limit"
GRACE = "a trial needs some time to save its state"


def test_without_limits_trials_run_one_by_one_until_the_samples_run_out() -> None:
    assert Limits() == Limits(
        trials=None,
        parallelism=1,
        retries=0,
        max_failures=None,
        timeout_s=None,
        trial_timeout_s=None,
        grace_s=10.0,
        target=None,
        no_improvement_trials=None,
        budget=None,
    )


@pytest.mark.parametrize(
    "given",
    [
        {"trials": 1, "parallelism": 1, "max_failures": 0},
        {"trials": 10**6, "parallelism": 10**4, "max_failures": 10**6},
        {"timeout_s": 1, "trial_timeout_s": 0.001, "grace_s": 5e-324},
        {"timeout_s": 1.7976931348623157e308},
        {"trials": None, "max_failures": None, "timeout_s": None, "trial_timeout_s": None},
        {"retries": 3, "target": -0.5, "no_improvement_trials": 1, "budget": Budget("cpu", 1.5)},
        {"target": 0},
    ],
)
def test_limits_within_their_range_are_taken(given: dict[str, Any]) -> None:
    limits = Limits(**given)
    assert {name: getattr(limits, name) for name in given} == given


@pytest.mark.parametrize(
    ("name", "value", "least", "remedy"),
    [
        ("trials", 0, 1, TRIALS),
        ("trials", -5, 1, TRIALS),
        ("trials", 10.0, 1, TRIALS),
        ("trials", "10", 1, TRIALS),
        ("trials", True, 1, TRIALS),
        ("parallelism", 0, 1, PARALLELISM),
        ("parallelism", None, 1, PARALLELISM),
        ("parallelism", 2.5, 1, PARALLELISM),
        ("parallelism", True, 1, PARALLELISM),
        ("retries", -1, 0, RETRIES),
        ("retries", None, 0, RETRIES),
        ("retries", 1.0, 0, RETRIES),
        ("no_improvement_trials", 0, 1, NO_LIMIT),
        ("no_improvement_trials", True, 1, NO_LIMIT),
        ("max_failures", -1, 0, MAX_FAILURES),
        ("max_failures", False, 0, MAX_FAILURES),
        ("max_failures", 0.5, 0, MAX_FAILURES),
    ],
)
def test_a_count_is_a_whole_number_in_its_range(name: str, value: Any, least: int, remedy: str) -> None:
    with pytest.raises(SweepError) as caught:
        Limits(**{name: value})
    assert str(caught.value) == f"{name} is an integer of at least {least}, not {value!r}; {remedy}"


@pytest.mark.parametrize("value", [0, 0.0, -1, math.nan, math.inf, -math.inf, 10**400, "60", True, [60]])
@pytest.mark.parametrize(
    ("name", "remedy"), [("timeout_s", NO_LIMIT), ("trial_timeout_s", NO_LIMIT), ("grace_s", GRACE)]
)
def test_a_duration_is_a_number_of_seconds(name: str, remedy: str, value: Any) -> None:
    with pytest.raises(SweepError) as caught:
        Limits(**{name: value})
    assert str(caught.value) == f"{name} is a number of seconds above 0, not {value!r}; {remedy}"


@pytest.mark.parametrize("value", ["0.9", True, math.nan, math.inf, [1.0]])
def test_a_target_is_a_value_of_the_objective(value: Any) -> None:
    with pytest.raises(SweepError) as caught:
        Limits(target=value)
    assert str(caught.value) == (
        f"target is a finite number, a value of the objective, not {value!r}; write one such as 0.95"
    )


@pytest.mark.parametrize(
    ("given", "bounds"),
    [
        ({}, False),
        ({"target": 0.5, "no_improvement_trials": 3, "max_failures": 3, "trial_timeout_s": 9}, False),
        ({"trials": 1}, True),
        ({"timeout_s": 60}, True),
        ({"budget": Budget("gpu", 1)}, True),
    ],
)
def test_trials_time_or_a_budget_bound_a_sweep(given: dict[str, Any], bounds: bool) -> None:
    assert Limits(**given).bounds_a_sweep == bounds


def test_there_is_always_a_grace_period() -> None:
    with pytest.raises(SweepError) as caught:
        Limits(grace_s=None)  # type: ignore[arg-type]
    assert str(caught.value) == f"grace_s is a number of seconds above 0, not None; {GRACE}"
