"""What can happen to a sweep, as the coordinator's core hears it; every event says when, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from expsdk.samplers import Sample


@dataclass(frozen=True, slots=True)
class Began:
    """The coordinator starts; everything that was there before has been told as `Found`."""

    at: float


@dataclass(frozen=True, slots=True)
class Found:
    """A trial that was there when the coordinator started.

    Attributes:
        at: Now.
        number: The trial's number.
        parameters: Its sample, in the types of the space.
        phase: As its Result says.
        values: The objectives' values, where it has them all.
        attempt: Which attempt its Result tells of.
        alive: Whether it has a job.
    """

    at: float
    number: int
    parameters: Sample
    phase: str
    values: tuple[float, ...] | None
    attempt: int
    alive: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A trial's record changed, or its job ended.

    Attributes:
        at: Now.
        number: The trial's number.
        phase: As its Result says; a trial that has no job any more and has not said how it ended has failed.
        values: The objectives' values, where it has them all.
        alive: Whether it has a job still.
    """

    at: float
    number: int
    phase: str
    values: tuple[float, ...] | None
    alive: bool


@dataclass(frozen=True, slots=True)
class Passed:
    """Time has passed."""

    at: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The user wants the sweep to end (Ctrl-C)."""

    at: float


Event: TypeAlias = Began | Found | Changed | Passed | Interrupted
