"""What holds for every sweep, whatever its jobs do, whenever its coordinators die and however often it is taken up.

The simulation itself asserts, at every step: no trial has two jobs, no attempt runs twice, none is launched again after
it has finished for good or with another sample or parent, at most `parallelism` jobs run, time that has passed is not
due again, and the sampler and the pruner are asked and told as their contracts say. EXPSDK_EXAMPLES=5000 draws that
many scripts for each law.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from math import inf, isnan

import pytest
from hypothesis import given, settings
from simulation import Life, Script, Simulation
from simulation.cluster import Record
from simulation.strategies import (
    ANY_LIMITS,
    DRAINED,
    NEVER_STOPPED,
    NO_CRASHES,
    NO_INTERRUPTIONS,
    NO_LIMITS,
    STEADY,
    STOPS_OF_TRIALS,
    scripts,
)

from expsdk.pruners import Report
from expsdk.samplers import Proposal, Sample, Sampler, TrialOutcome, make_sampler
from expsdk.samplers.given import GivenSampler
from expsdk.space import Space, choice, integer, loguniform, uniform
from expsdk.sweep.actions import AskStop, Finish, Kill, Launch, Terminate
from expsdk.sweep.advisers import Advisers
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Changed, Found, Interrupted, Passed, StopAsked
from expsdk.sweep.limits import Limits
from expsdk.sweep.tally import SECONDS_PER_HOUR
from expsdk_runtime.contract import Phase, Reason, Stop

LAWS = settings(max_examples=int(os.environ.get("EXPSDK_EXAMPLES", "60")), deadline=None)
SPACES = {
    "grid": {"depth": integer(1, 3), "opt": choice(["sgd", "adam"])},
    "random": {"lr": loguniform(1e-4, 1e-1), "opt": choice({"sgd": {"momentum": uniform(0, 1)}, "adam": {}})},
    "sobol": {"lr": loguniform(1e-4, 1e-1), "width": uniform(0, 1, step=0.25)},
}


NO_RETRIES = Limits(trials=3, parallelism=2)


class Moody:
    """A pruner that decides by number and epoch alone."""

    def report(self, report: Report) -> bool:
        return (5 * report.number + 3 * report.epoch) % 7 == 0

    def tell(self, outcome: TrialOutcome) -> None:
        pass


class Family:
    """A sampler of trials that go on from earlier ones, but for the first."""

    def ask(self, number: int) -> Sample | Proposal | None:
        return Proposal({"x": number}, parent(number)) if number else {"x": number}

    def tell(self, outcome: TrialOutcome) -> None:
        pass


def parent(number: int) -> int:
    return number // 2


def given_samples() -> Sampler:
    return GivenSampler([{"x": number} for number in range(100)])


def run(script: Script, make: Callable[[], Sampler] = given_samples) -> Simulation:
    return Simulation(script, make, make_pruner=Moody).run()


def waits(record: Record, script: Script) -> bool:
    """Whether a trial would have another attempt if the sweep were taken up again."""
    if record.phase == Phase.FAILED:
        return record.reason in Reason.INFRASTRUCTURE and record.attempt <= script.limits.retries
    return record.phase not in Phase.FINISHED or record.reason == Reason.INTERRUPTED


class TestTheEnd:
    @given(scripts())
    @LAWS
    def test_every_trial_ends_unless_the_sweep_is_stopped(self, script: Script) -> None:
        simulation = run(script)
        records, life = simulation.cluster.records, simulation.lives[-1]
        assert not simulation.cluster.alive
        if life.stopped == inf:
            assert sorted(records) == list(range(script.limits.trials or 0))
            assert not any(waits(record, script) for record in records.values())
        else:
            assert sorted(records) == list(range(len(records)))
            assert len(records) <= (script.limits.trials or 0)

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_it_comes_once_and_nothing_comes_after_it(self, script: Script) -> None:
        simulation = run(script)
        assert sum(life.coordinator.is_finished for life in simulation.lives) >= 1 + script.resumes
        for life in simulation.lives:
            places = [place for place, (_, action) in enumerate(life.decided, 1) if isinstance(action, Finish)]
            assert places == [len(life.decided)] * life.coordinator.is_finished
        coordinator, at = simulation.lives[-1].coordinator, simulation.cluster.now + 1000
        counts = coordinator.counts.copy()
        late = Changed(at, TrialOutcome(0, {"x": 0}, Phase.FAILED, None), alive=False)
        for event in (Passed(at), Interrupted(at), Began(at), late):
            assert coordinator.handle(event) == []
        assert coordinator.deadline is None
        assert coordinator.counts == counts

    @given(scripts())
    @LAWS
    def test_it_says_what_ended_the_sweep(self, script: Script) -> None:
        life = run(script).lives[-1]
        finish = life.decided[-1][1]
        assert isinstance(finish, Finish)
        assert finish.phase == life.phase
        if life.phase == Phase.SUCCEEDED:
            assert finish.message.startswith(("the time is over", "target=")) == (life.stopped < inf)


class TestBooks:
    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_counts_and_the_best_trial_agree_with_the_records(self, script: Script) -> None:
        simulation = run(script)
        coordinator, cluster = simulation.lives[-1].coordinator, simulation.cluster
        ended = Counter(record.phase for record in cluster.records.values() if record.phase in Phase.FINISHED)
        assert +coordinator.counts == +(ended + Counter({Phase.PENDING: len(cluster.records) - ended.total()}))
        sign = 1 if script.direction == "minimize" else -1
        ranked = sorted(
            (sign * record.values[0], number)
            for number, record in cluster.records.items()
            if record.values and not isnan(record.values[0]) and script.is_feasible(cluster.outcome(number))
        )
        assert coordinator.best == ((ranked[0][1], sign * ranked[0][0]) if ranked else None)

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_what_was_used_up_is_the_time_of_the_attempts(self, script: Script) -> None:
        simulation = run(script)
        life = simulation.lives[-1]
        ran_s = sum(ran_s for _, _, ran_s in life.ends())
        spent_s = life.coordinator.spent_hours(simulation.cluster.now) * SECONDS_PER_HOUR
        assert spent_s == pytest.approx(ran_s)

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_constraints_are_noted_of_every_trial_that_has_succeeded(self, script: Script) -> None:
        simulation = run(script)
        for number, record in simulation.cluster.records.items():
            is_noted = record.phase == Phase.SUCCEEDED and script.ceiling is not None
            constraints = (script.constrain(simulation.cluster.outcome(number).metrics),) if is_noted else ()
            assert [*map(str, record.constraints)] == [*map(str, constraints)]  # as words, NaN equals NaN

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_sampler_and_pruner_know_the_end_of_every_trial(self, script: Script) -> None:
        simulation = run(script)
        life = simulation.lives[-1]
        assert life.pruner is not None
        records = simulation.cluster.records
        settled = {number: record.phase for number, record in records.items() if not waits(record, script)}
        told = {number: phase for number, phase in life.witness.told.items() if phase in Phase.FINISHED}
        assert settled.items() <= told.items()
        assert told == life.pruner.told
        assert all(records[number].phase == phase for number, phase in told.items())

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_the_pruner_hears_of_every_epoch_of_what_ran(self, script: Script) -> None:
        simulation = run(script)
        life = simulation.lives[-1]
        assert life.pruner is not None
        for number in {tenure.number for tenure in life.tenures}:
            history = simulation.cluster.records[number].history
            if history:
                assert life.pruner.heard[number] >= history[-1][0]


class TestPressing:
    @given(scripts())
    @LAWS
    def test_nothing_is_launched_once_the_sweep_is_stopped(self, script: Script) -> None:
        for life in run(script).lives:
            assert all(at <= life.stopped and at < life.ends_at for at, _ in life.launches)
            assert life.stopped <= life.ends_at or life.stopped == inf

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_trials_are_pressed_ever_harder_and_not_once_they_have_ended(self, script: Script) -> None:
        ranks = {AskStop: 0, Terminate: 1, Kill: 2}
        for life in run(script).lives:
            for tenure in life.tenures:
                order = [ranks[type(action)] for _, action in tenure.presses]
                assert order == sorted(set(order))
                assert all(tenure.at <= at <= tenure.ended for at, _ in tenure.presses)
                assert all(
                    action.reason and action.message for _, action in tenure.presses if not isinstance(action, AskStop)
                )

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_trials_are_pruned_that_the_pruner_wants_to_stop_and_no_others(self, script: Script) -> None:
        for life in run(script).lives:
            assert life.pruner is not None
            asked = {tenure.number for tenure in life.tenures if tenure.asked(Stop.PRUNED)}
            assert asked <= life.pruner.condemned

    @given(scripts())
    @LAWS
    def test_trials_are_pressed_when_their_time_is_over_and_at_no_other_time(self, script: Script) -> None:
        grace, trial_timeout = script.limits.grace_s, script.limits.trial_timeout_s or inf
        for life in run(script).lives:
            for tenure in life.tenures:
                asked, terminated, killed = (tenure.pressed(kind) for kind in (AskStop, Terminate, Kill))
                over = max(tenure.since + trial_timeout, tenure.at)
                assert all(at == life.stopped for at in tenure.asked(Stop.INTERRUPTED))
                assert all(at in (over, *(ask + grace for ask in asked)) for at in terminated)
                assert all(
                    at in (tenure.said + grace, *(t + grace for t in terminated), *life.interrupted[1:])
                    for at in killed
                )

    @given(scripts())
    @LAWS
    def test_no_trial_whose_time_is_over_is_forgotten(self, script: Script) -> None:
        """What happens at one moment has an order that this does not look at: it asks for what came clearly later."""
        grace, trial_timeout = script.limits.grace_s, script.limits.trial_timeout_s or inf
        for life in run(script).lives:
            last = max((event.at for event in life.heard), default=0.0)
            for tenure in life.tenures:
                asked, terminated, killed = (tenure.pressed(kind) for kind in (AskStop, Terminate, Kill))
                over, said = max(tenure.since + trial_timeout, tenure.at), tenure.said
                until = min(tenure.ended, last)
                if over < min(said, until, life.stopped, *asked):
                    assert terminated == [over]
                if life.stopped < min(said, until, over) and not tenure.asked(Stop.PRUNED):
                    assert asked == [life.stopped]
                for at in asked:
                    assert terminated == [at + grace] or at + grace >= min(said, until, *killed)
                for at in terminated:
                    assert killed in ([at + grace], [min([said + grace, *life.interrupted[1:]])]) or at + grace >= min(
                        said, until
                    )
                if said + grace < until:
                    assert killed
                    assert killed[0] <= said + grace

    @given(scripts(crashes=NO_CRASHES))
    @LAWS
    def test_a_second_interruption_kills_what_is_left(self, script: Script) -> None:
        for life in run(script).lives:
            for event in [event for event in life.heard if isinstance(event, Interrupted)][1:]:
                for tenure in life.tenures:
                    assert tenure.ended <= event.at or tenure.pressed(Kill)
                    assert all(at <= event.at for at in tenure.pressed(Kill))

    @given(scripts(limits=NEVER_STOPPED, interruptions=NO_INTERRUPTIONS))
    @LAWS
    def test_only_a_function_that_hangs_without_a_time_limit_needs_the_user(self, script: Script) -> None:
        if any(life.is_given_up for life in run(script).lives):
            assert script.limits.trial_timeout_s is None
            assert any(behaviour.runs is None for behaviour in script.behaviours)


class TestStops:
    @given(scripts(stops=STOPS_OF_TRIALS))
    @LAWS
    def test_only_what_somebody_wants_to_stop_is_stopped_for_good_and_never_tried_again(self, script: Script) -> None:
        simulation = run(script)
        assert not simulation.cluster.alive
        for life in simulation.lives:
            wanted = {event.number for event in life.heard if isinstance(event, StopAsked)}
            stopped: set[int] = set()
            for tenure in life.tenures:
                assert tenure.number not in stopped
                if tenure.asked(Stop.CANCELLED):
                    assert tenure.number in wanted
                    stopped.add(tenure.number)

    @given(scripts(stops=STOPS_OF_TRIALS, limits=NO_LIMITS, interruptions=NO_INTERRUPTIONS))
    @LAWS
    def test_what_runs_is_asked_at_once_and_what_waits_when_it_runs(self, script: Script) -> None:
        for life in run(script).lives:
            wanted = {}
            for event in life.heard:
                if isinstance(event, StopAsked):
                    wanted.setdefault(event.number, event.at)
            for tenure in life.tenures:
                asked = tenure.asked(Stop.CANCELLED)
                if not asked:
                    continue
                assert asked[0] in [event.at for event in life.heard if isinstance(event, StopAsked)] or (
                    asked == [tenure.at] and wanted[tenure.number] < tenure.at
                )
                for at in asked:
                    is_over = at + script.limits.grace_s >= min(tenure.said, tenure.ended, life.heard[-1].at)
                    assert is_over or tenure.pressed(Terminate) == [at + script.limits.grace_s]

    @given(scripts(stops=STOPS_OF_TRIALS, limits=ANY_LIMITS))
    @LAWS
    def test_counts_agree_with_the_records(self, script: Script) -> None:
        simulation = run(script)
        coordinator, records = simulation.lives[-1].coordinator, simulation.cluster.records.values()
        counts = Counter(record.phase if record.phase in Phase.FINISHED else Phase.PENDING for record in records)
        assert +coordinator.counts == counts


class TestDrains:
    @given(scripts(limits=DRAINED, interruptions=NO_INTERRUPTIONS))
    @LAWS
    def test_nothing_is_launched_once_the_budget_is_used_up_or_nothing_gets_better(self, script: Script) -> None:
        budget, stale = script.limits.budget, script.limits.no_improvement_trials
        for life in run(script).lives:
            used_s, since_best, best = 0.0, 0, inf
            sign = 1 if script.direction == "minimize" else -1
            for (event, ended, ran_s), (_, actions) in zip(life.ends(), life.steps, strict=True):
                used_s += ran_s
                if ended is not None and ended.is_evidence:
                    value = sign * ended.values[0] if ended.values and script.is_feasible(ended) else inf
                    is_first = best == inf and value == inf and life.coordinator.best is not None
                    if value < best or (is_first and ended.values and ended.values[0] == sign * inf):
                        since_best, best = 0, value
                    elif not isnan(value) and value == best and ended.values:
                        return  # of equal ones the first is the best: that is told elsewhere
                    else:
                        since_best += 1
                if isinstance(event, Found) or not any(isinstance(action, Launch) for action in actions):
                    continue
                assert stale is None or since_best < stale
                assert budget is None or used_s < budget.hours * SECONDS_PER_HOUR + 1e-6

    @given(scripts(limits=DRAINED, interruptions=NO_INTERRUPTIONS, crashes=NO_CRASHES))
    @LAWS
    def test_what_runs_goes_on_to_its_end(self, script: Script) -> None:
        for life in run(script).lives:
            if not life.is_given_up:
                assert not any(tenure.asked(Stop.INTERRUPTED) for tenure in life.tenures)


class TestOrder:
    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_more_ticks_of_the_clock_change_nothing(self, script: Script) -> None:
        for life in run(script).lives:
            constraints = None if script.ceiling is None else script.constrain
            advisers = Advisers(given_samples(), pruner=Moody(), constraints=constraints)
            again = Coordinator(advisers, script.limits, directions=[script.direction], rate=script.rate)
            decided = []
            for event in life.heard:
                is_begun = not isinstance(event, (Found, Began))
                is_due = again.deadline is not None and again.deadline <= event.at
                if is_begun and not is_due and script.limits.budget is None:
                    assert again.handle(Passed(event.at)) == []
                decided += [(event, action) for action in again.handle(event)]
            # As words, NaN equals NaN.
            assert [*map(str, decided)] == [*map(str, life.decided)]

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_trials_that_were_there_come_first_and_numbers_are_in_order(self, script: Script) -> None:
        for life in run(script).lives:
            found = {event.outcome.number for event in life.heard if isinstance(event, Found)}
            first: dict[int, Launch] = {}
            for _, launch in life.launches:
                first.setdefault(launch.number, launch)
            waited = {
                event.outcome.number for event in life.heard if isinstance(event, Found) and not event.alive
            } & first.keys()
            order = [number for number in first if number not in found or number in waited]
            new = [number for number in order if number not in found]
            again = [number for number in order if number in found]
            assert again == sorted(again)
            assert new == sorted(new)
            assert order == again + new
            # The numbers are those that none has, without a gap.
            assert set(new) | found >= set(range(max(new, default=-1) + 1))

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_attempts_follow_one_another(self, script: Script) -> None:
        for life in run(script).lives:
            attempts: dict[int, list[int]] = {}
            for tenure in life.tenures:
                attempts.setdefault(tenure.number, []).append(tenure.attempt)
            for following in attempts.values():
                assert all(later == earlier + 1 for earlier, later in pairwise(following))


class TestThroughCrashes:
    @pytest.mark.parametrize("name", SPACES)
    @given(scripts(limits=NO_LIMITS, jobs=STEADY, interruptions=NO_INTERRUPTIONS))
    @settings(LAWS, max_examples=max(20, LAWS.max_examples // 4))
    def test_the_results_are_those_of_a_sweep_without_any(self, name: str, script: Script) -> None:
        space, trials = Space.of(SPACES[name]), script.limits.trials or 0

        def make() -> Sampler:
            return make_sampler(
                name, space=space, directions=["minimize"], seed=7, parallelism=script.limits.parallelism
            )

        undisturbed = make()
        samples = [undisturbed.ask(number) for number in range(trials)]
        kinds = script.behaviours
        records = Simulation(script, make).run().cluster.records
        assert sorted(records) == list(range(sum(sample is not None for sample in samples)))
        for number, record in records.items():
            kind = kinds[number % len(kinds)]
            assert record.parameters == samples[number]
            assert (record.phase, record.reason) == ((kind.ends, kind.reason) if kind.ends else ("Failed", "Crashed"))
            assert str(record.values) == str((kind.value,) if record.phase == Phase.SUCCEEDED else None)

    @given(scripts(limits=ANY_LIMITS))
    @LAWS
    def test_children_keep_their_parents(self, script: Script) -> None:
        records = run(script, Family).cluster.records
        assert {number: record.parent for number, record in records.items()} == {
            number: parent(number) if number else None for number in records
        }


def test_a_script_that_is_worked_out_by_hand_goes_as_it_should() -> None:
    """Hold the simulation itself to what it is for."""

    def attempts(life: Life) -> dict[int, int]:
        return {tenure.number: tenure.attempt for tenure in life.tenures}

    script = Script(NO_RETRIES, crashes=(3, 4, 5), outage=1.0)
    simulation = run(script)
    assert len(simulation.lives) == 4
    assert {number: record.attempt for number, record in simulation.cluster.records.items()} == {0: 1, 1: 1, 2: 1}
    perished = run(Script(NO_RETRIES, crashes=(7,), outage=1.0, jobs_survive=False))
    assert {number: record.attempt for number, record in perished.cluster.records.items()} == {0: 2, 1: 2, 2: 1}
    resumed = run(Script(NO_RETRIES, interruptions=(2.0,), resumes=1))
    first, second = resumed.lives
    assert attempts(first) == {0: 1, 1: 1}
    assert attempts(second) == {0: 2, 1: 2, 2: 1}
    assert {record.phase for record in resumed.cluster.records.values()} == {Phase.SUCCEEDED}
