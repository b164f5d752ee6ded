"""Given samples first, each several times: what a coordinator asks and what the sampler hears."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk.errors import SweepError
from expsdk.samplers import Proposal, Sample, Sampler, TrialOutcome, arrange, is_endless, make_sampler
from expsdk.samplers.replicates import mean_outcome
from expsdk.space import Space, choice, integer, uniform
from expsdk_runtime.contract import Phase, Reason

SPACE = Space.of({"a": integer(1, 9), "k": choice({"x": {"m": uniform(0, 1, step=0.1), "c": 1.0}, "y": {}}), "e": 10})


@dataclass
class Own:
    """A sampler of the user's own that goes on from earlier trials."""

    heard: list[TrialOutcome] = field(default_factory=list)

    def ask(self, number: int) -> Sample | Proposal | None:
        if number >= 6:
            return None
        sample = {"a": number + 1, "k": "y", "e": 10}
        return Proposal(sample, parent=0) if number == 5 else sample

    def tell(self, outcome: TrialOutcome) -> None:
        self.heard.append(outcome)


def arranged(sampler: Any, **given: Any) -> Sampler:
    if isinstance(sampler, str):
        sampler = make_sampler(sampler, space=SPACE, directions=["minimize"], seed=1, parallelism=2)
    return arrange(sampler, space=SPACE, seed=1, **given)


def ended(number: int, *values: float, phase: str = Phase.SUCCEEDED, **more: Any) -> TrialOutcome:
    return TrialOutcome(number, {"a": 1, "k": "y", "e": 10}, phase, values or None, **more)


def test_given_samples_come_first_complete_and_in_the_spaces_types() -> None:
    own = Own()
    sampler = arranged(own, initial=[{"k": "x", "a": 3.0, "m": 0.1 + 0.2}, {"a": 7, "k": "y", "e": 10.0}])
    assert [repr(sampler.ask(number)) for number in range(3)] == [
        "{'a': 3, 'k': 'x', 'm': 0.3, 'c': 1.0, 'e': 10}",
        "{'a': 7, 'k': 'y', 'e': 10}",
        "{'a': 3, 'k': 'y', 'e': 10}",
    ]
    assert [(outcome.number, outcome.phase) for outcome in own.heard] == [(0, Phase.RUNNING), (1, Phase.RUNNING)]
    outcome = ended(1, 0.5)
    sampler.tell(outcome)
    assert own.heard[-1] is outcome
    assert not is_endless(sampler)
    assert is_endless(arranged("random", initial=[])) is False  # the space is not
    assert sampler.ask(6) is None


def test_after_a_restart_given_samples_are_asked_by_number() -> None:
    sampler = arranged("grid", initial=[{"a": 9, "k": "y"}, {"a": 8, "k": "y"}])
    sampler.tell(TrialOutcome(0, {"a": 9, "k": "y", "e": 10}, Phase.SUCCEEDED, (1.0,)))
    assert sampler.ask(1) == {"a": 8, "k": "y", "e": 10}
    rest = []
    while (sample := sampler.ask(len(rest) + 2)) is not None:
        rest.append(sample)
    assert len(rest) == SPACE.grid().size - 2
    assert {"a": 8, "k": "y", "e": 10} not in rest


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        (
            [{"a": 1, "k": "y"}, {"a": 99, "k": "y"}],
            (
                "initial[1]: parameter a: a sample's value is in Integer(low=1, high=9, step=1, log=False), not 99;"
                " choose a value in the domain"
            ),
        ),
        ([{"a": 1}], "initial[0]: parameter k: a sample gives a, k, e, and this one lacks it; add it"),
        (
            [{"a": 1, "k": "y", "m": 0.5}],
            "initial[0]: parameter m: it exists only as k='x' → m, and the sample gives 0.5; leave it out",
        ),
        (
            [{"a": 1, "k": "y"}, 3],
            "initial[1] is a sample, which maps names to values, not 3; write a dict of parameters",
        ),
        ({"a": 1}, "initial is a list of samples, not {'a': 1}; write a list such as [{...}]"),
    ],
)
def test_an_initial_sample_outside_the_space_is_refused_in_these_words(initial: Any, message: str) -> None:
    with pytest.raises(SweepError) as caught:
        arranged("random", initial=initial)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["random", "tpe", "cmaes", "nsga2"])
def test_a_sampler_learns_from_given_samples(name: str) -> None:
    space = Space.of({"x": uniform(0, 1), "y": uniform(0, 1)})
    plain = make_sampler(
        name,
        space=space,
        directions=["minimize"],
        seed=1,
        parallelism=1,
        options={"n_startup_trials": 2} if name == "tpe" else {},
    )
    sampler = arrange(plain, space=space, seed=1, initial=[{"x": 0.9, "y": 0.9}, {"x": 0.89, "y": 0.91}])
    for number in range(30):
        sample = sampler.ask(number)
        assert isinstance(sample, dict)
        sampler.tell(TrialOutcome(number, sample, Phase.SUCCEEDED, (2 - sample["x"] - sample["y"],)))
    assert sampler.ask(30) is not None


def test_each_sample_is_run_as_often_as_asked_for_and_heard_of_once() -> None:
    own = Own()
    sampler = arranged(own, replicates=3)
    samples = [sampler.ask(number) for number in range(6)]
    assert samples == [{"a": 1, "k": "y", "e": 10}] * 3 + [{"a": 2, "k": "y", "e": 10}] * 3
    for number, value in ((4, 1.0), (0, 5.0), (2, 3.0)):
        sampler.tell(ended(number, value))
    assert own.heard == []
    sampler.tell(ended(1, phase=Phase.FAILED, reason=Reason.USER_ERROR))
    assert own.heard == [ended(0, 4.0)]
    assert sampler.ask(15) == Proposal({"a": 6, "k": "y", "e": 10}, parent=0)
    assert sampler.ask(17) == Proposal({"a": 6, "k": "y", "e": 10}, parent=2)
    assert sampler.ask(18) is None


def test_replicates_go_on_after_a_restart() -> None:
    own = Own()
    sampler = arranged(own, replicates=2, initial=[{"a": 9, "k": "y"}])
    for number, value in ((0, 1.0), (1, 2.0), (2, 3.0)):
        sampler.tell(TrialOutcome(number, {"a": 9 - number // 2, "k": "y", "e": 10}, Phase.SUCCEEDED, (value,)))
    assert sampler.ask(3) == {"a": 8, "k": "y", "e": 10}
    sampler.tell(TrialOutcome(3, {"a": 8, "k": "y", "e": 10}, Phase.SUCCEEDED, (5.0,)))
    assert [(heard.number, heard.phase, heard.values) for heard in own.heard] == [
        (0, Phase.RUNNING, None),
        (0, Phase.SUCCEEDED, (1.5,)),
        (1, Phase.RUNNING, None),
        (1, Phase.SUCCEEDED, (4.0,)),
    ]
    assert sampler.ask(4) == {"a": 3, "k": "y", "e": 10}
    lesson = ended(-1, 1.0)
    sampler.tell(lesson)
    assert own.heard[-1] is lesson


def test_replicates_of_a_parent_are_told_with_the_samples_parent() -> None:
    own = Own()
    sampler = arranged(own, replicates=2)
    sampler.tell(ended(4, 1.0, parent=1))
    sampler.tell(ended(5, 2.0, parent=0))
    assert [(heard.number, heard.parent, heard.values) for heard in own.heard] == [(2, 0, None), (2, 0, (1.5,))]


def test_the_mean_is_that_of_what_has_succeeded() -> None:
    told = [
        ended(0, 1.0, 8.0, metrics={"loss": 1.0, "size": 3.0}, constraints=(1.0, -1.0), history=((0, 2.0), (1, 1.0))),
        ended(1, 3.0, 4.0, metrics={"loss": 3.0}, constraints=(-2.0, -1.0), history=((0, 4.0),)),
        ended(2, phase=Phase.FAILED, reason=Reason.OUT_OF_MEMORY),
        ended(3, phase=Phase.PRUNED, history=((0, 99.0),)),
    ]
    assert mean_outcome(told) == ended(
        0, 2.0, 6.0, metrics={"loss": 2.0}, constraints=(-0.5, -1.0), history=((0, 3.0),)
    )
    assert mean_outcome(told[2:]) == ended(2, phase=Phase.PRUNED, history=((0, 99.0),))


@pytest.mark.parametrize(
    ("phases", "phase", "reason"),
    [
        ([("Failed", Reason.EVICTED), ("Failed", Reason.USER_ERROR)], Phase.FAILED, Reason.USER_ERROR),
        ([("Failed", Reason.EVICTED), ("Failed", Reason.LOST)], Phase.FAILED, Reason.EVICTED),
        ([("Cancelled", ""), ("Failed", Reason.LOST)], Phase.FAILED, Reason.LOST),
        ([("Cancelled", ""), ("Cancelled", "")], Phase.CANCELLED, ""),
    ],
)
def test_without_a_success_the_most_telling_end_counts(phases: list[tuple[str, str]], phase: str, reason: str) -> None:
    merged = mean_outcome([ended(number, phase=phase, reason=why) for number, (phase, why) in enumerate(phases)])
    assert (merged.phase, merged.reason, merged.values) == (phase, reason, None)


def test_a_mean_lies_between_its_values() -> None:
    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
    def law(values: list[float]) -> None:
        told = mean_outcome([ended(number, value) for number, value in enumerate(values)]).values
        assert told is not None
        slack = 1e-9 * max(map(abs, values))
        assert min(values) - slack <= told[0] <= max(values) + slack

    law()
    nan = mean_outcome([ended(0, math.nan), ended(1, 1.0)]).values
    assert nan is not None
    assert math.isnan(nan[0])
