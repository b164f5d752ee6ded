"""What can happen to a sweep, as the coordinator's core hears it; every event says when, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from expsdk.samplers import TrialOutcome


@dataclass(frozen=True, slots=True)
class Began:
    """The coordinator starts; everything that was there before has been told as `Found`.

    Attributes:
        at: Now.
        active_s: How long earlier coordinators have driven the sweep.
        spent_hours: How much of the budget's unit they have counted as used up.
    """

    at: float
    active_s: float = 0.0
    spent_hours: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A trial that was there when the coordinator started.

    Attributes:
        at: Now.
        outcome: The trial as its Result has it.
        attempt: Which attempt its Result tells of.
        alive: Whether it has a job.
        ran_s: How long that attempt has run, in seconds.
    """

    at: float
    outcome: TrialOutcome
    attempt: int
    alive: bool
    ran_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Changed:
    """A trial's record changed, or its job ended.

    Attributes:
        at: Now.
        outcome: The trial as its Result has it; one that has no job any more and has not said how it ended has failed.
        alive: Whether it has a job still.
        ran_s: How long this attempt has run, in seconds.
    """

    at: float
    outcome: TrialOutcome
    alive: bool
    ran_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Passed:
    """Time has passed."""

    at: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The user wants the sweep to end: by Ctrl-C, or from another process."""

    at: float


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Somebody wants a trial to end for good.

    Attributes:
        at: Now.
        number: The trial's number; one that has no job and will have none is passed over.
    """

    at: float
    number: int


Event: TypeAlias = Began | Found | Changed | Passed | Interrupted | StopAsked
