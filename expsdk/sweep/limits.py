"""The limits of a sweep, checked."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from expsdk.errors import SweepError
from expsdk.sweep.budget import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many trials, how many at a time, how long, and what ends the sweep before that.

    Attributes:
        trials: How many trials; None: until the sampler's space is exhausted.
        parallelism: How many run at a time.
        retries: How often a trial is tried again that failed by no fault of the user's function.
        max_failures: The sweep ends when more trials than this have failed; None: it never does.
        timeout_s: Time for the whole sweep, in seconds; it counts while a coordinator drives it.
        trial_timeout_s: Time for one attempt at a trial, in seconds.
        grace_s: Time between asking a trial to stop, telling its process to end, and killing it, in seconds.
        target: The sweep ends when a trial's value of the only objective is as good as this.
        no_improvement_trials: The sweep ends when so many trials in a row have been no better than the best one.
        budget: No trial is launched once this is used up.
    """

    trials: int | None = None
    parallelism: int = 1
    retries: int = 0
    max_failures: int | None = None
    timeout_s: float | None = None
    trial_timeout_s: float | None = None
    grace_s: float = 10.0
    target: float | None = None
    no_improvement_trials: int | None = None
    budget: Budget | None = None

    def __post_init__(self) -> None:
        """Check every number.

        Raises:
            SweepError: One is of another type or out of range.
        """
        _check_count("trials", self.trials, least=1, remedy="leave it out to try every sample of a finite space")
        _check_count("parallelism", self.parallelism, least=1, remedy="1 runs one trial after the other")
        _check_count("retries", self.retries, least=0, remedy="0 tries no trial again")
        _check_count("max_failures", self.max_failures, least=0, remedy="0 ends the sweep at the first failure")
        _check_count("no_improvement_trials", self.no_improvement_trials, least=1, remedy="leave it out for no limit")
        _check_duration("timeout_s", self.timeout_s, remedy="leave it out for no limit")
        _check_duration("trial_timeout_s", self.trial_timeout_s, remedy="leave it out for no limit")
        _check_duration("grace_s", self.grace_s, remedy="a trial needs some time to save its state")
        _check_number("target", self.target)

    @property
    def bounds_a_sweep(self) -> bool:
        """Whether the sweep ends in any case, however many samples there are."""
        return self.trials is not None or self.timeout_s is not None or self.budget is not None


def _check_count(name: str, value: object, *, least: int, remedy: str) -> None:
    if value is None and name not in ("parallelism", "retries"):
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SweepError(f"{name} is an integer of at least {least}, not {value!r}; {remedy}")


def _check_duration(name: str, value: object, *, remedy: str) -> None:
    if value is None and name != "grace_s":
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= sys.float_info.max:
        raise SweepError(f"{name} is a number of seconds above 0, not {value!r}; {remedy}")


def _check_number(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SweepError(f"{name} is a finite number, a value of the objective, not {value!r}; write one such as 0.95")
