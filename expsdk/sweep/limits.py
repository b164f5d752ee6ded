"""The limits of a sweep, checked."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from expsdk.errors import SweepError


@dataclass(frozen=True, slots=True)
class Limits:
    """How many trials, how many at a time, how long.

    Attributes:
        trials: How many trials; None: until the sampler's space is exhausted.
        parallelism: How many run at a time.
        max_failures: The sweep ends when more trials than this have failed; None: it never does.
        timeout_s: Time for the whole sweep, in seconds.
        trial_timeout_s: Time for one attempt at a trial, in seconds.
        grace_s: Time between asking a trial to stop, telling its process to end, and killing it, in seconds.
    """

    trials: int | None = None
    parallelism: int = 1
    max_failures: int | None = None
    timeout_s: float | None = None
    trial_timeout_s: float | None = None
    grace_s: float = 10.0

    def __post_init__(self) -> None:
        """Check every number.

        Raises:
            SweepError: One is of another type or out of range.
        """
        _check_count("trials", self.trials, least=1, remedy="leave it out to try every sample of a finite space")
        _check_count("parallelism", self.parallelism, least=1, remedy="1 runs one trial after the other")
        _check_count("max_failures", self.max_failures, least=0, remedy="0 ends the sweep at the first failure")
        _check_duration("timeout_s", self.timeout_s, remedy="leave it out for no limit")
        _check_duration("trial_timeout_s", self.trial_timeout_s, remedy="leave it out for no limit")
        _check_duration("grace_s", self.grace_s, remedy="a trial needs some time to save its state")


def _check_count(name: str, value: object, *, least: int, remedy: str) -> None:
    if value is None and name != "parallelism":
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SweepError(f"{name} is an integer of at least {least}, not {value!r}; {remedy}")


def _check_duration(name: str, value: object, *, remedy: str) -> None:
    if value is None and name != "grace_s":
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= sys.float_info.max:
        raise SweepError(f"{name} is a number of seconds above 0, not {value!r}; {remedy}")
