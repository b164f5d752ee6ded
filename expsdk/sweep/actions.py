"""What the coordinator's core wants done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from expsdk.samplers import Sample


@dataclass(frozen=True, slots=True)
class Launch:
    """Keep the trial's Result, then start its job; what exists by its name is adopted."""

    number: int
    parameters: Sample
    attempt: int


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
class Finish:
    """The sweep is over."""

    phase: str
    message: str


Action: TypeAlias = Launch | AskStop | Terminate | Kill | Finish
