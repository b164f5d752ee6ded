"""The record of an experiment's sweep: what is searched, with which code, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from expsdk.resources.document import Int64, Metadata, Number, Part, Record, Time, one_of
from expsdk.resources.names import EXPERIMENT_NAME_LIMIT_CHARS, EXPERIMENT_NAME_PATTERN
from expsdk_runtime.contract import Phase

__all__ = [
    "BestTrial",
    "Condition",
    "Experiment",
    "ExperimentMetadata",
    "ExperimentName",
    "ExperimentSpec",
    "ExperimentStatus",
    "Objective",
    "PayloadReference",
    "Provenance",
    "SamplerChoice",
    "progress_of",
]

ExperimentName = Annotated[str, Field(pattern=EXPERIMENT_NAME_PATTERN, max_length=EXPERIMENT_NAME_LIMIT_CHARS)]
ExperimentPhase = Annotated[str, one_of(Phase.PENDING, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)]
TrialPhase = Annotated[str, one_of(*Phase.ALL)]
USER_SAMPLER = "user"


class Objective(Part):
    """A metric to make small or large."""

    metric: str = Field(min_length=1, description="Name of the metric.")
    direction: Annotated[str, one_of("minimize", "maximize")] = Field(description="Which values are better.")


class SamplerChoice(Part):
    """What proposes the samples."""

    name: str = Field(min_length=1, description="Name of the sampler; user: a program of the user's own.")
    options: dict[str, Any] = Field(default_factory=dict, description="The sampler's own options.")


class PrunerChoice(Part):
    """What stops trials that are not promising."""

    name: str = Field(min_length=1, description="Name of the pruner.")
    options: dict[str, Any] = Field(default_factory=dict, description="The pruner's own options.")
    epochs: int | None = Field(default=None, ge=1, description="How many epochs a trial has, where that is known.")


class Budget(Part):
    """How much of the machines the sweep may use: what its trials request, times how long they run."""

    unit: Annotated[str, one_of("cpu", "gpu")] = Field(description="What is counted.")
    hours: float = Field(ge=0, description="How many hours of it.")


class PayloadReference(Part):
    """The packed function."""

    digest: str = Field(pattern="^sha256:[0-9a-f]{64}$", description="SHA-256 of the file.")
    file: str = Field(description="Name of the file.")
    size_bytes: int = Field(ge=0, description="Size of the file in bytes.")
    python: str = Field(
        pattern=r"^[0-9]+\.[0-9]+$", description="Python version, major and minor, that the payload runs on."
    )
    format: int = Field(ge=1, description="Version of the payload's layout.")


class Provenance(Part):
    """Where the experiment comes from."""

    git_commit: str | None = Field(
        default=None, description="Commit of the user's project, where it is a git repository."
    )
    git_dirty: bool | None = Field(
        default=None, description="Whether the project had changes that are not in the commit."
    )
    diff_digest: str | None = Field(
        default=None, description="SHA-256 of those changes: of each file that differs, its name and what it holds."
    )
    created: Time = Field(description="When the sweep was created.")
    user: str = Field(description="Who created it; empty: nobody is named.")
    host: str = Field(description="The machine that created it; empty: none is named.")
    python: str = Field(description="Full version of the Python that created it.")
    expsdk: str = Field(description="Version of the expsdk that created it.")
    packages: dict[str, str] = Field(
        default_factory=dict,
        description="Versions on that machine of the packages that the function imports.",
    )


class ExperimentSpec(Part):
    """What is searched, and with which code. Written once, by whoever creates the sweep.

    An experiment that is written by hand needs its objectives and, to be run on Kubernetes, a job's template.
    """

    function: str = Field(default="", description="The decorated function as module:name, for people.")
    space: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Each parameter's domain in its declarative form."
    )
    objectives: tuple[Objective, ...] = Field(min_length=1, description="What to optimise.")
    sampler: SamplerChoice = SamplerChoice(name=USER_SAMPLER)
    seed: Int64 = Field(default=0, description="Seed of the sampler and of the trials' own seeds.")
    trials: int | None = Field(
        default=None, ge=1, description="Number of trials; none: until the sampler is exhausted."
    )
    parallelism: int = Field(default=1, ge=1, description="How many trials run at a time.")
    pruner: PrunerChoice | None = None
    initial: tuple[dict[str, Any], ...] = Field(default=(), description="Samples to try before the sampler's own.")
    learn_from: tuple[str, ...] = Field(default=(), description="Experiments whose trials the sampler is told first.")
    replicates: int = Field(default=1, ge=1, description="How many trials each sample gets.")
    retries: int = Field(
        default=0, ge=0, description="How often a trial is tried again that failed by no fault of its own."
    )
    constrained: bool = Field(default=False, description="Whether there are constraints that a trial may violate.")
    cache: bool = Field(default=False, description="Whether results of the same code, sample and seed are used again.")
    target: Number | None = Field(default=None, description="The sweep ends when a trial reaches this value.")
    no_improvement_trials: int | None = Field(
        default=None, ge=1, description="The sweep ends when so many trials in a row are no better than the best."
    )
    budget: Budget | None = None
    max_failures: int | None = Field(
        default=None, ge=0, description="The sweep ends when more trials than this have failed; none: it never does."
    )
    timeout_seconds: float | None = Field(default=None, ge=0, description="Time for the whole sweep, in seconds.")
    trial_timeout_seconds: float | None = Field(
        default=None, ge=0, description="Time for one attempt at a trial, in seconds."
    )
    grace_seconds: float = Field(
        default=10.0, ge=0, description="Time between asking a trial to stop and killing it, in seconds."
    )
    job_template: dict[str, Any] | None = Field(
        default=None, description="The trials' Job (batch/v1): metadata.labels, metadata.annotations and spec."
    )
    payload: PayloadReference | None = None
    plan: PayloadReference | None = Field(
        default=None, description="The packed sampler, pruner and constraints, where they are the user's own objects."
    )
    provenance: Provenance | None = None


class BestTrial(Part):
    """The best trial so far, where there is one objective."""

    trial: str = Field(description="Name of the trial.")
    value: Number = Field(description="Its value of the objective.")
    summary: str = Field(default="", description="The same in short, for people.")


class Condition(Part):
    """One aspect of the experiment's state, as Kubernetes has it."""

    type: str = Field(min_length=1, description="The aspect, in CamelCase.")
    status: Annotated[str, one_of("True", "False", "Unknown")] = Field(description="Whether it holds.")
    reason: str = Field(default="", description="One word for programs: why.")
    message: str = Field(default="", description="The same for people.")
    last_transition_time: Time | None = Field(default=None, description="When the status changed last.")


class ExperimentStatus(Part):
    """How far the sweep is. Written by the coordinator."""

    phase: ExperimentPhase = Field(default=Phase.PENDING, description="Where the sweep stands.")
    message: str = Field(default="", description="The same in words.")
    start_time: Time | None = Field(default=None, description="When the sweep began first.")
    completion_time: Time | None = Field(default=None, description="When the sweep ended.")
    progress: str = Field(default="", description="How many trials have ended, of how many, for people.")
    counts: dict[TrialPhase, int] = Field(default_factory=dict, description="Number of trials by phase.")
    best: BestTrial | None = None
    active_seconds: float = Field(default=0.0, ge=0, description="How long coordinators have driven the sweep so far.")
    spent_hours: float | None = Field(default=None, ge=0, description="How much of the budget is used up.")
    conditions: tuple[Condition, ...] = Field(default=(), description="Aspects of the state, one per type.")


def progress_of(counts: Mapping[str, int], trials: int | None) -> str:
    """Return how many trials have ended, of how many where that is known: "24/60"."""
    ended = sum(counts.get(phase, 0) for phase in Phase.FINISHED)
    return f"{ended}" if trials is None else f"{ended}/{trials}"


class ExperimentMetadata(Metadata):
    """Metadata whose name is an experiment's."""

    name: ExperimentName


class Experiment(Record):
    """A sweep of an experiment over many samples."""

    api_version: Literal["expsdk.dev/v1alpha1"] = "expsdk.dev/v1alpha1"
    kind: Literal["Experiment"] = "Experiment"
    metadata: ExperimentMetadata
    spec: ExperimentSpec
    status: ExperimentStatus = ExperimentStatus()
