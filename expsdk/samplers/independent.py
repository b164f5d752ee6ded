"""The random sampler: each sample is drawn on its own."""

from __future__ import annotations

import random

from expsdk.samplers.base import Sample, TrialOutcome
from expsdk.samplers.derive import derive_seed
from expsdk.space import Space


class RandomSampler:
    """Draws every sample independently, from the seed and the trial's number only."""

    is_endless = True

    def __init__(self, space: Space, *, seed: int) -> None:
        self._space = space
        self._size = len(space.leaves)
        self._seed = seed

    def ask(self, number: int) -> Sample | None:
        """Return the sample of trial `number`."""
        draws = random.Random(derive_seed(self._seed, "random", number))
        return self._space.from_units([draws.random() for _ in range(self._size)])

    def tell(self, outcome: TrialOutcome) -> None:
        """Do nothing: samples do not depend on each other."""
