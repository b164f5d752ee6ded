"""What is kept of trials: counts, the best one, how long ago it came, and what has been used up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from expsdk.samplers import TrialOutcome
from expsdk_runtime.contract import Phase

SECONDS_PER_HOUR = 3600.0


class Tally:
    """Counts trials; it remembers none but the best.

    Attributes:
        counts: Number of trials by phase.
        best: Number and value of the best trial, the first of equal ones, where there is one objective and a feasible
            trial has succeeded with a value.
        since_best: How many trials have ended by themselves since then.
    """

    def __init__(self, directions: Sequence[str], *, rate: float) -> None:
        """Begin to count.

        Args:
            directions: "minimize" or "maximize" for each objective.
            rate: How much a trial takes up while it runs, in CPUs or GPUs.
        """
        self.counts: Counter[str] = Counter()
        self.best: tuple[int, float] | None = None
        self.since_best = 0
        self._sign = (1.0 if directions[0] == "minimize" else -1.0) if len(directions) == 1 else None
        self._rate = rate
        self._ran_s = 0.0
        self._running = 0
        self._began_s = 0.0  # the sum of the moments at which those that run began

    def settle(self, outcome: TrialOutcome) -> None:
        """Count a trial that has ended."""
        self.counts[outcome.phase] += 1
        if not outcome.is_evidence:
            return
        value = outcome.values[0] if outcome.values and outcome.phase == Phase.SUCCEEDED else None
        if value is not None and outcome.is_feasible and self._is_better(outcome.number, value):
            self.best = (outcome.number, value)
            self.since_best = 0
        else:
            self.since_best += 1

    def reaches(self, target: float) -> bool:
        """Whether the best trial is as good as a value."""
        if self.best is None or self._sign is None:
            return False
        return self._sign * self.best[1] <= self._sign * target

    def begin(self, at: float) -> None:
        """Count the time of a trial that has begun to run."""
        self._running += 1
        self._began_s += at

    def end(self, began_at: float | None, ran_s: float) -> None:
        """Count the time of a trial that runs no longer, or whose time was not counted yet."""
        self._ran_s += ran_s
        if began_at is not None:
            self._running -= 1
            self._began_s -= began_at

    def carry(self, hours: float, now: float) -> None:
        """Count what an earlier coordinator has counted, if that is more: a Result tells of its last attempt only."""
        missing = hours - self.spent_hours(now)
        if self._rate and missing > 0:
            self._ran_s += missing * SECONDS_PER_HOUR / self._rate

    def spent_hours(self, now: float) -> float:
        """Return what has been used up until now, in hours of CPUs or GPUs."""
        running_s = max(0.0, self._running * now - self._began_s)
        return self._rate * (self._ran_s + running_s) / SECONDS_PER_HOUR

    def _is_better(self, number: int, value: float) -> bool:
        if self._sign is None or value != value:  # NaN, which does not equal itself, is never the best
            return False
        return self.best is None or (self._sign * value, number) < (self._sign * self.best[1], self.best[0])
