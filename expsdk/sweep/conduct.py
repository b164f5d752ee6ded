"""Driving a sweep on a backend that has created its experiment or taken it up, from its first event to its results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from expsdk.analysis.again import Again
from expsdk.analysis.open import read_results
from expsdk.analysis.results import Results
from expsdk.backends.base import Backend, Records, Update
from expsdk.errors import SweepError
from expsdk.resources.experiment import Experiment
from expsdk.samplers import TrialOutcome, lessons
from expsdk.space import Space
from expsdk.sweep.advisers import Advisers
from expsdk.sweep.advising import make_advisers
from expsdk.sweep.core import Coordinator
from expsdk.sweep.display.mode import make_observer
from expsdk.sweep.driver import Driver
from expsdk.sweep.plan import Plan
from expsdk.sweep.record import with_found
from expsdk.sweep.reuse import Reusable, read_reusable


@dataclass(frozen=True)
class Conductor:
    """What a sweep is driven with; made before its experiment is created, since much of it may be refused.

    Attributes:
        plan: The sweep's plan.
        space: The experiment's space.
        directions: "minimize" or "maximize" for each objective.
        advisers: The sampler, the pruner and the constraints.
        reusable: Results that may be used instead of running a trial.
        rate: How much of the budget's unit a trial takes up.
        notice: What the user should know of it, or "".
    """

    plan: Plan
    space: Space
    directions: Sequence[str]
    advisers: Advisers
    reusable: Reusable | None
    rate: float
    notice: str

    def conduct(
        self,
        place: Backend,
        experiment: Experiment,
        found: Sequence[Update],
        *,
        progress: str,
        notice: str = "",
        interrupted: bool = False,
    ) -> Results:
        """Drive the sweep to its end, close the backend and return the results.

        Args:
            place: The backend, which has created the experiment or taken it up.
            experiment: The experiment's record.
            found: The trials that were there before, by number.
            progress: How to show on standard error how it goes, as `choose_progress` has chosen it.
            notice: What else the user should know.
            interrupted: Whether to interrupt it before anything is launched.

        Raises:
            SweepError: The sampler, the pruner or the constraints have raised an exception.
            KeyboardInterrupt: Ctrl-C was pressed twice.
        """
        name = experiment.metadata.name
        plan = self.plan
        limits = replace(plan.limits, trial_timeout_s=None) if place.times_trials else plan.limits
        coordinator = Coordinator(self.advisers, limits, directions=self.directions, rate=self.rate)
        # Where trials run in this very process, they print and stop in debuggers: nothing may be drawn over that.
        again = Again(name, place.records.address())
        with closing(make_observer(progress, drawn=place.takes_ctrl_c)) as observer:
            notices = "; ".join(filter(None, (notice, self.notice, place.notice)))
            there = with_found(experiment, (update.document for update in found))
            observer.started(there, location=place.records.location(name), notice=notices, again=again)
            driver = Driver(coordinator, place, experiment, observer, space=self.space, reusable=self.reusable)
            driver.run(found, interrupted=interrupted)
        place.close()
        results = read_results(place.records, name, space=self.space)
        observer.finished(results)
        if coordinator.failure is not None:
            raise SweepError(
                f"{coordinator.failure}; what has ended is kept, {again.call('results')} reads it, and"
                " run(resume=True) goes on once that is mended"
            ) from coordinator.failure.__cause__
        if driver.interruptions > 1:
            raise KeyboardInterrupt
        return results


def make_conductor(plan: Plan, experiment: Experiment, *, space: Space, place: Backend) -> Conductor:
    """Return what a sweep is driven with; nothing is created.

    Args:
        plan: The sweep's plan, with the seed of the record.
        experiment: The experiment's record, as it is or is to be.
        space: Its space, as the function has it where that is at hand.
        place: The backend.

    Raises:
        SweepError: An experiment that is to be learned from does not fit, or the budget counts what trials do not use.
        ExperimentNotFound: An experiment that is to be learned from is not there.
    """
    directions = [objective.direction for objective in experiment.spec.objectives]
    learned, notices = _learn(plan, experiment, space=space, records=place.records)
    return Conductor(
        plan=plan,
        space=space,
        directions=directions,
        advisers=make_advisers(plan, space, directions, lessons=learned),
        reusable=read_reusable(place.records, experiment) if plan.cache else None,
        rate=_rate(plan, place.requests(experiment)) if plan.limits.budget is not None else 0.0,
        notice="; ".join(notices),
    )


def _learn(
    plan: Plan, experiment: Experiment, *, space: Space, records: Records
) -> tuple[list[TrialOutcome], list[str]]:
    objectives = [(objective.metric, objective.direction) for objective in experiment.spec.objectives]
    learned: list[TrialOutcome] = []
    notices: list[str] = []
    for name in plan.learn_from:
        outcomes, left_out = lessons(
            records.experiment(name), records.results(name), space=space, objectives=objectives, start=-1 - len(learned)
        )
        learned += outcomes
        notices += left_out
    return learned, notices


def _rate(plan: Plan, requests: dict[str, float]) -> float:
    budget = plan.limits.budget
    assert budget is not None, "only a budget has a rate"
    rate = requests.get(budget.unit, 0.0)
    if not rate:
        others = " or ".join(f"'… {unit}-hours'" for unit, count in requests.items() if count) or "none"
        raise SweepError(
            f"a budget counts what trials request, and here they request no {budget.unit}, so budget='{budget}' would"
            f" never be used up; request some (Resources(…) on Kubernetes), or give another budget: {others}"
        )
    return rate
