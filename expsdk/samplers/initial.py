"""Given samples first, then those of a sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expsdk.errors import SpaceError, SweepError
from expsdk.samplers.base import Proposal, Sample, Sampler, TrialOutcome
from expsdk.samplers.sameness import on_steps
from expsdk.space import Space
from expsdk_runtime.contract import Phase


class InitialSampler:
    """Proposes given samples for the first numbers, and for the others what another sampler does.

    The other sampler hears of the given ones as of trials that run. After a restart only the numbers that have no trial
    are asked for, so none is proposed twice.
    """

    def __init__(self, inner: Sampler, *, initial: Sequence[Sample]) -> None:
        """Make the sampler.

        Args:
            inner: The sampler that proposes after them.
            initial: The samples, as `check_initial` returns them.
        """
        self._inner = inner
        self._initial = initial

    @property
    def is_endless(self) -> bool:
        """Whether the sampler after them goes on for ever."""
        return bool(getattr(self._inner, "is_endless", False))

    def ask(self, number: int) -> Sample | Proposal | None:
        """Return the sample of trial `number`."""
        if number >= len(self._initial):
            return self._inner.ask(number)
        sample = self._initial[number]
        self._inner.tell(TrialOutcome(number, sample, Phase.RUNNING, None))
        return dict(sample)

    def tell(self, outcome: TrialOutcome) -> None:
        """Pass on how a trial went."""
        self._inner.tell(outcome)


def check_initial(initial: Sequence[Mapping[str, Any]], *, space: Space) -> list[Sample]:
    """Return samples to begin with as the space has them: with its types and its constants.

    Raises:
        SweepError: One does not lie in the space; the message names its index.
    """
    if isinstance(initial, (str, bytes, Mapping)) or not isinstance(initial, Sequence):
        raise SweepError(f"initial is a list of samples, not {initial!r}; write a list such as [{{...}}]")
    return [_checked(index, sample, space) for index, sample in enumerate(initial)]


def _checked(index: int, sample: Mapping[str, Any], space: Space) -> Sample:
    if not isinstance(sample, Mapping):
        raise SweepError(
            f"initial[{index}] is a sample, which maps names to values, not {sample!r}; write a dict of parameters"
        )
    complete = space.with_constants(space.restore(sample))
    try:
        space.check(complete)
    except SpaceError as error:
        raise SweepError(f"initial[{index}]: {error}") from error
    return on_steps(space, space.restore(complete))
