"""From an export to a place: under its own name or another, with nothing in it that seems to run."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from expsdk.backends.base import Document, Kept, Records
from expsdk.errors import ExchangeError, ExperimentExists
from expsdk.exchange.reading import Export
from expsdk.resources.conditions import conditions_after
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import check_experiment_name, trial_name, trial_number
from expsdk.resources.times import parse_time
from expsdk_runtime.contract import Phase, Reason, Stop


def import_experiment(records: Records, export: Export, *, name: str | None = None) -> list[str]:
    """Keep an exported experiment in a place, whole or not at all; return what the user should know of it.

    Trials that had not ended when it was exported are interrupted ones here, and so is the sweep: whoever takes it up
    runs them again.

    Args:
        records: The place.
        export: What `read_export` returned.
        name: Another name for it.

    Raises:
        ExchangeError: The name is taken.
        DefinitionError: No experiment can have that name.
        BackendError: It cannot be kept there; nothing is left of it.
    """
    kept = export.kept
    if name is not None:
        kept = renamed(kept, check_experiment_name(name))
    unfinished = sum(not _has_ended(document) for document in kept.results)
    kept = settled(kept, at=export.created)
    try:
        notices = records.take_in(kept)
    except ExperimentExists as error:
        raise ExchangeError(
            f"an experiment's name is unique, and {kept.experiment.metadata.name!r} is in"
            f" {records.location(kept.experiment.metadata.name)} already; give another with --name"
        ) from error
    return [*notices, *_outlook(kept.experiment, unfinished, has_payload=kept.payload is not None)]


def renamed(kept: Kept, name: str) -> Kept:
    """Return an experiment under another name, and its trials with it."""
    former = kept.experiment.metadata.name

    def trial(text: str) -> str:
        """Return the new name of one of the experiment's trials; another's is as it was."""
        number = trial_number(former, text)
        return text if number is None else trial_name(name, number)

    metadata = kept.experiment.metadata.model_copy(update={"name": name})
    status = kept.experiment.status
    if status.best is not None:
        best = status.best.model_copy(update={"trial": trial(status.best.trial)})
        status = status.model_copy(update={"best": best})
    return replace(
        kept,
        experiment=kept.experiment.model_copy(update={"metadata": metadata, "status": status}),
        results=[_renamed_result(document, name, trial) for document in kept.results],
        outputs={trial(former_name): place for former_name, place in kept.outputs.items()},
    )


def settled(kept: Kept, *, at: str) -> Kept:
    """Return an experiment in which nothing runs: what had not ended was interrupted.

    Args:
        kept: The experiment.
        at: When it was exported, in RFC 3339.
    """
    results = [document if _has_ended(document) else _interrupted(document, at) for document in kept.results]
    experiment = kept.experiment
    if experiment.status.phase not in Phase.FINISHED:
        message, moment = "interrupted: exported before its end", parse_time(at)
        former = experiment.status.conditions
        status = experiment.status.model_copy(
            update={
                "phase": Phase.CANCELLED,
                "message": message,
                "completion_time": moment,
                "conditions": conditions_after(former, phase=Phase.CANCELLED, message=message, at=moment),
                "counts": dict(Counter(document["status"]["phase"] for document in results)),
            }
        )
        experiment = experiment.model_copy(update={"status": status})
    return replace(kept, experiment=experiment, results=results)


def _has_ended(document: Document) -> bool:
    return (document.get("status") or {}).get("phase") in Phase.FINISHED


def _interrupted(document: Document, at: str) -> Document:
    """Return a Result as that of a trial which was interrupted with its sweep: such run again when it is taken up."""
    status = {
        "attempt": 1,
        **(document.get("status") or {}),
        "phase": Phase.CANCELLED,
        "reason": Reason.INTERRUPTED,
        "message": "it had not ended when its experiment was exported",
        "completionTime": at,
    }
    return {**document, "spec": {**document["spec"], "stop": Stop.NONE}, "status": status}


def _renamed_result(document: Document, name: str, trial: Callable[[str], str]) -> Document:
    spec: dict[str, Any] = {**document["spec"], "experiment": name}
    if spec.get("parent"):
        spec["parent"] = trial(spec["parent"])
    status = dict(document.get("status") or {})
    if status.get("reusedFrom"):
        status["reusedFrom"] = trial(status["reusedFrom"])
    metadata = {**document["metadata"], "name": trial(document["metadata"]["name"])}
    return {**document, "metadata": metadata, "spec": spec, "status": status}


def _outlook(experiment: Experiment, unfinished: int, *, has_payload: bool) -> list[str]:
    """Return what is to be said of going on with the sweep here."""
    words = []
    if unfinished:
        words.append(f"{unfinished} of its trials had not ended: they are interrupted, and run again when it goes on")
    payload = experiment.spec.payload
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if payload is None:
        words.append("it has no payload: it can be looked at, and a program of its own goes on with it")
    elif not has_payload:
        words.append("its payload was not exported with it: it can be looked at, and its script goes on with it")
    elif payload.python != here:
        words.append(f"its payload needs Python {payload.python}, and this is {here}: there it goes on and is replayed")
    return words
