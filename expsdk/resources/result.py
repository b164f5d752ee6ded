"""The record of a trial: its sample, what became of it, and its metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from expsdk.resources.document import NUMBER_SCHEMA, Int64, Metadata, Number, Part, Record, Time, one_of
from expsdk.resources.experiment import ExperimentName, Provenance, TrialPhase
from expsdk.resources.names import TRIAL_NAME_LIMIT_CHARS, trial_name
from expsdk_runtime.contract import Phase, Reason, Stop

__all__ = [
    "MetricHistory",
    "MetricSummary",
    "Result",
    "ResultMetadata",
    "ResultSpec",
    "ResultStatus",
    "format_value",
    "new_result",
    "summarize_parameters",
]

SUMMARY_LIMIT_CHARS = 100

Points = Annotated[
    tuple[tuple[int, ...], tuple[Number, ...]],
    # A schema that Kubernetes takes knows lists of one kind. Within a list, `kubectl describe` prints one in one line.
    WithJsonSchema(
        {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "array", "items": NUMBER_SCHEMA}},
    ),
]
"""A metric's points as two rows, of epochs and of values."""


class ResultSpec(Part):
    """What the trial is to run. Written by the optimizer."""

    experiment: ExperimentName = Field(description="Name of the Experiment.")
    number: int = Field(ge=0, description="Number of the trial in its experiment, from 0.")
    parameters: dict[str, Any] = Field(description="The sample: values by parameter name.")
    summary: str = Field(default="", description="The sample in short, for people.")
    seed: Int64 = Field(description="Seed of the trial's own.")
    stop: Annotated[str, one_of(*Stop.ALL)] = Field(
        default=Stop.NONE, description="Asks the trial to stop, and says as what; empty: go on."
    )
    parent: str = Field(default="", description="Name of the trial whose checkpoints this one begins with.")
    constraints: tuple[Number, ...] = Field(
        default=(),
        description="Values of the constraints once the trial has succeeded: above 0, it violates one.",
    )
    provenance: Provenance | None = Field(
        default=None, description="Where the trial's code comes from, as its Experiment says; without the packages."
    )


class MetricSummary(Part):
    """One metric in four numbers."""

    last: Number = Field(description="Value at the highest epoch.")
    min: Number = Field(description="Smallest value.")
    max: Number = Field(description="Largest value.")
    best: Number = Field(description="Best value: the smallest, or the largest if the objective is to maximise it.")
    epoch: int = Field(description="The highest epoch.")


class MetricHistory(Part):
    """One metric over epochs, thinned to fit."""

    stride: int = Field(ge=1, description="One point of so many was kept; the first, the last and the best always are.")
    points: Points = Field(description="All epochs, then all values.")

    @property
    def epochs(self) -> tuple[int, ...]:
        """Epoch of each point."""
        return self.points[0]

    @property
    def values(self) -> tuple[float, ...]:
        """Value of each point."""
        return self.points[1]


class ResultStatus(Part):
    """What became of the trial. Written by its job."""

    phase: TrialPhase = Field(default=Phase.PENDING, description="Where the trial stands.")
    reason: str = Field(default="", description=f"Why, in one word: {', '.join(Reason.ALL)}, or another.")
    message: str = Field(default="", description="Why, for people; after an error the end of its traceback.")
    attempt: int = Field(default=1, ge=1, description="Which attempt at the trial this is, from 1.")
    start_time: Time | None = Field(default=None, description="When the attempt began.")
    completion_time: Time | None = Field(default=None, description="When the trial ended.")
    epoch: int | None = Field(default=None, description="The highest epoch of any metric.")
    metrics: dict[str, MetricSummary] = Field(default_factory=dict, description="Each metric in short.")
    history: dict[str, MetricHistory] = Field(default_factory=dict, description="Each metric over epochs.")
    objectives: dict[str, Number] = Field(default_factory=dict, description="Value of each objective.")
    summary: str = Field(default="", description="The objectives in short, for people.")
    reused_from: str | None = Field(
        default=None, description="Name of the trial whose results these are; this one did not run."
    )
    truncated_metrics: int = Field(default=0, ge=0, description="Number of metrics that had no room here.")
    output_dir: str = Field(default="", description="Directory with everything that the trial wrote.")
    environment: dict[str, str] = Field(default_factory=dict, description="Where and with what the trial ran.")


class ResultMetadata(Metadata):
    """Metadata whose name is a trial's."""

    name: str = Field(min_length=1, max_length=TRIAL_NAME_LIMIT_CHARS)


class Result(Record):
    """A trial: one sample being run, or its outcome."""

    api_version: Literal["expsdk.dev/v1alpha1"] = "expsdk.dev/v1alpha1"
    kind: Literal["Result"] = "Result"
    metadata: ResultMetadata
    spec: ResultSpec
    status: ResultStatus = ResultStatus()


def new_result(
    experiment: str,
    *,
    number: int,
    parameters: Mapping[str, Any],
    seed: int,
    parent: str = "",
    provenance: Provenance | None = None,
) -> Result:
    """Return the record of a trial that is yet to run.

    Args:
        experiment: The experiment's name.
        number: The trial's number, from 0.
        parameters: The sample.
        seed: The trial's own seed.
        parent: Name of the trial whose checkpoints this one begins with, or "".
        provenance: Where the experiment comes from; its packages are left out: what the job has is in the status.
    """
    spec = ResultSpec(
        experiment=experiment,
        number=number,
        parameters=dict(parameters),
        summary=summarize_parameters(parameters),
        seed=seed,
        parent=parent,
        provenance=provenance and provenance.model_copy(update={"packages": {}}),
    )
    return Result(metadata=ResultMetadata(name=trial_name(experiment, number)), spec=spec)


def summarize_parameters(parameters: Mapping[str, Any]) -> str:
    """Return a sample in one short line, `lr=0.01234 depth=3 opt=sgd`: floats have four digits."""
    line = " ".join(f"{name}={format_value(value)}" for name, value in parameters.items())
    return line if len(line) <= SUMMARY_LIMIT_CHARS else line[: SUMMARY_LIMIT_CHARS - 1] + "…"


def format_value(value: Any) -> str:
    """Return a parameter's value in short, for people: floats have four digits, strings one line."""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, separators=(",", ":"))
