"""From a plan to the Experiment's record, and from the coordinator's state to its status."""

from __future__ import annotations

from datetime import datetime, timezone

from expsdk.experiment.definition import Definition
from expsdk.packaging.payload import Payload
from expsdk.packaging.provenance import provenance_of
from expsdk.resources.experiment import (
    BestTrial,
    Experiment,
    ExperimentMetadata,
    ExperimentSpec,
    ExperimentStatus,
    Objective,
    PayloadReference,
    Provenance,
    SamplerChoice,
)
from expsdk.resources.names import trial_name
from expsdk.sweep.core import Coordinator
from expsdk.sweep.plan import Plan
from expsdk_runtime.contract import PAYLOAD_FORMAT, Phase
from expsdk_runtime.status import summarize


def new_experiment(definition: Definition, plan: Plan, payload: Payload, *, name: str) -> Experiment:
    """Return the record of a sweep that is yet to run."""
    limits = plan.limits
    return Experiment(
        metadata=ExperimentMetadata(name=name),
        spec=ExperimentSpec(
            function=definition.label,
            space=definition.space.to_declarative(),
            objectives=tuple(Objective(metric=each.metric, direction=each.direction) for each in definition.objectives),
            sampler=SamplerChoice(name=plan.sampler_name),
            seed=plan.seed,
            trials=limits.trials,
            parallelism=limits.parallelism,
            max_failures=limits.max_failures,
            timeout_seconds=limits.timeout_s,
            trial_timeout_seconds=limits.trial_timeout_s,
            grace_seconds=limits.grace_s,
            payload=PayloadReference(
                digest=payload.digest,
                file=payload.file_name,
                size_bytes=len(payload.content),
                python=payload.manifest["python"],
                format=PAYLOAD_FORMAT,
            ),
            provenance=Provenance.model_validate(provenance_of(payload.root)),
        ),
        status=ExperimentStatus(phase=Phase.RUNNING, start_time=datetime.now(timezone.utc)),
    )


def with_progress(experiment: Experiment, coordinator: Coordinator) -> Experiment:
    """Return the experiment with the counts and the best trial as the coordinator knows them now."""
    best = coordinator.best and _best_trial(experiment, *coordinator.best)
    status = experiment.status.model_copy(
        update={
            "counts": {phase: count for phase, count in coordinator.counts.items() if count},
            "best": best,
        }
    )
    return experiment.model_copy(update={"status": status})


def _best_trial(experiment: Experiment, number: int, value: float) -> BestTrial:
    metric = experiment.spec.objectives[0].metric
    name = trial_name(experiment.metadata.name, number)
    return BestTrial(trial=name, value=value, summary=summarize({metric: value}))


def with_ending(experiment: Experiment, *, phase: str, message: str) -> Experiment:
    """Return the experiment as it stands when its sweep is over."""
    status = experiment.status.model_copy(
        update={"phase": phase, "message": message, "completion_time": datetime.now(timezone.utc)}
    )
    return experiment.model_copy(update={"status": status})
