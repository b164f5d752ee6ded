"""Records as sweeps leave them, in a line each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from expsdk.resources.experiment import (
    Budget,
    Experiment,
    ExperimentMetadata,
    ExperimentSpec,
    ExperimentStatus,
    Objective,
    PayloadReference,
    Provenance,
    SamplerChoice,
)
from expsdk.resources.result import new_result
from expsdk.space import Space, uniform
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase, encode_number

MOMENT = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
STARTED = "2026-01-31T12:00:00.000000Z"
ENDED = "2026-01-31T12:00:02.500000Z"

PAYLOAD = PayloadReference(digest="sha256:" + "0a" * 32, file="payload.pyz", size_bytes=1, python="3.11", format=1)


def make_experiment(
    name: str = "train-mlp",
    *,
    limits: Limits | None = None,
    space: Mapping[str, Any] | None = None,
    objectives: Mapping[str, str] | None = None,
    phase: str = Phase.RUNNING,
    message: str = "",
    sampler: str = "random",
    payload: PayloadReference | None = None,
) -> Experiment:
    """Return the record of an experiment."""
    limits = limits or Limits(trials=10)
    return Experiment(
        metadata=ExperimentMetadata(name=name),
        spec=ExperimentSpec(
            function="train.train",
            space=Space.of(space or {"x": uniform(0, 1)}).to_declarative(),
            objectives=tuple(
                Objective(metric=metric, direction=direction)
                for metric, direction in (objectives or {"loss": "minimize"}).items()
            ),
            sampler=SamplerChoice(name=sampler),
            seed=7,
            trials=limits.trials,
            parallelism=limits.parallelism,
            retries=limits.retries,
            target=limits.target,
            no_improvement_trials=limits.no_improvement_trials,
            budget=limits.budget and Budget(unit=limits.budget.unit, hours=limits.budget.hours),
            max_failures=limits.max_failures,
            timeout_seconds=limits.timeout_s,
            trial_timeout_seconds=limits.trial_timeout_s,
            grace_seconds=limits.grace_s,
            payload=payload or PAYLOAD,
            provenance=Provenance(created=MOMENT, user="ada", host="laptop", python="3.11.7", expsdk="0.1.0"),
        ),
        status=ExperimentStatus(phase=phase, message=message, start_time=MOMENT),
    )


def make_result(
    number: int,
    phase: str = Phase.SUCCEEDED,
    *,
    experiment: str = "train-mlp",
    parameters: Mapping[str, Any] | None = None,
    reason: str = "",
    message: str = "",
    **objectives: float,
) -> dict[str, Any]:
    """Return a trial's Result as JSON values; its objectives were logged once, at epoch 0."""
    result = new_result(experiment, number=number, parameters=parameters or {"x": number / 8}, seed=number)
    document = result.to_document()
    encoded = {name: encode_number(value) for name, value in objectives.items()}
    document["status"] = {
        "phase": phase,
        "reason": reason,
        "message": message,
        "attempt": 1,
        "startTime": STARTED,
        **({"completionTime": ENDED} if phase in Phase.FINISHED else {}),
        **({"epoch": 0} if objectives else {}),
        "metrics": {
            name: {"last": value, "min": value, "max": value, "best": value, "epoch": 0}
            for name, value in encoded.items()
        },
        "history": {name: {"stride": 1, "points": [[0], [value]]} for name, value in encoded.items()},
        "objectives": encoded,
        "outputDir": f"/data/{document['metadata']['name']}",
        "environment": {"python": "3.11.7"},
    }
    return document
