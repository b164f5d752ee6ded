"""The experiments of a namespace: list, get, create, update, delete."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from expsdk.backends.kubernetes import creation, preflight
from expsdk.backends.kubernetes.labels import SPACE_ANNOTATION
from expsdk.backends.kubernetes.options import SERVICE_ACCOUNT
from expsdk.backends.kubernetes.records import KubernetesRecords, as_experiment
from expsdk.client.reading import experiment_name, parse_experiment
from expsdk.cluster.changes import bring_to
from expsdk.cluster.kinds import EXPERIMENTS
from expsdk.errors import ExperimentNotFound, ResourceNotFound
from expsdk.resources.experiment import Experiment, ExperimentStatus
from expsdk.resources.result import new_result
from expsdk.space import Space


class Experiments:
    """The experiments of a client's namespace, by name; many threads may use it."""

    def __init__(self, records: KubernetesRecords) -> None:
        self._records = records
        self._api = records.api

    def list(self) -> list[Experiment]:
        """Return all experiments, by name."""
        found = map(as_experiment, self._api.list(EXPERIMENTS).items)
        return sorted(found, key=lambda experiment: experiment.metadata.name)

    def get(self, name: str | Experiment) -> Experiment:
        """Return an experiment as it is now; raises `ExperimentNotFound`, which lists those that are there."""
        return self._records.experiment(experiment_name(name))

    def create(self, experiment: Experiment | Mapping[str, Any]) -> Experiment:
        """Create an experiment and return it as the server has it.

        The server checks first what a trial of it would create: the Result, the Job and the pod.

        Args:
            experiment: A record, such as `new_experiment` makes, or a mapping as a YAML file has it.

        Raises:
            ExperimentExists: The name is taken.
            OptionError: It is no Experiment, or its template is no Job's.
            SpaceError: Its space is impossible.
            ClusterError: The server refuses it, or what a trial of it would create. Nothing is created then.
        """
        record = parse_experiment(experiment)
        Space.from_declarative(record.spec.space)
        annotations = {
            **record.metadata.annotations,
            creation.CREATION: uuid.uuid4().hex,
            SPACE_ANNOTATION: json.dumps(record.spec.space),
        }
        update = {"annotations": annotations, "namespace": self._api.namespace, "uid": None, "resource_version": None}
        record = record.model_copy(update={"metadata": record.metadata.model_copy(update=update)})
        template = record.spec.job_template
        preflight.check_name(self._api, record.metadata.name)
        if template is not None:
            first = new_result(record.metadata.name, number=0, parameters={}, seed=0)
            preflight.check_account(self._api, _account_of(template))
            preflight.rehearse(self._api, record, creation.without_status(record), first)
        kept = creation.create(self._api, record)
        if record.status == ExperimentStatus():
            return kept
        status = {"status": record.to_document()["status"]}
        return as_experiment(self._api.patch(EXPERIMENTS, kept.metadata.name, status, subresource="status"))

    def update(self, experiment: Experiment) -> Experiment:
        """Make an experiment's labels, annotations, spec and status what they are in this record, and return it.

        Args:
            experiment: A record that `get` or `list` returned, changed with `model_copy`.

        Raises:
            Conflict: It has changed since it was read: read it again, and change that.
            ExperimentNotFound: It is not there.
        """
        name, version = experiment.metadata.name, experiment.metadata.resource_version
        try:
            there = self._api.get(EXPERIMENTS, name)
            after = experiment.to_document()
            after["metadata"]["annotations"][SPACE_ANNOTATION] = json.dumps(experiment.spec.space)
            there = bring_to(self._api, EXPERIMENTS, there, after, version)
        except ResourceNotFound as error:
            raise ExperimentNotFound(f"what is updated is there, and {error}; create it instead") from error
        return as_experiment(there)

    def delete(self, name: str | Experiment) -> None:
        """Delete an experiment with its Results, Jobs, pods and payload, and wait until all have gone.

        Raises:
            ExperimentNotFound: It is not there.
            BackendError: A sweep drives it now.
        """
        self._records.delete(experiment_name(name))


def _account_of(template: Mapping[str, Any]) -> str:
    """Return the name of the ServiceAccount that a template's pods have."""
    pod: Any = template
    for key in ("spec", "template", "spec"):
        pod = pod.get(key) if isinstance(pod, Mapping) else None
    named = pod if isinstance(pod, Mapping) else {}  # what is no template is told of later
    return str(named.get("serviceAccountName") or named.get("serviceAccount") or SERVICE_ACCOUNT)
