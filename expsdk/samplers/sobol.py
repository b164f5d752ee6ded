"""The sobol sampler: a quasi-random sequence, which fills the space more evenly than random samples do."""

from __future__ import annotations

from typing import Any

from expsdk.errors import SweepError
from expsdk.samplers.base import Sample, TrialOutcome
from expsdk.samplers.derive import derive_unit
from expsdk.space import Space

BITS = 53  # what a float in [0, 1) holds
_SKIPPED_TOGETHER = 256


class SobolSampler:
    """Proposes the points of Sobol's sequence, shifted by the seed.

    Trial `number` gets point `number`, moved modulo 1 by a random shift for each dimension (Cranley and Patterson,
    "Randomization of number theoretic methods for multiple integration", 1976). The shift comes from the seed alone,
    so samples depend on no library's random generator. scipy computes the points, with the direction numbers of
    Joe and Kuo (2008).
    """

    is_endless = True

    def __init__(self, space: Space, *, seed: int) -> None:
        """Make the sampler.

        Raises:
            SweepError: The space has more dimensions than the sequence.
        """
        self._space = space
        leaves = space.leaves
        self._shifts = [derive_unit(seed, "sobol", dimension) for dimension in range(len(leaves))]
        self._sequence: Any = _sequence(len(leaves)) if leaves else None
        self._next = 0

    def ask(self, number: int) -> Sample | None:
        """Return the sample of trial `number`; the numbers after it cost least."""
        point = self._point(number) if self._sequence is not None else []
        return self._space.from_units([(x + shift) % 1.0 for x, shift in zip(point, self._shifts, strict=True)])

    def tell(self, outcome: TrialOutcome) -> None:
        """Do nothing: the sequence is fixed."""

    def _point(self, number: int) -> list[float]:
        if number < self._next:
            self._sequence.reset()
            self._next = 0
        while self._next < number:  # scipy's own fast_forward takes no more than 32 bits
            self._take(min(number - self._next, _SKIPPED_TOGETHER) if self._next else 1)
        return self._take(1)

    def _take(self, count: int) -> list[float]:
        """Return the last of the next `count` points."""
        self._next += count
        point: list[float] = self._sequence.random(count)[-1].tolist()
        return point


def _sequence(dimensions: int) -> Any:
    from scipy.stats.qmc import Sobol  # slow to import, and the other samplers do without

    if dimensions > Sobol.MAXDIM:
        raise SweepError(
            f"sampler 'sobol' has at most {Sobol.MAXDIM} dimensions, and this space has {dimensions} parameters to"
            " draw; use sampler='random' or a smaller space"
        )
    return Sobol(dimensions, scramble=False, bits=BITS)
