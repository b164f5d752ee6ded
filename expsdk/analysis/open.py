"""Opening an experiment's results by name, from any process, also while its sweep runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from expsdk.analysis.results import Results
from expsdk.analysis.trial import TrialRecord
from expsdk.backends.base import Records
from expsdk.backends.registry import open_records
from expsdk.space import Space
from expsdk_runtime.contract import Phase, Reason


def results(name: str, *, backend: str = "local", **options: object) -> Results:
    """Return the results of an experiment as they are now.

    Args:
        name: The experiment's name, as `run()` shows it.
        backend: Where it is kept.
        options: The backend's own: "local" takes `root`, the directory that holds the experiments; "kubernetes" takes
            `namespace`, `context` and `kubeconfig`.

    Raises:
        ExperimentNotFound: There is no experiment of that name; the message lists those that are there.
        BackendError: There is no such backend, or it has no such option.
    """
    return read_results(open_records(backend, **options), name)


def read_results(records: Records, name: str, *, space: Space | None = None) -> Results:
    """Return the results of an experiment from a backend's records.

    Args:
        records: The records.
        name: The experiment's name.
        space: The experiment's space as its function has it, where it is at hand: it knows 1.0 from 1.
    """
    experiment = records.experiment(name)
    types = space or Space.from_declarative(experiment.spec.space)
    is_alive = records.trials_outlive or records.is_driven(name)
    trials = [
        read_trial(document, space=types, is_alive=is_alive, log_path=records.log_path(document["metadata"]["name"]))
        for document in records.results(name)
    ]
    return Results(experiment, trials, location=records.location(name))


def read_trial(
    document: Mapping[str, Any], *, space: Space, is_alive: bool, log_path: str | None = None
) -> TrialRecord:
    """Return the trial of a Result.

    Args:
        document: The Result, as JSON values.
        space: The experiment's space.
        is_alive: Whether a trial that has not ended may go on; else it is lost.
        log_path: Where its log is.
    """
    return TrialRecord.from_document(
        document if is_alive else _as_lost(document),
        parameters=space.restore(document["spec"]["parameters"]),
        log_path=log_path,
    )


def open_trial(records: Records, document: Mapping[str, Any]) -> TrialRecord:
    """Return the trial of a Result that a backend keeps."""
    name = document["spec"]["experiment"]
    return read_trial(
        document,
        space=Space.from_declarative(records.experiment(name).spec.space),
        is_alive=records.trials_outlive or records.is_driven(name),
        log_path=records.log_path(document["metadata"]["name"]),
    )


def _as_lost(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a Result that nobody will write any more as that of a trial which was lost, if it has not ended."""
    status = document.get("status") or {}
    if status.get("phase") in Phase.FINISHED:
        return document
    message = "the process that drove the sweep ended before this trial did"
    return {**document, "status": {**status, "phase": Phase.FAILED, "reason": Reason.LOST, "message": message}}
