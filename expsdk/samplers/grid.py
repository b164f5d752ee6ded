"""The grid sampler: every sample of a finite space, once."""

from __future__ import annotations

from expsdk.samplers.base import Sample, TrialOutcome
from expsdk.space import Space


class GridSampler:
    """Proposes the samples of a finite space in order; the last parameter changes fastest."""

    is_endless = False

    def __init__(self, space: Space) -> None:
        """Make the sampler.

        Raises:
            SpaceError: The space is not finite.
        """
        self._samples = space.grid()

    def ask(self, number: int) -> Sample | None:
        """Return the sample of trial `number`, or None after the last."""
        return self._samples[number] if number < self._samples.size else None

    def tell(self, outcome: TrialOutcome) -> None:
        """Do nothing: the order is fixed."""
