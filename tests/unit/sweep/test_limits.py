"""The limits of a sweep: what is taken, and what is said of the rest."""

from __future__ import annotations

import math
from typing import Any

import pytest

from expsdk.errors import SweepError
from expsdk.sweep.limits import Limits

TRIALS = "leave it out to try every sample of a finite space"
PARALLELISM = "1 runs one trial after the other"
MAX_FAILURES = "0 ends the sweep at the first failure"
NO_LIMIT = "leave it out for no limit"
GRACE = "a trial needs some time to save its state"


def test_without_limits_trials_run_one_by_one_until_the_samples_run_out() -> None:
    assert Limits() == Limits(None, 1, None, None, None, 10.0)


@pytest.mark.parametrize(
    "given",
    [
        {"trials": 1, "parallelism": 1, "max_failures": 0},
        {"trials": 10**6, "parallelism": 10**4, "max_failures": 10**6},
        {"timeout_s": 1, "trial_timeout_s": 0.001, "grace_s": 5e-324},
        {"timeout_s": 1.7976931348623157e308},
        {"trials": None, "max_failures": None, "timeout_s": None, "trial_timeout_s": None},
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


def test_there_is_always_a_grace_period() -> None:
    with pytest.raises(SweepError) as caught:
        Limits(grace_s=None)  # type: ignore[arg-type]
    assert str(caught.value) == f"grace_s is a number of seconds above 0, not None; {GRACE}"
