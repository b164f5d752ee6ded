"""What a sampler is: it proposes samples and hears how they went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

from expsdk_runtime.contract import Phase, Reason

Sample: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Proposal:
    """A sample that goes on from where an earlier trial stood.

    Attributes:
        parameters: The sample.
        parent: The number of the trial whose checkpoints the new one begins with.
    """

    parameters: Sample
    parent: int


@dataclass(frozen=True)
class TrialOutcome:
    """How far a trial came, as its sampler hears it.

    Attributes:
        number: The trial's number, from 0; negative for one that another experiment ran.
        parameters: Its sample, restored to the space's types.
        phase: A word of `expsdk_runtime.contract.Phase`.
        values: One value for each objective in their order, or None when it has none.
        reason: Why it ended so, a word of `expsdk_runtime.contract.Reason`, or "".
        history: The first objective over epochs, rising, as `(epoch, value)` pairs, as far as its record keeps them.
        metrics: The last value of each metric.
        constraints: The values of the sweep's constraints: above 0, one is violated; empty where there are none, or
            where the trial has not succeeded.
        parent: The number of the trial that it went on from, or None.
    """

    number: int
    parameters: Sample
    phase: str
    values: tuple[float, ...] | None
    reason: str = ""
    history: Sequence[tuple[int, float]] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    constraints: tuple[float, ...] = ()
    parent: int | None = None

    @property
    def is_evidence(self) -> bool:
        """Whether it tells something of its sample: it ended by itself, or failed by the user's own function."""
        if self.phase == Phase.FAILED:
            return self.reason not in Reason.INFRASTRUCTURE
        return self.phase in (Phase.SUCCEEDED, Phase.PRUNED)

    @property
    def is_feasible(self) -> bool:
        """Whether it violates no constraint."""
        return all(value <= 0 for value in self.constraints)


@runtime_checkable
class Sampler(Protocol):
    """Proposes the samples of a sweep.

    The contract: one thread calls it. A coordinator asks for each number once and in rising order, and once more for
    one that there was no sample for, when a trial has been lost since; after a restart it
    first tells the trials that are already there, in order of their numbers, and then goes on with the numbers that
    have none, so there may be gaps. A trial is told once when it has finished. A trial that another coordinator asked
    for and that still runs may be told before, with its unfinished phase, so that its neighbourhood is left alone.
    What a sampler proposes is a function of its seed, the number and what it was told: grid, random and sobol do not
    look at what they are told, so an interrupted sweep proposes what an uninterrupted one does.
    """

    def ask(self, number: int) -> Sample | Proposal | None:
        """Return the sample of trial `number`, or None when the space is exhausted."""

    def tell(self, outcome: TrialOutcome) -> None:
        """Hear how a trial went."""
