"""What happens to a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from expsdk.samplers import TrialOutcome
from expsdk.sweep.limits import Limits
from simulation.behaviour import Behaviour


@dataclass(frozen=True)
class Script:
    """What happens to a sweep.

    Attributes:
        limits: Its limits.
        behaviours: How the jobs behave, by number and attempt, again and again.
        direction: Of its only objective.
        interruptions: When the user presses Ctrl-C, in seconds.
        stops: When somebody wants a trial to stop for good, in seconds, and the trial's number.
        crashes: How many steps each coordinator lives; once they are used up, the next one lives on. A step is an
            event that comes, a record that is written, a job that is started or told something.
        outage: Seconds from a coordinator's death to the next one.
        jobs_survive: Whether jobs live on when their coordinator dies.
        delays: See `Connection`.
        echoes: See `Connection`.
        coalesces: See `Connection`.
        ticks_first: Whether the clock comes before the updates where both are due.
        resumes: How many times the sweep is taken up again after its end.
        rate: How much of the budget's unit a trial takes up.
        ceiling: The objective's largest value that violates no constraint, if there is one.
    """

    limits: Limits
    behaviours: tuple[Behaviour, ...] = (Behaviour(),)
    direction: str = "minimize"
    interruptions: tuple[float, ...] = ()
    stops: tuple[tuple[float, int], ...] = ()
    crashes: tuple[int, ...] = ()
    outage: float = 0.0
    jobs_survive: bool = True
    delays: tuple[float, ...] = (0.0,)
    echoes: tuple[float | None, ...] = (None,)
    coalesces: bool = False
    ticks_first: bool = False
    resumes: int = 0
    rate: float = 0.0
    ceiling: float | None = None

    def constrain(self, metrics: Mapping[str, float]) -> float:
        """Return how far a trial is above the ceiling."""
        assert self.ceiling is not None
        return metrics["loss"] - self.ceiling

    def is_feasible(self, outcome: TrialOutcome) -> bool:
        """Whether a trial that has succeeded violates no constraint."""
        return self.ceiling is None or self.constrain(outcome.metrics) <= 0
