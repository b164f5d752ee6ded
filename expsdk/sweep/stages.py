"""What the coordinator's core keeps of a trial that has a job, or is to have one again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from expsdk.samplers import Sample
from expsdk.sweep.actions import Launch
from expsdk_runtime.contract import Stop


class Stage(IntEnum):
    """How far a running trial has been pressed to end."""

    RUNNING = 0
    ASKED = 1
    TERMINATED = 2
    KILLED = 3


@dataclass(slots=True)
class RunningTrial:
    """A trial that has a job."""

    parameters: Sample
    attempt: int
    parent: int | None
    was_found: bool
    began_at: float | None = None
    heard: int | None = None  # the last epoch that the pruner has heard of
    stage: Stage = Stage.RUNNING
    is_finished: bool = False
    stop: str = Stop.INTERRUPTED
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class WaitingTrial:
    """A trial that is to have a job again as soon as there is room."""

    launch: Launch
    phase: str  # as its record has it until then
    heard: int | None = None
    is_unwanted: bool = False  # whether it is to stop then
