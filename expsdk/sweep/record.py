"""From a plan to the Experiment's record and back, and from the coordinator's state to its status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from expsdk.experiment.definition import Definition
from expsdk.packaging.payload import Payload
from expsdk.packaging.provenance import provenance_of
from expsdk.resources import experiment as records
from expsdk.resources.conditions import conditions_after
from expsdk.resources.experiment import (
    BestTrial,
    Experiment,
    ExperimentMetadata,
    ExperimentSpec,
    ExperimentStatus,
    Objective,
    PayloadReference,
    Provenance,
    PrunerChoice,
    SamplerChoice,
    progress_of,
)
from expsdk.resources.names import trial_name
from expsdk.space import Space
from expsdk.sweep.advisers import Constraints
from expsdk.sweep.budget import Budget
from expsdk.sweep.choice import Choice
from expsdk.sweep.limits import Limits
from expsdk.sweep.observer import Standing
from expsdk.sweep.plan import Plan
from expsdk_runtime.contract import PAYLOAD_FORMAT, Phase
from expsdk_runtime.status import summarize


def new_experiment(
    definition: Definition, plan: Plan, payload: Payload, *, name: str, own: Payload | None = None
) -> Experiment:
    """Return the record of a sweep that is yet to run.

    Args:
        definition: The experiment.
        plan: Its plan.
        payload: The packed function.
        name: The experiment's name.
        own: The user's own sampler, pruner and constraints, packed, where there are any.
    """
    limits = plan.limits
    return Experiment(
        metadata=ExperimentMetadata(name=name),
        spec=ExperimentSpec(
            function=definition.label,
            space=definition.space.to_declarative(),
            objectives=tuple(Objective(metric=each.metric, direction=each.direction) for each in definition.objectives),
            sampler=SamplerChoice(name=plan.sampler.name, options=dict(plan.sampler.options)),
            pruner=_pruner_choice(plan),
            seed=plan.seed,
            trials=limits.trials,
            parallelism=limits.parallelism,
            initial=plan.initial,
            learn_from=plan.learn_from,
            replicates=plan.replicates,
            constrained=plan.constraints is not None,
            cache=plan.cache,
            retries=limits.retries,
            target=limits.target,
            no_improvement_trials=limits.no_improvement_trials,
            budget=None
            if limits.budget is None
            else records.Budget(unit=limits.budget.unit, hours=limits.budget.hours),
            max_failures=limits.max_failures,
            timeout_seconds=limits.timeout_s,
            trial_timeout_seconds=limits.trial_timeout_s,
            grace_seconds=limits.grace_s,
            payload=_reference(payload),
            plan=None if own is None else _reference(own),
            provenance=Provenance.model_validate(
                provenance_of(payload.root, files=payload.project_files, imports=payload.manifest["imports"])
            ),
        ),
        status=_standing_at(ExperimentStatus(start_time=datetime.now(timezone.utc)), Phase.RUNNING, ""),
    )


def plan_of(experiment: Experiment, own: Mapping[str, Any]) -> Plan:
    """Return the plan that an experiment's record tells of.

    Args:
        experiment: The record.
        own: The user's own objects, by "sampler", "pruner" and "constraints", where there are any.
    """
    spec = experiment.spec
    space = Space.from_declarative(spec.space)
    pruner = spec.pruner
    constraints: Constraints | None = own.get("constraints")
    return Plan(
        name=experiment.metadata.name,
        seed=spec.seed,
        limits=Limits(
            trials=spec.trials,
            parallelism=spec.parallelism,
            retries=spec.retries,
            max_failures=spec.max_failures,
            timeout_s=spec.timeout_seconds,
            trial_timeout_s=spec.trial_timeout_seconds,
            grace_s=spec.grace_seconds,
            target=spec.target,
            no_improvement_trials=spec.no_improvement_trials,
            budget=None if spec.budget is None else Budget(spec.budget.unit, spec.budget.hours),
        ),
        sampler=Choice(own.get("sampler", spec.sampler.name), spec.sampler.options),
        pruner=None if pruner is None else Choice(own.get("pruner", pruner.name), pruner.options),
        epochs=None if pruner is None else pruner.epochs,
        constraints=constraints,
        initial=tuple(space.restore(sample) for sample in spec.initial),
        learn_from=spec.learn_from,
        replicates=spec.replicates,
        cache=spec.cache,
    )


def with_progress(experiment: Experiment, standing: Standing, *, active_s: float) -> Experiment:
    """Return the experiment with the counts and the best trial as the coordinator knows them now."""
    status = experiment.status.model_copy(
        update={
            "progress": progress_of(standing.counts, experiment.spec.trials),
            "counts": {phase: count for phase, count in standing.counts.items() if count},
            "best": standing.best and _best_trial(experiment, *standing.best),
            "spent_hours": standing.spent_hours,
            "active_seconds": round(active_s, 6),
        }
    )
    return experiment.model_copy(update={"status": status})


def with_ending(experiment: Experiment, *, phase: str, message: str) -> Experiment:
    """Return the experiment as it stands when its sweep is over."""
    status = experiment.status.model_copy(update={"completion_time": datetime.now(timezone.utc)})
    return experiment.model_copy(update={"status": _standing_at(status, phase, message)})


def with_beginning(experiment: Experiment) -> Experiment:
    """Return the experiment as it stands when its sweep is taken up again."""
    status = experiment.status.model_copy(
        update={
            "start_time": experiment.status.start_time or datetime.now(timezone.utc),
            "completion_time": None,
        }
    )
    return experiment.model_copy(update={"status": _standing_at(status, Phase.RUNNING, "", resumed=True)})


def with_found(experiment: Experiment, documents: Iterable[Mapping[str, Any]]) -> Experiment:
    """Return the experiment with the counts of the trials that are there."""
    counts = Counter((document.get("status") or {}).get("phase", Phase.PENDING) for document in documents)
    return experiment.model_copy(update={"status": experiment.status.model_copy(update={"counts": dict(counts)})})


def _standing_at(status: ExperimentStatus, phase: str, message: str, *, resumed: bool = False) -> ExperimentStatus:
    """Return the status with another phase, and the conditions that follow from it."""
    at = datetime.now(timezone.utc)
    conditions = conditions_after(status.conditions, phase=phase, message=message, at=at, resumed=resumed)
    return status.model_copy(update={"phase": phase, "message": message, "conditions": conditions})


def _pruner_choice(plan: Plan) -> PrunerChoice | None:
    if plan.pruner is None:
        return None
    return PrunerChoice(name=plan.pruner.name, options=dict(plan.pruner.options), epochs=plan.epochs)


def _reference(payload: Payload) -> PayloadReference:
    return PayloadReference(
        digest=payload.digest,
        file=payload.file_name,
        size_bytes=len(payload.content),
        python=payload.manifest["python"],
        format=PAYLOAD_FORMAT,
    )


def _best_trial(experiment: Experiment, number: int, value: float) -> BestTrial:
    metric = experiment.spec.objectives[0].metric
    name = trial_name(experiment.metadata.name, number)
    return BestTrial(trial=name, value=value, summary=summarize({metric: value}))
