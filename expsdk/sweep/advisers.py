"""Whoever advises the coordinator: the sampler, the pruner and the constraints, any of which may be the user's code.

What one of them raises ends the sweep, with its words; from then on none of them is asked or told anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from expsdk.pruners import Pruner, Report
from expsdk.samplers import Proposal, Sample, Sampler, TrialOutcome, is_endless
from expsdk_runtime.contract import Phase

Constraints: TypeAlias = Callable[[Mapping[str, float]], "float | Sequence[float]"]
"""From the last values of a trial's metrics to numbers that are at most 0 where nothing is violated."""


class AdviceFailed(Exception):
    """An adviser has raised something; the message says which, and what."""


class Advisers:
    """Asks and tells the advisers of one sweep.

    Attributes:
        are_endless: Whether the sampler never runs out of samples.
    """

    def __init__(
        self, sampler: Sampler, *, pruner: Pruner | None = None, constraints: Constraints | None = None
    ) -> None:
        self.are_endless = is_endless(sampler)
        self._sampler = sampler
        self._pruner = pruner
        self._constraints = constraints
        self._is_silent = False

    def ask(self, number: int) -> Sample | Proposal | None:
        """Return what the sampler proposes for a trial."""
        if self._is_silent:
            return None
        with self._translating(f"the sampler, asked for trial {number},"):
            return self._sampler.ask(number)

    def tell(self, outcome: TrialOutcome) -> None:
        """Tell the sampler how a trial went; if it has ended, the pruner too."""
        if self._is_silent:
            return
        with self._translating(f"the sampler, told of trial {outcome.number},"):
            self._sampler.tell(outcome)
        if self._pruner is not None and outcome.phase in Phase.FINISHED:
            with self._translating(f"the pruner, told of trial {outcome.number},"):
                self._pruner.tell(outcome)

    def hear(self, outcome: TrialOutcome, *, after: int | None) -> tuple[bool, int | None]:
        """Report the epochs of a trial that are new to the pruner.

        Args:
            outcome: The trial as it is now.
            after: The last epoch that has been reported, or None.

        Returns:
            Whether the trial is to stop, and the last epoch that has been reported now.
        """
        is_to_stop = False
        for epoch, value in outcome.history:
            if self._pruner is None or self._is_silent:
                break
            if after is not None and epoch <= after:
                continue
            with self._translating(f"the pruner, told of epoch {epoch} of trial {outcome.number},"):
                is_to_stop |= bool(self._pruner.report(Report(outcome.number, outcome.parameters, epoch, value)))
            after = epoch
        return is_to_stop, after

    def constrain(self, outcome: TrialOutcome) -> TrialOutcome:
        """Return the outcome of a trial that has succeeded with the values of its constraints."""
        if self._constraints is None or self._is_silent or outcome.phase != Phase.SUCCEEDED:
            return outcome
        with self._translating(f"constraints, given the metrics of trial {outcome.number},"):
            given = self._constraints(outcome.metrics)
            values = given if isinstance(given, Sequence) else (given,)
            return replace(outcome, constraints=tuple(float(value) for value in values))

    @contextmanager
    def _translating(self, who: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._is_silent = True
            raise AdviceFailed(f"{who} raised {type(error).__name__}: {error}") from error
