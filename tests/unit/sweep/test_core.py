"""The coordinator's core, rule by rule: what it wants done after which event, and when time is up."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from simulation import Witness
from simulation.events import coordinator, finish, found, gone, launch, said

from expsdk.samplers.given import GivenSampler
from expsdk.sweep.actions import AskStop, Finish, Kill, Terminate
from expsdk.sweep.advisers import Advisers
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Changed, Interrupted, Passed, StopAsked
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase

TIMEOUT = "the trial took longer than trial_timeout_s=60 allows"
INTERRUPTED = "the sweep ended before this trial did (interrupted: finished trials are kept)"
LINGERS = "the trial had ended, but its process had not"


class TestLaunching:
    def test_as_many_trials_as_may_run_at_a_time_are_launched_at_once(self) -> None:
        assert coordinator(parallelism=3).handle(Began(0)) == [launch(0), launch(1), launch(2)]

    def test_a_trial_is_launched_when_another_ones_job_has_gone(self) -> None:
        core = coordinator(parallelism=2)
        core.handle(Began(0))
        assert core.handle(said(5, 0, Phase.RUNNING)) == []
        assert core.handle(said(6, 0)) == []
        assert core.handle(gone(7, 0)) == [launch(2)]
        assert core.running == 2
        assert core.is_running(2)
        assert not core.is_running(0)

    def test_the_number_of_trials_ends_the_sweep(self) -> None:
        core = coordinator(trials=2)
        assert core.handle(Began(0)) == [launch(0)]
        assert core.handle(gone(1, 0)) == [launch(1)]
        assert not core.is_finished
        assert core.handle(gone(2, 1, Phase.FAILED)) == finish("1 succeeded, 1 failed")
        assert core.is_finished

    def test_an_exhausted_sampler_ends_the_sweep(self) -> None:
        core = coordinator(samples=1, parallelism=4)
        assert core.handle(Began(0)) == [launch(0)]
        assert core.handle(gone(1, 0, Phase.PRUNED)) == finish("1 pruned")

    def test_a_sampler_without_samples_ends_the_sweep_at_once(self) -> None:
        assert coordinator(samples=0).handle(Began(0)) == finish("no trial ended")

    def test_nothing_happens_after_the_end(self) -> None:
        core = coordinator(samples=0, timeout_s=60)
        core.handle(Began(0))
        assert core.handle(Passed(100)) == []
        assert core.handle(Interrupted(100)) == []
        assert core.handle(gone(100, 0)) == []
        assert core.handle(found(7, Phase.FAILED, alive=False)) == []
        assert core.deadline is None
        assert not +core.counts


class TestRestarting:
    def test_a_record_without_a_job_gets_its_job(self) -> None:
        core = coordinator()
        assert core.handle(found(0, Phase.PENDING, alive=False)) == []
        assert core.handle(Began(1)) == [launch(0)]

    def test_a_job_that_has_gone_before_its_trial_ended_is_followed_by_another_attempt(self) -> None:
        core = coordinator()
        core.handle(found(0, Phase.RUNNING, alive=False, attempt=2))
        assert core.handle(Began(1)) == [launch(0, attempt=3)]

    def test_a_second_attempt_that_never_was_is_the_second_attempt_still(self) -> None:
        core = coordinator()
        core.handle(found(0, Phase.PENDING, alive=False, attempt=2))
        assert core.handle(Began(1)) == [launch(0, attempt=2)]

    def test_a_trial_with_a_job_is_adopted(self) -> None:
        core = coordinator(parallelism=2)
        core.handle(found(0, Phase.RUNNING, alive=True))
        assert core.running == 1
        assert core.handle(Began(1)) == [launch(1)]
        assert core.handle(gone(2, 0)) == [launch(2)]
        assert core.counts == {Phase.RUNNING: 2, Phase.SUCCEEDED: 1}

    def test_a_trial_that_has_finished_is_counted_and_not_launched_again(self) -> None:
        core = coordinator(trials=2)
        core.handle(found(0, Phase.SUCCEEDED, alive=False, value=0.5))
        assert core.best == (0, 0.5)
        assert core.handle(Began(1)) == [launch(1)]
        assert core.handle(gone(2, 1)) == finish("2 succeeded")

    def test_a_job_that_outlives_its_trial_has_the_grace_period_to_go(self) -> None:
        core = coordinator(trials=1, grace_s=10)
        core.handle(found(0, Phase.FAILED, alive=True, at=100))
        assert core.handle(Began(100)) == []
        assert core.deadline == 110
        assert core.handle(Passed(110)) == [Kill(0, "Timeout", LINGERS)]
        assert core.handle(gone(111, 0, Phase.FAILED)) == finish("1 failed")

    def test_trials_that_were_there_come_before_new_ones_and_no_number_is_left_out(self) -> None:
        core = coordinator(trials=7, parallelism=7)
        core.handle(found(1, Phase.SUCCEEDED, alive=False))
        core.handle(found(2, Phase.RUNNING, alive=True))
        core.handle(found(4, Phase.PENDING, alive=False))
        core.handle(found(5, Phase.RUNNING, alive=False))
        assert core.handle(Began(0)) == [launch(4), launch(5, attempt=2), launch(0), launch(3), launch(6)]

    def test_a_sweep_that_was_over_is_over(self) -> None:
        core = coordinator(trials=1)
        core.handle(found(0, Phase.SUCCEEDED, alive=False))
        assert core.handle(Began(1)) == finish("1 succeeded")

    def test_failures_that_were_there_count(self) -> None:
        core = coordinator(max_failures=0, parallelism=2)
        core.handle(found(0, Phase.FAILED, alive=False))
        core.handle(found(1, Phase.RUNNING, alive=True))
        core.handle(found(2, Phase.PENDING, alive=False))
        assert core.handle(Began(0)) == [AskStop(1, "interrupted")]
        assert core.counts == {Phase.FAILED: 1, Phase.RUNNING: 1, Phase.PENDING: 1}
        message = "max_failures=0, and 1 trial has failed"
        assert core.handle(gone(1, 1, Phase.CANCELLED)) == finish(message, Phase.FAILED)


class TestUpdates:
    @pytest.mark.parametrize("update", [gone(5, 0), said(5, 0), gone(5, 7), said(5, 7), said(5, 1, Phase.RUNNING)])
    def test_an_update_that_comes_late_or_twice_or_of_an_unknown_trial_changes_nothing(self, update: Changed) -> None:
        core = coordinator(parallelism=1)
        core.handle(Began(0))
        core.handle(gone(1, 0))
        counts = core.counts.copy()
        assert core.handle(update) == []
        assert core.counts == counts
        assert core.deadline is None

    def test_a_job_that_goes_without_a_word_has_failed(self) -> None:
        core = coordinator(trials=1)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, Phase.RUNNING)) == finish("1 failed")
        assert +core.counts == {Phase.FAILED: 1}

    def test_the_last_word_counts(self) -> None:
        core = coordinator(trials=1)
        core.handle(Began(0))
        core.handle(said(1, 0, Phase.FAILED))
        assert core.handle(gone(1, 0, Phase.CANCELLED)) == finish("1 cancelled")


class TestTrialTimeout:
    def test_a_trial_that_takes_too_long_is_terminated_and_then_killed(self) -> None:
        core = coordinator(trials=1, trial_timeout_s=60, grace_s=10)
        assert core.handle(Began(100)) == [launch(0)]
        assert core.deadline == 160
        assert core.handle(Passed(159.9)) == []
        assert core.handle(Passed(160)) == [Terminate(0, "Timeout", TIMEOUT)]
        assert core.deadline == 170
        assert core.handle(Passed(169.9)) == []
        assert core.handle(Passed(170)) == [Kill(0, "Timeout", TIMEOUT)]
        assert core.deadline is None
        assert core.handle(Passed(1000)) == []
        assert core.handle(gone(1000, 0, Phase.FAILED)) == finish("1 failed")

    def test_a_clock_that_was_late_leaves_the_whole_grace_period(self) -> None:
        core = coordinator(trial_timeout_s=60, grace_s=10)
        core.handle(Began(0))
        assert core.handle(Passed(300)) == [Terminate(0, "Timeout", TIMEOUT)]
        assert core.deadline == 310

    def test_any_event_tells_the_time(self) -> None:
        core = coordinator(parallelism=2, trial_timeout_s=60)
        core.handle(Began(0))
        assert core.handle(said(60, 1, Phase.RUNNING)) == [
            Terminate(0, "Timeout", TIMEOUT),
            Terminate(1, "Timeout", TIMEOUT),
        ]

    def test_every_trial_has_its_own_time(self) -> None:
        core = coordinator(parallelism=2, trial_timeout_s=60, grace_s=10)
        core.handle(Began(0))
        assert core.handle(gone(15, 0)) == [launch(2)]
        assert core.deadline == 60
        assert core.handle(Passed(60)) == [Terminate(1, "Timeout", TIMEOUT)]
        assert core.handle(gone(65, 1, Phase.FAILED)) == [launch(3)]
        assert core.deadline == 75
        assert core.handle(Passed(75)) == [Terminate(2, "Timeout", TIMEOUT)]

    def test_a_trial_that_ends_in_time_is_left_alone(self) -> None:
        core = coordinator(trials=2, trial_timeout_s=60)
        core.handle(Began(0))
        core.handle(gone(59, 0))
        assert core.deadline == 119
        assert core.handle(Passed(60)) == []

    def test_a_process_has_the_grace_period_to_go_once_its_trial_has_ended(self) -> None:
        core = coordinator(trial_timeout_s=60, grace_s=10)
        core.handle(Began(0))
        assert core.handle(said(55, 0)) == []
        assert core.deadline == 65
        core.handle(said(60, 0))
        assert core.deadline == 65
        assert core.handle(Passed(65)) == [Kill(0, "Timeout", LINGERS)]

    def test_a_trial_that_is_killed_already_gets_no_more_time_for_saying_how_it_ended(self) -> None:
        core = coordinator(trial_timeout_s=60, grace_s=10)
        core.handle(Began(0))
        core.handle(Passed(60))
        core.handle(Passed(70))
        core.handle(said(71, 0))
        assert core.deadline is None

    def test_what_a_trial_was_terminated_for_is_what_it_is_killed_for(self) -> None:
        core = coordinator(trial_timeout_s=60, grace_s=10)
        core.handle(Began(0))
        core.handle(Passed(60))
        core.handle(said(65, 0, Phase.FAILED))
        assert core.deadline == 75
        assert core.handle(Passed(75)) == [Kill(0, "Timeout", TIMEOUT)]


class TestSweepTimeout:
    def test_a_sweep_whose_time_is_over_asks_its_trials_to_stop_and_succeeds(self) -> None:
        core = coordinator(parallelism=2, timeout_s=3600)
        core.handle(Began(100))
        assert core.deadline == 3700
        assert core.handle(Passed(3699)) == []
        assert core.handle(Passed(3700)) == [AskStop(0, "interrupted"), AskStop(1, "interrupted")]
        assert core.handle(gone(3701, 0, Phase.CANCELLED)) == []
        assert core.handle(gone(3702, 1)) == finish("the time is over: timeout_s=3600")

    def test_trials_that_do_not_listen_are_terminated_and_then_killed(self) -> None:
        core = coordinator(timeout_s=0.5, grace_s=10)
        core.handle(Began(0))
        core.handle(Passed(0.5))
        message = "the sweep ended before this trial did (the time is over: timeout_s=0.5)"
        assert core.deadline == 10.5
        assert core.handle(Passed(10.5)) == [Terminate(0, "Interrupted", message)]
        assert core.deadline == 20.5
        assert core.handle(Passed(20.5)) == [Kill(0, "Interrupted", message)]
        assert core.deadline is None

    def test_no_time_is_due_but_the_next(self) -> None:
        core = coordinator(timeout_s=100, trial_timeout_s=60)
        core.handle(Began(0))
        assert core.deadline == 60
        core.handle(gone(50, 0))
        assert core.deadline == 100

    def test_a_trial_that_is_terminated_already_is_not_asked(self) -> None:
        core = coordinator(timeout_s=65, trial_timeout_s=60, grace_s=10)
        core.handle(Began(0))
        core.handle(Passed(60))
        assert core.handle(Passed(65)) == []
        assert core.handle(Passed(70)) == [Kill(0, "Timeout", TIMEOUT)]


class TestMaxFailures:
    def test_as_many_failures_as_are_allowed_do_not_end_the_sweep(self) -> None:
        core = coordinator(max_failures=2)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, Phase.FAILED)) == [launch(1)]
        assert core.handle(gone(2, 1, Phase.FAILED)) == [launch(2)]
        message = "max_failures=2, and 3 trials have failed"
        assert core.handle(gone(3, 2, Phase.FAILED)) == finish(message, Phase.FAILED)

    def test_running_trials_are_asked_to_stop(self) -> None:
        core = coordinator(max_failures=0, parallelism=3)
        core.handle(Began(0))
        assert core.handle(gone(1, 1, Phase.FAILED)) == [AskStop(0, "interrupted"), AskStop(2, "interrupted")]
        assert core.handle(gone(2, 0)) == []
        message = "max_failures=0, and 1 trial has failed"
        assert core.handle(gone(2, 2, Phase.FAILED)) == finish(message, Phase.FAILED)

    def test_pruned_and_cancelled_trials_have_not_failed(self) -> None:
        core = coordinator(max_failures=0)
        core.handle(Began(0))
        assert core.handle(gone(1, 0, Phase.PRUNED)) == [launch(1)]
        assert core.handle(gone(2, 1, Phase.CANCELLED)) == [launch(2)]


class TestInterruption:
    def test_the_first_asks_all_trials_to_stop_and_launches_no_more(self) -> None:
        core = coordinator(parallelism=2, grace_s=10)
        core.handle(Began(0))
        assert core.handle(Interrupted(5)) == [AskStop(0, "interrupted"), AskStop(1, "interrupted")]
        assert core.deadline == 15
        assert core.handle(gone(6, 0, Phase.CANCELLED)) == []
        assert core.handle(Passed(15)) == [Terminate(1, "Interrupted", INTERRUPTED)]
        assert core.handle(Passed(25)) == [Kill(1, "Interrupted", INTERRUPTED)]
        assert core.handle(gone(26, 1, Phase.CANCELLED)) == finish(
            "interrupted: finished trials are kept", Phase.CANCELLED
        )

    def test_the_second_kills_what_is_left(self) -> None:
        core = coordinator(parallelism=2)
        core.handle(Began(0))
        core.handle(Interrupted(5))
        core.handle(said(6, 1, Phase.CANCELLED))
        assert core.handle(Interrupted(7)) == [Kill(0, "Interrupted", INTERRUPTED), Kill(1, "Interrupted", INTERRUPTED)]
        assert core.handle(Interrupted(8)) == []
        assert core.deadline is None

    def test_it_ends_a_sweep_that_waits_for_its_last_trials(self) -> None:
        core = coordinator(parallelism=2, max_failures=0)
        core.handle(Began(0))
        core.handle(gone(1, 0, Phase.FAILED))
        assert core.handle(Interrupted(2)) == []  # the other one is asked already
        assert [type(action) for action in core.handle(Interrupted(3))] == [Kill]
        assert core.handle(gone(4, 1, Phase.CANCELLED)) == finish(
            "interrupted: finished trials are kept", Phase.CANCELLED
        )

    def test_trials_that_were_there_and_wait_for_room_stay_pending(self) -> None:
        core = coordinator(parallelism=1)
        for number in range(3):
            core.handle(found(number, Phase.PENDING, alive=False))
        assert core.handle(Began(0)) == [launch(0)]
        core.handle(Interrupted(1))
        assert core.counts == {Phase.RUNNING: 1, Phase.PENDING: 2}
        assert [type(action) for action in core.handle(gone(2, 0, Phase.CANCELLED))] == [Finish]


class TestStoppingATrial:
    MESSAGE = "the trial was asked to stop, and did not within 10 s"

    def test_it_is_asked_and_another_takes_its_place_when_it_has_ended(self) -> None:
        core = coordinator(parallelism=2)
        core.handle(Began(0))
        assert core.handle(StopAsked(5, 1)) == [AskStop(1, "cancelled")]
        assert core.handle(StopAsked(6, 1)) == []
        assert core.handle(gone(7, 1, Phase.CANCELLED)) == [launch(2)]
        assert core.counts == {Phase.RUNNING: 2, Phase.CANCELLED: 1}

    def test_one_that_does_not_listen_is_terminated_and_then_killed(self) -> None:
        core = coordinator(trials=1)
        core.handle(Began(0))
        core.handle(StopAsked(5, 0))
        assert core.deadline == 15
        assert core.handle(Passed(15)) == [Terminate(0, "Cancelled", self.MESSAGE)]
        assert core.handle(Passed(25)) == [Kill(0, "Cancelled", self.MESSAGE)]
        assert core.handle(gone(26, 0, Phase.CANCELLED, reason="Cancelled")) == finish("1 cancelled")

    def test_it_is_not_tried_again_whatever_it_says(self) -> None:
        core = coordinator(trials=1, retries=3)
        core.handle(Began(0))
        core.handle(StopAsked(5, 0))
        assert core.handle(gone(6, 0, Phase.FAILED, reason="Lost")) == finish("1 failed")

    def test_one_that_waits_to_be_tried_again_is_asked_as_soon_as_it_has_a_job(self) -> None:
        core = coordinator()
        core.handle(found(0, Phase.RUNNING, alive=True))
        core.handle(found(1, Phase.RUNNING, alive=False))
        core.handle(Began(1))
        assert core.handle(StopAsked(2, 1)) == []
        assert core.handle(gone(3, 0)) == [launch(1, attempt=2), AskStop(1, "cancelled")]
        assert core.handle(gone(4, 1, Phase.CANCELLED)) == [launch(2)]

    def test_what_does_not_run_is_passed_over(self) -> None:
        core = coordinator()
        core.handle(Began(0))
        core.handle(gone(1, 0))
        for number in (0, 7, -1):
            assert core.handle(StopAsked(2, number)) == []

    def test_one_that_the_sweeps_end_has_asked_already_is_not_asked_again(self) -> None:
        core = coordinator()
        core.handle(Began(0))
        core.handle(Interrupted(1))
        assert core.handle(StopAsked(2, 0)) == []

    def test_the_sweeps_end_does_not_take_it_back(self) -> None:
        core = coordinator(parallelism=2)
        core.handle(Began(0))
        core.handle(StopAsked(1, 0))
        assert core.handle(Interrupted(2)) == [AskStop(1, "interrupted")]


class TestBest:
    def run(self, *values: float | None, directions: tuple[str, ...] = ("minimize",), backwards: bool = False) -> Any:
        core = coordinator(parallelism=len(values), directions=directions)
        core.handle(Began(0))
        order = list(enumerate(values))
        for number, value in reversed(order) if backwards else order:
            core.handle(gone(1, number, value=value))
        return core.best

    def test_it_has_the_smallest_value(self) -> None:
        assert self.run(2.0, 1.0, 3.0) == (1, 1.0)

    def test_it_has_the_largest_value_where_the_objective_is_to_maximize(self) -> None:
        assert self.run(2.0, 1.0, 3.0, directions=("maximize",)) == (2, 3.0)

    @pytest.mark.parametrize("backwards", [False, True])
    def test_of_equal_ones_the_first_is_the_best_whichever_ends_first(self, backwards: bool) -> None:
        assert self.run(2.0, 1.0, 1.0, backwards=backwards) == (1, 1.0)

    @pytest.mark.parametrize("backwards", [False, True])
    def test_nan_is_never_the_best(self, backwards: bool) -> None:
        assert self.run(nan, 2.0, nan, backwards=backwards) == (1, 2.0)
        assert self.run(nan) is None

    def test_infinite_values_are_values(self) -> None:
        assert self.run(inf) == (0, inf)
        assert self.run(inf, 1e308, -inf) == (2, -inf)

    def test_a_trial_without_a_value_is_not_the_best(self) -> None:
        assert self.run(None) is None
        assert self.run(None, 1.0) == (1, 1.0)

    def test_only_trials_that_have_succeeded_count(self) -> None:
        core = coordinator(parallelism=3)
        core.handle(Began(0))
        for number, phase in enumerate([Phase.FAILED, Phase.PRUNED, Phase.CANCELLED]):
            core.handle(gone(1, number, phase, value=0.0))
        assert core.best is None

    def test_there_is_none_of_several_objectives(self) -> None:
        assert self.run(1.0, directions=("minimize", "maximize")) is None


def test_the_sampler_hears_of_every_trial() -> None:
    sampler = Witness(GivenSampler([{"x": number} for number in range(9)]))
    core = Coordinator(Advisers(sampler), Limits(parallelism=3), directions=["minimize"])
    core.handle(found(0, Phase.SUCCEEDED, alive=False))
    core.handle(found(1, Phase.RUNNING, alive=True))
    core.handle(found(2, Phase.RUNNING, alive=False))
    assert sampler.told == {0: Phase.SUCCEEDED, 1: Phase.RUNNING, 2: Phase.PENDING}
    core.handle(Began(0))
    assert list(sampler.asked) == [3]
    core.handle(gone(1, 1, Phase.PRUNED))
    core.handle(gone(2, 2, Phase.FAILED))
    core.handle(gone(3, 3))
    assert sampler.told == {0: Phase.SUCCEEDED, 1: Phase.PRUNED, 2: Phase.FAILED, 3: Phase.SUCCEEDED}


def test_deadlines_of_trials_that_have_ended_do_not_pile_up() -> None:
    core = coordinator(samples=2000, parallelism=2, trial_timeout_s=1e6)
    core.handle(Began(0))
    for number in range(1, 2000):
        core.handle(gone(number, number))
    assert core.running == 1  # trial 0, whose deadline is the next that is due
    assert core.deadline == 1e6
    assert len(core._deadlines._heap) < 100
