"""What the coordinator's core wants done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from expsdk.samplers import Sample


@dataclass(frozen=True, slots=True)
class Launch:
    """Keep the trial's Result, then start its job; what exists by its name is adopted.

    Attributes:
        number: The trial's number.
        parameters: Its sample.
        attempt: Which attempt at it this is, from 1.
        parent: The number of the trial whose checkpoints it begins with, or None.
    """

    number: int
    parameters: Sample
    attempt: int
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class AskStop:
    """Ask a trial to stop: its next `log_metric` raises `TrialStopped`."""

    number: int
    stop: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """Tell a trial's job to end; the reason and message are for its Result."""

    number: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Kill:
    """End a trial's job at once; the reason and message are for its Result."""

    number: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Note:
    """Write into the Result of a trial that has succeeded what its constraints are."""

    number: int
    constraints: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """The sweep is over."""

    phase: str
    message: str


Action: TypeAlias = Launch | AskStop | Terminate | Kill | Note | Finish
