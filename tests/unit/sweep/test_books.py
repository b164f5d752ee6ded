"""What the core keeps books of: trials and what they use up, and deadlines; both against plainer ways to do so."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk.samplers import TrialOutcome
from expsdk.sweep.deadlines import Deadlines
from expsdk.sweep.tally import SECONDS_PER_HOUR, Tally
from expsdk_runtime.contract import Phase, Reason

VALUES = st.sampled_from([0.0, 1.0, -1.0, nan, inf, -inf])
OUTCOMES = st.builds(
    TrialOutcome,
    number=st.just(0),
    parameters=st.just({}),
    phase=st.sampled_from(sorted(Phase.FINISHED)),
    values=st.none() | st.tuples(VALUES),
    reason=st.sampled_from(["", Reason.USER_ERROR, Reason.LOST]),
    constraints=st.sampled_from([(), (0.0,), (1.0,), (nan,), (-1.0, 2.0)]),
)


def ended(number: int, value: float | None, phase: str = Phase.SUCCEEDED, **more: Any) -> TrialOutcome:
    return TrialOutcome(number, {}, phase, None if value is None else (value,), **more)


class TestTally:
    @given(st.lists(OUTCOMES, max_size=12), st.sampled_from(["minimize", "maximize"]))
    def test_the_best_is_the_first_of_the_best_feasible_values(self, drawn: list[TrialOutcome], direction: str) -> None:
        outcomes = [replace(outcome, number=number) for number, outcome in enumerate(drawn)]
        tally, sign = Tally([direction], rate=0.0), 1 if direction == "minimize" else -1
        for outcome in outcomes:
            tally.settle(outcome)
        ranked = sorted(
            (sign * outcome.values[0], outcome.number)
            for outcome in outcomes
            if outcome.phase == Phase.SUCCEEDED
            and outcome.values
            and outcome.values[0] == outcome.values[0]
            and outcome.is_feasible
        )
        assert tally.best == ((ranked[0][1], sign * ranked[0][0]) if ranked else None)
        since = outcomes[ranked[0][1] + 1 :] if ranked else outcomes
        assert tally.since_best == sum(outcome.is_evidence for outcome in since)
        assert tally.counts.total() == len(outcomes)

    @pytest.mark.parametrize(("direction", "reached"), [("minimize", {0.5, 1.0}), ("maximize", {0.5, 0.0})])
    def test_a_target_is_reached_by_what_is_as_good(self, direction: str, reached: set[float]) -> None:
        tally = Tally([direction], rate=0.0)
        assert not tally.reaches(0.5)
        tally.settle(ended(0, 0.5))
        assert {target for target in (0.0, 0.5, 1.0) if tally.reaches(target)} == reached

    def test_of_several_objectives_none_is_the_best(self) -> None:
        tally = Tally(["minimize", "maximize"], rate=0.0)
        tally.settle(TrialOutcome(0, {}, Phase.SUCCEEDED, (1.0, 2.0)))
        assert tally.best is None
        assert not tally.reaches(5.0)

    @given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=8), st.sampled_from([0.0, 1.0, 4.0]))
    def test_what_is_used_up_is_the_time_of_what_ran_and_runs(self, spans: list[tuple[int, int]], rate: float) -> None:
        tally, now = Tally(["minimize"], rate=rate), 150.0
        used_s = 0.0
        for place, (began, ran) in enumerate(spans):
            tally.begin(began)
            if place % 2:
                tally.end(began, ran)
                used_s += ran
            else:
                used_s += now - began
        assert tally.spent_hours(now) * SECONDS_PER_HOUR == pytest.approx(rate * used_s)

    def test_what_was_counted_before_is_not_forgotten(self) -> None:
        tally = Tally(["minimize"], rate=2.0)
        tally.end(None, 3600.0)
        tally.carry(5.0, 0.0)
        assert tally.spent_hours(0.0) == 5.0
        tally.carry(4.0, 0.0)
        tally.begin(0.0)
        assert tally.spent_hours(1800.0) == 6.0

    def test_time_that_was_not_counted_before_counts_when_it_is_over(self) -> None:
        tally = Tally(["minimize"], rate=2.0)
        tally.end(None, 1800)
        assert tally.spent_hours(0.0) == 1.0


class TestDeadlines:
    @given(st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 20)), max_size=60), st.integers(0, 20))
    def test_they_are_found_in_order_and_once(self, changes: list[tuple[int, int | None]], now: int) -> None:
        deadlines, plain = Deadlines(), dict[int, int]()
        for number, at in changes:
            deadlines.set(number, at)
            if at is None:
                plain.pop(number, None)
            else:
                plain[number] = at
            assert deadlines.next == min(plain.values(), default=None)
        due = []
        while (number := deadlines.pop_due(now)) is not None:
            due.append((plain.pop(number), number))
        assert due == sorted(due)
        assert all(at <= now for at, _ in due)
        assert all(at > now for at in plain.values())
        assert deadlines.next == min(plain.values(), default=None)

    def test_what_was_set_anew_does_not_pile_up(self) -> None:
        deadlines = Deadlines()
        deadlines.set(0, 1.0)
        for at in range(10_000):
            deadlines.set(1, float(at + 2))
        assert len(deadlines._heap) < 100
        assert deadlines.next == 1.0
