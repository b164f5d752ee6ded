"""The coordinator's core, rule by rule: other attempts, advice of every kind, advisers that fail, enough of it all."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan

import pytest
from simulation.events import coordinator, finish, found, gone, launch, said

from expsdk.pruners import Report
from expsdk.samplers import Proposal, Sample, TrialOutcome
from expsdk.samplers.given import GivenSampler
from expsdk.sweep.actions import AskStop, Finish, Kill, Launch, Note, Terminate
from expsdk.sweep.budget import Budget
from expsdk.sweep.events import Began, Changed, Interrupted, Passed
from expsdk_runtime.contract import Phase, Reason

SLOW = "the trial was asked to stop early, and did not within 10 s"
HOUR = 3600.0


class Threshold:
    """A pruner that stops trials whose value is above 1; it notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []
        self.told: list[int] = []

    def report(self, report: Report) -> bool:
        self.heard.append((report.number, report.epoch))
        return report.value > 1

    def tell(self, outcome: TrialOutcome) -> None:
        self.told.append(outcome.number)


class Breaks:
    """A sampler, a pruner and constraints, one of whose verbs raises from its n-th call on."""

    def __init__(self, verb: str, *, after: int = 0) -> None:
        self._verb, self._left = verb, after

    def _call(self, verb: str) -> None:
        if verb == self._verb:
            self._left -= 1
            if self._left < 0:
                raise ZeroDivisionError("of my own making")

    def ask(self, number: int) -> Sample:
        self._call("ask")
        return {"x": number}

    def tell(self, outcome: TrialOutcome) -> None:
        self._call("tell")

    def report(self, report: Report) -> bool:
        self._call("report")
        return False

    def constrain(self, metrics: Mapping[str, float]) -> float:
        self._call("constrain")
        return 0.0


def epochs(*values: float) -> tuple[tuple[int, float], ...]:
    return tuple(enumerate(values))


class TestRetries:
    @pytest.mark.parametrize("reason", sorted(Reason.INFRASTRUCTURE))
    def test_what_fails_by_no_fault_of_the_function_is_tried_again(self, reason: str) -> None:
        core = coordinator(trials=1, retries=2)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, Phase.FAILED, reason=reason)) == [launch(0, attempt=2)]
        assert core.handle(gone(2, 0, Phase.FAILED, reason=reason)) == [launch(0, attempt=3)]
        assert +core.counts == {Phase.RUNNING: 1}
        assert core.handle(gone(3, 0, Phase.FAILED, reason=reason)) == finish("1 failed")

    @pytest.mark.parametrize("reason", sorted({*Reason.ALL} - Reason.INFRASTRUCTURE))
    def test_what_fails_by_itself_is_not(self, reason: str) -> None:
        core = coordinator(trials=1, retries=2)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, Phase.FAILED, reason=reason)) == finish("1 failed")

    def test_without_retries_nothing_is(self) -> None:
        core = coordinator(trials=1)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, Phase.FAILED, reason=Reason.PREEMPTED)) == finish("1 failed")

    def test_what_an_earlier_coordinator_saw_fail_is_tried_again_too(self) -> None:
        core = coordinator(trials=2, retries=1, parallelism=2)
        core.handle(found(0, Phase.FAILED, reason=Reason.EVICTED, alive=False))
        core.handle(found(1, Phase.FAILED, reason=Reason.EVICTED, alive=False, attempt=2))
        assert core.handle(Began(0)) == [launch(0, attempt=2)]
        assert +core.counts == {Phase.RUNNING: 1, Phase.FAILED: 1}

    def test_a_trial_that_is_tried_again_has_not_failed(self) -> None:
        core = coordinator(max_failures=0, retries=1)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, Phase.FAILED, reason=Reason.LOST)) == [launch(0, attempt=2)]

    def test_every_attempt_has_the_whole_time(self) -> None:
        core = coordinator(retries=1, trial_timeout_s=60)
        core.handle(Began(0))
        core.handle(gone(50, 0, Phase.FAILED, reason=Reason.LOST))
        assert core.deadline == 110

    def test_a_sweep_that_is_to_end_tries_nothing_again_and_counts_it_as_its_record_has_it(self) -> None:
        core = coordinator(trials=2, parallelism=2, retries=1, timeout_s=60)
        core.handle(Began(0))
        core.handle(said(1, 1, Phase.RUNNING))
        core.handle(gone(60, 0, Phase.FAILED, reason=Reason.PREEMPTED))
        assert +core.counts == {Phase.RUNNING: 1, Phase.FAILED: 1}
        core.handle(gone(61, 1, Phase.FAILED, reason=Reason.PREEMPTED))
        assert +core.counts == {Phase.FAILED: 2}

    def test_a_process_that_lingers_after_it_was_preempted_is_killed_as_that(self) -> None:
        core = coordinator(retries=1, grace_s=10)
        core.handle(Began(0))
        core.handle(said(1, 0, Phase.FAILED, reason=Reason.PREEMPTED))
        (kill,) = core.handle(Passed(11))
        assert isinstance(kill, Kill)
        assert kill.reason == Reason.PREEMPTED
        core.handle(said(12, 0, Phase.FAILED, reason=Reason.PREEMPTED))
        assert core.handle(gone(12, 0, Phase.FAILED, reason=Reason.PREEMPTED)) == [launch(0, attempt=2)]


class TestInterruptedTrials:
    def test_one_that_an_earlier_coordinator_interrupted_is_run_again(self) -> None:
        core = coordinator(trials=1)
        core.handle(found(0, Phase.CANCELLED, reason=Reason.INTERRUPTED, alive=False, attempt=3))
        assert core.handle(Began(0)) == [launch(0, attempt=4)]

    def test_one_that_ends_as_that_when_it_was_adopted_is_run_again(self) -> None:
        core = coordinator(trials=1)
        core.handle(found(0, Phase.RUNNING, alive=True))
        core.handle(Began(0))
        assert core.handle(gone(1, 0, Phase.CANCELLED, reason=Reason.INTERRUPTED)) == [launch(0, attempt=2)]
        # The second time nobody but the trial itself can have meant it.
        assert core.handle(gone(2, 0, Phase.CANCELLED, reason=Reason.INTERRUPTED)) == finish("1 cancelled")

    def test_one_that_this_coordinator_interrupts_is_not(self) -> None:
        core = coordinator()
        core.handle(found(0, Phase.RUNNING, alive=True))
        core.handle(Began(0))
        core.handle(Interrupted(1))
        (end,) = core.handle(gone(2, 0, Phase.CANCELLED, reason=Reason.INTERRUPTED))
        assert isinstance(end, Finish)
        assert +core.counts == {Phase.CANCELLED: 1}

    def test_one_that_its_user_cancelled_stays_so(self) -> None:
        core = coordinator(trials=1)
        core.handle(found(0, Phase.CANCELLED, alive=False))
        assert core.handle(Began(0)) == finish("1 cancelled")

    def test_one_that_a_finished_sweep_does_not_run_again_is_counted_as_its_record_has_it(self) -> None:
        core = coordinator(timeout_s=60)
        core.handle(found(0, Phase.CANCELLED, reason=Reason.INTERRUPTED, alive=False))
        core.handle(found(1, Phase.RUNNING, alive=False))
        assert core.handle(Began(100, active_s=60)) == finish("the time is over: timeout_s=60")
        assert +core.counts == {Phase.CANCELLED: 1, Phase.PENDING: 1}


class TestPruning:
    def test_a_trial_that_the_pruner_does_not_like_is_asked_to_stop_once(self) -> None:
        core = coordinator(pruner=Threshold(), grace_s=10)
        core.handle(Began(0))
        assert core.handle(said(1, 0, Phase.RUNNING, history=epochs(0.5))) == []
        assert core.handle(said(2, 0, Phase.RUNNING, history=epochs(0.5, 2.0))) == [AskStop(0, "pruned")]
        assert core.handle(said(3, 0, Phase.RUNNING, history=epochs(0.5, 2.0, 3.0))) == []
        assert core.handle(Passed(12)) == [Terminate(0, "Pruned", SLOW)]
        assert core.handle(Passed(22)) == [Kill(0, "Pruned", SLOW)]
        assert core.handle(gone(23, 0, Phase.PRUNED, reason="Pruned")) == [launch(1)]

    def test_one_that_ends_by_the_same_update_is_not(self) -> None:
        core = coordinator(pruner=Threshold())
        core.handle(Began(0))
        assert core.handle(said(1, 0, history=epochs(2.0))) == []
        assert core.handle(gone(2, 0, history=epochs(2.0, 3.0))) == [launch(1)]

    def test_one_that_is_pressed_already_is_not(self) -> None:
        core = coordinator(pruner=Threshold())
        core.handle(Began(0))
        core.handle(Interrupted(1))
        assert core.handle(said(2, 0, Phase.RUNNING, history=epochs(2.0))) == []

    def test_every_epoch_is_heard_once_whatever_comes_twice(self) -> None:
        pruner = Threshold()
        core = coordinator(pruner=pruner, parallelism=2)
        core.handle(Began(0))
        for history in (epochs(0, 0), epochs(0, 0), epochs(0, 0, 0), epochs(0)):
            core.handle(said(1, 0, Phase.RUNNING, history=history))
        core.handle(said(1, 1, Phase.RUNNING, history=((4, 0.0), (8, 0.0))))
        core.handle(gone(2, 0, history=epochs(0, 0, 0, 0)))
        assert pruner.heard == [(0, 0), (0, 1), (0, 2), (1, 4), (1, 8), (0, 3)]
        assert pruner.told == [0]

    def test_another_attempt_goes_on_where_the_last_was_heard(self) -> None:
        pruner = Threshold()
        core = coordinator(pruner=pruner, retries=1)
        core.handle(Began(0))
        core.handle(gone(1, 0, Phase.FAILED, reason=Reason.PREEMPTED, history=epochs(0, 0)))
        core.handle(said(2, 0, Phase.RUNNING, history=epochs(0, 0, 0)))
        assert pruner.heard == [(0, 0), (0, 1), (0, 2)]
        assert pruner.told == []

    def test_of_what_was_there_it_is_told_the_end_or_hears_all_epochs(self) -> None:
        pruner = Threshold()
        core = coordinator(pruner=pruner)
        core.handle(found(0, Phase.SUCCEEDED, alive=False, history=epochs(0, 0)))
        core.handle(found(1, Phase.RUNNING, alive=True, history=epochs(0)))
        core.handle(Began(0))
        core.handle(said(1, 1, Phase.RUNNING, history=epochs(0, 0)))
        assert pruner.heard == [(1, 0), (1, 1)]
        assert pruner.told == [0]


class TestTarget:
    def test_the_first_trial_that_reaches_it_ends_the_sweep(self) -> None:
        core = coordinator(parallelism=2, target=0.5)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, value=0.6)) == [launch(2)]
        assert core.handle(gone(2, 1, value=0.5)) == [AskStop(2, "interrupted")]
        assert core.handle(gone(3, 2, Phase.CANCELLED)) == finish("target=0.5 is reached: trial 1 has 0.5")

    def test_a_value_to_maximize_reaches_it_from_below(self) -> None:
        core = coordinator(target=0.5, directions=("maximize",))
        core.handle(Began(0))
        assert core.handle(gone(1, 0, value=0.4)) == [launch(1)]
        assert core.handle(gone(2, 1, value=0.6)) == finish("target=0.5 is reached: trial 1 has 0.6")

    def test_a_trial_that_violates_a_constraint_does_not(self) -> None:
        core = coordinator(target=0.5, constraints=lambda metrics: metrics["size"] - 10)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, value=0.1, metrics={"size": 11.0})) == [Note(0, (1.0,)), launch(1)]
        assert core.handle(gone(2, 1, value=0.2, metrics={"size": 10.0})) == [
            Note(1, (0.0,)),
            *finish("target=0.5 is reached: trial 1 has 0.2"),
        ]

    def test_a_sweep_that_had_reached_it_is_over(self) -> None:
        core = coordinator(target=0.5)
        core.handle(found(0, Phase.SUCCEEDED, alive=False, value=0.1))
        assert core.handle(Began(0)) == finish("target=0.5 is reached: trial 0 has 0.1")


class TestNoImprovement:
    def test_so_many_trials_that_are_no_better_end_the_sweep_when_the_others_have_ended(self) -> None:
        core = coordinator(parallelism=2, no_improvement_trials=2)
        core.handle(Began(0))
        core.handle(gone(1, 0, value=0.5))
        core.handle(gone(2, 1, value=0.6))
        assert core.handle(gone(3, 2, value=0.5)) == []
        words = "no_improvement_trials=2: the last 2 trials have not been better than the best"
        assert core.handle(gone(4, 3, value=0.1)) == finish(words)
        assert core.best == (3, 0.1)

    def test_a_better_one_begins_the_count_anew(self) -> None:
        core = coordinator(no_improvement_trials=2)
        core.handle(Began(0))
        for number, value in enumerate((0.5, 0.6, 0.4, nan)):
            assert core.handle(gone(1, number, value=value)) == [launch(number + 1)]
        words = "no_improvement_trials=2: the last 2 trials have not been better than the best"
        assert core.handle(gone(2, 4, Phase.FAILED, reason=Reason.USER_ERROR)) == finish(words)

    def test_a_failure_of_the_infrastructure_tells_nothing(self) -> None:
        core = coordinator(no_improvement_trials=1)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, Phase.FAILED, reason=Reason.LOST)) == [launch(1)]
        assert core.handle(gone(2, 1, Phase.PRUNED)) == finish(
            "no_improvement_trials=1: the last 1 trial has not been better than the best"
        )


class TestBudget:
    def test_nothing_is_launched_once_it_is_used_up_and_what_runs_goes_on(self) -> None:
        core = coordinator(parallelism=2, rate=2.0, budget=Budget("gpu", 4.0))
        core.handle(Began(0))
        core.handle(said(0, 0, Phase.RUNNING))
        core.handle(said(HOUR / 2, 1, Phase.RUNNING))
        assert core.spent_hours(HOUR) == pytest.approx(3.0)
        assert core.handle(gone(HOUR, 0, ran_s=HOUR)) == [launch(2)]
        assert core.handle(gone(1.5 * HOUR, 1, ran_s=HOUR)) == []
        assert core.handle(gone(9 * HOUR, 2, ran_s=0)) == finish("the budget is used up: 4 of 4 gpu-hours")

    def test_what_ended_the_sweep_first_is_what_it_says(self) -> None:
        core = coordinator(parallelism=2, rate=1.0, budget=Budget("gpu", 1.0), no_improvement_trials=1)
        core.handle(Began(0))
        core.handle(said(0, 1, Phase.RUNNING))
        assert core.handle(gone(1, 0, Phase.PRUNED)) == []
        words = "no_improvement_trials=1: the last 1 trial has not been better than the best"
        assert core.handle(gone(9 * HOUR, 1, ran_s=9 * HOUR)) == finish(words)

    def test_what_was_used_up_before_counts(self) -> None:
        core = coordinator(rate=1.0, budget=Budget("cpu", 2.0))
        core.handle(found(0, Phase.SUCCEEDED, alive=False, ran_s=1.5 * HOUR))
        core.handle(found(1, Phase.RUNNING, alive=False, ran_s=0.5 * HOUR))
        assert core.handle(Began(0)) == finish("the budget is used up: 2 of 2 cpu-hours")
        assert core.counts == {Phase.SUCCEEDED: 1, Phase.PENDING: 1}

    def test_the_time_of_a_trial_that_was_adopted_counts_from_its_beginning(self) -> None:
        core = coordinator(rate=1.0)
        core.handle(found(0, Phase.RUNNING, alive=True, ran_s=HOUR, at=5 * HOUR))
        core.handle(Began(5 * HOUR))
        assert core.spent_hours(6 * HOUR) == pytest.approx(2.0)
        core.handle(gone(7 * HOUR, 0, ran_s=3 * HOUR))
        assert core.spent_hours(9 * HOUR) == pytest.approx(3.0)

    def test_a_trial_that_waits_for_its_place_uses_nothing_up(self) -> None:
        core = coordinator(rate=1.0)
        core.handle(Began(0))
        core.handle(said(HOUR, 0, Phase.PENDING))
        assert core.spent_hours(2 * HOUR) == 0


class TestTime:
    def test_the_time_of_earlier_coordinators_counts(self) -> None:
        core = coordinator(timeout_s=100)
        core.handle(Began(1000, active_s=70))
        assert core.deadline == 1030

    def test_the_time_of_an_adopted_trial_counts_from_its_beginning(self) -> None:
        core = coordinator(trial_timeout_s=60)
        core.handle(found(0, Phase.RUNNING, alive=True, at=100, ran_s=50))
        core.handle(Began(100))
        assert core.deadline == 110


class TestConstraints:
    def test_they_are_noted_of_trials_that_have_succeeded(self) -> None:
        core = coordinator(constraints=lambda metrics: [metrics["size"] - 10, -1])
        core.handle(Began(0))
        assert core.handle(gone(1, 0, value=1.0, metrics={"size": 12.0})) == [Note(0, (2.0, -1.0)), launch(1)]
        assert core.handle(gone(2, 1, Phase.PRUNED, metrics={"size": 12.0})) == [launch(2)]
        assert core.best is None

    def test_what_was_noted_already_is_not_asked_again(self) -> None:
        core = coordinator(trials=2, constraints=Breaks("constrain", after=1).constrain)
        assert core.handle(found(0, Phase.SUCCEEDED, alive=False, constraints=(1.0,))) == []
        assert core.handle(found(1, Phase.SUCCEEDED, alive=False)) == [Note(1, (0.0,))]
        assert core.handle(Began(0)) == finish("2 succeeded")


class TestParents:
    def test_a_proposal_names_the_trial_that_the_new_one_goes_on_from(self) -> None:
        class Child(GivenSampler):
            def ask(self, number: int) -> Sample | Proposal | None:
                sample = super().ask(number)
                return sample if not number or sample is None else Proposal(sample, number - 1)

        core = coordinator(sampler=Child([{"x": number} for number in range(9)]), retries=1)
        assert core.handle(Began(0)) == [launch(0)]
        assert core.handle(gone(1, 0)) == [Launch(1, {"x": 1}, 1, parent=0)]
        assert core.handle(gone(2, 1, Phase.FAILED, reason=Reason.LOST)) == [Launch(1, {"x": 1}, 2, parent=0)]

    def test_it_is_kept_by_a_trial_that_was_there(self) -> None:
        core = coordinator(parallelism=2)
        core.handle(found(0, Phase.SUCCEEDED, alive=False))
        core.handle(found(1, Phase.PENDING, alive=False, parent=0))
        core.handle(found(2, Phase.RUNNING, alive=False, parent=0))
        assert core.handle(Began(0)) == [Launch(1, {"x": 1}, 1, parent=0), Launch(2, {"x": 2}, 2, parent=0)]


class TestAdvisersThatFail:
    MADE = "raised ZeroDivisionError: of my own making"

    def test_a_sampler_that_cannot_propose_ends_the_sweep(self) -> None:
        core = coordinator(sampler=Breaks("ask", after=2), parallelism=3)
        words = f"the sampler, asked for trial 2, {self.MADE}"
        assert core.handle(Began(0)) == [
            launch(0),
            launch(1),
            AskStop(0, "interrupted"),
            AskStop(1, "interrupted"),
        ]
        assert core.handle(gone(1, 0, value=0.5)) == []
        assert core.handle(gone(1, 1, Phase.CANCELLED, reason="Interrupted")) == finish(words, Phase.FAILED)
        assert core.best == (0, 0.5)
        assert str(core.failure) == words
        assert isinstance(core.failure and core.failure.__cause__, ZeroDivisionError)

    def test_a_sampler_that_cannot_hear_ends_the_sweep(self) -> None:
        core = coordinator(sampler=Breaks("tell"))
        core.handle(Began(0))
        words = f"the sampler, told of trial 0, {self.MADE}"
        assert core.handle(gone(1, 0, value=0.5)) == finish(words, Phase.FAILED)
        assert +core.counts == {Phase.SUCCEEDED: 1}

    @pytest.mark.parametrize(
        ("event", "counts"),
        [
            (gone(1, 0, history=epochs(0), value=0.5), {Phase.SUCCEEDED: 1}),
            (gone(1, 0, Phase.FAILED, history=epochs(0), reason=Reason.LOST), {Phase.FAILED: 1}),
        ],
    )
    def test_a_pruner_that_cannot_hear_of_an_epoch_ends_the_sweep_with_a_trial_that_has_just_ended(
        self, event: Changed, counts: dict[str, int]
    ) -> None:
        core = coordinator(pruner=Breaks("report"), retries=1)
        core.handle(Began(0))
        assert core.handle(event) == finish(f"the pruner, told of epoch 0 of trial 0, {self.MADE}", Phase.FAILED)
        assert +core.counts == counts

    def test_a_pruner_that_cannot_hear_of_an_epoch_ends_the_sweep_with_a_trial_that_runs(self) -> None:
        core = coordinator(pruner=Breaks("report"), grace_s=10)
        core.handle(Began(0))
        assert core.handle(said(1, 0, Phase.RUNNING, history=epochs(0))) == [AskStop(0, "interrupted")]
        assert core.deadline == 11

    def test_a_process_whose_trial_has_ended_is_given_its_time_even_then(self) -> None:
        core = coordinator(pruner=Breaks("report"), grace_s=10)
        core.handle(Began(0))
        assert core.handle(said(1, 0, history=epochs(0))) == []
        assert [type(action) for action in core.handle(Passed(11))] == [Kill]

    def test_a_pruner_that_cannot_hear_of_an_end_ends_the_sweep(self) -> None:
        core = coordinator(pruner=Breaks("tell"))
        core.handle(Began(0))
        assert core.handle(gone(1, 0)) == finish(f"the pruner, told of trial 0, {self.MADE}", Phase.FAILED)

    def test_constraints_that_fail_end_the_sweep_and_the_trial_has_succeeded(self) -> None:
        core = coordinator(constraints=Breaks("constrain").constrain)
        core.handle(Began(0))
        words = f"constraints, given the metrics of trial 0, {self.MADE}"
        assert core.handle(gone(1, 0, value=0.5)) == finish(words, Phase.FAILED)
        assert +core.counts == {Phase.SUCCEEDED: 1}

    def test_what_fails_for_trials_that_were_there_ends_the_sweep_once_all_are_found(self) -> None:
        core = coordinator(sampler=Breaks("tell"))
        assert core.handle(found(0, Phase.SUCCEEDED, alive=False)) == []
        assert core.handle(found(1, Phase.RUNNING, alive=True)) == []
        assert core.handle(found(2, Phase.RUNNING, alive=False)) == []
        assert core.handle(found(3, Phase.CANCELLED, reason=Reason.INTERRUPTED, alive=False)) == []
        assert core.handle(Began(0)) == [AskStop(1, "interrupted")]
        assert +core.counts == {Phase.SUCCEEDED: 1, Phase.RUNNING: 1, Phase.PENDING: 1, Phase.CANCELLED: 1}
        words = f"the sampler, told of trial 0, {self.MADE}"
        assert core.handle(gone(1, 1, Phase.CANCELLED)) == finish(words, Phase.FAILED)

    def test_ctrl_c_twice_kills_what_is_left_all_the_same(self) -> None:
        core = coordinator(sampler=Breaks("tell"), parallelism=3)
        core.handle(Began(0))
        core.handle(Interrupted(1))
        core.handle(gone(2, 0, Phase.CANCELLED))
        assert [type(action) for action in core.handle(Interrupted(3))] == [Kill, Kill]
