"""How an experiment's objects are marked as its own: labels to find them by, and an owner to go with."""

from __future__ import annotations

import json
from typing import Any

from expsdk.errors import OptionError
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result
from expsdk_runtime.contract import API_GROUP

__all__ = [
    "COORDINATOR",
    "EVENT",
    "LEASE",
    "PAYLOAD",
    "PLAN",
    "PROGRAM",
    "RESULT",
    "TRIAL",
    "labels_of",
    "owner",
    "result_document",
    "selector",
]

TRIAL, RESULT, PAYLOAD, PLAN, LEASE, COORDINATOR = "trial", "result", "payload", "plan", "lease", "coordinator"
EVENT = "event"
PROGRAM = "program"
"""A user's own optimizer that runs in the cluster; it belongs to no experiment."""
EXPERIMENT_LABEL = f"{API_GROUP}/experiment"
NUMBER_LABEL = f"{API_GROUP}/number"
COMPONENT_LABEL = "app.kubernetes.io/component"
PROGRAM_LABEL = f"{API_GROUP}/program"
EXPSDK_LABELS = {"app.kubernetes.io/name": "expsdk", "app.kubernetes.io/managed-by": "expsdk"}
PARAMETERS_ANNOTATION = f"{API_GROUP}/parameters"
"""A Result's and a Job's: the sample as JSON. The server itself writes 1 for 1.0 and sorts names."""
ATTEMPT_ANNOTATION = f"{API_GROUP}/attempt"
"""A Job's: which of its coordinator's attempts at the trial it is, from 1."""
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""A Job's: the LocalQueue of Kueue in which it waits."""
SPACE_ANNOTATION = f"{API_GROUP}/space"
"""An Experiment's: its space as JSON, for the same reason."""


def labels_of(experiment_name: str, component: str, number: int | None = None) -> dict[str, str]:
    """Return the labels of one of an experiment's objects.

    Args:
        experiment_name: The experiment's name.
        component: What it is: "trial", "result", "payload", "plan", "lease", "coordinator" or "event".
        number: The trial's number, where the object is one trial's.
    """
    labels = {
        **EXPSDK_LABELS,
        COMPONENT_LABEL: component,
        EXPERIMENT_LABEL: experiment_name,
    }
    return labels if number is None else {**labels, NUMBER_LABEL: str(number)}


def selector(experiment_name: str, component: str | None = None) -> str:
    """Return the label selector of an experiment's objects, of all or of one component."""
    experiment = f"{EXPERIMENT_LABEL}={experiment_name}"
    return experiment if component is None else f"{experiment},{COMPONENT_LABEL}={component}"


def owner(experiment: Experiment) -> list[dict[str, str]]:
    """Return the `ownerReferences` of an experiment's objects: they go when it goes.

    Raises:
        OptionError: The record was never on a server, and so has no uid.
    """
    metadata = experiment.metadata
    if not metadata.uid:
        raise OptionError(
            f"the owner of an object is named by its uid, and the Experiment {metadata.name} has none: create it on the"
            " server, and use the record that the server answers with"
        )
    return [{"apiVersion": experiment.api_version, "kind": experiment.kind, "name": metadata.name, "uid": metadata.uid}]


def result_document(experiment: Experiment, result: Result) -> dict[str, Any]:
    """Return a trial's Result as it is created: marked as the experiment's, without the status, which is its job's."""
    labels = labels_of(experiment.metadata.name, RESULT, result.spec.number)
    metadata: dict[str, Any] = {
        "name": result.metadata.name,
        "labels": {**result.metadata.labels, **labels},
        "annotations": {**result.metadata.annotations, PARAMETERS_ANNOTATION: json.dumps(result.spec.parameters)},
        "ownerReferences": owner(experiment),
    }
    document = result.to_document()
    return {key: document[key] for key in ("apiVersion", "kind")} | {"metadata": metadata, "spec": document["spec"]}
