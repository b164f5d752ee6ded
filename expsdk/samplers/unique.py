"""Each sample once: a sampler whose repetitions are replaced by samples that have not been tried."""

from __future__ import annotations

from collections import Counter, deque

from expsdk.errors import SpaceError
from expsdk.samplers.base import Proposal, Sample, Sampler, TrialOutcome
from expsdk.samplers.derive import derive_seed, derive_unit
from expsdk.samplers.grid import GridSampler
from expsdk.samplers.optuna_study import OptunaSampler
from expsdk.samplers.sameness import key_of
from expsdk.space import Space
from expsdk_runtime.contract import Phase, Reason

_PROPOSALS = 5  # of a sampler that learns, for one trial
_DRAWS = 20


class UniqueSampler:
    """Proposes what another sampler does, and no sample twice.

    A sample has been tried when a trial of it runs, or has said something of it, or was cancelled: by somebody, or by
    the end of a sweep that this object has seen. A trial that failed by no fault of its own gives its sample back to be
    tried again: once, or a place where nothing runs would keep a sweep going for ever. Trials that had ended before are
    not counted there.

    A sampler that learns is asked again a few times when it proposes what has been tried. Then, and for the others, a
    sample is drawn from the seed and the number. A grid is gone through in its order, and what was given back after it.
    """

    def __init__(self, inner: Sampler, *, space: Space, seed: int) -> None:
        """Make the sampler.

        Args:
            inner: The sampler that proposes.
            space: The space that it samples.
            seed: The sweep's seed.
        """
        self._inner = inner
        self._space = space
        self._seed = seed
        self._size = _size_of(space)
        self._tried: Counter[bytes] = Counter()  # how many trials make a sample one that has been tried
        self._running: dict[int, bytes] = {}
        self._given_back: set[bytes] = set()
        self._grid_index = 0
        self._grid_again: deque[Sample] = deque()

    @property
    def is_endless(self) -> bool:
        """Whether there are always more samples."""
        return self._size is None and bool(getattr(self._inner, "is_endless", False))

    def ask(self, number: int) -> Sample | Proposal | None:
        """Return the sample of trial `number`, or None when all have been tried."""
        if self._size is not None and len(self._tried) >= self._size:
            return None
        is_grid = isinstance(self._inner, GridSampler)
        proposal = self._next_of_grid() if is_grid else self._propose(number)
        if proposal is None and not is_grid:
            proposal = self._draw(number)
        if proposal is not None:
            self._run(number, key_of(self._space, _sample_of(proposal)))
        return proposal

    def tell(self, outcome: TrialOutcome) -> None:
        """Hear how a trial went, and pass it on."""
        self._inner.tell(outcome)
        key = self._running.get(outcome.number) or self._key(outcome.parameters)
        if key is None:
            return
        if outcome.phase not in Phase.FINISHED:
            self._run(outcome.number, key)
            return
        has_run = self._running.pop(outcome.number, None) is not None
        is_cancelled = outcome.phase == Phase.CANCELLED and (has_run or outcome.reason != Reason.INTERRUPTED)
        stays = outcome.is_evidence or is_cancelled or (has_run and key in self._given_back)
        self._tried[key] += stays - has_run
        if not self._tried[key]:
            del self._tried[key]
        if has_run and not stays:
            self._given_back.add(key)
            self._grid_again.append(outcome.parameters)

    def _propose(self, number: int) -> Sample | Proposal | None:
        """Return what the sampler proposes, unless that has been tried."""
        for _ in range(_PROPOSALS if isinstance(self._inner, OptunaSampler) else 1):
            proposal = self._inner.ask(number)
            if proposal is None or not self._is_tried(_sample_of(proposal)):
                return proposal
        return None

    def _draw(self, number: int) -> Sample | None:
        """Return an untried sample that is drawn, and have the sampler know of it."""
        if self._size is None and not self.is_endless:  # it has said that there are no more
            return None
        sample = self._drawn(number)
        if sample is not None:
            self._inner.tell(TrialOutcome(number, sample, Phase.RUNNING, None))
        return sample

    def _drawn(self, number: int) -> Sample | None:
        for draw in range(_DRAWS):
            labels = ("unique", number, draw)
            units = [derive_unit(self._seed, *labels, index) for index in range(len(self._space.leaves))]
            sample = self._space.from_units(units)
            if not self._is_tried(sample):
                return sample
        if self._size is None:
            return None
        grid, first = self._space.grid(), derive_seed(self._seed, "unique", number)
        walk = (grid[(first + step) % self._size] for step in range(len(self._tried) + 1))
        return next((sample for sample in walk if not self._is_tried(sample)), None)

    def _next_of_grid(self) -> Sample | None:
        grid = self._space.grid()
        while self._grid_index < grid.size:
            sample = grid[self._grid_index]
            self._grid_index += 1
            if not self._is_tried(sample):
                return sample
        while self._grid_again:
            sample = self._grid_again.popleft()
            if not self._is_tried(sample):
                return sample
        return None

    def _run(self, number: int, key: bytes) -> None:
        if number not in self._running:
            self._running[number] = key
            self._tried[key] += 1

    def _is_tried(self, sample: Sample) -> bool:
        return key_of(self._space, sample) in self._tried

    def _key(self, sample: Sample) -> bytes | None:
        """Return the key of a sample, or None where it does not lie in the space."""
        try:
            self._space.check(sample)
        except SpaceError:
            return None
        return key_of(self._space, sample)


def _sample_of(proposal: Sample | Proposal) -> Sample:
    return proposal.parameters if isinstance(proposal, Proposal) else proposal


def _size_of(space: Space) -> int | None:
    """Return how many samples a space has, or None for infinitely many."""
    return None if any(leaf.domain.grid() is None for leaf in space.leaves) else space.grid().size
