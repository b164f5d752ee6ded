"""What a figure shows of trials: the metric that is its target, the parameters, and which trials it has room for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expsdk.errors import ResultsError
from expsdk.resources.words import count_of
from expsdk.spelling import suggest
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from expsdk.analysis.results import Results
    from expsdk.analysis.trial import TrialRecord


@dataclass(frozen=True)
class Target:
    """The metric that a figure is about.

    Attributes:
        metric: Its name.
        direction: Which values are better; "minimize" for a metric that is no objective.
        is_objective: Whether it is the only objective, which figures know by themselves.
    """

    metric: str
    direction: str
    is_objective: bool

    @property
    def of(self) -> Callable[[FrozenTrial], float] | None:
        """What finds the value in a study's trial, or None for the only objective."""
        name = f"metrics.{self.metric}"
        return None if self.is_objective else lambda trial: float(trial.user_attrs.get(name, math.nan))

    def value(self, trial: TrialRecord) -> float:
        """Return a trial's value, NaN where it has none."""
        return trial.metrics[self.metric]["last"] if self.metric in trial.metrics else math.nan

    def badness(self, trial: TrialRecord) -> float:
        """Return a trial's value such that smaller ones are better, infinity where it has none."""
        value = self.value(trial) * (-1 if self.direction == "maximize" else 1)
        return math.inf if math.isnan(value) else value


def target_of(results: Results, metric: str | None, *, who: str) -> Target:
    """Return the metric that was asked for, or else the only objective.

    Args:
        results: The trials.
        metric: What was asked for.
        who: The figure, as it is called: "results.plot.slice".

    Raises:
        ResultsError: There is no such metric, or there are several objectives and none was named.
    """
    objectives = {objective.metric: objective.direction for objective in results.experiment.spec.objectives}
    if metric is None:
        if len(objectives) > 1:
            raise ResultsError(
                f"{who} shows one metric, and {results.name} has several objectives ({', '.join(objectives)}); name"
                f" one: {who}(target={next(iter(objectives))!r})"
            )
        metric = next(iter(objectives))
    if metric not in objectives:
        check_metric(results, metric)
    return Target(metric, objectives.get(metric, "minimize"), is_objective=[metric] == list(objectives))


def check_metric(results: Results, metric: str) -> None:
    """Raise `ResultsError` where no trial has logged a metric."""
    objectives = [objective.metric for objective in results.experiment.spec.objectives]
    known = list(dict.fromkeys([*objectives, *(name for trial in results for name in trial.metrics)]))
    if metric not in known:
        raise ResultsError(
            f"a figure shows a metric that trials have logged, and {results.name} has {', '.join(known)}, not"
            f" {metric!r}; {suggest(metric, known)}"
        )


def check_parameters(results: Results, given: Sequence[str] | None, known: Sequence[str]) -> list[str] | None:
    """Return the parameters that were asked for, or None.

    Raises:
        ResultsError: One of them is none that is searched.
    """
    if given is None:
        return None
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in known:
            constants = {other for trial in results for other in trial.parameters} - set(known)
            why = "a constant, which has no axis" if name in constants else "not one of them"
            raise ResultsError(
                f"a figure shows parameters that are searched, {results.name} has {', '.join(known) or 'none'}, and"
                f" {name!r} is {why}; {suggest(name, known, otherwise='write some of them: params=[…]')}"
            )
    return list(dict.fromkeys(names))


def check_valued(results: Results, target: Target, *, least: int = 1) -> list[TrialRecord]:
    """Return the trials that have succeeded with a finite value.

    Raises:
        ResultsError: There are too few of them.
    """
    valued = [trial for trial in results if trial.phase == Phase.SUCCEEDED and math.isfinite(target.value(trial))]
    if len(valued) < least:
        has = "none has" if not valued else f"{len(valued)} {'has' if len(valued) == 1 else 'have'}"
        raise ResultsError(
            f"this figure needs {count_of(least, 'trial')} that succeeded with a value of {target.metric!r}, and of"
            f" {results.headline} {has}; wait for {'it' if least == 1 else 'them'}, or see results.plot.timeline()"
        )
    return valued


def spread(trials: Sequence[TrialRecord], target: Target, limit: int) -> list[TrialRecord]:
    """Return at most `limit` trials, evenly from the best to the worst, by number."""
    if len(trials) <= limit:
        return list(trials)
    ranked = sorted(trials, key=target.badness)
    step = (len(ranked) - 1) / max(1, limit - 1)
    kept = {round(index * step) for index in range(limit)}
    return sorted((ranked[index] for index in kept), key=lambda trial: trial.number)
