"""Experiments as rows: phase, counts, best trial, age; from their own records alone, however many trials they have."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from expsdk.backends.base import Records
from expsdk.errors import Forbidden
from expsdk.resources.experiment import USER_SAMPLER, Experiment
from expsdk_runtime.contract import Phase

__all__ = ["INTERRUPTED", "OVERVIEW_FIELDS", "created_at", "is_driven", "overview", "overviews", "seen_driven"]

INTERRUPTED = "Interrupted"
"""The phase that is shown of a sweep which is not over and which nobody drives any more."""
PHASES = (Phase.PENDING, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, INTERRUPTED)
AT_ONCE = 8
OVERVIEW_FIELDS = (
    "name",
    "phase",
    "driven",
    "function",
    "objective",
    "direction",
    "trials",
    *(phase.lower() for phase in Phase.ALL),
    "best",
    "best_trial",
    "sampler",
    "created",
    "started",
    "ended",
    "message",
)
"""What a row has, in this order: names as Python and `csv` have them."""


def overviews(records: Records) -> list[dict[str, Any]]:
    """Return a row for each experiment that is kept, newest first."""
    experiments = records.experiments()
    with ThreadPoolExecutor(AT_ONCE) as pool:  # a cluster is asked about each that is not over
        driven = pool.map(lambda experiment: is_driven(records, experiment), experiments)
        rows = [
            overview(experiment, driven=each, trials_outlive=records.trials_outlive)
            for experiment, each in zip(experiments, driven, strict=True)
        ]
    return _newest_first(rows)


def overview(experiment: Experiment, *, driven: bool | None, trials_outlive: bool) -> dict[str, Any]:
    """Return the row of an experiment.

    Args:
        experiment: Its record.
        driven: Whether a coordinator drives it now, as `is_driven` tells.
        trials_outlive: Whether its trials go on when their coordinator ends; else those that had not ended are lost,
            and counted as failed.
    """
    spec, status = experiment.spec, experiment.status
    is_interrupted = driven is False and status.phase not in Phase.FINISHED
    counts = {phase: status.counts.get(phase, 0) for phase in Phase.ALL}
    if is_interrupted and not trials_outlive:
        counts[Phase.FAILED] += counts[Phase.PENDING] + counts[Phase.RUNNING]
        counts[Phase.PENDING] = counts[Phase.RUNNING] = 0
    return {
        "name": experiment.metadata.name,
        "phase": INTERRUPTED if is_interrupted else status.phase,
        "driven": driven,
        "function": spec.function,
        "objective": ",".join(objective.metric for objective in spec.objectives),
        "direction": ",".join(objective.direction for objective in spec.objectives),
        "trials": spec.trials,
        **{phase.lower(): count for phase, count in counts.items()},
        "best": status.best.value if status.best else None,
        "best_trial": status.best.trial if status.best else None,
        "sampler": spec.sampler.name,
        "created": created_at(experiment),
        "started": status.start_time,
        "ended": status.completion_time,
        "message": status.message,
    }


def is_driven(records: Records, experiment: Experiment) -> bool | None:
    """Return whether a coordinator drives an experiment now, or None where that cannot be told.

    Programs of a user's own drive theirs as they like, and not everybody may see it: see `seen_driven`.
    """
    if experiment.status.phase in Phase.FINISHED:
        return False
    if experiment.spec.sampler.name == USER_SAMPLER:
        return None
    return seen_driven(records, experiment.metadata.name)


def seen_driven(records: Records, name: str) -> bool | None:
    """Return the same by its lock alone, or None where that cannot be seen, as by whoever may not read Leases."""
    try:
        return records.is_driven(name)
    except Forbidden:
        return None


def created_at(experiment: Experiment) -> datetime | None:
    """Return when an experiment was created, in UTC, as far as its record tells."""
    provenance, metadata = experiment.spec.provenance, experiment.metadata
    return provenance.created if provenance else metadata.creation_timestamp or experiment.status.start_time


def _newest_first(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    def age(row: dict[str, Any]) -> float:
        return -row["created"].timestamp() if row["created"] else 0.0

    return sorted(sorted(rows, key=lambda row: str(row["name"])), key=age)
