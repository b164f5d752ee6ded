"""A sampler that looks on: it passes on what another one proposes, and holds the coordinator to the contract."""

from __future__ import annotations

from expsdk.samplers import Sample, Sampler, TrialOutcome
from expsdk_runtime.contract import Phase


class Witness:
    """Checks that numbers are asked for once and in rising order, and that a trial is told once when it has finished.

    Attributes:
        asked: What was proposed, by number.
        told: The last phase that was told, by number.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.asked: dict[int, Sample] = {}
        self.told: dict[int, str] = {}
        self._sampler = sampler
        self._last_asked = self._last_found = -1

    def ask(self, number: int) -> Sample | None:
        """Pass a sample on."""
        assert number not in self.told, f"trial {number} is asked for, and it is there already"
        assert number > self._last_asked, f"trial {number} is asked for after {self._last_asked}"
        self._last_asked = number
        sample = self._sampler.ask(number)
        if sample is not None:
            self.asked[number] = sample
        return sample

    def tell(self, outcome: TrialOutcome) -> None:
        """Pass an outcome on."""
        former = self.told.get(outcome.number)
        assert former not in Phase.FINISHED, f"trial {outcome.number} is told again after it has finished"
        if former is None and outcome.number not in self.asked:
            assert not self.asked, f"trial {outcome.number} was there, and is told after a sample was asked for"
            assert outcome.number > self._last_found, "trials that were there are told in order"
            self._last_found = outcome.number
        self.told[outcome.number] = outcome.phase
        self._sampler.tell(outcome)
