"""From a planned experiment to what a cluster keeps of it before the first trial: all checked, then all created."""

from __future__ import annotations

import json
import uuid
from typing import NamedTuple

from expsdk.backends.base import Document
from expsdk.backends.kubernetes import preflight
from expsdk.backends.kubernetes.labels import SPACE_ANNOTATION
from expsdk.backends.kubernetes.options import JobOptions
from expsdk.backends.kubernetes.parents import check_checkpoints_outlive
from expsdk.backends.kubernetes.payload_maps import chunk_count
from expsdk.backends.kubernetes.records import as_experiment
from expsdk.backends.kubernetes.template import job_template, omissions
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import EXPERIMENTS
from expsdk.cluster.server import Server
from expsdk.errors import BackendError, Conflict
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import new_result

CREATION = "expsdk.dev/creation"


class Planned(NamedTuple):
    """An experiment that a cluster would take.

    Attributes:
        experiment: Its record, the Jobs' template included.
        notice: What the user should know about how its trials run, or "".
    """

    experiment: Experiment
    notice: str


def plan(api: Api, experiment: Experiment, options: JobOptions) -> Planned:
    """Return the experiment as this cluster is to keep it, once everything that it needs is found to be there.

    Nothing is created.

    Raises:
        BackendError: Something is missing or refused; the message says what to do.
        ExperimentExists: The name is taken.
    """
    server = preflight.check_connection(api)
    preflight.check_installed(api)
    preflight.check_permissions(api)
    preflight.check_name(api, experiment.metadata.name)
    preflight.check_account(api, options.service_account)
    check_checkpoints_outlive(options, sampler=experiment.spec.sampler.name)
    template = template_for(experiment, options, server)
    metadata = experiment.metadata.model_copy(
        update={
            "namespace": api.namespace,
            "annotations": {CREATION: uuid.uuid4().hex, SPACE_ANNOTATION: json.dumps(experiment.spec.space)},
        }
    )
    spec = experiment.spec.model_copy(update={"job_template": template})
    planned = experiment.model_copy(update={"metadata": metadata, "spec": spec})
    first = new_result(experiment.metadata.name, number=0, parameters={}, seed=0)
    preflight.rehearse(api, planned, without_status(planned), first)
    return Planned(planned, "; ".join(omissions(options, server)))


def template_for(experiment: Experiment, options: JobOptions, server: Server) -> Document:
    """Return what an experiment's `spec.jobTemplate` is by these options.

    Raises:
        BackendError: The experiment has no payload.
    """
    payload = experiment.spec.payload
    if payload is None:
        raise BackendError("a sweep's trials run its payload, and this experiment has none; launch them with Client")
    return job_template(
        options,
        experiment=experiment.metadata.name,
        payload=payload,
        chunks=chunk_count(payload.size_bytes),
        trial_timeout_s=experiment.spec.trial_timeout_seconds,
        grace_s=experiment.spec.grace_seconds,
        server=server,
    )


def create(api: Api, planned: Experiment) -> Experiment:
    """Create the experiment's record and return it as the server has it.

    Raises:
        ExperimentExists: The name was taken meanwhile.
    """
    name = planned.metadata.name
    try:
        document = api.create(EXPERIMENTS, without_status(planned))
    except Conflict as error:
        # The request may have been sent twice, because the first answer was lost: then it is there, and ours.
        document = api.get(EXPERIMENTS, name)
        if document["metadata"].get("annotations", {}).get(CREATION) != planned.metadata.annotations[CREATION]:
            raise preflight.name_taken(api, name) from error
    return as_experiment(document)


def without_status(experiment: Experiment) -> Document:
    """Return what is sent: of a status in it, the server would take nothing."""
    document = experiment.to_document()
    del document["status"]
    return document
