"""Several trials for each sample: a sampler that hears of their mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from expsdk.samplers.base import Proposal, Sample, Sampler, TrialOutcome
from expsdk_runtime.contract import Phase

Key = TypeVar("Key")


@dataclass
class _Group:
    """The trials of one sample."""

    proposal: Sample | Proposal
    outcomes: dict[int, TrialOutcome] = field(default_factory=dict)


class ReplicatedSampler:
    """Proposes each sample of another sampler for as many numbers in a row.

    The other sampler counts samples: its number 0 is what trials 0 to `replicates` - 1 run. It hears of one outcome for
    each sample, the mean of its trials, when all of them have ended.
    """

    def __init__(self, inner: Sampler, *, replicates: int) -> None:
        """Make the sampler.

        Args:
            inner: The sampler that proposes.
            replicates: How many trials each sample gets.
        """
        self._inner = inner
        self._replicates = replicates
        self._groups: dict[int, _Group] = {}  # those of which some trial has not ended

    @property
    def is_endless(self) -> bool:
        """Whether the sampler goes on for ever."""
        return bool(getattr(self._inner, "is_endless", False))

    def ask(self, number: int) -> Sample | Proposal | None:
        """Return the sample of trial `number`."""
        index, replicate = divmod(number, self._replicates)
        if index not in self._groups:
            proposal = self._inner.ask(index)
            if proposal is None:
                return None
            self._groups[index] = _Group(proposal)
        proposal = self._groups[index].proposal
        if isinstance(proposal, Proposal):  # each replicate goes on from its counterpart
            return Proposal(dict(proposal.parameters), proposal.parent * self._replicates + replicate)
        return dict(proposal)

    def tell(self, outcome: TrialOutcome) -> None:
        """Hear how a trial went, and pass on how its sample did when that is known."""
        if outcome.number < 0:  # another experiment's trial is what it is
            self._inner.tell(outcome)
            return
        index = outcome.number // self._replicates
        parent = None if outcome.parent is None else outcome.parent // self._replicates
        group = self._groups.get(index)
        if group is None:
            sample = outcome.parameters
            group = self._groups[index] = _Group(sample if parent is None else Proposal(sample, parent))
            self._inner.tell(TrialOutcome(index, sample, Phase.RUNNING, None, parent=parent))
        if outcome.phase not in Phase.FINISHED:
            return
        group.outcomes[outcome.number] = outcome
        if len(group.outcomes) == self._replicates:
            del self._groups[index]
            told = [group.outcomes[number] for number in sorted(group.outcomes)]
            self._inner.tell(replace(mean_outcome(told), number=index, parent=parent))


def mean_outcome(outcomes: Sequence[TrialOutcome]) -> TrialOutcome:
    """Return how a sample did whose trials have all ended, with the number of the first.

    It has succeeded with the mean of those that have, it was pruned when none has and one was, and it has failed when
    nothing better can be said; what says something of the sample counts before what does not.
    """
    succeeded = [outcome for outcome in outcomes if outcome.phase == Phase.SUCCEEDED and outcome.values is not None]
    pruned = [outcome for outcome in outcomes if outcome.phase == Phase.PRUNED]
    counted = succeeded or pruned
    if not counted:
        failed = [outcome for outcome in outcomes if outcome.phase != Phase.CANCELLED] or list(outcomes)
        return next((outcome for outcome in failed if outcome.is_evidence), failed[0])
    return TrialOutcome(
        number=outcomes[0].number,
        parameters=outcomes[0].parameters,
        phase=counted[0].phase,
        values=_means(outcome.values or () for outcome in succeeded) if succeeded else None,
        reason=counted[0].reason,
        history=tuple(_mean_by_key([dict(outcome.history) for outcome in counted]).items()),
        metrics=_mean_by_key([outcome.metrics for outcome in counted]),
        constraints=_means(outcome.constraints for outcome in succeeded if outcome.constraints),
    )


def _means(rows: Iterable[Sequence[float]]) -> tuple[float, ...]:
    return tuple(map(_mean, zip(*rows, strict=True)))


def _mean_by_key(columns: Sequence[Mapping[Key, float]]) -> dict[Key, float]:
    """Return the mean of what all have."""
    shared = [key for key in columns[0] if all(key in column for column in columns)]
    return {key: _mean([column[key] for column in columns]) for key in shared}


def _mean(values: Sequence[float]) -> float:
    return sum(value / len(values) for value in values)  # divided first: the sum of great values may be infinite
