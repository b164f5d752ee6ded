"""A trial's Job, from the Experiment's record and the Result alone: whoever launches it makes the same one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from expsdk.backends.kubernetes.environment import parameter_variables, trial_variables
from expsdk.backends.kubernetes.labels import PARAMETERS_ANNOTATION, TRIAL, labels_of, owner
from expsdk.backends.kubernetes.options import SERVICE_ACCOUNT
from expsdk.errors import OptionError
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result

__all__ = ["job_for", "parameter_variables"]

_ROOT = "spec.jobTemplate"

Document = dict[str, Any]


def job_for(experiment: Experiment, result: Result) -> Document:
    """Return the Job of a trial.

    It is the experiment's template with the trial's name, labels and owner, and the trial's environment before that of
    every container, so that `$(EXPSDK_PARAM_LR)` can be written in the template's arguments and values.

    Args:
        experiment: The experiment's record, as it is on the server.
        result: The trial.

    Raises:
        OptionError: The template is missing or is none, the parameters do not fit into variables, or the record was
            never on a server.
    """
    name = experiment.metadata.name
    if experiment.spec.job_template is None:
        raise OptionError(
            f"a trial's Job is made from its Experiment's {_ROOT}, and {name} has none: add one, with"
            " spec.template.spec.containers"
        )
    part = _Part(experiment.spec.job_template, _ROOT, name)
    spec = part.inside("spec")
    template = spec.inside("template")
    pod = template.inside("spec")
    labels = labels_of(name, TRIAL, result.spec.number)
    metadata = part.inside("metadata", needed=False)
    variables = trial_variables(experiment, result)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": result.metadata.name,
            "labels": {**metadata.inside("labels", needed=False).value, **labels},
            "annotations": {
                **metadata.inside("annotations", needed=False).value,
                PARAMETERS_ANNOTATION: json.dumps(result.spec.parameters),
            },
            "ownerReferences": owner(experiment),
        },
        "spec": {
            "backoffLimit": 0,
            **spec.value,
            "template": {
                "metadata": _pod_metadata(template, labels),
                "spec": {**_pod_defaults(experiment, pod.value), **pod.value, **_containers(pod, variables)},
            },
        },
    }


def _pod_metadata(template: _Part, labels: Mapping[str, str]) -> Document:
    metadata = template.inside("metadata", needed=False)
    return {**metadata.value, "labels": {**metadata.inside("labels", needed=False).value, **labels}}


def _pod_defaults(experiment: Experiment, pod: Mapping[str, Any]) -> Document:
    """Return what a trial's pod has where its template says nothing."""
    timeout_s = experiment.spec.trial_timeout_seconds
    return {
        "restartPolicy": "Never",
        **({} if "serviceAccount" in pod else {"serviceAccountName": SERVICE_ACCOUNT}),
        **({} if timeout_s is None else {"activeDeadlineSeconds": max(1, math.ceil(timeout_s))}),
    }


def _containers(pod: _Part, variables: list[Document]) -> Document:
    """Return the containers of a pod, each told of the trial."""
    containers = pod.items("containers")
    if not containers:
        raise pod.fault("containers", "has at least one container", [])
    found = {"containers": containers, "initContainers": pod.items("initContainers")}
    return {field: [_told(each, variables) for each in several] for field, several in found.items() if several}


def _told(container: _Part, variables: list[Document]) -> Document:
    """Return a container with the trial's variables first; what the template says of the same variables is left out."""
    taken = {each["name"] for each in variables}
    own = [each.value for each in container.items("env") if each.value.get("name") not in taken]
    return {**container.value, "env": [*variables, *own]}


class _Part:
    """A mapping somewhere in an experiment's template, which may hold anything."""

    def __init__(self, value: Mapping[str, Any], path: str, experiment: str) -> None:
        self.value = value
        self._path = path
        self._experiment = experiment

    def inside(self, key: str, *, needed: bool = True) -> _Part:
        """Return the mapping at a key."""
        found = self.value.get(key)
        if found is None and not needed:
            found = {}
        if not isinstance(found, Mapping):
            raise self.fault(key, "is a mapping", found)
        return _Part(found, f"{self._path}.{key}", self._experiment)

    def items(self, key: str) -> list[_Part]:
        """Return the mappings of the list at a key, none where it is not there."""
        found = self.value.get(key) or []
        if not isinstance(found, (list, tuple)) or not all(isinstance(each, Mapping) for each in found):
            raise self.fault(key, "is a list of mappings", found)
        return [_Part(each, f"{self._path}.{key}[{index}]", self._experiment) for index, each in enumerate(found)]

    def fault(self, key: str, rule: str, found: object) -> OptionError:
        """Return the error for what breaks a rule at a key."""
        return OptionError(
            f"{self._path}.{key} {rule}, and that of the Experiment {self._experiment} is"
            f" {'missing' if found is None else repr(found)}: a Job's template is written as Kubernetes writes Jobs"
            " (batch/v1)"
        )
