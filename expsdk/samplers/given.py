"""The sampler of samples that were given by hand."""

from __future__ import annotations

from collections.abc import Sequence

from expsdk.samplers.base import Sample, TrialOutcome


class GivenSampler:
    """Proposes given samples in their order, whether or not they lie in the space.

    Attributes:
        name: What records call it.
    """

    name = "given"

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def ask(self, number: int) -> Sample | None:
        """Return the sample of trial `number`, or None after the last."""
        return self._samples[number] if number < len(self._samples) else None

    def tell(self, outcome: TrialOutcome) -> None:
        """Do nothing: the samples are fixed."""
