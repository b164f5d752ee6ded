"""Proof that a coordinator may die anywhere: at every step of a sweep, and often in long ones.

The simulation asserts at every step that no attempt runs twice and no sample is lost; see test_core_laws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import inf
from random import Random
from typing import Any

import pytest
from simulation import Behaviour, Script, Simulation
from simulation.cluster import Record

from expsdk.pruners import Report
from expsdk.samplers import Proposal, Sample, Sampler, TrialOutcome, make_sampler
from expsdk.space import Space, choice, loguniform
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase, Reason

SPACE = Space.of({"lr": loguniform(1e-4, 1e-1), "opt": choice(["sgd", "adam"])})
TRIALS = 11
PREEMPTED = Behaviour(ends=Phase.FAILED, reason=Reason.PREEMPTED)
# Whatever happens to these, whenever, each ends as it says.
STEADY = (
    Behaviour(value=3.0, epochs=3),
    Behaviour(value=1.0, starts=2.0, leaves=3.0),
    Behaviour(ends=Phase.FAILED, reason=Reason.USER_ERROR, runs=0.0),
    PREEMPTED,
    Behaviour(ends=Phase.PRUNED, reason=Reason.PRUNED, runs=9.0),
    Behaviour(value=2.0, leaves=None),
    Behaviour(ends=""),
)
# These heed what they are told, or do not.
UNSTEADY = (
    *STEADY[:4],
    Behaviour(runs=20.0, epochs=20, heeds_stop=2.0, goes_on=True),
    Behaviour(runs=30.0, epochs=20, heeds_stop=None, heeds_sigterm=None, value=inf),
    Behaviour(runs=None, heeds_stop=None, last_words=False),
)


class Descending:
    """A sampler of which every third trial goes on from an earlier one."""

    def __init__(self) -> None:
        self._samples = make_sampler("random", space=SPACE, directions=["minimize"], seed=7, parallelism=3)

    def ask(self, number: int) -> Sample | Proposal | None:
        sample = self._samples.ask(number)
        assert isinstance(sample, dict)
        return Proposal(sample, number // 2) if number % 3 == 2 else sample

    def tell(self, outcome: TrialOutcome) -> None:
        self._samples.tell(outcome)


class Impatient:
    """A pruner that stops every other trial at its fourth epoch."""

    def report(self, report: Report) -> bool:
        return report.number % 2 == 0 and report.epoch >= 3

    def tell(self, outcome: TrialOutcome) -> None:
        pass


def sobol() -> Sampler:
    return make_sampler("sobol", space=SPACE, directions=["minimize"], seed=7, parallelism=3)


def steps_of(script: Script, **advice: Any) -> int:
    """Return how many steps a sweep without crashes has."""
    simulation = Simulation(script, **advice)
    simulation.run()
    return simulation.steps


def ends(simulation: Simulation) -> dict[int, tuple[Any, ...]]:
    """Return what the records say but for how often a trial was tried and when."""

    def told(record: Record) -> tuple[Any, ...]:
        return record.parameters, record.parent, record.phase, record.reason, record.values, record.constraints

    return {number: told(record) for number, record in simulation.cluster.records.items()}


@pytest.mark.parametrize("jobs_survive", [True, False])
@pytest.mark.parametrize("make", [sobol, Descending])
def test_a_sweep_whose_coordinator_dies_at_any_step_ends_as_one_whose_coordinator_does_not(
    make: Callable[[], Sampler], jobs_survive: bool
) -> None:
    script = Script(Limits(trials=TRIALS, parallelism=3, retries=1), STEADY, ceiling=2.5)
    undisturbed = Simulation(script, make).run()
    steps = steps_of(script, make_sampler=make)
    assert steps > 80
    for step in range(steps):
        for lives in ((step,), (step, step)):
            died = Script(
                script.limits, STEADY, ceiling=2.5, crashes=lives, outage=float(step % 4), jobs_survive=jobs_survive
            )
            simulation = Simulation(died, make).run()
            assert len(simulation.lives) > 1
            assert ends(simulation) == ends(undisturbed)
            assert simulation.lives[-1].coordinator.best == undisturbed.lives[-1].coordinator.best


@pytest.mark.parametrize("jobs_survive", [True, False])
def test_a_sweep_with_everything_in_it_ends_whole_wherever_its_coordinator_dies(jobs_survive: bool) -> None:
    limits = Limits(trials=TRIALS, parallelism=3, retries=1, trial_timeout_s=50.0, grace_s=3.0)
    script = Script(limits, UNSTEADY, ceiling=2.5, interruptions=(17.0,), resumes=2)
    for step in range(steps_of(script, make_sampler=Descending, make_pruner=Impatient)):
        died = Script(
            limits,
            UNSTEADY,
            ceiling=2.5,
            interruptions=(17.0,),
            resumes=2,
            crashes=(step,),
            outage=float(step % 4),
            jobs_survive=jobs_survive,
        )
        records = Simulation(died, Descending, make_pruner=Impatient).run().cluster.records
        assert sorted(records) == list(range(TRIALS))
        for record in records.values():
            assert record.phase in Phase.FINISHED
            assert record.reason != Reason.INTERRUPTED
            assert record.reason not in Reason.INFRASTRUCTURE or record.attempt > limits.retries


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_thousands_of_trials_survive_dozens_of_deaths(seed: int) -> None:
    random, trials = Random(seed), 2000

    def behaviour() -> Behaviour:
        ends, reason = random.choice(
            [(Phase.SUCCEEDED, "")] * 6
            + [(Phase.FAILED, Reason.USER_ERROR), (Phase.FAILED, Reason.LOST), (Phase.PRUNED, Reason.PRUNED), ("", "")]
        )
        return Behaviour(
            starts=float(random.randrange(4)),
            runs=float(random.randrange(20)),
            ends=ends,
            reason=reason,
            value=random.random(),
            epochs=random.randrange(3),
            leaves=random.choice([0.0, 0.0, 2.0, None]),
        )

    behaviours = tuple(behaviour() for _ in range(7))
    script = Script(
        Limits(trials=trials, parallelism=50, retries=1),
        behaviours,
        crashes=tuple(random.randrange(2500) for _ in range(100)),
        outage=3.0,
        jobs_survive=seed % 2 == 0,
        delays=(0.0, 1.0, 0.5),
        echoes=(None, 2.0),
        ceiling=0.5,
    )
    simulation = Simulation(script, sobol).run()
    undisturbed = sobol()
    records = simulation.cluster.records
    assert len(simulation.lives) > 36
    assert [records[number].parameters for number in range(trials)] == [undisturbed.ask(n) for n in range(trials)]
    expected = [behaviours[number % 7] for number in range(trials)]
    assert Counter(record.phase for record in records.values()) == Counter(
        kind.ends or Phase.FAILED for kind in expected
    )
    assert +simulation.lives[-1].coordinator.counts == Counter(record.phase for record in records.values())
