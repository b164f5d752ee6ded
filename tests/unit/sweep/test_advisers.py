"""Whoever advises the coordinator: what is passed on, and what an exception of theirs becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from expsdk.pruners import Report
from expsdk.samplers import Sample, TrialOutcome
from expsdk.samplers.given import GivenSampler
from expsdk.sweep.advisers import AdviceFailed, Advisers
from expsdk_runtime.contract import Phase

SAMPLES = GivenSampler([{"x": 1}])


class Notes:
    """A sampler and a pruner that note what they hear, and raise what they are given."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.told: list[TrialOutcome] = []
        self.reported: list[Report] = []
        self._error = error

    def ask(self, number: int) -> Sample | None:
        self._raise()
        return {"x": number}

    def tell(self, outcome: TrialOutcome) -> None:
        self.told.append(outcome)
        self._raise()

    def report(self, report: Report) -> bool:
        self.reported.append(report)
        self._raise()
        return report.value > 1

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


def outcome(phase: str = Phase.SUCCEEDED, **more: Any) -> TrialOutcome:
    return TrialOutcome(7, {"x": 1}, phase, (0.5,), **more)


def test_the_sampler_is_told_of_every_trial_and_the_pruner_of_those_that_have_ended() -> None:
    sampler, pruner = Notes(), Notes()
    advisers = Advisers(sampler, pruner=pruner)
    for phase in Phase.ALL:
        advisers.tell(outcome(phase))
    assert [told.phase for told in sampler.told] == list(Phase.ALL)
    assert {told.phase for told in pruner.told} == Phase.FINISHED


def test_the_pruner_hears_of_epochs_that_are_new() -> None:
    pruner = Notes()
    advisers = Advisers(SAMPLES, pruner=pruner)
    assert advisers.hear(outcome(history=((0, 0.5), (2, 0.7))), after=None) == (False, 2)
    assert advisers.hear(outcome(history=((0, 0.5), (2, 0.7), (3, 2.0))), after=2) == (True, 3)
    assert advisers.hear(outcome(history=((0, 0.5),)), after=3) == (False, 3)
    assert [(report.number, report.epoch, report.value) for report in pruner.reported] == [
        (7, 0, 0.5),
        (7, 2, 0.7),
        (7, 3, 2.0),
    ]


def test_without_a_pruner_nothing_is_heard() -> None:
    assert Advisers(SAMPLES).hear(outcome(history=((0, 0.5),)), after=None) == (False, None)


@pytest.mark.parametrize(
    ("given", "values"), [(1, (1.0,)), (-0.5, (-0.5,)), ([1, 2.5], (1.0, 2.5)), ((), ()), (True, (1.0,))]
)
def test_constraints_are_numbers(given: Any, values: tuple[float, ...]) -> None:
    known = Advisers(SAMPLES, constraints=lambda metrics: given).constrain(outcome())
    assert known.constraints == values


@pytest.mark.parametrize("phase", sorted({*Phase.ALL} - {Phase.SUCCEEDED}))
def test_only_trials_that_have_succeeded_have_constraints(phase: str) -> None:
    ended = outcome(phase)
    assert Advisers(SAMPLES, constraints=lambda metrics: 1.0).constrain(ended) is ended


@pytest.mark.parametrize("given", [None, {"a": 1}, object(), [None], "x", ["x"]])
def test_constraints_that_are_no_numbers_have_failed(given: Any) -> None:
    advisers = Advisers(SAMPLES, constraints=lambda metrics: given)
    words = r"^constraints, given the metrics of trial 7, raised (TypeError|ValueError): "
    with pytest.raises(AdviceFailed, match=words):
        advisers.constrain(outcome())


ASKS: dict[str, tuple[Callable[[Exception], Advisers], Callable[[Advisers], object]]] = {
    "the sampler, asked for trial 3,": (lambda error: Advisers(Notes(error)), lambda advisers: advisers.ask(3)),
    "the sampler, told of trial 7,": (lambda error: Advisers(Notes(error)), lambda advisers: advisers.tell(outcome())),
    "the pruner, told of trial 7,": (
        lambda error: Advisers(SAMPLES, pruner=Notes(error)),
        lambda advisers: advisers.tell(outcome()),
    ),
    "the pruner, told of epoch 4 of trial 7,": (
        lambda error: Advisers(SAMPLES, pruner=Notes(error)),
        lambda advisers: advisers.hear(outcome(history=((4, 1.0),)), after=None),
    ),
    "constraints, given the metrics of trial 7,": (
        lambda error: Advisers(SAMPLES, constraints=lambda metrics: Notes(error).ask(0)),  # type: ignore[arg-type]
        lambda advisers: advisers.constrain(outcome()),
    ),
}


@pytest.mark.parametrize("who", ASKS)
def test_an_exception_says_who_raised_it_and_silences_all_of_them(who: str) -> None:
    make, act = ASKS[who]
    error = RuntimeError("out of ideas")
    advisers = make(error)
    with pytest.raises(AdviceFailed) as caught:
        act(advisers)
    assert str(caught.value) == f"{who} raised RuntimeError: out of ideas"
    assert caught.value.__cause__ is error
    assert advisers.ask(4) is None
    advisers.tell(outcome())
    assert advisers.hear(outcome(history=((0, 9.0),)), after=None) == (False, None)
    ended = outcome()
    assert advisers.constrain(ended) is ended


def test_an_interruption_is_nobodys_advice() -> None:
    with pytest.raises(KeyboardInterrupt):
        Advisers(Notes(KeyboardInterrupt())).ask(0)
