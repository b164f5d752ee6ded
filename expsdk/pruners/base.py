"""What a pruner is: it sees every epoch of every trial and says which trials are not worth going on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from expsdk.samplers.base import Sample, TrialOutcome


@dataclass(frozen=True, slots=True)
class Report:
    """One epoch of a trial that runs.

    Attributes:
        number: The trial's number, from 0.
        parameters: Its sample.
        epoch: The epoch, from 0.
        value: The objective's value at that epoch; it may be NaN.
        history: All epochs of the trial until now as `(epoch, value)` pairs, this one last, where a function is the
            pruner; objects that are pruners keep what they need themselves, and find it empty.
    """

    number: int
    parameters: Sample
    epoch: int
    value: float
    history: tuple[tuple[int, float], ...] = ()


@runtime_checkable
class Pruner(Protocol):
    """Stops trials that are not promising.

    The contract: one thread calls it. It hears of every epoch of a trial once, in rising order, as it arrives, and is
    told once how each trial ended. After a restart it is told the trials that have ended already, of whose epochs it
    has heard nothing: `outcome.history` has them. Those that run still report all their epochs again.
    """

    def report(self, report: Report) -> bool:
        """Hear of an epoch and return whether the trial is to stop."""

    def tell(self, outcome: TrialOutcome) -> None:
        """Hear how a trial ended."""
