"""Results as an Optuna study, for its figures, its dashboard and whatever else reads studies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from expsdk.analysis.axes import Axes
from expsdk.resources.experiment import Objective
from expsdk.resources.words import in_one_line
from expsdk.samplers.quiet import load_optuna
from expsdk.space import Space
from expsdk_runtime.contract import Phase, encode_number

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from expsdk.analysis.results import Results
    from expsdk.analysis.trial import TrialRecord

_STATES = {
    Phase.PENDING: "WAITING",
    Phase.RUNNING: "RUNNING",
    Phase.SUCCEEDED: "COMPLETE",
    Phase.PRUNED: "PRUNED",
    Phase.FAILED: "FAIL",
    Phase.CANCELLED: "FAIL",
}


class Translator:
    """Turns the trials of one experiment into those of a study.

    Attributes:
        directions: "minimize" or "maximize" for each objective.
        metrics: The metric of each objective.
        parameters: The parameters as the study names them; constants are none.
        axes: Their axes: of two translators with equal ones, each may go on with what the other has translated.
    """

    def __init__(
        self, objectives: Sequence[Objective], space: Space, *, trials: Iterable[TrialRecord], curve: str | None = None
    ) -> None:
        """Get ready.

        Args:
            objectives: The experiment's objectives.
            space: Its space.
            trials: Trials that are to lie on the study's axes: those that will be translated, as far as they are known.
            curve: The metric whose history becomes the intermediate values, instead of the first objective's; "" for
                none, which is quicker.
        """
        self.directions = [objective.direction for objective in objectives]
        self.metrics = [objective.metric for objective in objectives]
        self._curve = self.metrics[0] if curve is None else curve
        load_optuna()
        self._axes = Axes(space, (trial.parameters for trial in trials))
        self.parameters = self._axes.names
        self.axes = self._axes.every

    def frozen(self, trial: TrialRecord, *, first_id: int = 0) -> FrozenTrial:
        """Return a trial as Optuna has it.

        Succeeded is COMPLETE, Pruned PRUNED with the last value as its own, Failed and Cancelled FAIL, Running RUNNING,
        Pending WAITING; one that has succeeded without a number for every objective is FAIL, since Optuna has no such
        thing. Times are local and without a zone, as Optuna's own. What Optuna has no place for stands in the user
        attributes, under our names.

        Args:
            trial: The trial.
            first_id: The ID of the study's trial number 0: a storage's IDs are unique.
        """
        from optuna.trial import FrozenTrial

        values = self._values(trial)
        state = self._state(trial, has_values=values is not None)
        places = [(axis, place) for axis, place in self._axes.of(trial.parameters)]
        begun, ended = self._times(trial, is_finished=state.is_finished(), has_begun=state.name != "WAITING")
        return FrozenTrial(
            number=trial.number,
            trial_id=first_id + trial.number,
            state=state,
            value=None,
            values=None if state.name == "FAIL" else values,
            datetime_start=begun,
            datetime_complete=ended,
            params={axis.name: place for axis, place in places},
            distributions={axis.name: axis.distribution for axis, _ in places},
            user_attrs=self._attributes(trial, placed={axis.name for axis, _ in places}),
            system_attrs=_constraints(trial),
            intermediate_values=dict(trial.history.get(self._curve, ())),
        )

    def _state(self, trial: TrialRecord, *, has_values: bool) -> optuna.trial.TrialState:
        from optuna.trial import TrialState

        state = TrialState[_STATES[trial.phase]]
        return TrialState.FAIL if state == TrialState.COMPLETE and not has_values else state

    def _values(self, trial: TrialRecord) -> list[float] | None:
        values = [trial.values.get(metric, math.nan) for metric in self.metrics]
        return None if any(map(math.isnan, values)) else values

    def _times(
        self, trial: TrialRecord, *, is_finished: bool, has_begun: bool
    ) -> tuple[datetime | None, datetime | None]:
        """Return when a trial began and ended, with what Optuna insists on and no record tells: now, for want of it."""
        if not has_begun:
            return None, None
        begun = trial.started or trial.ended or datetime.now(timezone.utc)
        ended = trial.ended or begun
        return _local(begun), _local(ended) if is_finished else None

    def _attributes(self, trial: TrialRecord, *, placed: set[str]) -> dict[str, Any]:
        facts = {
            "name": trial.name,
            "phase": trial.phase,
            "reason": trial.reason,
            "error": in_one_line(trial.error),
            "epoch": trial.epoch,
            "attempt": trial.attempt,
            "seed": trial.seed,
            "parent": trial.parent,
            "reused_from": trial.reused_from,
            "log": trial.log_path,
        }
        return {
            **{name: fact for name, fact in facts.items() if fact not in (None, "")},
            **{f"parameters.{name}": value for name, value in trial.parameters.items() if name not in placed},
            **{f"metrics.{name}": encode_number(summary["last"]) for name, summary in trial.metrics.items()},
            **{f"environment.{name}": value for name, value in trial.environment.items()},
        }


def make_study(results: Results, *, curve: str | None = None) -> optuna.Study:
    """Return an Optuna study of the trials, with their own numbers; it is to be read, and refuses to be written.

    Args:
        results: The trials.
        curve: The metric whose history becomes the intermediate values, instead of the first objective's.
    """
    from expsdk.analysis.mirror import Mirror  # which loads optuna

    mirror = Mirror()
    mirror.put(results.name, translator_of(results, curve=curve), results)
    return mirror.study(results.name)


def translator_of(results: Results, *, curve: str | None = None) -> Translator:
    """Return what translates the trials of these results, and of later ones of the same experiment."""
    spec = results.experiment.spec
    return Translator(spec.objectives, Space.from_declarative(spec.space), trials=results, curve=curve)


def _constraints(trial: TrialRecord) -> dict[str, Any]:
    """Return the attribute in which Optuna keeps constraints, which knows no NaN: what is NaN is violated."""
    values = [math.inf if math.isnan(value) else value for value in trial.constraints]
    return {"constraints": values} if values else {}


def _local(moment: datetime) -> datetime:
    return moment.astimezone().replace(tzinfo=None)
