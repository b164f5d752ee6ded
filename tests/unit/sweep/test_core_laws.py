"""What holds for every sweep, whatever its jobs do and whenever its coordinators die.

The simulation itself asserts, at every step: no trial has two jobs, none is launched again after it has finished or
with another sample, at most `parallelism` jobs run, time that has passed is not due again, and the sampler is asked and
told as its contract says. EXPSDK_EXAMPLES=5000 draws that many scripts for each law.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from math import inf, isnan

import pytest
from hypothesis import given, settings
from simulation import Script, Simulation
from simulation.strategies import NEVER_STOPPED, NO_CRASHES, NO_INTERRUPTIONS, scripts

from expsdk.samplers import Sampler, make_sampler
from expsdk.samplers.given import GivenSampler
from expsdk.space import Space, choice, integer, loguniform, uniform
from expsdk.sweep.actions import AskStop, Finish, Kill, Launch, Terminate
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Changed, Found, Interrupted, Passed
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase

LAWS = settings(max_examples=int(os.environ.get("EXPSDK_EXAMPLES", "60")), deadline=None)
SPACES = {
    "grid": {"depth": integer(1, 3), "opt": choice(["sgd", "adam"])},
    "random": {"lr": loguniform(1e-4, 1e-1), "opt": choice({"sgd": {"momentum": uniform(0, 1)}, "adam": {}})},
    "sobol": {"lr": loguniform(1e-4, 1e-1), "width": uniform(0, 1, step=0.25)},
}


def given_samples() -> Sampler:
    return GivenSampler([{"x": number} for number in range(100)])


def run(script: Script, make: Callable[[], Sampler] = given_samples) -> Simulation:
    return Simulation(script, make).run()


@given(scripts())
@LAWS
def test_every_trial_ends_unless_the_sweep_is_stopped(script: Script) -> None:
    simulation = run(script)
    records, life = simulation.cluster.records, simulation.lives[-1]
    assert not simulation.cluster.alive
    if life.stopped == inf:
        assert sorted(records) == list(range(script.limits.trials or 0))
        assert all(record.phase in Phase.FINISHED for record in records.values())
    else:
        assert set(records) <= set(range(script.limits.trials or 0))


@given(scripts())
@LAWS
def test_the_end_comes_once_and_nothing_comes_after_it(script: Script) -> None:
    simulation = run(script)
    for life in simulation.lives:
        places = [place for place, (_, action) in enumerate(life.decided, 1) if isinstance(action, Finish)]
        assert places == [len(life.decided)] * life.coordinator.is_finished
    coordinator, at = simulation.lives[-1].coordinator, simulation.cluster.now + 1000
    counts = coordinator.counts.copy()
    for event in (Passed(at), Interrupted(at), Began(at), Changed(at, 0, Phase.FAILED, None, alive=False)):
        assert coordinator.handle(event) == []
    assert coordinator.deadline is None
    assert coordinator.counts == counts


@given(scripts())
@LAWS
def test_the_end_says_what_ended_the_sweep(script: Script) -> None:
    life = run(script).lives[-1]
    finish = life.decided[-1][1]
    assert isinstance(finish, Finish)
    assert finish.phase == life.phase
    if life.phase == Phase.SUCCEEDED:
        assert finish.message.startswith("the time is over") == (life.stopped < inf)


@given(scripts())
@LAWS
def test_counts_and_the_best_trial_agree_with_the_records(script: Script) -> None:
    simulation = run(script)
    coordinator, records = simulation.lives[-1].coordinator, simulation.cluster.records
    ended = Counter(record.phase for record in records.values() if record.phase in Phase.FINISHED)
    assert +coordinator.counts == +(ended + Counter({Phase.PENDING: len(records) - ended.total()}))
    sign = 1 if script.direction == "minimize" else -1
    ranked = sorted(
        (sign * record.values[0], number)
        for number, record in records.items()
        if record.phase == Phase.SUCCEEDED and record.values and not isnan(record.values[0])
    )
    assert coordinator.best == ((ranked[0][1], sign * ranked[0][0]) if ranked else None)


@given(scripts())
@LAWS
def test_nothing_is_launched_once_the_sweep_is_stopped(script: Script) -> None:
    for life in run(script).lives:
        ends_at = life.began + (script.limits.timeout_s or inf)
        assert all(at <= life.stopped and at < ends_at for at in life.launched.values())
        assert life.stopped <= ends_at or life.stopped == inf


@given(scripts())
@LAWS
def test_trials_are_pressed_ever_harder_and_not_once_they_have_ended(script: Script) -> None:
    ranks = {AskStop: 0, Terminate: 1, Kill: 2}
    for life in run(script).lives:
        for number, since in life.begun.items():
            presses = life.presses(number)
            order = [ranks[type(action)] for _, action in presses]
            assert order == sorted(set(order))
            assert all(since <= at <= life.ended(number) for at, _ in presses)
            assert all(action.reason and action.message for _, action in presses if not isinstance(action, AskStop))


@given(scripts())
@LAWS
def test_trials_are_pressed_when_their_time_is_over_and_at_no_other_time(script: Script) -> None:
    grace, trial_timeout = script.limits.grace_s, script.limits.trial_timeout_s or inf
    for life in run(script).lives:
        for number, since in life.begun.items():
            asked, terminated, killed = (life.pressed(kind, number) for kind in (AskStop, Terminate, Kill))
            said = life.said(number)
            assert all(at == life.stopped for at in asked)
            assert all(at in (since + trial_timeout, *(ask + grace for ask in asked)) for at in terminated)
            assert all(at in (said + grace, *(t + grace for t in terminated), *life.interrupted[1:]) for at in killed)


@given(scripts())
@LAWS
def test_no_trial_whose_time_is_over_is_forgotten(script: Script) -> None:
    """What happens at one moment has an order that this does not look at: it asks for what came clearly later."""
    grace, trial_timeout = script.limits.grace_s, script.limits.trial_timeout_s or inf
    for life in run(script).lives:
        last = max((event.at for event in life.heard), default=0.0)
        for number, since in life.begun.items():
            asked, terminated, killed = (life.pressed(kind, number) for kind in (AskStop, Terminate, Kill))
            until = min(life.ended(number), last)
            said = life.said(number)
            if since + trial_timeout < min(said, until, life.stopped):
                assert terminated == [since + trial_timeout]
            if life.stopped < min(said, until, since + trial_timeout):
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
def test_a_second_interruption_kills_what_is_left(script: Script) -> None:
    (life,) = run(script).lives
    for event in [event for event in life.heard if isinstance(event, Interrupted)][1:]:
        for number in life.launched:
            assert life.ended(number) <= event.at or life.pressed(Kill, number)
            assert all(at <= event.at for at in life.pressed(Kill, number))


@given(scripts(limits=NEVER_STOPPED, interruptions=NO_INTERRUPTIONS))
@LAWS
def test_only_a_function_that_hangs_without_a_time_limit_needs_the_user(script: Script) -> None:
    if any(life.is_given_up for life in run(script).lives):
        assert script.limits.trial_timeout_s is None
        assert any(behaviour.runs is None for behaviour in script.behaviours)


@given(scripts())
@LAWS
def test_more_ticks_of_the_clock_change_nothing(script: Script) -> None:
    for life in run(script).lives:
        again = Coordinator(given_samples(), script.limits, directions=[script.direction])
        decided = []
        for event in life.heard:
            is_begun = not isinstance(event, (Found, Began))
            if is_begun and (again.deadline is None or again.deadline > event.at):
                assert again.handle(Passed(event.at)) == []
            decided += [(event, action) for action in again.handle(event)]
        assert decided == life.decided


@given(scripts())
@LAWS
def test_launches_are_in_order_but_for_trials_that_were_there(script: Script) -> None:
    for life in run(script).lives:
        found = {event.number for event in life.heard if isinstance(event, Found)}
        order = [action.number for _, action in life.decided if isinstance(action, Launch)]
        again, new = [n for n in order if n in found], [n for n in order if n not in found]
        assert again == sorted(set(again))
        assert new == sorted(set(new))
        assert order == again + new
        # The numbers are those that none has, without a gap.
        assert set(new) | found >= set(range(max(new, default=-1) + 1))


@pytest.mark.parametrize("name", SPACES)
@given(
    scripts(limits=NEVER_STOPPED, interruptions=NO_INTERRUPTIONS).filter(
        lambda script: script.limits.trial_timeout_s or all(kind.runs is not None for kind in script.behaviours)
    )
)
@settings(LAWS, max_examples=max(20, LAWS.max_examples // 4))
def test_a_sweep_through_crashes_tries_the_samples_of_one_without(name: str, script: Script) -> None:
    space, trials = Space.of(SPACES[name]), script.limits.trials or 0

    def make() -> Sampler:
        return make_sampler(name, space=space, directions=["minimize"], seed=7, parallelism=script.limits.parallelism)

    undisturbed = make()
    samples = [undisturbed.ask(number) for number in range(trials)]
    records = run(script, make).cluster.records
    assert [records[number].parameters for number in sorted(records)] == [sample for sample in samples if sample]
    assert sorted(records) == list(range(len(records)))


def test_a_script_that_is_worked_out_by_hand_goes_as_it_should() -> None:
    """Hold the simulation itself to what it is for."""
    script = Script(Limits(trials=3, parallelism=2), crashes=(3, 4, 5), outage=1.0)
    simulation = run(script)
    assert len(simulation.lives) == 4
    assert {number: record.attempt for number, record in simulation.cluster.records.items()} == {0: 1, 1: 1, 2: 1}
    perished = run(Script(Limits(trials=3, parallelism=2), crashes=(7,), outage=1.0, jobs_survive=False))
    assert {number: record.attempt for number, record in perished.cluster.records.items()} == {0: 2, 1: 2, 2: 1}
