"""What a sampler is: it proposes samples and hears how they went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

Sample: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class TrialOutcome:
    """How far a trial came, as its sampler hears it.

    Attributes:
        number: The trial's number, from 0.
        parameters: Its sample, restored to the space's types.
        phase: A word of `expsdk_runtime.contract.Phase`.
        values: One value for each objective in their order, or None when it has none.
    """

    number: int
    parameters: Sample
    phase: str
    values: tuple[float, ...] | None


@runtime_checkable
class Sampler(Protocol):
    """Proposes the samples of a sweep.

    The contract: one thread calls it. A coordinator asks for each number once and in rising order; after a restart it
    first tells the trials that are already there, in order of their numbers, and then goes on with the numbers that
    have none, so there may be gaps. A trial is told once when it has finished. A trial that another coordinator asked
    for and that still runs may be told before, with its unfinished phase, so that its neighbourhood is left alone.
    What a sampler proposes is a function of its seed, the number and what it was told: grid, random and sobol do not
    look at what they are told, so an interrupted sweep proposes what an uninterrupted one does.
    """

    def ask(self, number: int) -> Sample | None:
        """Return the sample of trial `number`, or None when the space is exhausted."""

    def tell(self, outcome: TrialOutcome) -> None:
        """Hear how a trial went."""
