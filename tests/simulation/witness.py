"""A sampler and a pruner that look on: they pass on what another one says, and hold the coordinator to the contract."""

from __future__ import annotations

from expsdk.pruners import Pruner, Report
from expsdk.samplers import Proposal, Sample, Sampler, TrialOutcome
from expsdk_runtime.contract import Phase


class Witness:
    """Checks that numbers are asked for in rising order, and that a trial is told once when it has finished.

    A number is asked for once, and once more where there was no sample for it and a trial has been lost since.

    Attributes:
        asked: What was proposed, by number.
        told: The last phase that was told, by number.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.asked: dict[int, Sample | Proposal] = {}
        self.told: dict[int, str] = {}
        self._sampler = sampler
        self._last_asked = self._last_found = -1

    def ask(self, number: int) -> Sample | Proposal | None:
        """Pass a sample on."""
        assert number not in self.told, f"trial {number} is asked for, and it is there already"
        assert number > self._last_asked, f"trial {number} is asked for after {self._last_asked}"
        sample = self._sampler.ask(number)
        self._last_asked = number
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
        if outcome.phase in Phase.FINISHED and not outcome.is_evidence and self._last_asked not in self.asked:
            self._last_asked -= 1
        self._sampler.tell(outcome)


class PrunerWitness:
    """Checks that a pruner hears of every epoch once, in rising order, and once of how each trial ended.

    Attributes:
        heard: The last epoch that was reported, by number.
        told: How each trial ended, by number.
        condemned: The trials that were to stop.
    """

    def __init__(self, pruner: Pruner) -> None:
        self.heard: dict[int, int] = {}
        self.told: dict[int, str] = {}
        self.condemned: set[int] = set()
        self._pruner = pruner

    def report(self, report: Report) -> bool:
        """Pass an epoch on."""
        number, epoch = report.number, report.epoch
        assert number not in self.told, f"an epoch of trial {number} is reported after its end"
        assert epoch > self.heard.get(number, -1), f"epoch {epoch} of trial {number} is reported again"
        self.heard[number] = epoch
        is_to_stop = self._pruner.report(report)
        if is_to_stop:
            self.condemned.add(number)
        return is_to_stop

    def tell(self, outcome: TrialOutcome) -> None:
        """Pass an end on."""
        assert outcome.phase in Phase.FINISHED, f"the pruner is told of trial {outcome.number}, which has not ended"
        assert outcome.number not in self.told, f"the pruner is told again of trial {outcome.number}"
        self.told[outcome.number] = outcome.phase
        self._pruner.tell(outcome)
